"""What the union, the intersection and the difference of two sets mean."""

import dataclasses
from collections.abc import Callable

from ._distance import both, either


@dataclasses.dataclass(frozen=True, repr=False)
class SetOperation:
    """A set operation, by what it makes of two sets.

    - `name`: also that of the method of shapely.
    - `inside`: of whether a point lies in each.
    - `signed`: of their functions that are positive inside.
    - `interval`: of their intervals along one coordinate.
    """

    name: str
    inside: Callable
    signed: Callable
    interval: Callable

    def __repr__(self) -> str:
        return self.name


UNION = SetOperation(
    "union",
    inside=lambda a, b: a | b,
    signed=either,
    interval=lambda p, q: (min(p[0], q[0]), max(p[1], q[1])),
)
INTERSECTION = SetOperation(
    "intersection",
    inside=lambda a, b: a & b,
    signed=both,
    interval=lambda p, q: (max(p[0], q[0]), min(p[1], q[1])),
)
DIFFERENCE = SetOperation(
    "difference",
    inside=lambda a, b: a & ~b,
    signed=lambda a, b: both(a, -b),
    interval=lambda p, q: p,
)

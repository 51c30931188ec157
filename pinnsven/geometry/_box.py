import math

import numpy as np

from .._errors import BoundsError, EmptyRegionError, UnknownNameError, listing
from .._quantities import number
from ._distance import both, interval
from ._draw import placed
from ._points import check_coordinates
from ._region import AbstractPiece
from ._shape import AbstractShape, face_value


class Patch(AbstractPiece):
    """An axis-parallel box of which some coordinates may be fixed.

    `normal` is the outward unit normal of a face: empty for anything else.
    """

    bounds: dict[str, tuple[float, float]]
    fixed: dict[str, float]
    normal: dict[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """Its coordinates, in order."""
        return (*self.bounds, *self.fixed)

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(self.normal)

    @property
    def dim(self) -> int:
        return len(self.bounds)

    @property
    def measure(self) -> float:
        return math.prod((high - low for low, high in self.bounds.values()), start=1.0)

    def place(self, unit):
        count = len(unit)
        pairs = zip(self.bounds.values(), unit.T, strict=True)
        free = [a + (b - a) * u for (a, b), u in pairs]
        fixed = [np.full(count, v) for v in self.fixed.values()]
        points = placed(self.names, np.stack([*free, *fixed], axis=1))
        normals = {k: np.full(count, v) for k, v in self.normal.items()}
        return points._replace(normals=normals)

    def rule(self, sampler, n):
        unit, weights = sampler.nodes(n, self.dim)
        return self.place(unit), weights


class Box(AbstractShape):
    """An axis-parallel box with named coordinates, in space, time or parameters.

    **Example:** `domain = ps.Box(x=(-1, 1), t=(0, 1))`.

    **Raises:** `EmptyRegionError` without coordinates, `BoundsError` unless every
    coordinate has two finite bounds, the lower below the upper.
    """

    bounds: dict[str, tuple[float, float]]

    def __init__(self, *unnamed, **bounds):
        if unnamed or not bounds:
            raise EmptyRegionError(
                "`Box` needs named coordinates, e.g. `ps.Box(x=(-1, 1), t=(0, 1))`."
            )
        check_coordinates(bounds)
        self.bounds = {name: _interval(name, pair) for name, pair in bounds.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Its coordinates, in order."""
        return tuple(self.bounds)

    @property
    def measure(self) -> float:
        return self._patch().measure

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return "interval" if len(self.bounds) == 1 else "box"

    @property
    def rings(self):
        if len(self.bounds) != 2:
            return None
        (a, b), (c, d) = self.bounds.values()
        return (((((a, c), (b, c), (b, d), (a, d))),),)

    @property
    def cartesian(self) -> bool:
        """The grid of the unit cube is a grid of the box."""
        return True

    def place(self, unit):
        return self._patch().place(unit)

    def rule(self, sampler, n):
        return self._patch().rule(sampler, n)

    def inside(self, x):
        within = [(x[k] >= a) & (x[k] <= b) for k, (a, b) in self.bounds.items()]
        return np.all(within, axis=0)

    def signed(self, x):
        return both(*[interval(x[k], a, b) for k, (a, b) in self.bounds.items()])

    def at(self, **fixed: float | int) -> Patch:
        """The slice on which the named coordinates have the given values.

        **Example:** `domain.at(t=0)` is where an initial condition holds.

        **Raises:** `UnknownNameError`, or `BoundsError` for a value outside the box.
        """
        for name in fixed:
            if name not in self.bounds:
                raise UnknownNameError(
                    f"This {self.called} has no coordinate {name!r}; it has "
                    f"{listing(self.bounds)}."
                )
        values = {name: self._within(name, value) for name, value in fixed.items()}
        return Patch(self._free(values), values, {})

    def faces(self, axes, values):
        found = []
        for axis in axes:
            for value, side in zip(self.bounds[axis], (-1.0, 1.0), strict=True):
                given = values.get(axis, value)
                if face_value(axis, given, self.bounds[axis]) == value:
                    normal = {name: side * (name == axis) for name in axes}
                    found.append(Patch(self._free((axis,)), {axis: value}, normal))
        return tuple(found)

    def _patch(self) -> Patch:
        return Patch(self.bounds, {}, {})

    def _free(self, fixed) -> dict[str, tuple[float, float]]:
        return {name: pair for name, pair in self.bounds.items() if name not in fixed}

    def _within(self, name: str, given) -> float:
        low, high = self.bounds[name]
        try:
            value = number(given)
        except (TypeError, ValueError) as err:
            raise BoundsError(
                f"`at({name}={given!r})` is not at a number; {name} runs from {low} to "
                f"{high}."
            ) from err
        if not low <= value <= high:
            raise BoundsError(
                f"`at({name}={value})` lies outside this {self.called}, where {name} "
                f"runs from {low} to {high}."
            )
        return value


def _interval(name: str, pair) -> tuple[float, float]:
    try:
        low, high = (number(value) for value in pair)
    except (TypeError, ValueError) as err:
        raise BoundsError(
            f"Coordinate {name!r} of `Box` is {pair!r}; give a pair of numbers, "
            f"{name}=(low, high)."
        ) from err
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BoundsError(
            f"Coordinate {name!r} of `Box` runs from {low} to {high}; both must be "
            "finite and the first below the second."
        )
    return low, high

import math

import equinox as eqx
import numpy as np

from .._errors import BoundsError, EmptyRegionError
from .._names import shown
from ._distance import ball, ellipsoid
from ._draw import Placed, curve_rule, placed
from ._points import check_coordinates
from ._region import AbstractPiece
from ._rules import (
    ball_rule,
    direction,
    direction_rule,
    ellipse_angle,
    ellipse_length,
)
from ._samplers import GaussLegendre
from ._shape import AbstractShape, whole


class Sphere(AbstractPiece):
    """The surface of a ball or an ellipsoid, with its outward normals."""

    names: tuple[str, ...]
    centre: tuple[float, ...]
    semi: tuple[float, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        return self.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return box_around(self)

    @property
    def round(self) -> bool:
        """Whether all semi-axes are equal."""
        return len(set(self.semi)) == 1

    @property
    def dim(self) -> int:
        # One more number decides whether a point of a long ellipsoid is kept.
        d = len(self.names)
        return d - 1 if self.round or d == 2 else d

    @property
    def measure(self) -> float:
        d = len(self.names)
        if self.round:
            unit = 2.0 * math.pi ** (d / 2.0) / math.gamma(d / 2.0)
            return unit * self.semi[0] ** (d - 1)
        if d == 2:
            return ellipse_length(*self.semi)
        u, w = direction_rule(max(8, round((2.0**15) ** (1 / (d - 1)))), d)
        unit = 2.0 * math.pi ** (d / 2.0) / math.gamma(d / 2.0)
        return unit * float(np.sum(w * self._stretch(u))) * math.prod(self.semi)

    def place(self, unit):
        d = len(self.names)
        if self.round:
            return self._at(direction(unit))
        if d == 2:
            angle = ellipse_angle(unit[:, 0], *self.semi)
            return self._at(np.stack([np.cos(angle), np.sin(angle)], axis=1))
        u = direction(unit[:, :-1])
        kept = unit[:, -1] * self._stretch(np.eye(d)).max() <= self._stretch(u)
        return self._at(u)._replace(kept=kept)

    def rule(self, sampler, n):
        d = len(self.names)
        if d == 2 and sampler.panels > 1:
            return curve_rule(self, sampler, n)
        m = max(1, round((n / 2.0) ** (1.0 / (d - 1))))
        u, weights = direction_rule(m, d)
        weights = weights * self._stretch(u)
        return self._at(u), weights / np.sum(weights)

    @property
    def corners(self) -> tuple[float, ...]:
        """A smooth curve has none."""
        return ()

    def _stretch(self, u: np.ndarray) -> np.ndarray:
        """The surface element over that of the unit sphere, over the semi-axes."""
        return np.linalg.norm(u / np.array(self.semi), axis=1)

    def _at(self, u: np.ndarray) -> Placed:
        normal = u / np.array(self.semi)
        normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        return placed(self.names, np.array(self.centre) + u * self.semi, normal)


class AbstractEllipsoid(AbstractShape):
    """What balls and ellipsoids share."""

    names: eqx.AbstractVar[tuple[str, ...]]
    centre: eqx.AbstractVar[tuple[float, ...]]
    semi: eqx.AbstractVar[tuple[float, ...]]

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return box_around(self)

    @property
    def measure(self) -> float:
        d = len(self.names)
        unit = math.pi ** (d / 2.0) / math.gamma(d / 2.0 + 1.0)
        return unit * math.prod(self.semi)

    @property
    def rings(self):
        return None

    def place(self, unit):
        radius = unit[:, :1] ** (1.0 / len(self.names))
        return self._at(radius * direction(unit[:, 1:]))

    def rule(self, sampler: GaussLegendre, n: int):
        points, weights = ball_rule(sampler, n, len(self.names))
        return self._at(points), weights

    def inside(self, x):
        parts = zip(self.names, self.centre, self.semi, strict=True)
        return sum(((x[k] - c) / s) ** 2 for k, c, s in parts) <= 1.0

    def faces(self, axes, values):
        whole(self, axes, values)
        return (Sphere(self.names, self.centre, self.semi),)

    def _at(self, u: np.ndarray) -> Placed:
        return placed(self.names, np.array(self.centre) + u * self.semi)


class Ball(AbstractEllipsoid):
    """A ball of two or more coordinates, given by its centre.

    **Example:** `ps.Ball(x=0, y=0, z=0, radius=1)`; with two coordinates it is a disc.

    **Raises:** `BoundsError` for a radius that is not positive or a centre that is no
    number, `EmptyRegionError` for fewer than two coordinates.
    """

    names: tuple[str, ...]
    centre: tuple[float, ...]
    radius: float

    def __init__(self, *unnamed, radius=1.0, **centre):
        _coordinates("Ball", "ps.Ball(x=0, y=0, z=0, radius=1)", unnamed, centre)
        self.names = tuple(centre)
        self.centre = tuple(_number("Ball", k, v) for k, v in centre.items())
        self.radius = _positive("Ball", "radius", radius)

    @property
    def semi(self) -> tuple[float, ...]:
        """The semi-axis along each coordinate: the radius."""
        return (self.radius,) * len(self.names)

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return "disc" if self.dim == 2 else "ball"

    def signed(self, x):
        return ball([x[k] for k in self.names], self.centre, self.radius)


def Disc(*unnamed, radius=1.0, **centre) -> Ball:
    """A disc, given by its centre: the `Ball` of two coordinates.

    **Example:** `ps.Disc(x=0, y=0, radius=1)`.

    **Raises:** as `Ball`; `EmptyRegionError` unless there are two coordinates.
    """
    _coordinates("Disc", "ps.Disc(x=0, y=0, radius=1)", unnamed, centre)
    if len(centre) != 2:
        raise EmptyRegionError(
            f"`Disc` needs two coordinates, got {len(centre)}. More make a `ps.Ball`; "
            "a cylinder is `ps.Disc(x=0, y=0) * ps.Box(z=(0, 1))`."
        )
    return Ball(radius=radius, **centre)


class Ellipse(AbstractEllipsoid):
    """An ellipse or ellipsoid with axes along the coordinates.

    **Arguments:** for each coordinate the centre and the semi-axis, in this order.

    **Example:** `ps.Ellipse(x=(0, 2), y=(0, 1))` is `(x/2)^2 + y^2 < 1`.

    **Raises:** as `Ball`.
    """

    names: tuple[str, ...]
    centre: tuple[float, ...]
    semi: tuple[float, ...]

    def __init__(self, *unnamed, **pairs):
        example = "ps.Ellipse(x=(0, 2), y=(0, 1))"
        _coordinates("Ellipse", example, unnamed, pairs)
        for name, pair in pairs.items():
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise BoundsError(
                    f"Coordinate {name!r} of `Ellipse` is {shown(pair)}; give its "
                    f"centre and its semi-axis, as in `{example}`."
                )
        self.names = tuple(pairs)
        self.centre = tuple(_number("Ellipse", k, c) for k, (c, _) in pairs.items())
        self.semi = tuple(
            _positive("Ellipse", f"semi-axis of {k!r}", s)
            for k, (_, s) in pairs.items()
        )

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return "ellipse" if self.dim == 2 else "ellipsoid"

    def signed(self, x):
        return ellipsoid([x[k] for k in self.names], self.centre, self.semi)


def box_around(shape) -> dict[str, tuple[float, float]]:
    """The bounding box of a ball or ellipsoid."""
    parts = zip(shape.names, shape.centre, shape.semi, strict=True)
    return {k: (c - s, c + s) for k, c, s in parts}


def _coordinates(what: str, example: str, unnamed, named) -> None:
    if unnamed or not named:
        raise EmptyRegionError(f"`{what}` needs named coordinates, as in `{example}`.")
    check_coordinates(named)
    if len(named) == 1:
        raise EmptyRegionError(
            f"`{what}` of one coordinate is an interval; write "
            f"`ps.Box({next(iter(named))}=(-1, 1))`."
        )


def _number(what: str, name: str, given) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise BoundsError(
            f"The centre of `{what}` along {name!r} is {shown(given)}; give a finite "
            "number."
        )
    return value


def _positive(what: str, name: str, given) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        raise BoundsError(
            f"The {name} of `{what}` is {shown(given)}; give a positive number."
        )
    return value

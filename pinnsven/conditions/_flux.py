from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._errors import PinnsvenError
from ..geometry import AbstractPoints, Patch, RegionPoints
from ._boundary import check_normals, normal_slope
from ._condition import (
    AbstractCondition,
    Point,
    Target,
    at,
    bindings,
    check_field,
    check_points,
    check_weight,
)


class Robin(AbstractCondition):
    r"""Value and outward slope of a field, mixed: $a\,u + b\,n\cdot\nabla u = $ value.

    **Arguments:**

    - `field`: its name.
    - `a`, `b`: numbers, or functions bound by name, which may name unknowns, fields,
      coordinates and `normal`.
    - `value`: as `a` and `b`.
    - `points`: of a boundary, which carries the normals.
    - `weight`: as in `Residual`.

    **Example:** heat is lost to air of temperature 20, $-k\,n\cdot\nabla u = h(u - 20)$
    with an unknown $h$.

    ```python
    ps.Robin("u", lambda h: h, k, lambda h: 20.0 * h, domain.boundary("x").points(40))
    ```

    **Raises:** `PinnsvenError` for points without normals.
    """

    field: str
    a: Target
    b: Target
    target: Target
    points: AbstractPoints
    weight: float

    def __init__(self, field: str, a, b, value, points: AbstractPoints, *, weight=1.0):
        self.field = check_field(field, "`Robin`")
        self.points = check_normals(points, "`Robin`")
        self.a = Target(a, points, f"`a` in `Robin` of {field!r}")
        self.b = Target(b, points, f"`b` in `Robin` of {field!r}")
        self.target = Target(value, points, f"`Robin` of {field!r}")
        self.weight = check_weight(weight, "`Robin`")

    def row(self, scope, point):
        names = bindings(scope, point, self.points.axes)
        a, b, value = (c.at(names, point) for c in (self.a, self.b, self.target))
        slope = normal_slope(scope, self.field, point, self.points.axes)
        return a * at(scope[self.field], point) + b * slope - value

    def functions(self) -> tuple[Callable, ...]:
        return tuple(f for c in (self.a, self.b, self.target) for f in c.functions())

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return (self.field,)

    def data(self) -> dict[str, np.ndarray]:
        return {}


class Flux(AbstractCondition):
    r"""The flux of a field through a boundary: $k\,n\cdot\nabla u = $ value.

    With the outward normal $n$, so that a positive value is what flows in where the
    flux density is $-k\nabla u$.

    **Arguments:**

    - `field`: its name.
    - `k`: the conductivity, a number or a function bound by name, which may name
      fields, unknowns and coordinates: `lambda u, x, t: 1 + u(x, t) ** 2`.
    - `value`, `points`, `weight`: as in `Neumann`.

    **Example:** `ps.Flux("u", lambda k: k, 2.0, domain.boundary("x").points(40))`.

    **Raises:** `PinnsvenError` for points without normals.
    """

    field: str
    k: Target
    target: Target
    points: AbstractPoints
    weight: float

    def __init__(self, field: str, k, value, points: AbstractPoints, *, weight=1.0):
        self.field = check_field(field, "`Flux`")
        self.points = check_normals(points, "`Flux`")
        self.k = Target(k, points, f"`k` in `Flux` of {field!r}")
        self.target = Target(value, points, f"`Flux` of {field!r}")
        self.weight = check_weight(weight, "`Flux`")

    def row(self, scope, point):
        names = bindings(scope, point, self.points.axes)
        slope = normal_slope(scope, self.field, point, self.points.axes)
        return self.k.at(names, point) * slope - self.target.at(names, point)

    def functions(self) -> tuple[Callable, ...]:
        return (*self.k.functions(), *self.target.functions())

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return (self.field,)

    def data(self) -> dict[str, np.ndarray]:
        return {}


class Interface(AbstractCondition):
    r"""Two fields meet on a common face, with given jumps of value and flux.

    Rows: $u_2 - u_1 - $ `jump` and
    $n\cdot(k_2\nabla u_2 - k_1\nabla u_1) - $ `flux_jump`. Each medium is a network on
    its own region, so that the slope may jump where the conductivity does.

    **Arguments:**

    - `field_1`, `field_2`: the names of the fields on both sides.
    - `points`: of the common face. On a boundary, $n$ is its outward normal, so take
      that of the first medium; on a slice of one coordinate, such as
      `left.at(x=1).points(40)`, $n$ is the direction of that coordinate.
    - `conductivity`: $(k_1, k_2)$, each a number or a function bound by name.
    - `jump`, `flux_jump`: numbers, or functions bound by name.
    - `weight`: as in `Residual`.

    **Example:**

    ```python
    left, right = ps.Box(x=(0, 1)), ps.Box(x=(1, 3))
    ps.Interface("u", "v", left.at(x=1).points(1), conductivity=(1.0, 5.0))
    ```

    **Raises:** `PinnsvenError` for points without a normal, or unless there are two
    conductivities.
    """

    field_1: str
    field_2: str
    points: AbstractPoints
    coefficients: tuple[Target, Target, Target, Target]
    weight: float
    along: str | None

    def __init__(
        self,
        field_1: str,
        field_2: str,
        points: AbstractPoints,
        *,
        conductivity: tuple[Any, Any] = (1.0, 1.0),
        jump=0.0,
        flux_jump=0.0,
        weight=1.0,
    ):
        self.field_1 = check_field(field_1, "`Interface`")
        self.field_2 = check_field(field_2, "`Interface`")
        self.points = check_points(points, "`Interface`")
        self.along = _slice_axis(points)
        if not isinstance(conductivity, tuple | list) or len(conductivity) != 2:
            raise PinnsvenError(
                f"`conductivity` of `Interface` is {conductivity!r}; give a pair, one "
                f"for {field_1!r} and one for {field_2!r}."
            )
        given = zip(
            ("first `conductivity`", "second `conductivity`", "`jump`", "`flux_jump`"),
            (*conductivity, jump, flux_jump),
            strict=True,
        )
        k1, k2, value, flux = (
            Target(x, points, f"the {what} of `Interface`") for what, x in given
        )
        self.coefficients = k1, k2, value, flux
        self.weight = check_weight(weight, "`Interface`")

    def row(self, scope, point):
        axes = self.points.axes
        if self.along is not None:
            axes = (self.along,)
            point = Point(point.coordinates, {self.along: 1.0}, point.data)
        names = bindings(scope, point, axes)
        k1, k2, jump, flux_jump = (c.at(names, point) for c in self.coefficients)
        one, two = (at(scope[name], point) for name in (self.field_1, self.field_2))
        out = k1 * normal_slope(scope, self.field_1, point, axes)
        into = k2 * normal_slope(scope, self.field_2, point, axes)
        return jnp.stack([two - one - jump, into - out - flux_jump])

    def functions(self) -> tuple[Callable, ...]:
        return tuple(f for c in self.coefficients for f in c.functions())

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return self.field_1, self.field_2

    def data(self) -> dict[str, np.ndarray]:
        return {}


def _slice_axis(points: AbstractPoints) -> str | None:
    """The direction across a slice; `None` on a boundary, which has its own normals."""
    if points.axes:
        return None
    region = points.region if isinstance(points, RegionPoints) else None
    if not isinstance(region, Patch) or len(region.fixed) != 1:
        raise PinnsvenError(
            "`Interface` needs points with a normal: of a boundary, "
            "`disc.boundary().points(40)`, or of a slice of ONE coordinate, "
            "`left.at(x=1).points(40)`."
        )
    return next(iter(region.fixed))

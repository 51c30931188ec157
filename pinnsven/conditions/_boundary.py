from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from .._errors import PinnsvenError, UnknownNameError, listing
from ..fields import ScalarField
from ..geometry import AbstractPoints, RegionPoints, opposite
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


class Dirichlet(AbstractCondition):
    """A field has a given value: `u = value`. On a slice `t = 0`, the initial value.

    **Arguments:**

    - `field`: its name.
    - `value`: a number, a function bound by name (`lambda x: ...`; it may name
      unknowns), or one value for each of the user's own `Points`.
    - `points`, `weight`: as in `Residual`.

    **Example:** `ps.Dirichlet("u", 0.0, domain.boundary("x").points(100))`.
    """

    field: str
    target: Target
    points: AbstractPoints
    weight: float

    def __init__(self, field: str, value, points: AbstractPoints, *, weight=1.0):
        self.field = check_field(field, "`Dirichlet`")
        self.points = check_points(points, "`Dirichlet`")
        self.target = Target(value, points, f"`Dirichlet` of {field!r}")
        self.weight = check_weight(weight, "`Dirichlet`")

    def row(self, scope, point):
        names = bindings(scope, point, self.points.axes)
        return at(scope[self.field], point) - self.target.at(names, point)

    def functions(self) -> tuple[Callable, ...]:
        return self.target.functions()

    def uses(self) -> tuple[str, ...]:
        return (self.field,)

    def data(self) -> dict[str, np.ndarray]:
        return self.target.data()


class Neumann(AbstractCondition):
    r"""The outward normal derivative of a field: $n \cdot \nabla u = $ value.

    **Arguments:** as `Dirichlet`; the points must lie on a boundary region, which
    carries the normals.

    **Example:** `ps.Neumann("u", 0.0, domain.boundary("x").points(40))`.

    **Raises:** `PinnsvenError` for points without normals.
    """

    field: str
    target: Target
    points: AbstractPoints
    weight: float

    def __init__(self, field: str, value, points: AbstractPoints, *, weight=1.0):
        self.field = check_field(field, "`Neumann`")
        self.points = check_points(points, "`Neumann`")
        if not points.axes:
            raise PinnsvenError(
                "`Neumann` needs points with outward normals, such as "
                '`domain.boundary("x").points(40)`. For a slice, write the derivative '
                "as a `Residual`: `lambda u, x, t: u.t(x, t)`."
            )
        self.target = Target(value, points, f"`Neumann` of {field!r}")
        self.weight = check_weight(weight, "`Neumann`")

    def row(self, scope, point):
        u = scope[self.field]
        slopes = [
            point.normals[name] * at(u.d(name), point)
            for name in _varying(u, self.points.axes, self.field)
        ]
        names = bindings(scope, point, self.points.axes)
        return jnp.sum(jnp.stack(slopes)) - self.target.at(names, point)

    def functions(self) -> tuple[Callable, ...]:
        return self.target.functions()

    def uses(self) -> tuple[str, ...]:
        return (self.field,)

    def data(self) -> dict[str, np.ndarray]:
        return self.target.data()


class Periodic(AbstractCondition):
    r"""A field and its derivatives agree on two opposite faces.

    Rows: $\partial_x^k u(x_{high}) - \partial_x^k u(x_{low})$ for $k = 0..$`order`.

    **Arguments:**

    - `field`: its name.
    - `points`: of the boundary of ONE coordinate, `domain.boundary("x").points(n)`;
      each is paired with its image on the opposite face.
    - `order`: the highest derivative that must agree; 0 is the value alone. A smooth
      periodic solution of a PDE of order `m` in `x` wants `m - 1`.

    **Example:** `ps.Periodic("u", domain.boundary("x").points(50), order=1)`.
    """

    field: str
    points: AbstractPoints
    order: int
    axis: str
    faces: tuple[float, float]
    weight: float

    def __init__(self, field: str, points: AbstractPoints, *, order=1, weight=1.0):
        self.field = check_field(field, "`Periodic`")
        check_points(points, "`Periodic`")
        region = points.region if isinstance(points, RegionPoints) else None
        if region is None or not opposite(region):
            raise PinnsvenError(
                "`Periodic` pairs the two faces of one coordinate: give it "
                '`domain.boundary("x").points(n)`.'
            )
        if not isinstance(order, int) or isinstance(order, bool) or order < 0:
            raise PinnsvenError(
                f"`Periodic` got order={order!r}; give 0 for the value alone, 1 for "
                "value and slope, and so on."
            )
        self.points, self.order = points, order
        self.axis = region.axes[0]
        self.faces = region.bounds[self.axis]
        self.weight = check_weight(weight, "`Periodic`")

    def row(self, scope, point):
        u = scope[self.field]
        _varying(u, (self.axis,), self.field)
        low, high = (
            Point({**point.coordinates, self.axis: jnp.asarray(face)}, {}, {})
            for face in self.faces
        )
        orders = [u.d(*[self.axis] * k) for k in range(self.order + 1)]
        return jnp.stack([at(v, high) - at(v, low) for v in orders])

    def functions(self) -> tuple[Callable, ...]:
        return ()

    def uses(self) -> tuple[str, ...]:
        return (self.field,)

    def data(self) -> dict[str, np.ndarray]:
        return {}


def _varying(u: ScalarField, axes: tuple[str, ...], field: str) -> list[str]:
    """The coordinates among `axes` that a field depends on, at least one."""
    names = [name for name in axes if name in u.names]
    if not names:
        raise UnknownNameError(
            f"the field {field!r} of {listing(u.names)} does not depend on "
            f"{listing(axes)}, whose faces the points lie on."
        )
    return names

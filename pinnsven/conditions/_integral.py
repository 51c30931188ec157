from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from .._errors import PinnsvenError, UnknownNameError, listing
from .._names import bind, check_callable, check_scalar, parameters
from .._precision import default_dtype
from ..geometry import (
    AbstractPoints,
    Batch,
    GaussLegendre,
    RegionPoints,
    Single,
    Sobol,
)
from ._condition import (
    AbstractCondition,
    Point,
    Target,
    bindings,
    check_points,
    check_weight,
)
from ._quadrature import weighted_sum


# Nodes that all rows together evaluate at one time.
_TOGETHER, _EACH = 2048, 32
# The nodes are the same for every key of a run: the integral must not jump.
_KEY = jr.key(0)


class Integral(AbstractCondition):
    r"""An integral over a region has a given value: $\int_R f\,dV = $ value.

    One row, or one for each of the outer `points`: total mass at each time, say. The
    integral over $R$ is $|R| \sum_j w_j f(z_j)$ with fixed nodes $z_j$, and stands
    inside the row, so that it is the integral that is made to agree and not the
    integrand.

    **Arguments:**

    - `fn`: the integrand at ONE point, bound by name to fields, unknowns, the
      coordinates of both kinds of points and, on a boundary, `normal`.
    - `over`: `region.points(n)`, the nodes. Gauss-Legendre nodes where the region has
      them, else Sobol points, unless a sampler is named.
    - `value`: a number, a function bound by name (of unknowns and outer coordinates),
      or one value for each of the user's own outer `Points`.
    - `points`: outer points, with other coordinates than `over`.
    - `weight`: as in `Residual`.

    **Example:** a probability density, and a mass that is conserved.

    ```python
    ps.Integral(lambda u, x: u(x) ** 2, ps.Box(x=(0, 1)).points(40), value=1.0)
    ps.Integral(
        lambda u, x, t: u(x, t),
        ps.Box(x=(0, 1)).points(40),
        value=1.0,
        points=ps.Box(t=(0, 2)).points(20),
    )
    ```

    **Raises:** `PinnsvenError` if `over` is not of a region, whose measure it needs;
    `UnknownNameError` if both kinds of points have a coordinate in common.
    """

    fn: Callable
    over: RegionPoints
    target: Target
    points: AbstractPoints
    weight: float
    nodes: Batch
    measure: Any

    def __init__(
        self,
        fn: Callable,
        over: RegionPoints,
        value=0.0,
        points: AbstractPoints | None = None,
        *,
        weight=1.0,
    ):
        check_callable(fn, "`Integral`", "lambda u, x: u(x) ** 2")
        if not isinstance(over, RegionPoints):
            raise PinnsvenError(
                "`Integral` runs over a region, whose size it needs: give "
                f"`region.points(n)`, got {type(over).__name__}."
            )
        outer = Single() if points is None else check_points(points, "`Integral`")
        if both := sorted(set(over.names) & set(outer.names)):
            raise UnknownNameError(
                f"`Integral` runs over {listing(both)}, which its outer points have "
                "too. Integrate over a region of the other coordinates alone, such as "
                "`ps.Box(x=(0, 1)).points(40)`."
            )
        self.fn, self.points = fn, outer
        self.target = Target(value, outer, "`Integral`")
        for given in self.target.functions():
            if inner := sorted({*over.names, "normal"} & set(parameters(given))):
                raise UnknownNameError(
                    f"The value of `Integral` depends on {listing(inner)}, over which "
                    "it is integrated; put that into the integrand."
                )
        self.weight = check_weight(weight, "`Integral`")
        self.over = _with_rule(over)
        self.nodes = self.over.draw(_KEY)
        self.measure = self.over.region.measure

    def row(self, scope, point):
        outer = bindings(scope, point, self.points.axes)

        def integrand(place):
            inner = Point(place[0], place[1], {})
            value = bind(self.fn, bindings(outer, inner, self.over.axes))
            check_scalar(value, "The integrand of `Integral`")
            return jnp.asarray(value, default_dtype())

        places = self.nodes.coordinates, self.nodes.normals
        least = max(_EACH, _TOGETHER // self.points.n)
        share = np.asarray(self.nodes.weights) * self.measure
        total = weighted_sum(integrand, places, share, least)
        return total - self.target.at(outer, point)

    def functions(self) -> tuple[Callable, ...]:
        return (self.fn, *self.target.functions())

    def places(self) -> tuple[AbstractPoints, ...]:
        return self.points, self.over

    def uses(self) -> tuple[str, ...]:
        return ()

    def data(self) -> dict[str, np.ndarray]:
        return self.target.data()


def _with_rule(over: RegionPoints) -> RegionPoints:
    if over.sampler is not None:
        return over
    best = RegionPoints(over.region, over.n, GaussLegendre())
    try:
        best.draw(_KEY)
    except PinnsvenError:
        # Not every shape has a rule of its own.
        return RegionPoints(over.region, over.n, Sobol())
    return best

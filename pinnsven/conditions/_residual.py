from collections.abc import Callable

import numpy as np

from .._names import bind, check_callable
from ..geometry import AbstractPoints
from ._condition import AbstractCondition, bindings, check_points, check_weight


class Residual(AbstractCondition):
    r"""An equation that must hold at every point: `fn(...) = 0`.

    **Arguments:**

    - `fn`: a function of ONE point. Its arguments are bound by name to the fields and
      unknowns of the model, the coordinates of the points and, on a boundary,
      `normal`, the outward unit normal. It returns a scalar, a short vector or a tuple
      of scalars.
    - `points`: where it holds, `region.points(n)` or `ps.Points(...)`.
    - `weight`: $\lambda$ in the objective $\sum_b \lambda_b\,\overline{r_b^2}$, whose
      mean runs over the points of the block.

    **Example:**

    ```python
    def heat(u, D, x, t):
        return u.t(x, t) - D * u.xx(x, t)

    ps.Residual(heat, domain.points(800))
    ```
    """

    fn: Callable
    points: AbstractPoints
    weight: float

    def __init__(self, fn: Callable, points: AbstractPoints, *, weight=1.0):
        check_callable(fn, "`Residual`", "def pde(u, x, t)")
        self.fn = fn
        self.points = check_points(points, "`Residual`")
        self.weight = check_weight(weight, "`Residual`")

    def row(self, scope, point):
        return bind(self.fn, bindings(scope, point, self.points.axes))

    def functions(self) -> tuple[Callable, ...]:
        return (self.fn,)

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return ()

    def data(self) -> dict[str, np.ndarray]:
        return {}

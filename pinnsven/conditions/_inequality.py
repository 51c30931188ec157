from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError
from .._names import bind, check_callable, check_scalar, shown
from ..geometry import AbstractPoints
from ._condition import AbstractCondition, bindings, check_points, check_weight


class Inequality(AbstractCondition):
    r"""Something that must not be negative: `fn(...) >= 0` at every point.

    The row is a smooth hinge of $f =$ `fn(...)` with the width $w$,

    $$ h(f) = \begin{cases} 0 & f \ge 0 \\ f^2 / (2w) & -w < f < 0 \\
       -f - w/2 & f \le -w . \end{cases} $$

    Where the inequality holds, the row and its gradient are exactly zero: it neither
    pulls on the solution nor counts in the rank. The row has one continuous derivative,
    its square three at $f = 0$. A violation below $w$ is only felt in the square.

    **Arguments:**

    - `fn`: as in `Residual`, with a scalar value. For $f \le g$ write `g - f`.
    - `points`, `weight`: as in `Residual`.
    - `width`: $w$, in the units of `fn`. A wide hinge is gentler to the steps, a narrow
      one stricter where the conditions cannot all hold.

    **Example:** a membrane above an obstacle.

    ```python
    above = ps.Inequality(lambda u, x: u(x) - obstacle(x), domain.points(100))
    ```

    **Raises:** `BoundsError` unless `width` is positive and finite.

    Source: J. Nocedal and S. Wright, Numerical Optimization (2006), section 17.1, for
    penalties of inequalities; the hinge is one side of Huber's function (1964).
    """

    fn: Callable
    points: AbstractPoints
    width: float
    weight: float

    def __init__(self, fn: Callable, points: AbstractPoints, *, width=1e-2, weight=1.0):
        check_callable(fn, "`Inequality`", "lambda u, x: u(x)")
        number = isinstance(width, int | float | np.number)
        if not (number and 0 < width < np.inf):
            raise BoundsError(
                f"The width of `Inequality` is {shown(width)}; give a positive number "
                "in the units of its function, such as 1e-2."
            )
        self.fn, self.width = fn, float(width)
        self.points = check_points(points, "`Inequality`")
        self.weight = check_weight(weight, "`Inequality`")

    def row(self, scope, point):
        value = bind(self.fn, bindings(scope, point, self.points.axes))
        check_scalar(value, "The function of `Inequality`")
        return _hinge(jnp.asarray(value), self.width)

    def functions(self) -> tuple[Callable, ...]:
        return (self.fn,)

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return ()

    def data(self) -> dict[str, np.ndarray]:
        return {}


def _hinge(value: Float[Array, ""], width: float) -> Float[Array, ""]:
    short = jnp.maximum(-value, 0.0)
    return jnp.where(short < width, short**2 / (2.0 * width), short - width / 2.0)

from collections.abc import Callable
from typing import Any

import jax
import optax
from jax.flatten_util import ravel_pytree

from .._errors import PinnsvenError, ShapeError
from .._names import shown
from ..residuals import FunctionResiduals
from ._sven import LevenbergMarquardt, Sven


def as_optax(
    solver: Sven | LevenbergMarquardt | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Singular value descent as an optax transformation, for training loops.

    For a loss $\sum_i r_i(\theta)^2$ of any model, and for mini-batches. The gradient
    that optax hands over is not used; `update` needs the residuals themselves,
    `residual_fn(params)`, an array or a pytree of arrays, one entry for each row. Give
    the batch in the closure. To a loss $\ell_a \ge 0$ of a sample belongs the row
    $\ell_a^{1/2}$ ($\kappa = 1$ in the paper) or $\ell_a$ ($\kappa = 2$).

    **Arguments:** `solver`, `Sven()` by default; the paper's step is `Sven(lr=0.1)`.
    Its trust region compares a residual before and after a step on the same rows, so it
    suits large batches; small ones want a fixed `lr`.

    **Returns:** an `optax.GradientTransformationExtraArgs`. A schedule of the learning
    rate is a chain: `optax.chain(ps.as_optax(ps.Sven(lr=1.0)),
    optax.scale_by_schedule(schedule))`.

    **Raises:** `PinnsvenError` without parameters or `residual_fn`, or for another
    solver; `ShapeError` if there is no row.

    **Example:**

    ```python
    transform = ps.as_optax(ps.Sven(lr=0.1, k=32))
    state = transform.init(params)
    residual_fn = lambda params: predict(params, x) - y
    updates, state = transform.update(None, state, params, residual_fn=residual_fn)
    params = optax.apply_updates(params, updates)
    ```

    Source: S. Bright-Thonney, T. R. Harvey, A. Lukas, J. Thaler, arXiv 2604.01279.
    """
    used = Sven() if solver is None else solver
    if not isinstance(used, Sven | LevenbergMarquardt):
        raise PinnsvenError(
            f"`as_optax` got {shown(used)}; give `ps.Sven()` or "
            "`ps.LevenbergMarquardt()`, with its brackets."
        )

    def init(params: Any) -> Any:
        theta, unravel = ravel_pytree(params)
        if not theta.size:
            raise PinnsvenError(
                "`as_optax` was given parameters without a single number to train."
            )
        # The first state depends on the dtype of the parameters alone.
        return used.init(FunctionResiduals(lambda tree: tree, unravel), theta)

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        residual_fn: Callable[[Any], Any] | None = None,
        **others: Any,
    ) -> tuple[Any, Any]:
        del updates, others
        if params is None or residual_fn is None:
            raise PinnsvenError(
                "`as_optax` needs the parameters and the residuals: "
                "`transform.update(grads, state, params, residual_fn=...)`, where "
                "`residual_fn(params)` returns one entry for each row."
            )
        theta, unravel = ravel_pytree(params)
        residuals = FunctionResiduals(residual_fn, unravel)
        if not jax.eval_shape(residuals, theta).size:
            raise ShapeError("`residual_fn` returns no row; give it a batch.")
        new, state, _ = used.step(residuals, theta, state)
        return unravel((new - theta).astype(theta.dtype)), state

    return optax.GradientTransformationExtraArgs(init, update)

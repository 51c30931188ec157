from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from .._errors import DtypeError, PinnsvenError, ShapeError
from .._names import shown
from ..residuals import FunctionResiduals, sample_residuals
from ._parameter_batch import ParameterBatch
from ._sven import LevenbergMarquardt, Sven


def as_optax(
    solver: Sven | LevenbergMarquardt | ParameterBatch | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Singular value descent as an optax transformation, for training loops.

    For a loss $\sum_a r_a(\theta)^2$ of any model, and for mini-batches. The gradient
    that optax hands over is not used; `update` needs the residuals themselves, in one
    of two forms:

    - `residual_fn(params, *sample)` with `batch=(x, y, ...)`, arrays with one entry
      for each sample in front: a row, or a few, for ONE sample. The Jacobian is formed
      sample by sample, which costs about as much as the gradient.
    - `residual_fn(params)`, the rows of the whole batch, which is in the closure. The
      Jacobian costs one gradient for each row.

    A batch that is a tuple or a list is unpacked, any other pytree is passed as one
    argument. Rows may be an array or a pytree of arrays, and are taken in the precision
    of the parameters. For a loss without a sign take
    `loss_rows`, for the paper's micro-batches `microbatches`.

    **Arguments:** `solver`, `Sven()` by default; the paper's step is `Sven(lr=0.1)`.
    `LevenbergMarquardt` and `ParameterBatch` serve too. The default's trust region
    compares a residual before and after a step on the same rows. On mini-batches it
    fits each batch as if it were all: where the model can fit all data exactly nothing
    is faster, where it cannot take a fixed `lr`.

    **Returns:** an `optax.GradientTransformationExtraArgs`. A schedule of the learning
    rate is a chain: `optax.chain(ps.as_optax(ps.Sven(lr=1.0)),
    optax.scale_by_schedule(schedule))`.

    **Raises:** `PinnsvenError` without parameters or `residual_fn`, or for another
    solver; `DtypeError` for parameters that are not real numbers; `ShapeError` if
    there is no row, or if the arrays of a batch differ in
    length.

    **Example:**

    ```python
    transform = ps.as_optax(ps.Sven(lr=0.1, k=32))
    state = transform.init(params)
    row = lambda params, x, y: predict(params, x) - y
    updates, state = transform.update(
        None, state, params, residual_fn=row, batch=(x, y)
    )
    params = optax.apply_updates(params, updates)
    ```

    Source: S. Bright-Thonney, T. R. Harvey, A. Lukas, J. Thaler, arXiv 2604.01279.
    """
    used = Sven() if solver is None else solver
    if not isinstance(used, Sven | LevenbergMarquardt | ParameterBatch):
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
        if not jnp.issubdtype(theta.dtype, jnp.floating):
            raise DtypeError(
                f"`as_optax` was given parameters that flatten to {theta.dtype}; train "
                "the real floating-point arrays alone, for instance those of "
                "`equinox.partition(model, equinox.is_inexact_array)`."
            )
        # The first state depends on the dtype of the parameters alone.
        return used.init(FunctionResiduals(lambda tree: tree, unravel), theta)

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        residual_fn: Callable[..., Any] | None = None,
        batch: Any = None,
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

        def rows(tree, *sample):
            # In the precision of the parameters, whatever that of the data.
            return ravel_pytree(residual_fn(tree, *sample))[0].astype(theta.dtype)

        if batch is None:
            residuals = FunctionResiduals(rows, unravel)
        else:
            residuals = sample_residuals(rows, unravel, _samples(batch), theta)
        if not jax.eval_shape(residuals, theta).size:
            raise ShapeError("`residual_fn` returns no row; give it a batch.")
        new, state, _ = used.step(residuals, theta, state)
        return unravel((new - theta).astype(theta.dtype)), state

    return optax.GradientTransformationExtraArgs(init, update)


def _samples(batch: Any) -> tuple:
    """The batch as a tuple, refused unless its arrays have one length in front."""
    batch = tuple(batch) if type(batch) in (tuple, list) else (batch,)
    lengths = {np.shape(a)[:1] for a in jax.tree.leaves(batch)}
    if len(lengths) != 1 or lengths <= {(), (0,)}:
        raise ShapeError(
            "`batch` must hold arrays with one entry for each sample in front; their "
            f"lengths are {sorted(lengths)}."
        )
    return jax.tree.map(jnp.asarray, batch)

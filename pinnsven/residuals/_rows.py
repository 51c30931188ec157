from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import BoundsError, ShapeError


def loss_rows(losses: Float[Array, "*n"], kappa: float = 1.0) -> Float[Array, "*n"]:
    r"""Rows $\ell_a^{\kappa/2}$ of a loss that is a sum of terms $\ell_a \ge 0$.

    For cross-entropy, Huber's loss, and whatever has no residual with a sign. With
    $\kappa = 1$ the sum of squares of the rows is the loss; $\kappa = 2$, the default
    of the paper's code, takes the losses as the rows. With more weights than rows and
    no truncation a full step at $\kappa$ is $1/\kappa$ times that at 1.

    At $\ell_a = 0$ a loss has its minimum and $\ell_a^{\kappa/2}$ a kink for
    $\kappa < 2$; the row and its gradient are zero there. A negative loss gives NaN.

    **Arguments:** `losses`, of any shape; `kappa` $> 0$.

    **Raises:** `BoundsError` for another `kappa`.

    **Example:**

    ```python
    def rows(params, x, label):
        losses = optax.softmax_cross_entropy_with_integer_labels(net(params, x), label)
        return ps.loss_rows(losses)
    ```

    Source: arXiv 2604.01279, the effective residual $R_a$.
    """
    if not kappa > 0:
        raise BoundsError(f"`kappa` is {kappa!r}; it must be positive.")
    losses = jnp.where(losses < 0, jnp.nan, losses)
    if kappa == 2:
        return losses
    zero = losses == 0
    # The derivative of the power at zero is infinite, times zero NaN.
    power = jnp.where(zero, 1.0, losses) ** (kappa / 2)
    return jnp.where(zero, 0.0, power)


def signed_rows(
    residuals: Float[Array, "*n"], kappa: float = 1.0
) -> Float[Array, "*n"]:
    r"""Rows $\mathrm{sign}(f)|f|^\kappa$ of residuals $f$ with a sign.

    The same step as from the rows $|f|^\kappa$ of the squared loss, since a sign
    cancels in $J^+r$, but differentiable at $f = 0$. With $\kappa = 1$ these are the
    residuals themselves, and the step is that of Gauss and Newton.

    **Arguments:** `residuals`, of any shape; `kappa` $\ge 1$.

    **Raises:** `BoundsError` for a smaller `kappa`, whose rows have infinite slope.

    **Example:** `ps.signed_rows(predict(params, x) - y, kappa=2)`.

    Source: arXiv 2604.01279, and the code that its authors published with it.
    """
    if not kappa >= 1:
        raise BoundsError(f"`kappa` is {kappa!r}; signed rows need at least 1.")
    if kappa == 1:
        return residuals
    return jnp.sign(residuals) * jnp.abs(residuals) ** kappa


def microbatches(batch: Any, size: int) -> Any:
    r"""A batch cut into groups of `size` samples, for rows that are means of losses.

    Arrays of shape `(n, ...)` become `(n // size, size, ...)`. The Jacobian then has
    one row for each group; cross terms between samples of a group are kept, those
    between its residuals' signs are lost.

    **Arguments:** `batch`, an array or a pytree of arrays; `size`, a divisor of `n`.

    **Raises:** `BoundsError` for a `size` below 1; `ShapeError` if it does not divide
    the number of samples.

    **Example:** eight rows from a batch of 32 samples.

    ```python
    rows = lambda params, x, y: ps.loss_rows(jnp.mean((predict(params, x) - y) ** 2))
    groups = ps.microbatches((x, y), 4)
    transform.update(None, state, params, residual_fn=rows, batch=groups)
    ```

    Source: arXiv 2604.01279, micro-batching.
    """
    if not (isinstance(size, int) and size >= 1):
        raise BoundsError(f"`size` is {size!r}; give at least 1 sample for a group.")

    def cut(array):
        n = jnp.shape(array)[0] if jnp.ndim(array) else 0
        if n == 0 or n % size:
            raise ShapeError(
                f"`microbatches` got {n} samples for groups of {size}; the size of a "
                "group must divide the number of samples."
            )
        return jnp.reshape(array, (n // size, size, *jnp.shape(array)[1:]))

    return jax.tree.map(cut, batch)

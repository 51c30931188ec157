from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from .._errors import PinnsvenError
from .._names import shown
from .._precision import full_precision
from ._solver import AbstractSolver, Info


class Optax(AbstractSolver):
    r"""Any optax transformation, on the gradient of $|r(\theta)|^2$.

    For comparison, and for problems that are not least squares at heart. Line searches
    and L-BFGS get the value and the function that they ask for. A transformation does
    not tell its numbers: whoever resumes a checkpoint must give the same ones.

    **Example:** `ps.solve(problem, model, ps.Optax(optax.adam(1e-3)), key=key,
    steps=5000)`, or `ps.Optax(optax.lbfgs())`.
    """

    transform: optax.GradientTransformationExtraArgs

    def __init__(self, transform: optax.GradientTransformation):
        if not isinstance(transform, optax.GradientTransformation):
            raise PinnsvenError(
                f"`Optax` got {shown(transform)}; give a transformation of optax with "
                "its brackets, such as `optax.adam(1e-3)`."
            )
        self.transform = optax.with_extra_args_support(transform)

    def init(self, residuals, theta) -> Any:
        del residuals
        return self.transform.init(theta)

    @full_precision
    def step(self, residuals, theta, state):
        def loss_of(vector):
            return jnp.sum(residuals(vector) ** 2)

        loss, gradient = jax.value_and_grad(loss_of)(theta)
        update, state = self.transform.update(
            gradient, state, theta, value=loss, grad=gradient, value_fn=loss_of
        )
        new: Array = optax.apply_updates(theta, update)  # pyright: ignore
        zero = jnp.zeros_like(loss)
        info = Info(
            loss=loss,
            shares=residuals.shares(residuals(new)),
            predicted=zero,
            step_norm=jnp.linalg.norm(new - theta),
            cutoff=zero,
            rank=jnp.zeros((), jnp.int32),
            sigma_max=zero,
        )
        return new, state, info

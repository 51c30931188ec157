import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int

from ..residuals import AbstractResiduals


class Info(eqx.Module):
    """What one step did. Entries have fixed shapes, so that steps stack into arrays.

    `loss` is $|r|^2$ before the step, `shares` the part of each block in it behind the
    step, on the same rows; `predicted` is the decrease that the linear model promised,
    before any further steps with the same decomposition, `cutoff` the singular value
    below which directions were damped or dropped and `rank` the number above it. A
    solver without a spectrum leaves `predicted` and the last three at zero.
    """

    loss: Float[Array, ""]
    shares: Float[Array, " blocks"]
    predicted: Float[Array, ""]
    step_norm: Float[Array, ""]
    cutoff: Float[Array, ""]
    rank: Int[Array, ""]
    sigma_max: Float[Array, ""]

    @property
    def loss_after(self) -> Float[Array, "..."]:
        """$|r|^2$ behind the step, on the same rows."""
        return self.shares.sum(axis=-1)


class AbstractSolver(eqx.Module):
    """One step at a time on a residual map and a flat vector.

    ```python
    state = solver.init(residuals, theta)
    theta, state, info = solver.step(residuals, theta, state)
    ```

    `state` is what the next step needs, `info` what a person wants to see. Both are
    pytrees of arrays with fixed shapes, so that a step can be compiled once.
    """

    @abc.abstractmethod
    def init(self, residuals: AbstractResiduals, theta: Float[Array, " p"]) -> Any:
        """The state before the first step."""

    @abc.abstractmethod
    def step(
        self, residuals: AbstractResiduals, theta: Float[Array, " p"], state: Any
    ) -> tuple[Float[Array, " p"], Any, Info]:
        """The next vector and state, and a record of the step."""

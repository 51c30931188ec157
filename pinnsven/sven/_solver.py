import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int

from ..residuals import ResidualMap


class Info(eqx.Module):
    """What one step did; every entry is a scalar, so that steps stack into arrays.

    `loss` is $|r|^2$ before the step and `loss_after` behind it, on the same rows;
    `predicted` is the decrease that the linear model promised, `resolved` the part of
    the loss that the model can remove at all. Entries that a solver does not have are
    zero.
    """

    loss: Float[Array, ""]
    loss_after: Float[Array, ""]
    predicted: Float[Array, ""]
    resolved: Float[Array, ""]
    step_norm: Float[Array, ""]
    cutoff: Float[Array, ""]
    rank: Int[Array, ""]
    sigma_max: Float[Array, ""]


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
    def init(self, residuals: ResidualMap, theta: Float[Array, " p"]) -> Any:
        """The state before the first step."""

    @abc.abstractmethod
    def step(
        self, residuals: ResidualMap, theta: Float[Array, " p"], state: Any
    ) -> tuple[Float[Array, " p"], Any, Info]:
        """The next vector and state, and a record of the step."""

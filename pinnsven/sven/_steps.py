import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..residuals import ResidualMap
from ._factorisations import Spectrum
from ._solver import Info


class Linearised(eqx.Module):
    """What a step rule works on: the model $|r + J d|^2$ in its singular basis.

    `kept` marks the singular directions that survive the cut-off and the rank cap.
    """

    residuals: ResidualMap
    theta: Float[Array, " p"]
    loss: Float[Array, ""]
    spectrum: Spectrum
    kept: Bool[Array, " q"]

    def loss_at(self, theta: Float[Array, " p"]) -> Float[Array, ""]:
        """$|r(\\theta)|^2$, infinite where it is not finite."""
        loss = jnp.sum(self.residuals(theta) ** 2)
        return jnp.where(jnp.isfinite(loss), loss, jnp.inf)

    def move(self, coefficients: Float[Array, " q"]) -> Float[Array, " p"]:
        """$\\theta - V\\,$coefficients."""
        return self.theta - self.spectrum.direction(coefficients)

    def newton(self) -> Float[Array, " q"]:
        """The coefficients $c_i/\\sigma_i$ of the truncated pseudoinverse."""
        safe = jnp.where(self.kept, self.spectrum.s, 1.0)
        return jnp.where(self.kept, self.spectrum.c / safe, 0.0)

    def resolved(self) -> Float[Array, ""]:
        """The part of the loss within reach of the kept directions."""
        return jnp.sum(jnp.where(self.kept, self.spectrum.c, 0.0) ** 2)


class AbstractStepRule(eqx.Module):
    """How far to go along which of the singular directions."""

    @abc.abstractmethod
    def init(self, dtype) -> Any:
        """The state before the first step."""

    @abc.abstractmethod
    def step(
        self, model: Linearised, state: Any
    ) -> tuple[Float[Array, " p"], Any, Info]:
        """The next vector and state, and a record of the step."""


class FixedStep(AbstractStepRule):
    r"""The paper's step: $\theta \leftarrow \theta - \eta\,J_k^+ r$, always taken.

    **Arguments:** `lr`, the learning rate $\eta$. It is not guarded: with small
    singular values and large $\eta$ it diverges, as the paper's method does.

    Source: arXiv 2604.01279, Algorithm 1, with signed residual rows ($\kappa = 1$).
    """

    lr: float = 0.1

    def init(self, dtype):
        del dtype
        return ()

    def step(self, model, state):
        coefficients = self.lr * model.newton()
        theta = model.move(coefficients)
        resolved = model.resolved()
        s = model.spectrum.s
        info = Info(
            loss=model.loss,
            loss_after=model.loss_at(theta),
            predicted=(1.0 - (1.0 - self.lr) ** 2) * resolved,
            resolved=resolved,
            step_norm=jnp.linalg.norm(coefficients),
            cutoff=jnp.min(jnp.where(model.kept, s, s[0])),
            rank=jnp.sum(model.kept, dtype=jnp.int32),
            sigma_max=s[0],
        )
        return theta, state, info

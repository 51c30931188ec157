import abc
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._errors import BoundsError
from ..residuals import AbstractResiduals
from ._factorisations import Spectrum
from ._solver import Info


# Damping beyond these is no step at all; it must not overflow.
_MOST_GROWTH, _MOST_DAMPING = 1e3, 1e6


class Linearised(eqx.Module):
    r"""What a step rule works on: the model $|r + J d|^2$ in its singular basis.

    `kept` marks the singular directions that survive the cut-off and the rank cap. A
    step is given by its coefficients $a$ in that basis, $d = -V a$: those of the
    truncated pseudoinverse are $c_i/\sigma_i$, those damped by $\lambda$ are
    $\sigma_i c_i/(\sigma_i^2 + \lambda)$.
    """

    residuals: AbstractResiduals
    theta: Float[Array, " p"]
    shares: Float[Array, " blocks"]
    spectrum: Spectrum
    kept: Bool[Array, " q"]

    def shares_at(self, theta: Float[Array, " p"]) -> Float[Array, " blocks"]:
        r"""The blocks' parts of $|r(\theta)|^2$, infinite where it is not finite."""
        return self.finite(self.residuals.shares(self.residuals(theta)))

    def finite(self, shares: Float[Array, " blocks"]) -> Float[Array, " blocks"]:
        """These shares, or infinite ones if any is not finite."""
        return jnp.where(jnp.isfinite(jnp.sum(shares)), shares, jnp.inf)

    @property
    def loss(self) -> Float[Array, ""]:
        """$|r|^2$ before the step."""
        return jnp.sum(self.shares)

    def move(self, coefficients: Float[Array, " q"]) -> Float[Array, " p"]:
        r"""$\theta - V a$."""
        return self.theta - self.spectrum.direction(coefficients)

    def coefficients(self, damping: Float[Array, ""] | float) -> Float[Array, " q"]:
        """$a$ for a damping; the truncated pseudoinverse for zero."""
        s = self.spectrum.s
        denominator = jnp.where(self.kept, s**2 + damping, 1.0)
        return jnp.where(self.kept, s * self.spectrum.c / denominator, 0.0)

    def unmet(self, damping: Float[Array, ""] | float) -> Float[Array, " q"]:
        r"""The part of each $c_i$ that a damped step leaves in the linear model."""
        share = damping / jnp.where(self.kept, self.spectrum.s**2 + damping, 1.0)
        return jnp.where(self.kept, share, 1.0)

    def predicted(self, damping: Float[Array, ""] | float) -> Float[Array, ""]:
        """$|r|^2 - |r + J d|^2$ of a damped step, in a form free of cancellation."""
        left = self.unmet(damping)
        gain = jnp.sum(self.spectrum.c**2 * (1.0 - left) * (1.0 + left))
        return jnp.maximum(gain, jnp.finfo(gain.dtype).tiny)

    def info(self, shares, damping, step_norm) -> Info:
        """The record of a damped step."""
        s = self.spectrum.s
        used = self.kept & (s**2 >= damping)
        smallest = jnp.min(jnp.where(self.kept, s, s[0]))
        return Info(
            loss=self.loss,
            shares=shares,
            predicted=self.predicted(damping),
            step_norm=step_norm,
            cutoff=jnp.maximum(jnp.sqrt(damping), smallest),
            rank=jnp.sum(used, dtype=jnp.int32),
            sigma_max=s[0],
        )


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

    def __check_init__(self):
        if not (
            isinstance(self.lr, float | int | np.number) and math.isfinite(self.lr)
        ):
            raise BoundsError(
                f"The learning rate is {self.lr!r}; give a finite number such as 0.1."
            )

    def init(self, dtype):
        del dtype
        return ()

    def step(self, model, state):
        coefficients = self.lr * model.coefficients(0.0)
        theta = model.move(coefficients)
        norm = jnp.linalg.norm(coefficients)
        info = model.info(model.shares_at(theta), jnp.zeros_like(norm), norm)
        return theta, state, info


class MarquardtState(eqx.Module):
    """Damping and its growth after a rejected step, relative to $\\sigma_1^2$."""

    damping: Float[Array, ""]
    growth: Float[Array, ""]


class MarquardtDamping(AbstractStepRule):
    r"""Damping raised after a bad step and lowered after a good one.

    A step is taken if the loss falls; then $\lambda$ is multiplied by
    $\max(1/3, 1 - (2\rho - 1)^3)$ for the gain ratio $\rho$, else by a factor that
    doubles with every rejection.

    Source: H. B. Nielsen, Damping parameter in Marquardt's method (1999).
    """

    damping: float = 1e-3

    def init(self, dtype):
        return MarquardtState(jnp.asarray(self.damping, dtype), jnp.asarray(2.0, dtype))

    def step(self, model, state):
        damping = state.damping * model.spectrum.s[0] ** 2
        coefficients = model.coefficients(damping)
        trial = model.move(coefficients)
        shares = model.shares_at(trial)
        loss = jnp.sum(shares)
        ratio = (model.loss - loss) / model.predicted(damping)
        good = loss < model.loss
        shrink = jnp.maximum(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3)
        state = MarquardtState(
            # Once zero, by underflow, it could not grow again.
            jnp.clip(
                state.damping * jnp.where(good, shrink, state.growth),
                jnp.finfo(damping.dtype).eps ** 2,
                _MOST_DAMPING,
            ),
            jnp.where(good, 2.0, jnp.minimum(2.0 * state.growth, _MOST_GROWTH)),
        )
        theta = jnp.where(good, trial, model.theta)
        norm = jnp.where(good, jnp.linalg.norm(coefficients), 0.0)
        after = jnp.where(good, shares, model.shares)
        return theta, state, model.info(after, damping, norm)

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._errors import BoundsError, PinnsvenError
from .._names import shown
from .._precision import full_precision
from ._factorisations import SVD, AbstractFactorisation, Gram, Spectrum
from ._solver import AbstractSolver
from ._steps import AbstractStepRule, FixedStep, Linearised, MarquardtDamping
from ._trust_region import TrustRegion


# How far above its floor the cut-off in use must lie for a Gram matrix to be chosen:
# the damping of the next step may be some decades smaller than that of the last.
_MARGIN = 30.0
# Singular values next to rounding are used once the loss, relative to the first, is
# below this power of epsilon.
_FAINT = 0.65


class SvenState(eqx.Module):
    """The states of the parts, and the relative cut-off that the last step used."""

    rule: Any
    cutoff: Float[Array, ""]
    factorisation: Any


class Sven(AbstractSolver):
    r"""Singular value descent: a step along the pseudoinverse of the Jacobian.

    $$ \theta \leftarrow \theta - \eta\,J^+ r, \qquad
       J^+ = \sum_{i \le k,\ \sigma_i > \mathrm{rtol}\,\sigma_1}
             v_i\,\sigma_i^{-1} u_i^T $$

    Of all steps that satisfy the linearised conditions as well as possible this is the
    one of smallest norm. `Sven()` is the default that we know to be best; the paper's
    own method is `Sven(lr=0.1, k=64, rtol=1e-3)`.

    **Arguments:**

    - `factorisation`: `SVD()` or `Gram()` of the formed Jacobian; where that does not
      fit into memory `RandomisedSVD(rank)` or `GolubKahan(rank)`. By default each step
      uses the cheaper `Gram` as long as the cut-off in use is one that a Gram matrix
      can honour, and the exact `SVD` below that.
    - `lr`: the paper's fixed learning rate $\eta$, short for
      `step_rule=FixedStep(lr)`.
    - `step_rule`: how far to go; `TrustRegion()` by default.
    - `k`: keep at most so many singular values.
    - `rtol`: drop singular values below `rtol` times the largest; by default those
      that the factorisation cannot tell from rounding.

    **Raises:** `BoundsError` for a `k` below one or an `rtol` outside `[0, 1)`;
    `PinnsvenError` for objects of another kind.

    **Example:** `ps.solve(problem, model, ps.Sven(), key=jr.key(1))`.

    Source: S. Bright-Thonney, T. R. Harvey, A. Lukas, J. Thaler, arXiv 2604.01279.
    """

    factorisation: AbstractFactorisation | None
    step_rule: AbstractStepRule
    k: int | None
    rtol: float | None

    def __init__(
        self,
        *,
        factorisation: AbstractFactorisation | None = None,
        step_rule: AbstractStepRule | None = None,
        lr: float | None = None,
        k: int | None = None,
        rtol: float | None = None,
    ):
        if not isinstance(factorisation, AbstractFactorisation | None):
            raise PinnsvenError(
                f"`factorisation` is {shown(factorisation)}; give `ps.SVD()`, "
                "`ps.Gram()`, `ps.RandomisedSVD(rank)` or `ps.GolubKahan(rank)`."
            )
        if not isinstance(step_rule, AbstractStepRule | None):
            raise PinnsvenError(
                f"`step_rule` is {shown(step_rule)}; give `ps.TrustRegion()`, or the "
                "paper's fixed step as `ps.Sven(lr=0.1)`."
            )
        if lr is not None and step_rule is not None:
            raise PinnsvenError(
                "`Sven` got both `lr` and `step_rule`; `lr` is short for "
                "`step_rule=ps.FixedStep(lr)`, so give one of them."
            )
        if k is not None and not (isinstance(k, int) and k >= 1):
            raise BoundsError(f"`k` is {k!r}; keep at least 1 singular value.")
        if rtol is not None and not (_is_number(rtol) and 0.0 <= rtol < 1.0):
            raise BoundsError(f"`rtol` is {rtol!r}; it must lie in [0, 1).")
        self.factorisation = factorisation
        fixed = None if lr is None else FixedStep(lr)
        self.step_rule = step_rule or fixed or TrustRegion()
        self.k = k
        self.rtol = rtol

    def init(self, residuals, theta):
        del residuals
        # The first steps of a trust region are strongly damped; a fixed step is not.
        cutoff = 1.0 if self._damped else self._relative(SVD(), theta.dtype, False)
        return SvenState(
            self.step_rule.init(theta.dtype),
            jnp.asarray(cutoff, theta.dtype),
            () if self.factorisation is None else self.factorisation.init(),
        )

    @full_precision
    def step(self, residuals, theta, state):
        r, spectrum, kept, factorisation = self._decompose(residuals, theta, state)
        model = Linearised(residuals, theta, residuals.shares(r), spectrum, kept)
        theta, rule, info = self.step_rule.step(model, state.rule)
        cutoff = self._in_use(info.cutoff, spectrum, kept)
        return theta, SvenState(rule, cutoff, factorisation), info

    def advice(self, dtype) -> str | None:
        """A warning if the cut-off asked for is below what the precision can honour."""
        used = SVD() if self.factorisation is None else self.factorisation
        floor = used.floor(dtype, self._damped)
        if self.rtol is None and np.dtype(dtype) == np.float32:
            return (
                f"In float32 singular values below {floor:.0e} of the largest are "
                "rounding and are dropped. Call `ps.enable_x64()` before anything is "
                "built, unless single precision is what you want."
            )
        if self.rtol is None or self.rtol >= floor:
            return None
        better = "`ps.SVD()`, " if SVD().floor(dtype, self._damped) < floor else ""
        return (
            f"`rtol={self.rtol:g}` is below {floor:.1e}, the smallest relative "
            f"singular value that {type(used).__name__} can tell from rounding in "
            f"{np.dtype(dtype)}. What lies under it is noise; use {better}a larger "
            "`rtol`, or `ps.enable_x64()`."
        )

    def _decompose(self, residuals, theta, state):
        """The residual, the spectrum, what of it is kept, and the next state."""
        # In its search a step that reaches for what is nearly rounding loses its way.
        part = float(np.finfo(theta.dtype).eps) ** _FAINT
        faint = state.rule.below(part) if self._damped else False
        chosen = self.factorisation
        if chosen is not None:
            r, spectrum, new = chosen.decompose(residuals, theta, state.factorisation)
            return r, spectrum, self._kept(chosen, spectrum, faint), new
        r, j = residuals.linearise(theta)

        def decompose(factorisation):
            spectrum = factorisation(r, j)
            return spectrum, self._kept(factorisation, spectrum, faint)

        enough = state.cutoff > _MARGIN * Gram().floor(j.dtype)
        spectrum, kept = jax.lax.cond(
            enough, lambda: decompose(Gram()), lambda: decompose(SVD())
        )
        return r, spectrum, kept, ()

    def _kept(self, factorisation, spectrum: Spectrum, faint) -> Bool[Array, " q"]:
        s = spectrum.s
        kept = (s > self._relative(factorisation, s.dtype, faint) * s[0]) & (s > 0)
        return kept if self.k is None else kept & (jnp.arange(s.size) < self.k)

    def _in_use(self, cutoff, spectrum: Spectrum, kept) -> Float[Array, ""]:
        """The relative cut-off of a step; zero if rounding hid what it would use."""
        s = spectrum.s
        relative = cutoff / jnp.where(s[0] > 0, s[0], 1.0)
        if (self.rtol or 0.0) >= Gram().floor(s.dtype):
            return relative
        beyond = s.size if self.k is None else self.k
        hidden = ~jnp.all(kept | (jnp.arange(s.size) >= beyond))
        undamped = cutoff <= jnp.min(jnp.where(kept, s, jnp.inf))
        return jnp.where(hidden & undamped, 0.0, relative)

    @property
    def _damped(self) -> bool:
        return isinstance(self.step_rule, TrustRegion)

    def _relative(self, factorisation, dtype, faint):
        """The cut-off; `faint` if the step may use what is nearly rounding."""
        if self.rtol is not None:
            return self.rtol
        least, floor = factorisation.floor(dtype, True), factorisation.floor(dtype)
        return jnp.where(faint, least, floor)


class LevenbergMarquardt(AbstractSolver):
    r"""Damped Gauss-Newton with the classical control of the damping, for comparison.

    $d = -(J^T J + \lambda I)^{-1} J^T r$, from the same decomposition as `Sven`.

    **Arguments:** `damping`, the first $\lambda/\sigma_1^2$; `factorisation`.

    Sources: K. Levenberg (1944); D. Marquardt (1963); H. B. Nielsen (1999).
    """

    sven: Sven

    def __init__(
        self,
        *,
        damping: float = 1e-3,
        factorisation: AbstractFactorisation | None = None,
    ):
        if not (_is_number(damping) and damping > 0):
            raise BoundsError(f"`damping` is {damping!r}; it must be positive.")
        rule = MarquardtDamping(damping)
        self.sven = Sven(factorisation=factorisation or SVD(), step_rule=rule)

    def init(self, residuals, theta):
        return self.sven.init(residuals, theta)

    def step(self, residuals, theta, state):
        return self.sven.step(residuals, theta, state)

    def advice(self, dtype) -> str | None:
        """A warning where the precision cannot honour the cut-off; see `Sven`."""
        return self.sven.advice(dtype)


def _is_number(value) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)

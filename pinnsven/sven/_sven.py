import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._errors import BoundsError
from ._factorisations import SVD, AbstractFactorisation, Gram
from ._solver import AbstractSolver
from ._steps import AbstractStepRule, Linearised
from ._trust_region import TrustRegion


class Sven(AbstractSolver):
    r"""Singular value descent: a step along the pseudoinverse of the Jacobian.

    $$ \theta \leftarrow \theta - \eta\,J^+ r, \qquad
       J^+ = \sum_{i \le k,\ \sigma_i > \mathrm{rtol}\,\sigma_1}
             v_i\,\sigma_i^{-1} u_i^T $$

    Of all steps that satisfy the linearised conditions as well as possible this is the
    one of smallest norm. `Sven()` is the default that we know to be best; the paper's
    own method is `Sven(step=FixedStep(0.1), k=64, rtol=1e-3)`.

    **Arguments:**

    - `factorisation`: `SVD()` or `Gram()`; by default `Gram` if `rtol` is given and a
      Gram matrix can honour it, else `SVD`.
    - `step`: `TrustRegion()` (default) or `FixedStep(lr)`.
    - `k`: keep at most so many singular values.
    - `rtol`: drop singular values below `rtol` times the largest.

    **Raises:** `BoundsError` for a `k` below one or an `rtol` outside `[0, 1)`.

    **Example:** `ps.solve(problem, model, ps.Sven(), key=jr.key(1))`.

    Source: S. Bright-Thonney, T. R. Harvey, A. Lukas, J. Thaler, arXiv 2604.01279.
    """

    factorisation: AbstractFactorisation | None = None
    step_rule: AbstractStepRule = eqx.field(default_factory=TrustRegion)
    k: int | None = None
    rtol: float | None = None

    def __init__(self, *, factorisation=None, step=None, k=None, rtol=None):
        if k is not None and not (isinstance(k, int) and k >= 1):
            raise BoundsError(f"`k` is {k!r}; keep at least 1 singular value.")
        if rtol is not None and not 0.0 <= rtol < 1.0:
            raise BoundsError(f"`rtol` is {rtol!r}; it must lie in [0, 1).")
        self.factorisation = factorisation
        self.step_rule = TrustRegion() if step is None else step
        self.k = k
        self.rtol = rtol

    def init(self, residuals, theta):
        del residuals
        return self.step_rule.init(theta.dtype)

    def step(self, residuals, theta, state):
        r, j = residuals.linearise(theta)
        spectrum = self._factorisation(theta.dtype)(r, j)
        model = Linearised(
            residuals, theta, jnp.sum(r**2), spectrum, self.kept(spectrum.s)
        )
        return self.step_rule.step(model, state)

    def cutoff(self, dtype) -> float:
        """The relative cut-off in force: `rtol`, or the factorisation's own floor."""
        floor = self._factorisation(dtype).floor(dtype)
        return floor if self.rtol is None else self.rtol

    def kept(self, s: Float[Array, " q"]) -> Bool[Array, " q"]:
        """Which singular values survive `k` and `rtol`."""
        kept = (s > self.cutoff(s.dtype) * s[0]) & (s > 0)
        return kept if self.k is None else kept & (jnp.arange(s.shape[0]) < self.k)

    def advice(self, dtype) -> str | None:
        """A warning if the cut-off asked for is below what the precision can honour."""
        floor = self._factorisation(dtype).floor(dtype)
        if self.rtol is None or self.rtol >= floor or self.rtol == 0.0:
            return None
        name = type(self._factorisation(dtype)).__name__
        return (
            f"`rtol={self.rtol:g}` is below {floor:.1e}, the smallest singular value "
            f"that {name} can tell from rounding in {np.dtype(dtype)}. Singular values "
            "under that are noise; use `ps.enable_x64()` or a larger `rtol`."
        )

    def _factorisation(self, dtype) -> AbstractFactorisation:
        if self.factorisation is not None:
            return self.factorisation
        if self.rtol is not None and self.rtol >= Gram().floor(dtype):
            return Gram()
        return SVD()

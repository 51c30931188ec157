import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.lax.linalg import SvdAlgorithm, svd
from jaxtyping import Array, Float

from ..residuals import AbstractResiduals


class Spectrum(eqx.Module):
    r"""A thin singular value decomposition $J = U S V^T$, as far as a step needs it.

    `s` holds the singular values in falling order and `c` is $U^T r$. $V$ is the
    product of `right` and $U$ that of `left`, which are not formed where they have two.
    Columns of $U$ whose singular value is zero may be missing, and are zero then.
    """

    s: Float[Array, " q"]
    c: Float[Array, " q"]
    right: tuple[Float[Array, "_ _"], ...]
    left: tuple[Float[Array, "_ _"], ...]

    def direction(self, coefficients: Float[Array, "q ..."]) -> Float[Array, "p ..."]:
        """$V$ times the coefficients, or times each column of a matrix."""
        for factor in reversed(self.right):
            coefficients = factor @ coefficients
        return coefficients

    def components(self, r: Float[Array, " n"]) -> Float[Array, " q"]:
        """$U^T$ times a vector of rows."""
        for factor in self.left:
            r = r @ factor
        return r


class AbstractFactorisation(eqx.Module):
    """A way to decompose the Jacobian, with its cost and smallest honest cut-off."""

    @abc.abstractmethod
    def init(self) -> Any:
        """What the first step needs: arrays, or nothing."""

    @abc.abstractmethod
    def decompose(
        self, residuals: AbstractResiduals, theta: Float[Array, " p"], state: Any
    ) -> tuple[Float[Array, " n"], Spectrum, Any]:
        """The residual, the spectrum of its Jacobian, and the next state."""

    @abc.abstractmethod
    def floor(self, dtype, damped: bool = False) -> float:
        """The relative singular value below which rounding hides the spectrum.

        For `damped` steps, which the residual judges, the one below which there is
        nothing else.
        """


class AbstractDenseFactorisation(AbstractFactorisation):
    """A decomposition of the Jacobian as a matrix of rows by weights."""

    def init(self):
        return ()

    def decompose(self, residuals, theta, state):
        r, j = residuals.linearise(theta)
        return r, self(r, j), state

    @abc.abstractmethod
    def __call__(self, r: Float[Array, " n"], j: Float[Array, "n p"]) -> Spectrum:
        """The spectrum of `j` and the residual in its left singular basis."""


class SVD(AbstractDenseFactorisation):
    r"""Exact, through a QR of the tall side and an SVD of its triangle.

    For `n` rows and `p` weights, with $q = \min(n, p)$: about
    $2\max(n, p)q^2 + 20q^3$ operations, and one copy of $J$ in memory. Singular values
    are good down to about 100 $\epsilon\,\sigma_{max}$, the rounding of some
    thousand rows: `2e-14` in float64 and `1e-5` in float32 are its floor. What should
    be zero is found below $\epsilon\,\sigma_{max}$: the floor of damped steps is
    2 $\epsilon$.

    Source: Golub and Van Loan, Matrix Computations, section 8.6 (R-SVD).
    """

    def __call__(self, r, j):
        n, p = j.shape
        if n >= p:
            # The triangle of [J r] holds Q^T r in its last column: Q is never formed.
            triangle = jnp.linalg.qr(jnp.column_stack([j, r]), mode="r")
            u, s, vt = thin_svd(triangle[:p, :p])
            left = (j, vt.T / jnp.where(s > 0, s, jnp.inf))
            return Spectrum(s, u.T @ triangle[:p, p], (vt.T,), left)
        q, triangle = jnp.linalg.qr(j.T)
        # J = triangle^T q^T, and triangle = a S b^T, so U = b and V = q a.
        a, s, bt = thin_svd(triangle)
        return Spectrum(s, bt @ r, (q, a), (bt.T,))

    def floor(self, dtype, damped=False):
        return (2.0 if damped else 100.0) * float(np.finfo(dtype).eps)


class Gram(AbstractDenseFactorisation):
    r"""Eigenvalues of the smaller Gram matrix, $J^T J$ or $J J^T$.

    About $\max(n, p)q^2 + 9q^3$ operations, a third less time than `SVD`; what lies
    below the diagonal of the product is copied, for the larger part of it. It squares
    the condition number: singular values below $\sqrt\epsilon\,\sigma_{max}$ (`2e-8` in
    float64, `4e-4` in float32) are rounding, and no cut-off below that can be kept.
    """

    def __call__(self, r, j):
        n, p = j.shape
        if n >= p:
            s, inverse, v = _roots(_gram(j.T))
            return Spectrum(s, inverse * (v.T @ (j.T @ r)), (v,), (j, v * inverse))
        s, inverse, u = _roots(_gram(j))
        return Spectrum(s, u.T @ r, (j.T, u * inverse), (u,))

    def floor(self, dtype, damped=False):
        return 1.2 * float(np.sqrt(np.finfo(dtype).eps))


def thin_svd(a: Float[Array, "n p"]) -> tuple[Array, Array, Array]:
    r"""$U$, the singular values and $V^T$, good to rounding on CPUs and GPUs."""
    # Jacobi's rotations, what GPUs use up to 1024 columns, stop at some thousand
    # roundings and take longer than QR iterations.
    qr = jax.default_backend() == "gpu"
    algorithm = SvdAlgorithm.QR if qr else SvdAlgorithm.DEFAULT
    return svd(a, full_matrices=False, compute_uv=True, algorithm=algorithm)


# Blocks of fewer rows are too narrow for the full speed of a product.
_NARROW = 128


def _gram(a: Float[Array, "q m"], halvings: int = 2) -> Float[Array, "q q"]:
    """$A A^T$, with five eighths of the products: the blocks below are copies."""
    half = a.shape[0] // 2
    # A library that knows a product is symmetric would need half; XLA's does not.
    if not halvings or half < _NARROW:
        return a @ a.T
    first, second = a[:half], a[half:]
    beside = first @ second.T
    above = jnp.column_stack([_gram(first, halvings - 1), beside])
    below = jnp.column_stack([beside.T, _gram(second, halvings - 1)])
    return jnp.concatenate([above, below])


def _roots(
    gram: Float[Array, "q q"],
) -> tuple[Float[Array, " q"], Float[Array, " q"], Float[Array, "q q"]]:
    """Singular values in falling order, their inverses, and the vectors.

    Both are zero below the rounding, and NaN if the matrix is.
    """
    values, vectors = jnp.linalg.eigh(gram)
    # LAPACK may return numbers for a matrix that is none; the driver looks for NaN.
    values = jnp.where(jnp.isfinite(jnp.trace(gram)), values, jnp.nan)[::-1]
    noise = values[0] * jnp.finfo(values.dtype).eps
    rounding = values <= noise
    s = jnp.sqrt(jnp.where(rounding, 1.0, values))
    inverse = jnp.where(rounding, 0.0, 1.0 / s)
    return jnp.where(rounding, 0.0, s), inverse, vectors[:, ::-1]

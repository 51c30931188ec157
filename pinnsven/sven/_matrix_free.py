from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int

from .._errors import BoundsError
from ..residuals import CHUNK_ENTRIES, AbstractResiduals
from ._factorisations import AbstractFactorisation, Spectrum, thin_svd


class RandomisedSVD(AbstractFactorisation):
    r"""The largest singular values from products with random vectors, $J$ never formed.

    With $l = \mathrm{rank} + \mathrm{oversampling}$ random vectors $\Omega$, the rows
    of $Q^T$ span the range of $J^T\Omega$, and the thin SVD of $JQ$ is that of
    $JQQ^T$. Each power iteration replaces $\Omega$ by $JQ$, which sharpens a spectrum
    that decays slowly. Singular values come out too small, never too large.

    For `n` rows and `p` weights: $l\,(1 + q)$ products with $J$ and as many with $J^T$
    for $q$ power iterations, $O((n + p)\,l^2)$ operations beside them, and
    $O((n + p)\,l)$ numbers of memory. New random vectors are drawn for each step.

    **Arguments:**

    - `rank`: the number of singular values wanted.
    - `oversampling`: vectors beside these.
    - `power_iterations`: 0 suffices for a steep spectrum.
    - `seed`: of the random vectors.

    **Raises:** `BoundsError` for a `rank` below 1 or negative numbers.

    **Example:** `ps.Sven(lr=0.5, rtol=1e-3, factorisation=ps.RandomisedSVD(32))`.

    Source: N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53 (2011),
    algorithms 4.4 and 5.1.
    """

    rank: int
    oversampling: int = 8
    power_iterations: int = 1
    seed: int = 0

    def __check_init__(self):
        _check_count("RandomisedSVD", "rank", self.rank, 1)
        _check_count("RandomisedSVD", "oversampling", self.oversampling, 0)
        _check_count("RandomisedSVD", "power_iterations", self.power_iterations, 0)

    def init(self):
        return jnp.zeros((), jnp.int32)

    def decompose(self, residuals, theta, state: Int[Array, ""]):
        r, times, transposed = products(residuals, theta)
        size = min(self.rank + self.oversampling, r.size, theta.size)
        key = jr.fold_in(jr.key(self.seed), state)
        y = jr.normal(key, (r.size, size), r.dtype)
        for _ in range(1 + self.power_iterations):
            q = jnp.linalg.qr(transposed(y))[0]
            y = times(q)
        u, s, wt = thin_svd(y)
        rank = min(self.rank, size)
        found = Spectrum(s[:rank], u.T[:rank] @ r, (q, wt.T[:, :rank]), (u[:, :rank],))
        return r, found, state + 1

    def floor(self, dtype, damped=False):
        return 100.0 * float(np.finfo(dtype).eps)


class GolubKahan(AbstractFactorisation):
    r"""Golub-Kahan-Lanczos bidiagonalisation started at the residual, $J$ never formed.

    After $m$ steps $J V_m = U_{m+1} B_m$ with $u_1 = r/|r|$, orthonormal columns and a
    lower bidiagonal $B_m$, whose SVD gives the spectrum. The undamped step without a
    cut-off is the $m$-th iterate of LSQR: among all of the Krylov space of
    $(J^TJ, J^Tr)$ it leaves the smallest linearised residual. The largest singular
    values converge first, those that the residual does not see never appear.

    For `n` rows and `p` weights: at most rank products with $J$ and as many with
    $J^T$, $O(\min(n, p)\,m^2)$ operations to keep the shorter vectors orthogonal, and
    $O((n + p)\,\mathrm{rank})$ numbers of memory. The longer ones are orthogonal to
    about $\epsilon\,\sigma_1/\sigma_m$.

    **Arguments:**

    - `rank`: the most Lanczos steps. For `k` accurate singular values take about
      $2k$, and cut with `ps.Sven(k=...)`.
    - `tolerance`: end earlier, once $|J^T(r + Jd)|$ is below so much of $|J^Tr|$.

    **Raises:** `BoundsError` for a `rank` below 1 or a `tolerance` outside `[0, 1)`.

    **Example:** `ps.Sven(factorisation=ps.GolubKahan(64, tolerance=1e-3))`.

    Sources: G. Golub, W. Kahan (1965); C. C. Paige, M. A. Saunders, LSQR, ACM TOMS 8
    (1982); H. D. Simon, H. Zha, SIAM J. Sci. Comput. 21 (2000), for the one side.
    """

    rank: int
    tolerance: float = 0.0

    def __check_init__(self):
        _check_count("GolubKahan", "rank", self.rank, 1)
        if not 0.0 <= self.tolerance < 1.0:
            raise BoundsError(
                f"`GolubKahan` got tolerance={self.tolerance!r}; it must lie in [0, 1)."
            )

    def init(self):
        return ()

    def decompose(self, residuals, theta, state):
        r, times, transposed = products(residuals, theta)
        rank = min(self.rank, r.size, theta.size)
        norm = jnp.linalg.norm(r)
        taken, lanczos = _bidiagonalise(
            r, norm, times, transposed, rank, self.tolerance
        )
        b = jnp.zeros((rank + 1, rank), r.dtype)
        i = jnp.arange(rank)
        # A column whose product with J is still to come does not belong to it.
        alpha = jnp.where(i < taken, lanczos.alpha, 0.0)
        b = b.at[i, i].set(alpha).at[i + 1, i].set(lanczos.beta)
        a, s, wt = thin_svd(b)
        s = jnp.where(jnp.isfinite(lanczos.gradient), s, jnp.nan)
        right, left = (lanczos.v.T, wt.T), (lanczos.u.T, a[:, :rank])
        return r, Spectrum(s, norm * a[0], right, left), state

    def floor(self, dtype, damped=False):
        return 100.0 * float(np.finfo(dtype).eps)


class _Lanczos(eqx.Module):
    """The bidiagonalisation so far; vectors are rows, those to come are zero."""

    u: Float[Array, "_ n"]
    v: Float[Array, "_ p"]
    alpha: Float[Array, " _"]
    beta: Float[Array, " _"]
    # LSQR's rotated right-hand side and diagonal, and its |J^T(r + J d)|.
    rhs: Float[Array, ""]
    diagonal: Float[Array, ""]
    gradient: Float[Array, ""]


def _bidiagonalise(r, norm, times, transposed, rank, tolerance):
    """The number of steps taken, and what they gave."""
    zeros = lambda *shape: jnp.zeros(shape, r.dtype)
    u = zeros(rank + 1, r.size).at[0].set(_over(r, norm))
    column = lambda apply, vector: apply(vector[:, None])[:, 0]
    back = lambda w: column(transposed, w)
    first = back(u[0])
    alpha = jnp.linalg.norm(first)
    v = zeros(rank, first.size).at[0].set(_over(first, alpha))
    start = _Lanczos(
        u, v, zeros(rank).at[0].set(alpha), zeros(rank), norm, alpha, norm * alpha
    )
    enough = tolerance * start.gradient
    # One kind of vectors kept orthogonal keeps the other so, as far as the smallest
    # singular value in B allows (Simon and Zha); the shorter ones cost less.
    wide = r.size <= first.size

    def going(carry):
        j, now = carry
        return (j < rank) & (now.gradient > enough)

    def body(carry):
        j, now = carry
        rounding = 10 * jnp.finfo(r.dtype).eps * now.alpha[0]
        next_u = column(times, now.v[j]) - now.alpha[j] * now.u[j]
        new_u, beta = _unit(next_u, now.u if wide else None, rounding)
        # After the last column of B no further vector is needed.
        inside = jnp.minimum(j + 1, rank - 1)
        last = j + 1 == rank
        new_v, alpha = jax.lax.cond(
            last,
            lambda: (jnp.zeros_like(first), jnp.zeros_like(beta)),
            lambda: _unit(
                back(new_u) - beta * now.v[j], None if wide else now.v, rounding
            ),
        )
        length = jnp.hypot(now.diagonal, beta)
        cosine, sine = _over(now.diagonal, length), _over(beta, length)
        rhs = sine * now.rhs
        return j + 1, _Lanczos(
            now.u.at[j + 1].set(new_u),
            now.v.at[inside].set(jnp.where(last, now.v[inside], new_v)),
            now.alpha.at[inside].set(jnp.where(last, now.alpha[inside], alpha)),
            now.beta.at[j].set(beta),
            rhs,
            -cosine * alpha,
            jnp.abs(rhs * alpha * cosine),
        )

    return jax.lax.while_loop(going, body, (jnp.zeros((), jnp.int32), start))


def _unit(vector, basis, rounding):
    """The unit vector of what is left beside a basis, if there is one, and its length.

    Twice is enough (Parlett, The Symmetric Eigenvalue Problem, section 6.9). A length
    that is rounding is zero, and so is the vector: the space is exhausted.
    """
    if basis is not None:
        for _ in range(2):
            vector = vector - basis.T @ (basis @ vector)
    length = jnp.linalg.norm(vector)
    length = jnp.where(length <= rounding, 0.0, length)
    return _over(vector, length), length


def _over(a, b):
    """$a/b$, and zero for $b = 0$; what is not finite stays so."""
    return jnp.where(b == 0, 0.0, a / jnp.where(b == 0, 1.0, b))


def products(
    residuals: AbstractResiduals, theta: Float[Array, " p"]
) -> tuple[Float[Array, " n"], Callable, Callable]:
    """The residual, and two functions: $J$ and $J^T$ times the columns of a matrix.

    A few columns at a time, so that the memory beside the result is bounded.
    """
    r, tangent = jax.linearize(residuals, theta)
    cotangent = jax.linear_transpose(tangent, theta)
    # A network has some sqrt(p) intermediate values for each row, its derivatives more.
    values = round(4 * r.size * theta.size**0.5) + theta.size
    some = max(1, CHUNK_ENTRIES // values)

    def columns(apply):
        return lambda matrix: jax.lax.map(apply, matrix.T, batch_size=some).T

    return r, columns(tangent), columns(lambda w: cotangent(w)[0])


def _check_count(owner: str, name: str, value, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise BoundsError(
            f"`{owner}` got {name}={value!r}; give a whole number of at least {least}."
        )

import dataclasses
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from .._precision import full_precision
from ..residuals import AbstractResiduals
from ..sven import SVD, AbstractSolver, Gram


_REPEATS = 5
# The side of the square matrices whose product stands for the peak.
_SIDE = 1024


@dataclasses.dataclass(frozen=True)
class Timing:
    """A part of a step: wall seconds, the least of five, and $10^9$ operations."""

    part: str
    seconds: float
    gflop: float | None

    @property
    def rate(self) -> float | None:
        """$10^9$ operations per second; the peak is that of a matrix product."""
        return None if self.gflop is None else self.gflop / self.seconds


def profile(
    residuals: AbstractResiduals, theta: Float[Array, " p"], solver: AbstractSolver
) -> tuple[Timing, ...]:
    r"""Where the time of a step goes: each part compiled and run on its own.

    The parts are the residual $r$, the pair $(r, J)$, the two dense factorisations of
    that $J$, a whole step of the `solver` in its first state, and a product of two
    square matrices, whose rate is the peak to compare with.

    Operations of $r$ and $J$ are those that the compiler counts. For $n$ rows, $p$
    weights and $q = \min(n, p)$ the factorisations count as $npq + 9q^3$ (`Gram`; only
    half of a symmetric product is needed) and $2npq + 20q^3$ (`SVD`), whatever the
    library really does. The operations of a step are not known.

    **Example:** `profile(bound.residuals(key), bound.theta, ps.Sven())`.

    Source: Golub and Van Loan, Matrix Computations, sections 5.2, 8.3 and 8.6.
    """
    r, j = eqx.filter_jit(residuals.linearise)(theta)
    n, p = j.shape
    q = min(n, p)
    state = solver.init(residuals, theta)
    square = jr.normal(jr.key(0), (_SIDE, _SIDE), theta.dtype)
    gram, svd = (n * p * q + 9 * q**3) / 1e9, (2 * n * p * q + 20 * q**3) / 1e9
    return (
        _timing("residual", residuals, theta),
        _timing("Jacobian", residuals.linearise, theta),
        dataclasses.replace(_timing("Gram", Gram(), r, j), gflop=gram),
        dataclasses.replace(_timing("SVD", SVD(), r, j), gflop=svd),
        dataclasses.replace(
            _timing("step", solver.step, residuals, theta, state), gflop=None
        ),
        dataclasses.replace(
            _timing("product", jnp.matmul, square, square), gflop=2e-9 * _SIDE**3
        ),
    )


@full_precision
def _timing(part: str, fn: Callable, *args) -> Timing:
    """With the operations that the compiler counts; those inside LAPACK are not."""
    arrays, static = eqx.partition((fn, args), eqx.is_array)

    def run(arrays):
        fn, args = eqx.combine(arrays, static)
        return eqx.filter(fn(*args), eqx.is_array)

    compiled = jax.jit(run).lower(arrays).compile()
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        jax.block_until_ready(compiled(arrays))
        seconds.append(time.perf_counter() - began)
    return Timing(part, min(seconds), _counted(compiled))


def _counted(compiled) -> float | None:
    """$10^9$ operations, as far as the compiler knows them."""
    found = compiled.cost_analysis()
    # Older versions of jax give a list; some devices give nothing.
    found = found[0] if isinstance(found, list) else found
    count = (found or {}).get("flops", 0.0)
    return float(count) / 1e9 if count > 0 else None

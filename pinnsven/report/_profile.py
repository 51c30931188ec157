import dataclasses
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

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
    return (
        _timing("residual", residuals, theta),
        _timing("Jacobian", residuals.linearise, theta),
        _timing("Gram", Gram(), r, j, count=n * p * q + 9 * q**3),
        _timing("SVD", SVD(), r, j, count=2 * n * p * q + 20 * q**3),
        _timing("step", solver.step, residuals, theta, state, count=None),
        _timing("product", jnp.matmul, square, square, count=2 * _SIDE**3),
    )


def _timing(part: str, fn: Callable, *args, count: float | None = -1) -> Timing:
    arrays, static = eqx.partition((fn, args), eqx.is_array)

    def run(arrays):
        fn, args = eqx.combine(arrays, static)
        return eqx.filter(fn(*args), eqx.is_array)

    compiled = jax.jit(run).lower(arrays).compile()
    if count == -1:
        count = _counted(compiled)
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        jax.block_until_ready(compiled(arrays))
        seconds.append(time.perf_counter() - began)
    return Timing(part, min(seconds), None if count is None else count / 1e9)


def _counted(compiled) -> float | None:
    found = compiled.cost_analysis()
    # Older versions of jax give a list; some devices give nothing.
    found = found[0] if isinstance(found, list) else found
    count = (found or {}).get("flops", 0.0)
    return float(count) if count > 0 else None

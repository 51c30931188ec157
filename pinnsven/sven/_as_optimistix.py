import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int

from .._errors import BoundsError, DtypeError, PinnsvenError, ShapeError
from .._names import shown
from ..residuals import FunctionResiduals
from ._solver import Info
from ._sven import LevenbergMarquardt, Sven


# A trust region starts afresh after eight steps that were not taken; after twice as
# many it has tried all its radii and would only repeat itself.
_MOST_IDLE = 16


def as_optimistix(
    solver: Sven | LevenbergMarquardt | None = None,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-8,
) -> optx.AbstractLeastSquaresSolver:
    r"""Singular value descent as a least-squares solver of optimistix.

    Minimises $\tfrac12\sum_i r_i(y)^2$ for residuals $r(y)$ of any function of a pytree
    that returns a pytree; of all steps that serve the linearised residuals equally well
    it takes the shortest, so there may be fewer residuals than unknowns.

    It has converged when a step that was taken changes $y$ and the residuals, entry by
    entry, by less than `atol` plus `rtol` times their size, or when a step that was not
    taken promised no more than that, or than rounding. Where the residuals, or their
    derivatives, are no longer finite, or no step lowers the loss although the
    linearised residuals promise it, the result is `nonlinear_divergence`, and $y$ the
    last that was finite. With `k`, or a factorisation of low rank, this holds along the
    directions kept alone: such a run may come to rest far from a minimum.

    Optimistix traces the function before a step does, so that on a GPU its products of
    float32 are JAX's, of three digits: call `least_squares` within
    `jax.default_matmul_precision("highest")`.

    **Arguments:**

    - `solver`: `Sven()` by default.
    - `rtol`, `atol`: the relative and the absolute tolerance.

    **Returns:** an `optimistix.AbstractLeastSquaresSolver`. The statistics of its
    solutions hold `rank` and `cutoff` of the last step, and `stalled`: whether the run
    was given up because no step lowered the loss. It takes no `options`, and chooses
    forward or reverse differentiation by the shape of the Jacobian.

    Derivatives of the solution need the default `ImplicitAdjoint`; where there are
    fewer residuals than unknowns, `ImplicitAdjoint(lineax.SVD())`, since a solver for
    regular matrices returns wrong derivatives there without a word.

    **Raises:** `PinnsvenError` for another solver, or without a number to solve for;
    `BoundsError` for a tolerance that is not positive; `ShapeError` if there is no
    residual; `DtypeError` for complex numbers.

    **Example:**

    ```python
    rows = lambda y, args: jnp.stack([10 * (y[1] - y[0] ** 2), args - y[0]])
    found = optimistix.least_squares(rows, ps.as_optimistix(), jnp.zeros(2), 1.0)
    found.value
    ```

    Source: S. Bright-Thonney, T. R. Harvey, A. Lukas, J. Thaler, arXiv 2604.01279.
    """
    used = Sven() if solver is None else solver
    if not isinstance(used, Sven | LevenbergMarquardt):
        raise PinnsvenError(
            f"`as_optimistix` got {shown(used)}; give `ps.Sven()` or "
            "`ps.LevenbergMarquardt()`, with its brackets."
        )
    for name, value in (("rtol", rtol), ("atol", atol)):
        number = isinstance(value, float | int | np.number)
        if not (number and math.isfinite(value) and value > 0):
            raise BoundsError(
                f"`{name}` is {value!r}; give a positive number such as 1e-8."
            )
    return _LeastSquares(rtol=rtol, atol=atol, norm=optx.max_norm, solver=used)


class _State(eqx.Module):
    """What a step leaves behind; `r` and `aux` belong to the `y` in force."""

    inner: Any
    r: Float[Array, " n"]
    aux: Any
    idle: Int[Array, ""]
    converged: Bool[Array, ""]
    diverged: Bool[Array, ""]
    rank: Int[Array, ""]
    cutoff: Float[Array, ""]

    @property
    def stalled(self) -> Bool[Array, ""]:
        """Whether the run is given up, as no step is taken any more."""
        return ~self.converged & (self.idle >= _MOST_IDLE)


class _LeastSquares(optx.AbstractLeastSquaresSolver):
    """The interface of optimistix on top of one step of `Sven`."""

    rtol: float
    atol: float
    norm: Callable
    solver: Sven | LevenbergMarquardt

    def init(self, fn, y, args, options, f_struct, aux_struct, tags):
        del options, f_struct, aux_struct, tags
        start, _ = ravel_pytree(y)
        out, aux = fn(y, args)
        r, _ = ravel_pytree(out)
        if not start.size:
            raise PinnsvenError(
                "`as_optimistix` was given a `y0` without a single number to solve for."
            )
        if not r.size:
            raise ShapeError("The function returns no residual; it must return some.")
        dtype = jnp.result_type(start, r)
        if jnp.issubdtype(dtype, jnp.complexfloating):
            raise DtypeError(
                f"The problem is one in {dtype}; give real and imaginary parts as "
                "numbers, and residuals, of their own."
            )
        r = r.astype(dtype)
        return _State(
            inner=self.solver.init(*_flat(fn, y, args, dtype)),
            r=r,
            aux=aux,
            idle=jnp.zeros((), jnp.int32),
            converged=jnp.zeros((), bool),
            diverged=~jnp.isfinite(jnp.sum(r**2)),
            rank=jnp.zeros((), jnp.int32),
            cutoff=jnp.zeros((), dtype),
        )

    def step(self, fn, y, args, options, state, tags):
        del options, tags
        residuals, theta = _flat(fn, y, args, state.r.dtype)
        new, inner, info = self.solver.step(residuals, theta, state.inner)
        fine = jnp.isfinite(info.sigma_max) & jnp.isfinite(info.loss_after)
        fine &= jnp.all(jnp.isfinite(new))
        new = jnp.where(fine, new, theta)
        new_y = residuals.unravel(new)
        out, aux = fn(new_y, args)
        r = ravel_pytree(out)[0].astype(state.r.dtype)

        taken = info.step_norm > 0
        settled = self._small(new - theta, new) & self._small(r - state.r, r)
        converged = jnp.where(taken, settled, self._hopeless(info, theta))
        state_after = _State(
            inner=inner,
            r=r,
            aux=aux,
            idle=jnp.where(taken, 0, state.idle + 1).astype(jnp.int32),
            converged=converged & fine,
            diverged=~fine,
            rank=info.rank,
            cutoff=info.cutoff,
        )
        # Optimistix asks for what belongs to the y that came in.
        return new_y, state_after, state.aux

    def terminate(self, fn, y, args, options, state, tags):
        del fn, y, args, options, tags
        failed = state.diverged | state.stalled
        result = optx.RESULTS.where(
            failed, optx.RESULTS.nonlinear_divergence, optx.RESULTS.successful
        )
        return state.converged | failed, result

    def postprocess(self, fn, y, aux, args, options, state, tags, result):
        del fn, aux, args, options, tags, result
        stats = {"rank": state.rank, "cutoff": state.cutoff, "stalled": state.stalled}
        return y, state.aux, stats

    def _small(self, change, value) -> Bool[Array, ""]:
        scale = self.atol + self.rtol * jnp.abs(value)
        return self.norm(jnp.abs(change) / scale) < 1

    def _hopeless(self, info: Info, theta) -> Bool[Array, ""]:
        """Whether the change of |r| promised is below the tolerance, or rounding."""
        size = jnp.sqrt(info.loss)
        promised = jnp.sqrt(info.predicted)
        rounding = 100.0 * jnp.finfo(theta.dtype).eps
        noise = rounding * (size + info.sigma_max * jnp.linalg.norm(theta))
        return promised < jnp.maximum(self.atol + self.rtol * size, noise)


def _flat(
    fn: Callable, y: Any, args: Any, dtype
) -> tuple[FunctionResiduals, Float[Array, " p"]]:
    """The problem on a flat vector, with residuals and vector of one dtype."""
    theta, unravel = ravel_pytree(y)
    own = theta.dtype

    def rows(tree):
        return ravel_pytree(fn(tree, args)[0])[0].astype(dtype)

    residuals = FunctionResiduals(rows, lambda vector: unravel(vector.astype(own)))
    return residuals, theta.astype(dtype)

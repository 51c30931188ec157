import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int

from ..residuals import ResidualMap
from ..sven import AbstractSolver, Info


# Random directions that estimate the size of terms; a factor of two is good enough.
_SIGNS = 16


class Leg(eqx.Module):
    """Where some steps on one set of points led, with one record per step."""

    theta: Float[Array, " p"]
    state: Any
    record: Info
    taken: Int[Array, ""]


def advance(
    solver: AbstractSolver,
    residuals: ResidualMap,
    theta: Float[Array, " p"],
    state: Any,
    limit: int,
    capacity: int,
) -> Leg:
    """Take `limit` steps, at most `capacity`, in one compiled loop.

    It ends early at a step that is not finite.
    """
    leg = _compiled(_advance)(
        solver, residuals, theta, state, jnp.asarray(limit, jnp.int32), capacity
    )
    return jax.block_until_ready(leg)


def shares(
    residuals: ResidualMap, theta: Float[Array, " p"]
) -> Float[Array, " blocks"]:
    """The part of each block in the loss; maps of one structure share the code."""
    if not residuals.blocks:
        return jnp.zeros(0, theta.dtype)
    return _compiled(_shares)(residuals, theta)


def terms(residuals: ResidualMap, theta: Float[Array, " p"]) -> Float[Array, " blocks"]:
    r"""The size that each block's share would have if nothing in its rows cancelled.

    That is the sum over its rows of $\sum_j (J_{ij}\theta_j)^2$, estimated by the mean
    of $(J(s \circ \theta))_i^2$ over some random signs $s$: the residual beside it is
    the relative change of the weights that explains it, a backward error.

    Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms (2002), ch. 7.
    """
    if not residuals.blocks:
        return jnp.zeros(0, theta.dtype)
    return _compiled(_terms)(residuals, theta)


@functools.cache
def _compiled(fn: Callable) -> Callable:
    # On a CPU the dearest compiler passes double the time to compile and gain nothing
    # that can be measured. Built at the first call: asking earlier would start JAX.
    on_cpu = jax.default_backend() == "cpu"
    options = {"xla_backend_optimization_level": 1} if on_cpu else None
    jit: Callable = eqx.filter_jit
    return jit(fn, compiler_options=options)


def _shares(residuals, theta):
    return residuals.shares(residuals(theta))


def _terms(residuals, theta):
    signs = jr.rademacher(jr.key(0), (_SIGNS, theta.size), theta.dtype)
    # One at a time: the memory of a single residual is enough.
    along = lambda sign: residuals.shares(residuals.jvp(theta, sign * theta))
    return jnp.mean(jax.lax.map(along, signs), axis=0)


def _advance(solver, residuals, theta, state, limit, capacity) -> Leg:
    blank = jax.tree.map(
        lambda a: jnp.zeros((capacity, *a.shape), a.dtype),
        jax.eval_shape(lambda: solver.step(residuals, theta, state)[2]),
    )

    def going(carry):
        i, _, _, fine, _ = carry
        return (i < limit) & fine

    def body(carry):
        i, theta, state, _, record = carry
        theta, state, info = solver.step(residuals, theta, state)
        fine = jnp.all(jnp.isfinite(theta)) & jnp.isfinite(info.loss_after)
        record = jax.tree.map(lambda a, b: a.at[i].set(b), record, info)
        return i + 1, theta, state, fine, record

    start = (jnp.zeros((), jnp.int32), theta, state, jnp.ones((), bool), blank)
    i, theta, state, _, record = jax.lax.while_loop(going, body, start)
    return Leg(theta, state, record, i)

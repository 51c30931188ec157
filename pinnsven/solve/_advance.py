import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._precision import full_precision
from ..residuals import Block, ResidualMap
from ..sven import SVD, AbstractSolver, Info, Spectrum


# Points of a block that show the size of its terms.
_ROWS = 256


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


def measures(
    residuals: ResidualMap, theta: Float[Array, " p"]
) -> Float[Array, "2 blocks"]:
    r"""The shares, and what they would be if every row were as large as the mean.

    With the scales $s_i$ of the rows the second is $(\sum_i s_i |r_i|)^2/\sum_i s_i^2$.
    """
    if not residuals.blocks:
        return jnp.zeros((2, 0), theta.dtype)
    return _compiled(_measures)(residuals, theta)


def terms(residuals: ResidualMap, theta: Float[Array, " p"]) -> Float[Array, " blocks"]:
    r"""The size that each block's share would have if nothing in its rows cancelled.

    That is the sum over its rows of $\sum_j (J_{ij}\theta_j)^2$, from some of the rows
    where there are many: the residual beside it is the relative change of the weights
    that explains it, a backward error.

    Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms (2002), ch. 7.
    """
    if not residuals.blocks:
        return jnp.zeros(0, theta.dtype)
    return _compiled(_terms)(residuals, theta)


def decomposed(residuals: ResidualMap, theta: Float[Array, " p"]) -> Spectrum:
    """The exact singular value decomposition of the Jacobian."""
    return _compiled(_decomposed)(residuals, theta)


@functools.cache
def _compiled(fn: Callable) -> Callable:
    # Built at the first call: to ask for the device earlier would start JAX.
    options = _quick() if jax.default_backend() == "cpu" else None
    jit: Callable = eqx.filter_jit
    return full_precision(jit(fn, compiler_options=options))


@functools.cache
def _quick() -> dict[str, int | bool]:
    """Options that more than halve the time to compile for a CPU.

    The dearest passes, and the newer of XLA's two ways to make kernels, gain nothing
    that can be measured here. Another version may not know the option of the latter.
    """
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        options = {}
    return {"xla_backend_optimization_level": 1, **options}


def _shares(residuals, theta):
    return residuals.shares(residuals(theta))


def _measures(residuals, theta):
    r = residuals(theta)
    means = []
    for block, part in zip(residuals.blocks, residuals.parts(r), strict=True):
        rows = jnp.linalg.norm(part.reshape(-1, block.components), axis=1)
        means.append(jnp.sum(block.scale * rows) ** 2 / jnp.sum(block.scale**2))
    return jnp.stack([residuals.shares(r), jnp.stack(means)])


def _terms(residuals, theta):
    trained = residuals.unravel(theta)
    return jnp.stack([_block_terms(b, trained, theta) for b in residuals.blocks])


def _decomposed(residuals, theta):
    return SVD()(*residuals.linearise(theta))


def _block_terms(block: Block, trained, theta):
    some = lambda a: a[:: -(-block.scale.size // _ROWS)]
    part = Block(
        jax.tree.map(some, block.points),
        some(block.scale),
        block.row,
        block.components,
    )
    size = lambda gradient: jnp.sum((gradient * theta) ** 2)
    _, sizes = part.by_point(trained, theta.size, size)
    whole = jnp.sum(block.scale**2) / jnp.sum(part.scale**2)
    return whole * jnp.sum(sizes)


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
        new, state, info = solver.step(residuals, theta, state)
        # Without a finite Jacobian there is no direction: stay, so that it can be shown
        # where that happened.
        theta = jnp.where(jnp.isfinite(info.sigma_max), new, theta)
        fine = jnp.all(jnp.isfinite(theta)) & jnp.isfinite(info.loss_after)
        record = jax.tree.map(lambda a, b: a.at[i].set(b), record, info)
        return i + 1, theta, state, fine, record

    start = (jnp.zeros((), jnp.int32), theta, state, jnp.ones((), bool), blank)
    i, theta, state, _, record = jax.lax.while_loop(going, body, start)
    return Leg(theta, state, record, i)

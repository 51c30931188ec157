from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..residuals import ResidualMap
from ..sven import AbstractSolver, Info
from ._sampling import AbstractSampling


class Record(eqx.Module):
    """One entry per step, and per block where a second axis is named."""

    info: Info
    train: Float[Array, "steps blocks"]
    held: Float[Array, "steps moving"]


class Leg(eqx.Module):
    """What some steps on one set of points led to."""

    theta: Float[Array, " p"]
    state: Any
    record: Record
    taken: Int[Array, ""]
    outgrown: Bool[Array, " moving"]
    check: Float[Array, " checked"]
    train: Float[Array, " blocks"]


@eqx.filter_jit
def advance(
    solver: AbstractSolver,
    sampling: AbstractSampling,
    maps: tuple[ResidualMap, ResidualMap, ResidualMap],
    theta: Float[Array, " p"],
    state: Any,
    limit: Int[Array, ""],
    capacity: int,
) -> Leg:
    """Take at most `limit` steps; stop early when some points are outgrown.

    `maps` are the residuals on training, held-out and check points. With `limit` zero
    only the residuals are evaluated. Everything happens in one compiled loop.
    """
    train, held, check = maps
    moving = jnp.asarray([train.names.index(name) for name in held.names], jnp.int32)
    blank = jax.tree.map(
        lambda a: jnp.zeros((capacity, *a.shape), a.dtype),
        jax.eval_shape(lambda: _one(solver, train, held, theta, state)[2]),
    )

    def going(carry):
        i, _, _, outgrown, fine, _ = carry
        return (i < limit) & ~jnp.any(outgrown) & fine

    def body(carry):
        i, theta, state, _, _, record = carry
        theta, state, entry = _one(solver, train, held, theta, state)
        outgrown = sampling.outgrown(
            entry.train[moving], entry.held, jnp.sum(entry.train)
        )
        fine = jnp.all(jnp.isfinite(theta)) & jnp.isfinite(entry.info.loss_after)
        record = jax.tree.map(lambda a, b: a.at[i].set(b), record, entry)
        return i + 1, theta, state, outgrown, fine, record

    start = (
        jnp.zeros((), jnp.int32),
        theta,
        state,
        jnp.zeros(len(held.names), bool),
        jnp.ones((), bool),
        blank,
    )
    i, theta, state, outgrown, _, record = jax.lax.while_loop(going, body, start)
    return Leg(
        theta, state, record, i, outgrown, _shares(check, theta), _shares(train, theta)
    )


def _one(solver, train, held, theta, state):
    theta, state, info = solver.step(train, theta, state)
    return theta, state, Record(info, _shares(train, theta), _shares(held, theta))


def _shares(residuals: ResidualMap, theta) -> Float[Array, " blocks"]:
    if not residuals.blocks:
        return jnp.zeros(0, theta.dtype)
    return residuals.shares(residuals(theta))

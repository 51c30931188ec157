import abc

import equinox as eqx
import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import BoundsError
from ..geometry import (
    AbstractPoints,
    Batch,
    RegionPoints,
    Sobol,
    host_generator,
    is_count,
)
from ..residuals import BoundProblem
from ._gate import Gate


# Points stay even where their times do not count yet: they are there once these do.
_SHUT = 1e-2
# Nothing is added where rows times weights would be more: a Jacobian of a GiB.
_LARGEST = 2**27


class Draw(eqx.Module):
    """The points of the step, and other points of the same distribution, per condition.

    `held` leaves out conditions whose points may not move.
    """

    train: dict[str, Batch]
    held: dict[str, Batch]


class AbstractSampling(eqx.Module):
    """Which points the steps use, and when they are replaced."""

    @abc.abstractmethod
    def start(self, bound: BoundProblem, key: PRNGKeyArray) -> Draw:
        """The points of the first step."""

    @abc.abstractmethod
    def outgrown(
        self, train: dict[str, float], held: dict[str, float]
    ) -> tuple[str, ...]:
        """The moving blocks that fit their own points better than the held-out ones.

        Both map a name to its share of the loss; `train` has every block.
        """

    @abc.abstractmethod
    def redraw(
        self,
        bound: BoundProblem,
        theta,
        draw: Draw,
        names,
        key: PRNGKeyArray,
        gate: Gate | None,
        more: bool,
    ) -> Draw:
        """Replace the points of the named conditions, where their times count.

        `more`: as many as there are were not enough, so keep them beside new ones.
        """

    @abc.abstractmethod
    def refined(
        self,
        bound: BoundProblem,
        draw: Draw,
        training: dict[str, float],
        unseen: dict[str, float],
    ) -> tuple[Draw, tuple[str, ...]]:
        """The points with more of those that a rule has placed, and whose they are.

        Both map a name to its root mean square residual.
        """

    @abc.abstractmethod
    def gate(
        self, bound: BoundProblem, theta, draw: Draw, first: dict[str, float]
    ) -> Gate | None:
        """How much each time counts in the next steps; `None` from when all count.

        `first` has the root mean square residuals before the first step.
        """


class Fixed(AbstractSampling):
    """Keep the first points for the whole run."""

    def start(self, bound, key):
        return Draw(bound.draw(key), {})

    def outgrown(self, train, held):
        del train, held
        return ()

    def redraw(self, bound, theta, draw, names, key, gate, more):
        del bound, theta, names, key, gate, more
        return draw

    def refined(self, bound, draw, training, unseen):
        del bound, training, unseen
        return draw, ()

    def gate(self, bound, theta, draw, first):
        del bound, theta, draw, first


class Adaptive(AbstractSampling):
    r"""Renew a block's points when it fits them better than points it has not seen.

    Each condition holds `n` training points and `n` held-out points of the same
    distribution. Once the mean square on the held-out ones exceeds `factor` times that
    on the training ones, and is more than `share` of the whole loss, half of both sets
    is replaced: by points drawn without replacement from `pool` x n Sobol points with
    probability proportional to $q = |f|/\overline{|f|} + 1$, that enter with a weight
    proportional to $q^{-1/2}$, half-way to the unbiased one.

    Far from the solution this explores with ever new points; where the network cheats
    between points it puts points; once training and unseen residual agree it leaves
    the step alone. Where renewing no longer helps, the old points are kept beside as
    many new ones, up to `growth` times as many as were asked for.

    Points that a deterministic sampler placed, Gauss-Legendre nodes for one, cannot
    move. Where the residual on unseen points is more than `parted` times that on the
    nodes, the rule is drawn again with twice the budget, up to the same limit.

    Points that the user brought stay fixed, and so do regions of one or two points.

    Source of the density: Wu, Zhu, Tan, Kartha and Lu, Comput. Methods Appl. Mech.
    Engrg. 403 (2023), RAD with k = c = 1.
    """

    factor: float = 4.0
    share: float = 0.01
    pool: int = 20
    parted: float = 10.0
    growth: int = 8

    def __check_init__(self):
        if not self.parted > 1:
            raise BoundsError(
                f"`Adaptive(parted={self.parted!r})` would add nodes where they "
                "suffice; give a factor above 1."
            )
        if not is_count(self.growth):
            raise BoundsError(
                f"`Adaptive(growth={self.growth!r})`: give a whole number, 1 for "
                "points that never become more."
            )
        if not self.factor > 1:
            raise BoundsError(
                f"`Adaptive(factor={self.factor!r})` would renew points that fit; give "
                "a factor above 1."
            )
        if not self.share >= 0:
            raise BoundsError(
                f"`Adaptive(share={self.share!r})` is no share of the loss; give a "
                "number from 0 to 1."
            )
        if not is_count(self.pool) or self.pool < 2:
            raise BoundsError(
                f"`Adaptive(pool={self.pool!r})` leaves no choice of points; give a "
                "whole number of at least 2."
            )

    def start(self, bound, key):
        train = bound.draw(key)
        again = bound.draw(jr.fold_in(key, 2**20))
        moving = {k: b for k, b in again.items() if _moves(bound, k)}
        return Draw(train, moving)

    def outgrown(self, train, held):
        floor = self.share * sum(train.values())
        return tuple(
            name
            for name, value in held.items()
            if value > self.factor * train[name] and value > floor
        )

    def redraw(self, bound, theta, draw, names, key, gate, more):
        train, held = dict(draw.train), dict(draw.held)
        for name in names:
            block_key = jr.fold_in(key, bound.names.index(name))
            rng = host_generator(jr.fold_in(block_key, 1))
            old = (train[name], held[name])
            size = old[0].size
            grows = more and self._may_grow(bound, train, name, 2 * size)
            kept, fresh = (size, size) if grows else (size // 2, size - size // 2)
            count = max(self.pool * bound.conditions[name].points.n, 4 * size)
            pool, density = self._pool(bound, name, theta, block_key, count)
            if gate is not None and name in gate.names:
                density = density * np.maximum(gate.at(pool), _SHUT)
            index = rng.permutation(_systematic(density, 2 * fresh, rng))
            weights = density[index] ** -0.5 / size
            parts = np.split(index, 2), np.split(weights, 2)
            train[name], held[name] = (
                batch.take(rng.permutation(size)[size - kept :])
                .join(pool.take(i, w))
                .normalised()
                for batch, i, w in zip(old, *parts, strict=True)
            )
        return Draw(train, held)

    def refined(self, bound, draw, training, unseen):
        weight = {name: c.weight for name, c in bound.conditions.items()}
        floor = self.share * sum(weight[k] * v**2 for k, v in training.items())
        train, grown = dict(draw.train), []
        for name, value in unseen.items():
            points = _rule(bound.conditions[name].points)
            parted = value > self.parted * training[name]
            if points is None or not parted or weight[name] * value**2 <= floor:
                continue
            more = RegionPoints(points.region, 2 * train[name].size, points.sampler)
            if self._may_grow(bound, train, name, more.n):
                train[name] = more.draw(jr.key(0))  # a rule needs no key
                grown.append(name)
        return Draw(train, draw.held), tuple(grown)

    def gate(self, bound, theta, draw, first):
        del bound, theta, draw, first

    def _may_grow(self, bound: BoundProblem, train, name: str, n: int) -> bool:
        """Whether a block may have `n` points, of a random sampler or of a rule."""
        rows = dict(zip(bound.names, bound.map(train).sizes, strict=True))
        total = sum(rows.values()) + rows[name] * (n / train[name].size - 1.0)
        asked = bound.conditions[name].points.n
        return n <= self.growth * asked and total * bound.theta.size <= _LARGEST

    def _pool(self, bound: BoundProblem, name: str, theta, key, n: int):
        """`n` candidate points, and their relative density with mean one."""
        points = bound.conditions[name].points
        assert isinstance(points, RegionPoints)
        pool = points.region.sample(Sobol(), n, key)
        residual = np.linalg.norm(bound.values(name, pool, theta), axis=1)
        mean = residual.mean()
        if not 0 < mean < np.inf:
            return pool, np.ones_like(residual)
        return pool, 0.5 * (residual / mean + 1.0)


def added(bound: BoundProblem, draw: Draw) -> list[str]:
    """A line about the blocks that have more points than at first, if there are any."""
    first = {name: batch.size for name, batch in bound.draw(jr.key(0)).items()}
    now = {name: batch.size for name, batch in draw.train.items()}
    more = [f"{k} {first[k]} to {n}" for k, n in now.items() if n > first[k]]
    return [f"points added: {', '.join(more)}"] if more else []


def _moves(bound: BoundProblem, name: str) -> bool:
    points = bound.conditions[name].points
    # One or two points were surely put where they are for a reason.
    return points.redrawable and points.draw(jr.key(0)).size > 2


def _rule(points: AbstractPoints) -> RegionPoints | None:
    """The points themselves, if a deterministic sampler placed them in a region."""
    if not isinstance(points, RegionPoints) or points.region.isolated:
        return None
    return None if points.sampler is None or points.sampler.random else points


def _systematic(density: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """`m` distinct indices with inclusion probability proportional to the density.

    Source: systematic sampling, Madow, Ann. Math. Statist. 20 (1949).
    """
    expected = density / density.sum() * m
    certain = np.zeros(density.size, bool)
    while (over := ~certain & (expected >= 1.0)).any():
        certain |= over
        rest = density[~certain]
        expected[certain] = 1.0
        expected[~certain] = rest / rest.sum() * (m - certain.sum())
    order = rng.permutation(density.size)
    ends = np.cumsum(expected[order])
    ends *= m / ends[-1]
    return order[np.searchsorted(ends, np.arange(m) + rng.random(), side="right")]

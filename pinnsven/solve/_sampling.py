import abc

import equinox as eqx
import jax.random as jr
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ..geometry import Batch, RegionPoints, Sobol, host_generator
from ..residuals import BoundProblem


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
        self, train: Float[Array, " blocks"], held: Float[Array, " moving"], total
    ) -> Bool[Array, " moving"]:
        """Which moving blocks fit their own points better than the held-out ones."""

    @abc.abstractmethod
    def redraw(
        self, bound: BoundProblem, theta, draw: Draw, names, key: PRNGKeyArray
    ) -> Draw:
        """Replace the points of the named conditions."""


class Fixed(AbstractSampling):
    """Keep the first points for the whole run."""

    def start(self, bound, key):
        return Draw(bound.draw(key), {})

    def outgrown(self, train, held, total):
        del train, total
        return held < 0

    def redraw(self, bound, theta, draw, names, key):
        del bound, theta, names, key
        return draw


class Adaptive(AbstractSampling):
    r"""Replace a block's points when it fits them better than points it has not seen.

    Each condition holds `n` training points and `n` held-out points of the same
    distribution. As soon as the mean square on the held-out ones exceeds `factor`
    times that on the training ones, and is more than `share` of the whole loss, both
    sets are drawn anew: without replacement from `pool * n` Sobol points, with
    probability proportional to $|f|/\overline{|f|} + 1$. Far from the solution this
    explores with ever new points; where the network cheats between points it puts
    points; once training and unseen residual agree it leaves the step alone.

    Points that the user brought, or placed by a deterministic sampler, stay fixed.

    Source of the density: Wu, Zhu, Tan, Kartha and Lu, Comput. Methods Appl. Mech.
    Engrg. 403 (2023), RAD with k = c = 1.
    """

    factor: float = 4.0
    share: float = 0.01
    pool: int = 20

    def start(self, bound, key):
        train = bound.draw(key)
        again = bound.draw(jr.fold_in(key, 2**20))
        moving = {k: b for k, b in again.items() if _moves(bound, k)}
        return Draw(train, moving)

    def outgrown(self, train, held, total):
        return (held > self.factor * train) & (held > self.share * total)

    def redraw(self, bound, theta, draw, names, key):
        train, held = dict(draw.train), dict(draw.held)
        for name in names:
            block_key = jr.fold_in(key, bound.names.index(name))
            points = bound.conditions[name].points
            assert isinstance(points, RegionPoints)
            n = train[name].size
            pool = points.region.sample(Sobol(), self.pool * n, block_key)
            size = np.linalg.norm(bound.values(name, pool, theta), axis=1)
            mean = size.mean()
            density = size / mean + 1.0 if 0 < mean < np.inf else np.ones_like(size)
            rng = host_generator(jr.fold_in(block_key, 1))
            index = rng.permutation(_systematic(density, 2 * n, rng))
            equal = np.full(n, 1.0 / n, pool.weights.dtype)
            train[name] = pool.take(index[:n], equal)
            held[name] = pool.take(index[n:], equal)
        return Draw(train, held)


def _moves(bound: BoundProblem, name: str) -> bool:
    points = bound.conditions[name].points
    # A single point, such as the end of an interval, has nowhere to move.
    return points.redrawable and points.draw(jr.key(0)).size > 2


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

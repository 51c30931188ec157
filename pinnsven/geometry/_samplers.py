import abc
import math

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from scipy.stats import qmc

from .._errors import BoundsError


def host_generator(key: PRNGKeyArray) -> np.random.Generator:
    """A NumPy generator that is a pure function of a JAX key."""
    return np.random.default_rng(np.asarray(jr.key_data(key)).ravel().tolist())


class AbstractSampler(eqx.Module):
    """A rule that places points in the unit cube and weighs them.

    The weights add up to one, so that a weighted sum is a mean over the cube.
    """

    @property
    @abc.abstractmethod
    def random(self) -> bool:
        """Whether another key gives other points."""

    @abc.abstractmethod
    def sample(
        self, n: int, dim: int, key: PRNGKeyArray
    ) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, " m"]]:
        """Points in `[0, 1]^dim` and their weights; `n` is a budget."""


class Sobol(AbstractSampler):
    """Scrambled Sobol points: low discrepancy, fresh for every key. Exactly `n`.

    No more points than dimensions are a Latin hypercube instead, even along each
    coordinate: so few could be even in some pairs at best, for ten times the time.

    Sources: I. M. Sobol', USSR Comput. Math. 7 (1967); the scrambling is Matousek's, as
    in `scipy.stats.qmc.Sobol`. McKay, Beckman and Conover, Technometrics 21 (1979).
    """

    @property
    def random(self) -> bool:
        return True

    def sample(self, n, dim, key):
        rng = host_generator(key)
        if 1 < n <= dim:
            points = qmc.LatinHypercube(dim, rng=rng).random(n)
        else:
            # Powers of two are drawn and cut: SciPy warns of others.
            exponent = max(0, math.ceil(math.log2(n)))
            points = qmc.Sobol(dim, rng=rng).random_base2(exponent)[:n]
        return points, np.full(n, 1.0 / n)


class Uniform(AbstractSampler):
    """Independent uniform points. Exactly `n`."""

    @property
    def random(self) -> bool:
        return True

    def sample(self, n, dim, key):
        return host_generator(key).random((n, dim)), np.full(n, 1.0 / n)


class Grid(AbstractSampler):
    """An equispaced tensor grid of cell midpoints, with equal weights.

    The budget is rounded to the nearest tensor product, at least one point per axis.
    """

    @property
    def random(self) -> bool:
        return False

    def sample(self, n, dim, key):
        del key
        axis = (np.arange(side := _side(n, dim)) + 0.5) / side
        return _tensor([axis] * dim), np.full(side**dim, 1.0 / side**dim)


class GaussLegendre(AbstractSampler):
    """Tensor Gauss-Legendre nodes and weights, on `panels` equal panels per axis.

    With `m` nodes per panel the rule is exact for polynomials up to degree `2m - 1` in
    each coordinate. The budget is rounded to the nearest tensor product. For a smooth
    solution on a box these nodes need several times fewer rows than random ones.
    """

    panels: int = 1

    def __check_init__(self):
        if not is_count(self.panels):
            raise BoundsError(
                f"`GaussLegendre` got panels={self.panels!r}; give a whole number of "
                "at least 1."
            )

    @property
    def random(self) -> bool:
        return False

    def sample(self, n, dim, key):
        del key
        return self.nodes(n, dim)

    def nodes(
        self, n: int, dim: int
    ) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, " m"]]:
        """Nodes in `[0, 1]^dim` and their weights, which no key changes."""
        nodes = max(1, round(_side(n, dim) / self.panels))
        x, w = np.polynomial.legendre.leggauss(nodes)
        starts = np.arange(self.panels)[:, None]
        axis = ((starts + (x + 1.0) / 2.0) / self.panels).ravel()
        weight = np.tile(w / 2.0 / self.panels, self.panels)
        return _tensor([axis] * dim), np.prod(_tensor([weight] * dim), axis=1)


def is_count(value) -> bool:
    """Whether a value is a whole number of at least one."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return bool(whole and value >= 1)


def _side(n: int, dim: int) -> int:
    return max(1, round(n ** (1.0 / dim)))


def _tensor(axes: list[np.ndarray]) -> np.ndarray:
    return np.stack([m.ravel() for m in np.meshgrid(*axes, indexing="ij")], axis=1)


def split_key(key: PRNGKeyArray, n: int) -> list[PRNGKeyArray]:
    """`n` independent keys, each a fold of its own index."""
    return [jax.random.fold_in(key, i) for i in range(n)]

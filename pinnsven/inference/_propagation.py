import dataclasses
from collections.abc import Mapping
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from .._errors import PinnsvenError, UnknownNameError, listing
from .._precision import full_precision
from ..conditions import AbstractData
from ..fields import Model
from ..residuals import CHUNK_ENTRIES, BoundProblem, ResidualMap
from ..sven import SVD
from ._noise import DataBlock, estimate


# Directions below this are not measured by the conditions at all.
_UNRESOLVED = 1e-9
# The part of a gradient outside of the measured directions that makes it undetermined,
# and the least that is not rounding.
_LOST, _TRACE = 1e-3, 1e-6
# A shift of a quantity, over the size of its gradient, that leaves it undetermined.
_SHIFT = 0.05


@dataclasses.dataclass(frozen=True)
class Spread:
    r"""What is known about the errors of some quantities $q_k(\theta)$.

    - `root`: a matrix $R$ with covariance $R R^T$, a column for each row of the data
      and one for the step that is still ahead.
    - `size`: $|\nabla q|$, by which the other numbers are judged.
    - `missing`: the part of $\nabla q$ that no condition measures: how far $q$ moves
      with a change of the weights by one that no row notices.
    - `leftover`: how far $q$ could move if the residuals that the equations are left
      with had the worst shape, with weights that move by about one at most:
      $\sum_b |\nabla q\,V S(S^2 + |r_b|^2)^{-1}U_b^T|\,|r_b|$.
    - `noise_unknown`: whether $q$ depends on data whose noise nothing tells.
    - `freedom`: degrees of freedom of the variance (Welch and Satterthwaite); infinite
      where every `sigma` is given.
    - `shift`: the `leftover` over `size` above which a quantity counts as undetermined.
    """

    root: Float[np.ndarray, "q n"]
    size: Float[np.ndarray, " q"]
    missing: Float[np.ndarray, " q"]
    leftover: Float[np.ndarray, " q"]
    noise_unknown: Bool[np.ndarray, " q"]
    freedom: Float[np.ndarray, " q"]
    shift: float

    @property
    def finite(self) -> Float[np.ndarray, " q"]:
        """The standard error as far as it is known."""
        return np.sqrt(np.sum(self.root**2, axis=1) + self._trace**2)

    @property
    def _trace(self) -> Float[np.ndarray, " q"]:
        # A trace of a gradient always lies outside of the measured directions for a
        # network, whose singular values have no gap; the weights may move by about
        # one, their own size, along there.
        return np.where(self.missing > _TRACE * self.size, self.missing, 0.0)

    @property
    def undetermined(self) -> Bool[np.ndarray, " q"]:
        """Where the conditions do not determine the quantity."""
        outside = self.missing > _LOST * self.size
        return outside | (self.leftover > self.shift * self.size)

    @property
    def std(self) -> Float[np.ndarray, " q"]:
        """The standard errors; infinite where a quantity is undetermined."""
        return np.where(self.undetermined | self.noise_unknown, np.inf, self.finite)

    @property
    def covariance(self) -> Float[np.ndarray, "q q"]:
        """The covariance: infinite variances as in `std`, and NaN beside them."""
        lost = ~np.isfinite(self.std)
        matrix = self.root @ self.root.T + np.diag(self._trace**2)
        matrix[lost, :] = np.nan
        matrix[:, lost] = np.nan
        matrix[lost, lost] = np.inf
        return matrix


class Propagation:
    r"""How the noise of the data moves whatever depends on $\theta$, linearly.

    At a solution the estimate moves by $-J^+\delta r$ when the rows move by
    $\delta r$. Only rows of data are noisy, so a quantity $q$ has the variance

    $$ \mathrm{var}\,q = \sum_{i \in \text{data}}
       \left(\nabla q\,V S^{-1} U^T\right)_i^2\,\lambda w_i\,\bar\sigma^2 ,
       \qquad J = U S V^T . $$

    A run that was cut short is not at the minimum yet. The Gauss-Newton step that is
    still ahead would move $q$ by $-\nabla q\,J^+r$, whose square is added; it is zero
    at a minimum.

    **Arguments:** the bound problem, the residual map of the fit and its solution
    `theta`; `unseen`, the root mean square residual of conditions on other points.

    **Raises:** `PinnsvenError` if no condition is `Data` or `Trajectory`.

    Source: Bjorck, Numerical Methods for Least Squares Problems (1996), chapter 1;
    Seber and Wild, Nonlinear Regression (1989), chapter 2.
    """

    def __init__(
        self,
        bound: BoundProblem,
        residuals: ResidualMap,
        theta,
        unseen: Mapping[str, float] | None = None,
    ):
        if not any(isinstance(c, AbstractData) for c in bound.conditions.values()):
            raise PinnsvenError(
                "Error bars need noise to propagate, but no condition is `ps.Data` or "
                "`ps.Trajectory`. Give the measured values as "
                '`ps.Data("u", points, values, sigma=...)`.'
            )
        self.bound, self.theta = bound, theta
        self.model: Model = bound.rebuild(theta)
        r, j = (np.asarray(a) for a in _linearise(residuals, theta))
        u, s, vt = np.linalg.svd(j, full_matrices=False)
        kept = s > max(_UNRESOLVED, SVD().floor(s.dtype)) * s[0]
        self._u, self._s, self._vt = u[:, kept], s[kept], vt[kept]
        self._remaining = self._u.T @ r
        self._blocks: list[DataBlock] = []
        self._leftovers: list[tuple[np.ndarray, float]] = []
        start = 0
        for name, block, size in zip(
            residuals.names, residuals.blocks, residuals.sizes, strict=True
        ):
            rows = slice(start, start + size)
            start += size
            condition, own = bound.conditions[name], self._u[rows]
            if isinstance(condition, AbstractData):
                scale = np.repeat(np.asarray(block.scale), block.components)
                sigma = None if condition.sigma is None else condition.sigma_mean
                self._blocks.append(DataBlock(own, r[rows], scale, sigma))
            else:
                left = float(np.linalg.norm(r[rows]))
                other = (unseen or {}).get(name, 0.0) * condition.weight**0.5
                self._leftovers.append((own.T @ own, max(left, other)))

    @cached_property
    def _noise(self):
        return estimate(self._blocks)

    def spread(
        self, gradients: Float[np.ndarray, "q p"], shift: float = _SHIFT
    ) -> Spread:
        """The errors of quantities with the given gradients; see `Spread.shift`."""
        along = gradients @ self._vt.T
        pull = along / self._s
        sigma, freedom = self._noise
        gain = pull @ np.concatenate([b.u for b in self._blocks]).T
        # What counts for nothing must not be made infinite by noise that nobody knows.
        gain[np.abs(gain) < 1e-9 * _norm(gain)[:, None]] = 0.0
        known = np.isfinite(sigma)
        root = gain * np.where(known, sigma, 0.0)
        ahead = -pull @ self._remaining
        ends = np.cumsum([b.size for b in self._blocks])[:-1]
        parts = [np.sum(part**2, axis=1) for part in np.split(root, ends, axis=1)]
        bounds = [
            np.sqrt(np.maximum(np.sum((p @ g) * p, axis=1), 0.0))
            for p, g in self._shifts(along)
        ]
        return Spread(
            root=np.column_stack([root, ahead]),
            size=_norm(gradients),
            missing=_norm(gradients - along @ self._vt),
            leftover=np.sum(bounds, axis=0) if bounds else np.zeros(len(gradients)),
            noise_unknown=np.any(gain[:, ~known] != 0.0, axis=1),
            freedom=_welch(np.stack(parts, axis=1), ahead**2, freedom),
            shift=shift,
        )

    def doubt(self, gradients: Float[np.ndarray, "q p"]) -> Float[np.ndarray, "q q"]:
        r"""A matrix $K$: a combination $c$ with $c^T K c > 1$ is not determined.

        What of it no condition measures, and what only the leftover of the equations
        does, each over its threshold.
        """
        along = gradients @ self._vt.T
        outside = (gradients - along @ self._vt) / _LOST
        matrix = outside @ outside.T
        for p, g in self._shifts(along / _SHIFT):
            matrix += len(self._leftovers) * (p @ g @ p.T)
        return matrix

    def _shifts(self, along):
        """For each block what its leftover does to $q$, and the metric of its rows.

        Undamped, directions in which only huge weights would matter decide alone.
        """
        for g, left in self._leftovers:
            yield along * (left * self._s / (self._s**2 + left**2)), g

    def unknowns(self, names) -> Float[np.ndarray, "q p"]:
        """The gradients of the trained numbers of unknowns, entry by entry."""
        trained = eqx.filter(self.model, eqx.is_inexact_array)
        flat, unravel = ravel_pytree(trained)
        place = unravel(jnp.arange(flat.size, dtype=flat.dtype)).unknowns
        index = [np.asarray(place[name].raw, int).ravel() for name in names]
        return np.eye(flat.size, dtype=flat.dtype)[np.concatenate(index)]

    def field(
        self, name: str, along: tuple[str, ...], points: Float[np.ndarray, "n d"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Standard errors of a field, or of a derivative, and their freedom."""
        chunk = max(1, CHUNK_ENTRIES // max(self.theta.size, 1))
        std, freedom = [], []
        for start in range(0, len(points), chunk):
            part = points[start : start + chunk]
            gradients = np.asarray(_gradients(self.model, part, name, along))
            # Of a field there is no natural size to compare a shift with.
            spread = self.spread(gradients, np.inf)
            std.append(spread.std)
            freedom.append(spread.freedom)
        if not std:
            return np.zeros(0), np.zeros(0)
        return np.concatenate(std), np.concatenate(freedom)

    def check(self, names) -> None:
        """Refuse unknowns that do not exist."""
        there = self.model.unknowns
        for name in names:
            if name not in there:
                raise UnknownNameError(
                    f"There is no unknown {name!r}; there are {listing(there)}."
                )


def slope(model: Model, name: str) -> Float[np.ndarray, " q"]:
    """How fast each entry of an unknown moves with the number that is trained."""
    unknown = model.unknowns[name]
    value = lambda raw: jnp.sum(eqx.tree_at(lambda u: u.raw, unknown, raw).value)
    return np.asarray(jax.grad(value)(unknown.raw)).ravel()


def _welch(parts: np.ndarray, rest: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Degrees of freedom of a sum of independent variances, `rest` being known."""
    total = parts.sum(axis=1) + rest
    spread = (parts**2 / freedom).sum(axis=1)
    some = spread > 0.0
    return np.where(some, total**2 / np.where(some, spread, 1.0), np.inf)


def _norm(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows, axis=1)


@full_precision
@eqx.filter_jit
def _linearise(residuals: ResidualMap, theta):
    return residuals.linearise(theta)


@full_precision
@eqx.filter_jit
def _gradients(model: Model, points, name: str, along: tuple[str, ...]):
    trained, static = eqx.partition(model, eqx.is_inexact_array)

    def gradient(point):
        value = lambda tree: eqx.combine(tree, static).field(name).d(*along).fn(*point)
        return ravel_pytree(jax.grad(value)(trained))[0]

    return jax.vmap(gradient)(points)

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import EmptyRegionError, PinnsvenError
from .._names import check_callable, check_names
from .._precision import default_dtype
from ._draw import (
    TRIALS,
    Placed,
    Predicate,
    arcs,
    counts,
    curve_rule,
    draw,
    empty,
    no_rule,
)
from ._picture import draw_region
from ._points import Batch, RegionPoints
from ._samplers import AbstractSampler, GaussLegendre, Sobol, is_count, split_key


class AbstractRegion(eqx.Module):
    """A set of points with named coordinates that can be sampled.

    - `names`: the coordinates of every point; `bounds`: its bounding box.
    - `axes`: the coordinates along which outward normals have components; often none.
    - `pieces`: what it is made of, each sampled on its own.
    """

    # A type checker takes abstract variables for arguments of the constructor.
    if TYPE_CHECKING:
        names: ClassVar[Any]
        axes: ClassVar[Any]
        bounds: ClassVar[Any]
        pieces: ClassVar[Any]
    else:
        names: eqx.AbstractVar[tuple[str, ...]]
        axes: eqx.AbstractVar[tuple[str, ...]]
        bounds: eqx.AbstractVar[dict[str, tuple[float, float]]]
        pieces: eqx.AbstractVar[Any]

    @property
    @abc.abstractmethod
    def measure(self) -> float:
        """Length, area or volume; one for a single point."""

    @property
    @abc.abstractmethod
    def isolated(self) -> bool:
        """Whether it consists of single points: there are no others to take."""

    @abc.abstractmethod
    def sample(self, sampler: AbstractSampler, n: int, key: PRNGKeyArray) -> Batch:
        """Points of the region by a sampler, as arrays on the host."""

    def points(self, n: int, sampler: AbstractSampler | None = None) -> RegionPoints:
        """Declare about `n` points of this region.

        **Arguments:**

        - `n`: how many points; tensor rules round it to the nearest product.
        - `sampler`: `ps.Sobol()`, `ps.Uniform()`, `ps.Grid()`, `ps.GaussLegendre()`;
          by default Sobol points that `solve` may move to where they are needed.

        **Raises:** `EmptyRegionError` if `n < 1`.
        """
        if not is_count(n):
            raise EmptyRegionError(
                f"`points({n!r})` asks for no number of points; give a whole number of "
                "at least 1."
            )
        if sampler is not None and not isinstance(sampler, AbstractSampler):
            raise PinnsvenError(
                f"`sampler` is {sampler!r}; give one of `ps.Sobol()`, `ps.Uniform()`, "
                "`ps.Grid()`, `ps.GaussLegendre()`."
            )
        return RegionPoints(region=self, n=int(n), sampler=sampler)

    def where(self, predicate: Callable) -> "AbstractRegion":
        """The part on which a predicate of the coordinates holds.

        **Arguments:** `predicate`, a function bound by name that maps NumPy arrays to
        an array of truth values.

        **Example:** `disc.boundary().where(lambda x, y: y > 0)`.

        **Raises:** `EmptyRegionError` if it holds nowhere.
        """
        check_callable(predicate, "`where`", "lambda x, y: y > 0")
        check_names(predicate, {"coordinates": self.names}, "`where`")
        pieces = restrict(self.pieces, Predicate(predicate))
        if not pieces:
            raise empty(TRIALS)
        if len(pieces) == 1 and not self.axes:
            return pieces[0]
        return Boundary(pieces, self.axes, self.bounds)

    def plot(self, path=None) -> Any:
        """Draw points of the region, and a boundary with its normals.

        **Arguments:** `path`, where to save the `matplotlib.figure.Figure`; it is
        returned in any case.
        """
        return draw_region(self, path)


class AbstractPiece(AbstractRegion):
    """A region with one chart: a map from the unit cube that keeps uniformity."""

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """How many numbers of the unit interval place one point."""

    @abc.abstractmethod
    def place(self, unit: np.ndarray) -> Placed:
        """Where points of the unit cube, shape `(n, dim)`, go."""

    @abc.abstractmethod
    def rule(self, sampler: GaussLegendre, n: int) -> tuple[Placed, np.ndarray]:
        """About `n` nodes of a quadrature rule, and their weights."""

    @property
    def isolated(self) -> bool:
        return self.dim == 0

    @property
    def pieces(self) -> "tuple[AbstractPiece, ...]":
        return (self,)

    def sample(self, sampler, n, key):
        return draw(self, sampler, n, key)


class Boundary(AbstractRegion):
    """Pieces with outward normals, each with its share of the points by its measure.

    `bounds` are those of the region whose boundary it is.
    """

    pieces: tuple[AbstractPiece, ...]
    axes: tuple[str, ...]
    bounds: dict[str, tuple[float, float]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.bounds)

    @property
    def measure(self) -> float:
        return sum(piece.measure for piece in self.pieces)

    @property
    def isolated(self) -> bool:
        return all(piece.isolated for piece in self.pieces)

    def sample(self, sampler, n, key):
        sizes = np.array([piece.measure for piece in self.pieces])
        shares = sizes / np.sum(sizes)
        drawn = [
            piece.sample(sampler, count, k)
            for piece, count, k in zip(
                self.pieces,
                counts(shares, n, sampler.random),
                split_key(key, len(self.pieces)),
                strict=True,
            )
        ]
        dtype = default_dtype()
        # A piece has no component along an axis that its own factor lacks.
        none = [np.zeros(b.size, dtype) for b in drawn]
        part = lambda i, k: drawn[i].normals.get(k, none[i])
        pieces = range(len(drawn))
        weights = [b.weights * s for b, s in zip(drawn, shares, strict=True)]
        return Batch(
            {k: np.concatenate([b.coordinates[k] for b in drawn]) for k in self.names},
            np.concatenate(weights).astype(dtype),
            {k: np.concatenate([part(i, k) for i in pieces]) for k in self.axes},
        )


class AbstractPart(AbstractPiece):
    """Some of the points of another piece."""

    piece: eqx.AbstractVar[AbstractPiece]

    @property
    def names(self) -> tuple[str, ...]:
        return self.piece.names

    @property
    def axes(self) -> tuple[str, ...]:
        return self.piece.axes

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return self.piece.bounds


class Cut(AbstractPart):
    """The points of a piece that a test keeps (1), or keeps with normals turned (-1).

    Its measure is that of the piece times the `share` of its points that are kept.
    """

    piece: AbstractPiece
    test: Callable
    share: float

    @property
    def dim(self) -> int:
        return self.piece.dim

    @property
    def measure(self) -> float:
        return self.piece.measure * self.share

    def place(self, unit):
        points = self.piece.place(unit)
        sign = self.test(points)
        normals = {k: v * sign for k, v in points.normals.items()}
        return Placed(points.coordinates, normals, points.kept & (sign != 0))

    def rule(self, sampler, n):
        if self.share < 1.0:
            raise no_rule("a part that was cut out of a surface or volume")
        points, weights = self.piece.rule(sampler, n)
        sign = self.test(points)
        normals = {k: v * sign for k, v in points.normals.items()}
        return Placed(points.coordinates, normals, points.kept), weights


class Arcs(AbstractPart):
    """Intervals of a curve's parameter, each with the sign of its normals."""

    piece: AbstractPiece
    intervals: tuple[tuple[float, float, int], ...] = eqx.field(static=True)

    @property
    def dim(self) -> int:
        return 1

    @property
    def measure(self) -> float:
        return self.piece.measure * sum(b - a for a, b, _ in self.intervals)

    @property
    def corners(self) -> tuple[float, ...]:
        """The parameters at which one interval ends and another begins."""
        return tuple(self._ends()[1:-1].tolist())

    def place(self, unit):
        start, stop, sign = (np.array(v) for v in zip(*self.intervals, strict=True))
        ends = self._ends()
        u = unit[:, 0]
        index = np.clip(np.searchsorted(ends, u, side="right") - 1, 0, sign.size - 1)
        inner = (u - ends[index]) / (ends[index + 1] - ends[index])
        t = start[index] + (stop - start)[index] * inner
        points = self.piece.place(t[:, None])
        normals = {k: v * sign[index] for k, v in points.normals.items()}
        return Placed(points.coordinates, normals, points.kept)

    def rule(self, sampler, n):
        return curve_rule(self, sampler, n)

    def _ends(self) -> np.ndarray:
        lengths = np.cumsum([b - a for a, b, _ in self.intervals])
        return np.concatenate([[0.0], lengths / lengths[-1]])


def restrict(pieces, test: Callable) -> tuple[AbstractPiece, ...]:
    """The parts of pieces that a test keeps, without those of which nothing is left."""
    found = []
    for piece in pieces:
        if piece.dim == 1:
            intervals = arcs(piece, test)
            kept = sum(b - a for a, b, _ in intervals)
            same = all(s == 1 for *_, s in intervals) and kept > 1.0 - 1e-12
            if kept > 1e-12:
                found.append(piece if same else Arcs(piece, intervals))
            continue
        unit = np.zeros((1, 0))
        if piece.dim:
            unit, _ = Sobol().sample(TRIALS // 4, piece.dim, jr.key(0))
        whole = piece.place(unit)
        sign = np.where(whole.kept, test(whole), 0)
        if share := float(np.sum(sign != 0) / np.sum(whole.kept)):
            same = share == 1.0 and np.all(sign[whole.kept] == 1)
            found.append(piece if same else Cut(piece, test, share))
    return tuple(found)

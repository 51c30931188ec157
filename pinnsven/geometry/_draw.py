"""How a chart and a sampler make points, and a test makes arcs."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from .._errors import EmptyRegionError, PinnsvenError
from .._names import bind
from .._precision import default_dtype
from ._points import Batch
from ._samplers import GaussLegendre, Grid


# A region is taken to be empty when none of this many points lies in it.
TRIALS = 2**16
# Cells of a curve at whose middles a test looks for the ends of arcs.
_CELLS = 2048


class Placed(NamedTuple):
    """Points by name, their normals by name, and which of them are in the region."""

    coordinates: dict[str, np.ndarray]
    normals: dict[str, np.ndarray]
    kept: np.ndarray

    def take(self, index: np.ndarray) -> "Placed":
        """The points at `index`."""
        pick = lambda values: {k: v[index] for k, v in values.items()}
        return Placed(pick(self.coordinates), pick(self.normals), self.kept[index])


class Predicate(eqx.Module):
    """A condition of the user's on coordinates: 1 where it holds, else 0."""

    fn: Callable

    def __call__(self, points: Placed) -> np.ndarray:
        holds = np.asarray(bind(self.fn, points.coordinates))
        return np.broadcast_to(holds, points.kept.shape).astype(bool).astype(int)


def placed(names, x: np.ndarray, normals: np.ndarray | None = None) -> Placed:
    """Points that are all in the region, from arrays of shape `(n, d)`."""
    columns = lambda a: dict(zip(names, a.T, strict=True))
    own = {} if normals is None else columns(normals)
    return Placed(columns(x), own, np.ones(len(x), bool))


def batch(points: Placed, weights: np.ndarray) -> Batch:
    """Points as the rows of a condition see them."""
    # For each of many coordinates to ask, or to broadcast, takes longer than to copy.
    dtype, shape = default_dtype(), weights.shape
    full = lambda v: v if np.shape(v) == shape else np.broadcast_to(v, shape)
    cast = lambda values: {k: np.array(full(v), dtype) for k, v in values.items()}
    return Batch(cast(points.coordinates), weights.astype(dtype), cast(points.normals))


def draw(piece: Any, sampler, n: int, key) -> Batch:
    """Points of a piece by a sampler."""
    if piece.dim == 0:
        # A single point; repeating it would only add equal rows.
        return batch(piece.place(np.zeros((1, 0))), np.ones(1))
    if isinstance(sampler, GaussLegendre):
        return batch(*piece.rule(sampler, n))
    solid = hasattr(piece, "contains") and not hasattr(piece, "cartesian")
    if isinstance(sampler, Grid) and solid:
        return batch(*_lattice(piece, n))
    asked = n
    while True:
        unit, weights = sampler.sample(asked, piece.dim, key)
        points = piece.place(unit)
        found = int(np.sum(points.kept))
        if found >= n or (found >= 0.9 * n and not sampler.random):
            break
        if asked >= max(TRIALS, 64 * n) and found == 0:
            raise empty(asked)
        # The same key gives, of Sobol points, the same and more of them.
        asked = int(asked * min(1.1 * n / max(found, 1), 16.0)) + 8
    index = np.flatnonzero(points.kept)
    index = index[:n] if sampler.random else index
    return batch(points.take(index), weights[index] / np.sum(weights[index]))


def empty(n: int) -> EmptyRegionError:
    """The error of a region in which no point was found."""
    return EmptyRegionError(
        f"None of {n} points drawn around this region lies in it: it is empty, or far "
        "thinner than what it was cut from. Check its signs and units."
    )


def no_rule(what: str) -> PinnsvenError:
    """The error of a region without quadrature."""
    return PinnsvenError(
        f"`ps.GaussLegendre()` has no nodes for {what}; use `ps.Sobol()`, which is the "
        "default, `ps.Uniform()` or `ps.Grid()` there."
    )


def _lattice(region: Any, n: int) -> tuple[Placed, np.ndarray]:
    """The midpoints of a Cartesian grid that lie in a region, with equal weights."""
    low, high = np.array(list(region.bounds.values())).T
    side = (region.measure / n) ** (1.0 / low.size)
    while True:
        counts = np.maximum(1, np.round((high - low) / side)).astype(int)
        lines = [
            a + (b - a) * (np.arange(m) + 0.5) / m
            for a, b, m in zip(low, high, counts, strict=True)
        ]
        mesh = [m.ravel() for m in np.meshgrid(*lines, indexing="ij")]
        points = placed(region.bounds, np.stack(mesh, axis=1))
        index = np.flatnonzero(region.contains(**points.coordinates))
        if index.size:
            return points.take(index), np.full(index.size, 1.0 / index.size)
        if np.prod(counts) > TRIALS:
            raise empty(int(np.prod(counts)))
        side /= 2.0


def counts(shares: np.ndarray, n: int, exactly: bool) -> list[int]:
    """How many points each piece gets: at least one; `n` in all where that can be."""
    wanted = shares * n
    if not exactly:
        return [max(1, round(w)) for w in wanted.tolist()]
    given = np.maximum(1, np.floor(wanted)).astype(int)
    while (missing := n - int(np.sum(given))) > 0:
        order = np.argsort(given - wanted, kind="stable")[:missing]
        given[order] += 1
    while np.sum(given) > n and np.any(given > 1):
        given[np.argmax(np.where(given > 1, given - wanted, -np.inf))] -= 1
    return given.tolist()


def arcs(piece: Any, test) -> tuple[tuple[float, float, int], ...]:
    """The intervals of a curve's parameter on which a test is not zero, and its value.

    Ends are bisected to rounding. An arc below 1/2048 of the curve may be missed.
    """
    sign = lambda t: test(piece.place(np.asarray(t)[:, None]))
    found: list[tuple[float, float, int]] = []
    edges = (0.0, *getattr(piece, "corners", ()), 1.0)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        cells = max(32, math.ceil(_CELLS * (high - low)))
        t = low + (high - low) * (np.arange(cells) + 0.5) / cells
        value = sign(t)
        turn = np.flatnonzero(value[1:] != value[:-1])
        a, b = t[turn], t[turn + 1]
        for _ in range(50):
            if not turn.size:
                break
            middle = (a + b) / 2
            same = sign(middle) == value[turn]
            a, b = np.where(same, middle, a), np.where(same, b, middle)
        ends = [low, *((a + b) / 2).tolist(), high]
        signs = [value[0], *value[turn + 1]]
        found += [
            (p, q, int(s)) for p, q, s in zip(ends[:-1], ends[1:], signs, strict=True)
        ]
    return tuple((p, q, s) for p, q, s in found if s != 0 and q > p)


def curve_rule(piece: Any, sampler: GaussLegendre, n: int):
    """Gauss-Legendre nodes on each smooth part of a curve, by its length."""
    edges = np.array([0.0, *piece.corners, 1.0])
    shares = np.diff(edges)
    nodes = [sampler.nodes(m, 1) for m in counts(shares, n, False)]
    t = [a + s * x[:, 0] for a, s, (x, _) in zip(edges, shares, nodes, strict=False)]
    weights = [s * w for s, (_, w) in zip(shares, nodes, strict=True)]
    return piece.place(np.concatenate(t)[:, None]), np.concatenate(weights)

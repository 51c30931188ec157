import functools
import hashlib
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._errors import EmptyRegionError, ShapeError
from .._precision import user_array
from ._box import Box
from ._distance import both
from ._draw import Placed, curve_rule, placed
from ._points import check_coordinates
from ._region import AbstractPiece
from ._rules import barycentric, barycentric_rule
from ._shape import AbstractShape, whole


class Table:
    """An array that compares, hashes and prints by what it holds."""

    def __init__(self, array: np.ndarray):
        self.array = np.array(array, float)
        self.array.flags.writeable = False
        self._bytes = self.array.tobytes()

    def __eq__(self, other):
        same = isinstance(other, Table) and self.array.shape == other.array.shape
        return same and self._bytes == other._bytes

    def __hash__(self):
        return hash((self.array.shape, self._bytes))

    def __repr__(self):
        if self.array.size <= 64:
            return repr(self.array.tolist())
        digest = hashlib.sha256(self._bytes).hexdigest()[:16]
        return f"Table{self.array.shape}:{digest}"


class Simplices(AbstractPiece):
    """Segments, triangles and so on, with or without normals; the inside or a surface.

    `vertices` has shape `(m, k + 1, d)`, `normals` `(m, d)` or `(0, d)` without.
    """

    names: tuple[str, ...]
    vertices: Table = eqx.field(static=True)
    normals: Table = eqx.field(static=True)

    @property
    def axes(self) -> tuple[str, ...]:
        return self.names if len(self.normals.array) else ()

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return box_of(self.names, self.vertices.array)

    @property
    def dim(self) -> int:
        return self.vertices.array.shape[1] - 1

    @property
    def measure(self) -> float:
        return float(_sizes(self.vertices)[-1])

    @property
    def corners(self) -> tuple[float, ...]:
        """Of a chain of segments: the parameters of its inner vertices."""
        ends = _sizes(self.vertices)
        return tuple((ends[:-1] / ends[-1]).tolist())

    def place(self, unit):
        ends = _sizes(self.vertices)
        u = unit[:, 0] * ends[-1]
        index = np.minimum(np.searchsorted(ends, u, side="right"), ends.size - 1)
        start = np.concatenate([[0.0], ends])[index]
        # What is left of the number that chose a simplex is uniform within it.
        left = np.clip((u - start) / (ends[index] - start), 0.0, 1.0)
        inner = barycentric(np.column_stack([left, unit[:, 1:]]))
        return self._at(index, inner)

    def rule(self, sampler, n):
        if self.dim == 1:
            return curve_rule(self, sampler, n)
        count = len(self.vertices.array)
        m = max(1, round((n / count) ** (1.0 / self.dim)))
        inner, weights = barycentric_rule(sampler, m, self.dim)
        ends = _sizes(self.vertices)
        shares = np.diff(ends, prepend=0.0) / ends[-1]
        index = np.repeat(np.arange(count), len(weights))
        points = self._at(index, np.tile(inner, (count, 1)))
        return points, np.outer(shares, weights).ravel()

    def _at(self, index: np.ndarray, inner: np.ndarray) -> Placed:
        x = np.einsum("nv,nvd->nd", inner, self.vertices.array[index])
        own = self.normals.array
        return placed(self.names, x, own[index] if len(own) else None)


class Simplex(AbstractShape):
    """A simplex: a triangle of two coordinates, a tetrahedron of three, and so on.

    **Arguments:** for each of `d` coordinates its values at the `d + 1` vertices.

    **Example:** `ps.Simplex(x=[0, 1, 0], y=[0, 0, 1])`.

    **Raises:** `ShapeError` for another number of vertices, `EmptyRegionError` if they
    lie in one plane.
    """

    names: tuple[str, ...]
    vertices: Table = eqx.field(static=True)

    def __init__(self, *unnamed, **coordinates):
        if unnamed or not coordinates:
            raise EmptyRegionError(
                "`Simplex` needs the vertices by coordinate, as in "
                "`ps.Simplex(x=[0, 1, 0], y=[0, 0, 1])`."
            )
        x = columns("Simplex", coordinates)
        if x.shape[0] != x.shape[1] + 1:
            raise ShapeError(
                f"`Simplex` got {x.shape[0]} vertices for {x.shape[1]} coordinates; it "
                f"needs {x.shape[1] + 1}. `ps.Polygon` has any number."
            )
        size = np.prod(np.maximum(np.ptp(x, axis=0), 1e-300))
        if abs(np.linalg.det(x[1:] - x[0])) <= 1e-12 * size:
            raise EmptyRegionError(
                "`Simplex` has no extent: its vertices lie in one plane or line."
            )
        self.names, self.vertices = tuple(coordinates), Table(x)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return box_of(self.names, self.vertices.array[None])

    @property
    def measure(self) -> float:
        return self._inner().measure

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return {1: "interval", 2: "triangle", 3: "tetrahedron"}.get(self.dim, "simplex")

    @property
    def rings(self):
        if len(self.names) != 2:
            return None
        return ((tuple(map(tuple, self.vertices.array.tolist())),),)

    def place(self, unit):
        return self._inner().place(unit)

    def rule(self, sampler, n):
        return self._inner().rule(sampler, n)

    def inside(self, x):
        heights = self._heights(np.stack([x[k] for k in self.names], axis=-1))
        return np.all([h >= 0 for h in heights], axis=0)

    def signed(self, x):
        return both(*self._heights(jnp.stack([x[k] for k in self.names], axis=-1)))

    def faces(self, axes, values):
        whole(self, axes, values)
        d = len(self.names)
        if d == 1:
            return Box(**self.bounds).faces(axes, values)
        keep = [[j for j in range(d + 1) if j != i] for i in range(d + 1)]
        normals, _ = self._planes()
        return (
            Simplices(self.names, Table(self.vertices.array[keep]), Table(-normals)),
        )

    def _inner(self) -> Simplices:
        d = len(self.names)
        return Simplices(
            self.names, Table(self.vertices.array[None]), Table(np.zeros((0, d)))
        )

    def _planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Inward unit normals of the facets opposite to each vertex, and offsets."""
        x = self.vertices.array
        full = np.column_stack([x, np.ones(len(x))])
        # Barycentric coordinates are affine; their gradients point inward.
        gradient = np.linalg.inv(full)
        scale = np.linalg.norm(gradient[:-1], axis=0)
        return (gradient[:-1] / scale).T, gradient[-1] / scale

    def _heights(self, x) -> list:
        normals, offsets = self._planes()
        return [x @ n + c for n, c in zip(normals, offsets, strict=True)]


def Triangle(*unnamed, **coordinates) -> Simplex:
    """A triangle: the `Simplex` of two coordinates.

    **Example:** `ps.Triangle(x=[0, 1, 0], y=[0, 0, 1])`.

    **Raises:** as `Simplex`; `ShapeError` unless there are two coordinates.
    """
    if len(coordinates) != 2:
        raise ShapeError(
            f"`Triangle` needs two coordinates with three values each, got "
            f"{len(coordinates)}; more make a `ps.Simplex`."
        )
    return Simplex(*unnamed, **coordinates)


def columns(what: str, coordinates) -> np.ndarray:
    """Vertices, shape `(m, d)`, of one array for each coordinate."""
    check_coordinates(coordinates)
    arrays = {
        k: user_array(v, f"Coordinate {k!r} of `{what}`").astype(float)
        for k, v in coordinates.items()
    }
    shapes = {k: a.shape for k, a in arrays.items()}
    if len(set(shapes.values())) > 1 or any(len(s) != 1 for s in shapes.values()):
        raise ShapeError(
            f"`{what}` needs one value of every coordinate for each vertex; got arrays "
            f"of shapes {shapes}."
        )
    return np.stack(list(arrays.values()), axis=1)


def box_of(names, vertices: np.ndarray) -> dict[str, tuple[float, float]]:
    """The bounding box of vertices, shape `(m, k, d)`."""
    low, high = vertices.min(axis=(0, 1)), vertices.max(axis=(0, 1))
    return {k: (float(a), float(b)) for k, a, b in zip(names, low, high, strict=True)}


@functools.lru_cache(maxsize=64)
def _sizes(vertices: Table) -> np.ndarray:
    """The running sum of lengths, areas or volumes."""
    x = vertices.array
    sides = x[:, 1:] - x[:, :1]
    gram = np.einsum("mid,mjd->mij", sides, sides)
    root = np.sqrt(np.maximum(np.linalg.det(gram), 0.0))
    return np.cumsum(root) / math.factorial(sides.shape[1])

import functools
import math

import equinox as eqx
import jax.random as jr
import numpy as np

from .._errors import EmptyRegionError, PinnsvenError, UnknownNameError, listing
from ._box import Box, Patch
from ._distance import both
from ._draw import TRIALS, Placed, empty, no_rule, placed
from ._polygon import polygonal
from ._region import AbstractPiece, AbstractRegion, Boundary, restrict
from ._samplers import GaussLegendre, Sobol
from ._sets import SetOperation
from ._shape import AbstractShape, Rim, combined, product, whole


class CombinedShape(AbstractShape):
    """The union, intersection or difference of two shapes of the same coordinates.

    Its measure is $\\frac{1}{d} \\oint x \\cdot n$ over its boundary. In the plane the
    boundary is made of arcs, and this is exact to about nine digits; so it is where no
    surface cuts another. Else the cut surfaces are measured with 2^14 points, to about
    three digits.
    """

    a: AbstractShape
    b: AbstractShape
    operation: SetOperation = eqx.field(static=True)

    def __check_init__(self):
        if any(low >= high for low, high in self.bounds.values()):
            raise EmptyRegionError(
                f"The {self.operation.name} of these two regions is empty: they have "
                "no points in common. Check their centres and units."
            )
        for trials in (64, TRIALS):
            unit, _ = Sobol().sample(trials, self.dim, jr.key(0))
            if np.any(self.place(unit).kept):
                return
        raise empty(TRIALS)

    @property
    def names(self) -> tuple[str, ...]:
        return self.a.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        one, two = self.a.bounds, self.b.bounds
        return {k: self.operation.interval(one[k], two[k]) for k in self.names}

    @property
    def measure(self) -> float:
        return _measure(_Key(self))

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return self.operation.name

    @property
    def rings(self):
        return None

    def place(self, unit):
        low, high = np.array(list(self.bounds.values())).T
        points = placed(self.names, low + (high - low) * unit)
        return points._replace(kept=points.kept & self.inside(points.coordinates))

    def rule(self, sampler, n):
        raise no_rule(f"a {self.operation.name} with curved sides or in space")

    def inside(self, x):
        return self.operation.inside(self.a.inside(x), self.b.inside(x))

    def signed(self, x):
        return self.operation.signed(self.a.signed(x), self.b.signed(x))

    def faces(self, axes, values):
        whole(self, axes, values)
        return _surface(_Key(self))


class _Key:
    """A shape as the key of a cache: equal when it is written alike."""

    def __init__(self, shape: CombinedShape):
        self.shape, self.text = shape, repr(shape)

    def __hash__(self):
        return hash(self.text)

    def __eq__(self, other):
        return isinstance(other, _Key) and self.text == other.text


@functools.lru_cache(maxsize=64)
def _surface(key: _Key) -> tuple[AbstractPiece, ...]:
    shape = key.shape
    own = restrict(shape.a.faces(shape.a.names, {}), Rim(shape))
    names = shape.b.names
    return own + restrict(shape.b.faces(names, {}), Rim(shape, (shape.a,)))


@functools.lru_cache(maxsize=64)
def _measure(key: _Key) -> float:
    """The flux of the position through the boundary, by the divergence theorem."""
    total, shape = 0.0, key.shape
    for piece in _surface(key):
        try:
            nodes = piece.sample(GaussLegendre(), 256, jr.key(0))
        except PinnsvenError:
            nodes = piece.sample(Sobol(), TRIALS // 4, jr.key(0))
        flux = sum(
            (nodes.coordinates[k] - (low + high) / 2) * nodes.normals[k]
            for k, (low, high) in shape.bounds.items()
            if k in nodes.normals
        )
        total += piece.measure * float(np.sum(nodes.weights * flux))
    return total / shape.dim


class Product(AbstractShape):
    """Shapes of different coordinates, at once: a disc over an interval of time."""

    factors: tuple[AbstractShape, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.bounds)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return {k: v for f in self.factors for k, v in f.bounds.items()}

    @property
    def measure(self) -> float:
        return math.prod(f.measure for f in self.factors)

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return "product"

    @property
    def rings(self):
        return None

    def place(self, unit):
        return _place(self.factors, unit)

    def rule(self, sampler, n):
        return _rule(self.factors, sampler, n)

    def inside(self, x):
        return np.all([f.inside(x) for f in self.factors], axis=0)

    def signed(self, x):
        return both(*[f.signed(x) for f in self.factors])

    def at(self, **fixed: float | int) -> "Sheet":
        """The slice on which coordinates of box factors have the given values.

        **Example:** `(disc * ps.Box(t=(0, 1))).at(t=0)`.

        **Raises:** `UnknownNameError` for other coordinates, `BoundsError` for a value
        outside.
        """
        free = [n for f in self.factors if isinstance(f, Box) for n in f.names]
        for name in fixed:
            if name not in free:
                raise UnknownNameError(
                    f"`at` fixes coordinates of a box, here {listing(free)}; got "
                    f"{name!r}."
                )
        pieces = [
            f.at(**{k: fixed[k] for k in f.names if k in fixed})
            if isinstance(f, Box) and set(f.names) & set(fixed)
            else f
            for f in self.factors
        ]
        return Sheet(tuple(pieces))

    def faces(self, axes, values):
        found: tuple[AbstractPiece, ...] = ()
        for factor in self.factors:
            if own := tuple(k for k in factor.names if k in axes):
                mine = {k: values[k] for k in own if k in values}
                found += self.extended(factor, factor.faces(own, mine))
        return found

    def extended(self, factor: AbstractShape, pieces) -> tuple["Sheet", ...]:
        """Pieces of the boundary of one factor, times the others."""
        swap = lambda p: tuple(p if f is factor else f for f in self.factors)
        return tuple(Sheet(swap(piece)) for piece in pieces)


class Sheet(AbstractPiece):
    """A product of pieces of which some are surfaces or slices."""

    factors: tuple[AbstractPiece, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for f in self.factors for name in f.names)

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(name for f in self.factors for name in f.axes)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return {k: v for f in self.factors for k, v in f.bounds.items()}

    @property
    def dim(self) -> int:
        return sum(f.dim for f in self.factors)

    @property
    def measure(self) -> float:
        return math.prod(f.measure for f in self.factors)

    def place(self, unit):
        return _place(self.factors, unit)

    def rule(self, sampler, n):
        return _rule(self.factors, sampler, n)


def _place(factors, unit: np.ndarray) -> Placed:
    ends = np.cumsum([f.dim for f in factors])[:-1]
    parts = [f.place(u) for f, u in zip(factors, np.split(unit, ends, 1), strict=True)]
    return _joined(parts)


def _rule(factors, sampler: GaussLegendre, n: int) -> tuple[Placed, np.ndarray]:
    """The tensor product of the rules of the factors."""
    dim = sum(f.dim for f in factors)
    rules = [
        f.rule(sampler, max(1, round(n ** (f.dim / dim))))
        if f.dim
        else (f.place(np.zeros((1, 0))), np.ones(1))
        for f in factors
    ]
    grid = np.meshgrid(*[np.arange(len(w)) for _, w in rules], indexing="ij")
    index = [g.ravel() for g in grid]
    pairs = list(zip(rules, index, strict=True))
    weights = np.prod([w[i] for (_, w), i in pairs], axis=0)
    return _joined([points.take(i) for (points, _), i in pairs]), weights


def _joined(parts: list[Placed]) -> Placed:
    return Placed(
        {k: v for p in parts for k, v in p.coordinates.items()},
        {k: v for p in parts for k, v in p.normals.items()},
        np.all([p.kept for p in parts], axis=0),
    )


@combined.register(AbstractShape)
def _combine(
    a: AbstractShape, b: AbstractShape, operation: SetOperation
) -> AbstractShape:
    if a.names == b.names and a.rings is not None and b.rings is not None:
        return polygonal(a.names, a.rings, b.rings, operation)
    return CombinedShape(a, b, operation)


@product.register(AbstractShape)
def _times(a: AbstractShape, b: AbstractShape) -> AbstractShape:
    factors = [f for s in (a, b) for f in getattr(s, "factors", (s,))]
    boxes = [f for f in factors if isinstance(f, Box)]
    if not boxes:
        return Product(tuple(factors))
    box = Box(**{k: v for f in boxes for k, v in f.bounds.items()})
    if len(boxes) == len(factors):
        return box
    first = factors.index(boxes[0])
    others = [f for f in factors if not isinstance(f, Box)]
    return Product((*others[:first], box, *others[first:]))


def opposite(region: AbstractRegion | None) -> bool:
    """Whether a region is the two opposite faces of one coordinate."""
    if not isinstance(region, Boundary) or len(region.axes) != 1:
        return False
    parts = [f for p in region.pieces for f in getattr(p, "factors", (p,))]
    faces = [p.fixed.get(region.axes[0]) for p in parts if isinstance(p, Patch)]
    here = tuple(face for face in faces if face is not None)
    return len(region.pieces) == 2 and here == tuple(region.bounds[region.axes[0]])

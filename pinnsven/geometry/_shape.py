import abc
import functools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError, PinnsvenError, UnknownNameError, listing
from .._names import shown
from .._precision import default_dtype
from ._draw import Placed
from ._region import AbstractPiece, AbstractRegion, Boundary, restrict
from ._sets import DIFFERENCE, INTERSECTION, UNION, SetOperation


# Of the size of a region: how far beside a surface a point is looked at.
_ASIDE = 1e-9


class AbstractShape(AbstractPiece):
    """A region with an inside, an outside and a boundary between them.

    Shapes of the same coordinates combine as sets, `a | b`, `a & b` and `a - b`;
    shapes of different coordinates multiply, `disc * ps.Box(t=(0, 1))`.
    """

    @property
    def axes(self) -> tuple[str, ...]:
        return ()

    @property
    def dim(self) -> int:
        return len(self.names)

    @property
    @abc.abstractmethod
    def called(self) -> str:
        """What it is called in messages: a disc, not a ball of two coordinates."""

    @property
    @abc.abstractmethod
    def rings(self) -> tuple | None:
        """The parts of a polygon, each an outer ring and holes; `None` for others."""

    @abc.abstractmethod
    def inside(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Which points of equal shape `(n,)` lie inside."""

    @abc.abstractmethod
    def faces(
        self, axes: tuple[str, ...], values: dict[str, float]
    ) -> tuple[AbstractPiece, ...]:
        """The boundary along `axes`; where `values` are given, only at those."""

    @abc.abstractmethod
    def signed(self, x: dict[str, Array]) -> Array:
        """The function behind `distance`: positive inside, negative outside."""

    def contains(self, **coordinates) -> np.ndarray:
        """Which points lie inside: arrays that broadcast, by name.

        Points on the boundary itself may fall on either side.

        **Example:** `disc.contains(x=0.5, y=np.linspace(-1, 1, 5))`.
        """
        self._named(coordinates, "contains")
        arrays = [np.asarray(coordinates[name], float) for name in self.names]
        arrays = np.broadcast_arrays(*arrays)
        flat = dict(zip(self.names, (a.ravel() for a in arrays), strict=True))
        return self.inside(flat).reshape(arrays[0].shape)

    def boundary(self, *parts: Any, **values: Any) -> Boundary:
        """The boundary or named parts of it, with outward unit normals.

        **Arguments:**

        - nothing: the whole boundary;
        - names of coordinates: of a box or a product, the faces of these coordinates;
        - a coordinate by keyword: of a box or a product, one face, `boundary(x=0)`;
        - other regions: the parts of their boundaries that belong to this one, as in
          `(channel - cylinder).boundary(cylinder)`. A part of a boundary, such as
          `channel.boundary(x=0)`, will do too.

        **Raises:** `UnknownNameError` for a coordinate that is missing or cannot be
        separated from others, `BoundsError` for a value that is no face, and
        `PinnsvenError` for a region with nothing on this boundary.
        """
        regions = [p for p in parts if isinstance(p, AbstractRegion)]
        names = [p for p in parts if not isinstance(p, AbstractRegion)]
        for name in (*names, *values):
            if not isinstance(name, str) or name not in self.names:
                raise UnknownNameError(
                    f"This {self.called} has no coordinate {name!r}; it has "
                    f"{listing(self.names)}."
                )
        names = tuple(dict.fromkeys(names))
        if regions and (names or values):
            raise PinnsvenError(
                "`boundary` takes regions or coordinates, not both at one time; make "
                "two conditions of them."
            )
        if regions:
            pieces = tuple(p for r in regions for p in _borrowed(self, r))
            axes = tuple(n for n in self.names if any(n in p.axes for p in pieces))
            return Boundary(pieces, axes, self.bounds)
        if both := [name for name in names if name in values]:
            raise UnknownNameError(
                f"`boundary` names {listing(both)} twice, once with a value; leave one."
            )
        axes = (*names, *values) or self.names
        return Boundary(self.faces(axes, dict(values)), axes, self.bounds)

    def distance(self, **coordinates) -> Float[Array, "..."]:
        r"""A smooth stand-in for the distance to the boundary, for hard conditions.

        It is zero on the boundary, positive inside, negative outside, and its inward
        normal derivative is one at smooth points of the boundary. It is smooth inside.
        At corners and edges it is continuous but has no gradient, and its second
        derivatives grow as $1/r$. Shapes are joined by R-functions,
        $a \wedge b = a + b - \sqrt{a^2 + b^2}$, of smooth functions of the parts.

        **Arguments:** the coordinates by name, as in a residual; JAX arrays or numbers.

        **Example:** `ps.Constrained(net, lambda u, x, y: disc.distance(x=x, y=y) * u)`.

        **Raises:** `PinnsvenError` for a mesh, which has none.

        Source: V. L. Rvachev and T. I. Sheiko, Appl. Mech. Rev. 48 (1995); N. Sukumar
        and A. Srivastava, Comput. Methods Appl. Mech. Engrg. 389 (2022) 114333.
        """
        self._named(coordinates, "distance")
        dtype = default_dtype()
        real = lambda v: jnp.asarray(v, jnp.result_type(v, dtype))
        return self.signed({name: real(coordinates[name]) for name in self.names})

    def __or__(self, other):
        return combined(self, _same(self, other, "|"), UNION)

    def __and__(self, other):
        return combined(self, _same(self, other, "&"), INTERSECTION)

    def __sub__(self, other):
        return combined(self, _same(self, other, "-"), DIFFERENCE)

    def __mul__(self, other):
        if not isinstance(other, AbstractShape):
            raise PinnsvenError(
                f"`*` makes a product of two regions; got {shown(other)}. Write "
                "`disc * ps.Box(t=(0, 1))`."
            )
        if both := [name for name in self.names if name in other.names]:
            raise UnknownNameError(
                f"`*` needs regions of different coordinates; both have "
                f"{listing(both)}. Sets of the same coordinates combine by `|`, `&` "
                "and `-`."
            )
        return product(self, other)

    def _named(self, coordinates, what: str) -> None:
        if set(coordinates) != set(self.names):
            raise UnknownNameError(
                f"`{what}` of this {self.called} takes {listing(self.names)} by "
                f"name; got {listing(coordinates)}."
            )


@functools.singledispatch
def combined(a: Any, b: Any, operation: SetOperation) -> AbstractShape:
    """The union, intersection or difference; later modules register it."""
    raise NotImplementedError(operation)


@functools.singledispatch
def product(a: Any, b: Any) -> AbstractShape:
    """The product of shapes of different coordinates; later modules register it."""
    raise NotImplementedError


class Rim(eqx.Module):
    """Whether points with normals lie on the boundary of a shape, and on which side.

    1 where the normal points outward, -1 where it points inward, 0 where both sides
    are inside or both outside. Points on the boundary of an `earlier` shape are left
    out: a surface that two shapes share counts once.
    """

    shape: AbstractShape
    earlier: tuple[AbstractShape, ...] = ()

    def __call__(self, points: Placed) -> np.ndarray:
        size = max(high - low for low, high in self.shape.bounds.values())
        ahead, behind = (
            {
                k: points.coordinates[k] + s * size * points.normals.get(k, 0.0)
                for k in self.shape.names
            }
            for s in (_ASIDE, -_ASIDE)
        )
        inside = lambda shape: (shape.inside(ahead), shape.inside(behind))
        outer, inner = inside(self.shape)
        sign = inner.astype(int) - outer.astype(int)
        for shape in self.earlier:
            outer, inner = inside(shape)
            sign = np.where(outer != inner, 0, sign)
        return sign


def whole(shape: AbstractShape, axes: tuple[str, ...], values: dict) -> None:
    """Refuse a part of the coordinates of a shape that has no faces along them."""
    if values:
        name, value = next(iter(values.items()))
        raise UnknownNameError(
            f"`boundary({name}={value!r})` is a face of a box; this {shape.called} has "
            "none. Use `boundary().where(...)`, or `edges(...)` of a polygon."
        )
    if set(axes) != set(shape.names):
        raise UnknownNameError(
            f"The boundary of this {shape.called} cannot be split by "
            f"{listing(axes)}: name all of {listing(shape.names)}, or none. For a part "
            "of it, use `boundary().where(...)`."
        )


def face_value(name: str, given: Any, bounds: tuple[float, float]) -> float:
    """The bound of a coordinate that a value names, free of rounding."""
    low, high = bounds
    for bound in bounds:
        try:
            near = abs(float(given) - bound) <= 1e-9 * (high - low)
        except (TypeError, ValueError):
            near = False
        if near:
            return bound
    raise BoundsError(
        f"`boundary({name}={given!r})` is no face: {name} runs from {low} to {high}, "
        "and the faces are at these two values."
    )


def _borrowed(shape: AbstractShape, region: AbstractRegion):
    """The pieces of another region's boundary that belong to this one's."""
    factors = getattr(shape, "factors", (shape,))
    home = next((f for f in factors if set(f.names) == set(region.names)), shape)
    if set(home.names) != set(region.names):
        raise UnknownNameError(
            f"`boundary` got a region of {listing(region.names)}; this "
            f"{shape.called} has {listing(shape.names)}."
        )
    if isinstance(region, AbstractShape):
        region = region.boundary()
    if not region.axes:
        raise PinnsvenError(
            "`boundary` got a region without normals, such as a slice; give a shape or "
            "a part of a boundary."
        )
    pieces = restrict(region.pieces, Rim(home))
    if not pieces:
        raise PinnsvenError(
            f"Nothing of that region's boundary belongs to the boundary of this "
            f"{shape.called}. `region.plot()` shows where it lies."
        )
    extended = getattr(shape, "extended", None)
    return pieces if extended is None or home is shape else extended(home, pieces)


def _same(a: AbstractShape, b: Any, sign: str) -> AbstractShape:
    if not isinstance(b, AbstractShape):
        raise PinnsvenError(
            f"`{sign}` combines two regions with an inside, such as `ps.Disc(...)`; "
            f"got {shown(b)}."
        )
    if set(a.names) != set(b.names):
        raise UnknownNameError(
            f"`{sign}` needs regions of the same coordinates; they have "
            f"{listing(a.names)} and {listing(b.names)}. Extend one by a product: "
            "`disc * ps.Box(t=(0, 1))`."
        )
    return b

import functools
from typing import Any

import equinox as eqx
import numpy as np

from .._errors import (
    BoundsError,
    EmptyRegionError,
    PinnsvenError,
    ShapeError,
)
from ._distance import polygon
from ._region import Boundary
from ._sets import SetOperation
from ._shape import AbstractShape, whole
from ._simplex import Simplices, Table, box_of, columns


class Outline(tuple):
    """The parts of a polygon: each is an outer ring, then the rings of its holes."""


class Polygon(AbstractShape):
    """A polygon in the plane, convex or not.

    **Arguments:** for each of two coordinates its values at the vertices, one after
    the other along the boundary, in either sense; the last is joined to the first.
    Subtract another polygon for a hole: `outer - inner`.

    **Example:** an L: `ps.Polygon(x=[0, 2, 2, 1, 1, 0], y=[0, 0, 1, 1, 2, 2])`.

    Needs `pip install "pinnsven[geometry]"`.

    **Raises:** `ShapeError` for other than two coordinates or fewer than three
    vertices, `EmptyRegionError` without area, `BoundsError` if the boundary crosses or
    touches itself.
    """

    names: tuple[str, ...]
    outline: Outline = eqx.field(static=True)

    def __init__(self, *unnamed, **coordinates):
        self.names = tuple(coordinates)
        if len(unnamed) == 1 and isinstance(unnamed[0], Outline):
            self.outline = unnamed[0]
            return
        if unnamed or len(coordinates) != 2:
            raise ShapeError(
                "`Polygon` needs the vertices by two coordinates, as in "
                "`ps.Polygon(x=[0, 1, 0], y=[0, 0, 1])`."
            )
        x = columns("Polygon", coordinates)
        if len(x) > 1 and np.array_equal(x[0], x[-1]):
            x = x[:-1]
        if len(x) < 3:
            raise ShapeError(f"`Polygon` needs three vertices or more; got {len(x)}.")
        self.outline = Outline(((tuple(map(tuple, x.tolist())),),))
        geometry = planar(self.outline)
        if geometry.area <= 1e-14 * np.prod(np.maximum(np.ptp(x, axis=0), 1e-300)):
            raise EmptyRegionError("`Polygon` has no area: its vertices lie on a line.")
        if not geometry.is_valid:
            from shapely.validation import explain_validity

            raise BoundsError(
                "The boundary of `Polygon` crosses or touches itself: "
                f"{explain_validity(geometry)}. Order the vertices along the boundary."
            )

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return box_of(self.names, self._segments()[0])

    @property
    def measure(self) -> float:
        return planar(self.outline).area

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return "polygon"

    @property
    def rings(self):
        return self.outline

    def place(self, unit):
        return self._inner().place(unit)

    def rule(self, sampler, n):
        return self._inner().rule(sampler, n)

    def inside(self, x):
        import shapely

        a, b = (x[k] for k in self.names)
        return shapely.contains_xy(planar(self.outline), a, b)

    def signed(self, x):
        segments, _ = self._segments()
        a, b = (x[k] for k in self.names)
        return polygon(a, b, segments[:, 0], segments[:, 1])

    def faces(self, axes, values):
        whole(self, axes, values)
        segments, normals = self._segments()
        return (Simplices(self.names, Table(segments), Table(normals)),)

    def edges(self, *numbers: int) -> Boundary:
        """Some edges, with outward normals; edge `i` goes from vertex `i` to the next.

        Vertices are counted from 0 in the order in which they were given. After a set
        operation their order is not defined; use `boundary(region)` there.

        **Raises:** `BoundsError` for a number that is no edge.
        """
        segments, normals = self._segments()
        wrong = [
            i
            for i in numbers
            if isinstance(i, bool)
            or not isinstance(i, int | np.integer)
            or not 0 <= i < len(segments)
        ]
        if wrong or not numbers:
            raise BoundsError(
                f"`edges` takes numbers from 0 to {len(segments) - 1}; got "
                f"{wrong or 'none'}."
            )
        pick = list(dict.fromkeys(numbers))
        piece = Simplices(self.names, Table(segments[pick]), Table(normals[pick]))
        return Boundary((piece,), self.names, self.bounds)

    def _inner(self) -> Simplices:
        return Simplices(self.names, _triangles(self.outline), Table(np.zeros((0, 2))))

    def _segments(self) -> tuple[np.ndarray, np.ndarray]:
        """The edges, the inside on their left, and outward normals."""
        segments = []
        for part in self.outline:
            for i, ring in enumerate(part):
                x = np.array(ring)
                y = np.roll(x, -1, axis=0)
                area = np.sum(x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0])
                turned = (area > 0) != (i == 0)
                segments.append(np.stack([y, x] if turned else [x, y], axis=1))
        edges = np.concatenate(segments)
        along = edges[:, 1] - edges[:, 0]
        normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
        return edges, normals / np.linalg.norm(normals, axis=1, keepdims=True)


@functools.lru_cache(maxsize=64)
def planar(outline: tuple) -> Any:
    """The shapely geometry of a polygon's parts."""
    try:
        import shapely
    except ImportError as err:
        raise PinnsvenError(
            "Polygons are computed by shapely: install it with "
            '`pip install "pinnsven[geometry]"`.'
        ) from err
    parts = [shapely.Polygon(rings[0], rings[1:]) for rings in outline]
    geometry = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    shapely.prepare(geometry)
    return geometry


def polygonal(names, a: tuple, b: tuple, operation: SetOperation) -> Polygon:
    """A set operation on the parts of two polygons."""
    geometry = getattr(planar(a), operation.name)(planar(b))
    parts = getattr(geometry, "geoms", [geometry])
    ring = lambda r: tuple(map(tuple, np.array(r.coords)[:-1].tolist()))
    # Where polygons only touch, shapely leaves lines and points.
    outline = Outline(
        (ring(p.exterior), *map(ring, p.interiors))
        for p in parts
        if p.geom_type == "Polygon" and p.area > 1e-14 * planar(a).area
    )
    if not outline:
        raise EmptyRegionError(
            f"The {operation.name} of these two regions is empty: they do not overlap, "
            "or one covers the other."
        )
    return Polygon(outline, **dict.fromkeys(names))


@functools.lru_cache(maxsize=64)
def _triangles(outline: Outline) -> Table:
    import shapely

    found = shapely.constrained_delaunay_triangles(planar(outline)).geoms
    corners = np.array([np.array(t.exterior.coords)[:3] for t in found])
    return Table(corners)

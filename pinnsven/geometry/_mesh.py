from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from .._errors import (
    EmptyRegionError,
    PinnsvenError,
    ShapeError,
    UnknownNameError,
)
from ._draw import no_rule, placed
from ._points import check_coordinates
from ._shape import AbstractShape, whole
from ._simplex import Simplices, Table, box_of


# Pairs of points and triangles at one time: about 50 MB of temporaries.
_PAIRS = 2**17
# What trimesh reads on its own; meshio has the other formats.
_SURFACES = (".stl", ".obj", ".ply", ".off", ".glb")


class Mesh(AbstractShape):
    r"""The inside of a closed surface of triangles.

    **Arguments:**

    - `source`: the path of a file (STL, OBJ, PLY, OFF or GLB, by trimesh; VTK,
      Gmsh's MSH and others, by meshio), or an array of vertices, shape `(m, 3)`.
    - `faces`: with vertices, the numbers of the three vertices of each triangle.
    - `coordinates`: the names of the three coordinates.

    A point is inside where the solid angles of all triangles add up to more than
    $2 \pi$. The surface has quadrature, the inside has not; there is no `distance`.

    **Example:** `ps.Mesh("part.stl")`.

    Needs `pip install "pinnsven[geometry]"`.

    **Raises:** `PinnsvenError` for a file that cannot be read, `ShapeError` for arrays
    that make no triangles, `EmptyRegionError` for a surface that is not closed.

    Source of the solid angle: A. Van Oosterom and J. Strackee, IEEE Trans. Biomed.
    Eng. 30 (1983).
    """

    names: tuple[str, ...]
    triangles: Table = eqx.field(static=True)

    def __init__(self, source: Any, faces: Any = None, *, coordinates: str = "x y z"):
        self.names = tuple(coordinates.split())
        check_coordinates(self.names)
        if len(set(self.names)) != 3:
            raise UnknownNameError(
                f"`Mesh` needs three coordinates in one string, as in "
                f'`coordinates="x y z"`; got {coordinates!r}.'
            )
        mesh = _load(source, faces)
        if not (mesh.is_watertight and mesh.is_winding_consistent):
            from trimesh.grouping import group_rows

            open_edges = len(group_rows(mesh.edges_sorted, require_count=1))
            raise EmptyRegionError(
                f"`Mesh` got a surface that is not closed: {open_edges} of its edges "
                "belong to one triangle only, or triangles are turned against each "
                "other. Repair it first, e.g. by `trimesh.repair`."
            )
        corners = np.asarray(mesh.triangles, float)
        self.triangles = Table(corners[:, ::-1] if mesh.volume < 0 else corners)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate: the bounding box."""
        return box_of(self.names, self.triangles.array)

    @property
    def measure(self) -> float:
        return float(np.sum(np.linalg.det(self.triangles.array)) / 6.0)

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return "mesh"

    @property
    def rings(self):
        return None

    def place(self, unit):
        low, high = np.array(list(self.bounds.values())).T
        points = placed(self.names, low + (high - low) * unit)
        return points._replace(kept=self.inside(points.coordinates))

    def rule(self, sampler, n):
        raise no_rule("the inside of a mesh")

    def inside(self, x):
        points = np.stack([x[k] for k in self.names], axis=1)
        inside = np.zeros(len(points), bool)
        low, high = np.array(list(self.bounds.values())).T
        near = np.flatnonzero(np.all((points >= low) & (points <= high), axis=1))
        size = max(1, _PAIRS // len(self.triangles.array))
        for part in np.split(near, np.arange(size, near.size, size)):
            inside[part] = _angle(points[part], self.triangles.array) > 2.0 * np.pi
        return inside

    def signed(self, x):
        raise PinnsvenError(
            "A mesh has no `distance`: make a condition on `mesh.boundary()` of it, or "
            "use a shape that has one, such as `ps.Ball`."
        )

    def faces(self, axes, values):
        whole(self, axes, values)
        x = self.triangles.array
        normal = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
        size = np.linalg.norm(normal, axis=1, keepdims=True)
        # Triangles without area hold no points.
        fine = size[:, 0] > 0
        normal = Table(normal[fine] / size[fine])
        return (Simplices(self.names, Table(x[fine]), normal),)


def _angle(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The solid angle of all triangles, seen from each point."""
    a, b, c = (triangles[:, i] for i in range(3))
    # Products of pairs are affine in the point but for its square: matrix products.
    square = np.sum(points**2, axis=1)[:, None]
    pair = lambda u, v: points @ -(u + v).T + np.sum(u * v, axis=1) + square
    la, lb, lc = (np.sqrt(np.maximum(pair(u, u), 0.0)) for u in (a, b, c))
    below = la * lb
    below *= lc
    for u, v, length in ((a, b, lc), (b, c, la), (c, a, lb)):
        product = pair(u, v)
        product *= length
        below += product
    normal = np.cross(b - a, c - a)
    above = np.sum(a * normal, axis=1) - points @ normal.T
    return 2.0 * np.sum(np.arctan2(above, below), axis=1)


def _load(source: Any, faces: Any) -> Any:
    try:
        import trimesh
    except ImportError as err:
        raise PinnsvenError(
            "Meshes are read by trimesh: install it with "
            '`pip install "pinnsven[geometry]"`.'
        ) from err
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            raise PinnsvenError(
                f"`Mesh` finds no file {str(source)!r}; check the path."
            )
        vertices, faces = _read(Path(source), trimesh)
    else:
        if faces is None:
            raise ShapeError(
                "`Mesh` got vertices without triangles; give the path of a file, or "
                "`ps.Mesh(vertices, faces)`."
            )
        vertices, faces = np.asarray(source), np.asarray(faces)
    if (
        vertices.ndim != 2
        or vertices.shape[1] != 3
        or faces.ndim != 2
        or faces.shape[1] != 3
        or not np.issubdtype(faces.dtype, np.integer)
        or faces.size == 0
        or not 0 <= faces.min() <= faces.max() < len(vertices)
        or not np.all(np.isfinite(vertices))
    ):
        raise ShapeError(
            f"`Mesh` got vertices of shape {vertices.shape} and faces of shape "
            f"{faces.shape}; it needs finite numbers (m, 3) and, for each triangle, "
            "three whole numbers below m."
        )
    return trimesh.Trimesh(vertices=vertices, faces=faces)


def _read(path: Path, trimesh: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        if path.suffix.lower() in _SURFACES:
            mesh = trimesh.load_mesh(path)
            return np.asarray(mesh.vertices), np.asarray(mesh.faces)
        import meshio

        mesh = meshio.read(path)
        return mesh.points, mesh.cells_dict["triangle"]
    # Each reader has errors of its own.
    except (Exception, SystemExit) as err:
        raise PinnsvenError(
            f"`Mesh` cannot read triangles from {str(path)!r}: {err}. The formats "
            "are those of trimesh and meshio, such as STL, OBJ, PLY, VTK and MSH."
        ) from err

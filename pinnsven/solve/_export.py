"""Solutions as files for ParaView, through meshio."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError, ShapeError, listing, optional
from .._names import shown
from .._precision import default_dtype, user_array
from ._tables import check_coordinates


_CELLS = {1: "line", 2: "quad", 3: "hexahedron"}
# Corners of a cell in the order of VTK, as steps along each axis.
_CORNERS = {
    1: ((0,), (1,)),
    2: ((0, 0), (1, 0), (1, 1), (0, 1)),
    3: (
        *((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)),
        *((0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)),
    ),
}


def write(
    solution: Any, path: Path, mesh: Any, time: str, coordinates: Mapping[str, Any]
) -> None:
    """All fields as point data of a mesh; see `Solution.write`."""
    meshio = optional("meshio", "export")
    given = {
        name: user_array(value, f"Coordinate {name!r} of the mesh")
        for name, value in coordinates.items()
    }
    times = given.pop(time) if time in given and given[time].ndim else None
    if times is not None and path.suffix != ".xdmf":
        raise ShapeError(
            f"{path.name} holds one time, but {time!r} has shape {times.shape}. Give a "
            "number, or write a time series to a file that ends in .xdmf."
        )
    if mesh is None:
        places, cells, at = _grid(given)
    else:
        series = "" if times is None else time
        places, cells, at = _mesh(solution, mesh, given, series)
    check_coordinates(solution, at | ({} if times is None else {time: times}))
    data = lambda now: {
        name: _values(solution, name, at | now, len(places))
        for name in solution.model.fields
    }
    with _folder(path) as folder:
        target = folder / path.name
        if times is None:
            _single(meshio, target, meshio.Mesh(places, cells, point_data=data({})))
        else:
            steps = [(float(t), data({time: t})) for t in times.ravel()]
            _series(target, places, cells, steps)


def _single(meshio: Any, path: Path, mesh: Any) -> None:
    try:
        meshio.write(path, mesh)
    except meshio.WriteError as err:
        raise CheckpointError(
            f"{path.name} cannot be written by meshio: {err}. Endings for ParaView are "
            ".vtu, .vtk and .xdmf."
        ) from err


def _series(path: Path, points, cells, series) -> None:
    h5py = optional("h5py", "export")
    writer = optional("meshio", "export").xdmf.TimeSeriesWriter(path)
    # The writer itself opens its second file in the working directory.
    writer.h5_filename = str(path.with_suffix(".h5"))
    writer.h5_file = h5py.File(writer.h5_filename, "w")
    try:
        writer.write_points_cells(points, cells)
        for t, data in series:
            writer.write_data(t, point_data=data)
    finally:
        writer.__exit__(None, None, None)


def _values(solution: Any, name: str, at: Mapping[str, Any], n: int) -> np.ndarray:
    field = getattr(solution, name)
    values = np.asarray(field(**{key: at[key] for key in field.names}))
    return np.array(np.broadcast_to(values, (n,)))


def _grid(given: Mapping[str, np.ndarray]):
    axes = {name: array for name, array in given.items() if array.ndim}
    bad = [name for name, array in axes.items() if array.ndim != 1 or array.size < 2]
    if bad or not 1 <= len(axes) <= 3:
        raise ShapeError(
            f"A grid needs one to three coordinates of shape (n,) with at least two "
            f"values; got { {name: array.shape for name, array in given.items()} }. "
            "Give the others as numbers, or a mesh."
        )
    grid = np.meshgrid(*axes.values(), indexing="ij")
    at = {name: g.ravel() for name, g in zip(axes, grid, strict=True)}
    shape, d = grid[0].shape, len(axes)
    first = np.indices([n - 1 for n in shape]).reshape(d, -1)
    corners = [
        np.ravel_multi_index(tuple(first + np.asarray(step)[:, None]), shape)
        for step in _CORNERS[d]
    ]
    cells = [(_CELLS[d], np.stack(corners, axis=1))]
    return _in_space(np.stack(list(at.values()), axis=1)), cells, {**given, **at}


def _mesh(solution: Any, mesh: Any, given: Mapping[str, np.ndarray], series: str):
    pair = (mesh.points, mesh.cells) if hasattr(mesh, "cells") else mesh
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ShapeError(
            f"The mesh is {shown(mesh)}; give a `meshio.Mesh`, or a pair of points and "
            'cells, `(points, [("triangle", corners)])`.'
        )
    points = np.asarray(pair[0], default_dtype())
    if bad := [name for name, array in given.items() if array.ndim]:
        raise ShapeError(
            f"On a mesh {listing(bad)} must be a number, as the points say the rest; "
            "an array is a time series, in a file that ends in .xdmf."
        )
    names = [n for n in solution.model.coordinates if n not in given and n != series]
    flat = points.ndim == 2 and points.shape[1] == 3 and len(names) == 2
    # Meshes of the plane are often stored in space.
    if flat and not np.ptp(points[:, 2]):
        points = points[:, :2]
    if points.ndim != 2 or points.shape[1] != len(names):
        raise ShapeError(
            f"The points of the mesh have shape {points.shape}, but the fields need "
            f"{listing(names)} from them. Give the other coordinates by keyword."
        )
    at = dict(zip(names, points.T, strict=True))
    return _in_space(points), pair[1], {**given, **at}


def _in_space(points: np.ndarray) -> np.ndarray:
    # Formats of VTK know points in space only.
    return np.pad(points, ((0, 0), (0, 3 - points.shape[1])))


@contextlib.contextmanager
def _folder(path: Path):
    """A folder beside the target, whose files go there once all are written."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as name:
            yield Path(name)
            for file in sorted(Path(name).iterdir()):
                os.replace(file, path.parent / file.name)
    except OSError as err:
        raise CheckpointError(
            f"{path} could not be written: {err.strerror or err}. Choose a folder that "
            "exists and that you may write to."
        ) from err

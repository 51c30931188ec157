"""Solutions as xarray datasets and pandas frames."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._errors import ShapeError, UnknownNameError, listing, optional
from .._precision import user_array
from ..geometry import Points


def to_xarray(solution: Any, coordinates: Mapping[str, Any]) -> Any:
    """All fields on a grid; see `Solution.to_xarray`."""
    xarray = optional("xarray", "data")
    arrays = {
        name: user_array(value, f"Coordinate {name!r} of the grid")
        for name, value in coordinates.items()
    }
    for name, array in arrays.items():
        if array.ndim > 1:
            raise ShapeError(
                f"Coordinate {name!r} of the grid has shape {array.shape}; give a "
                "number or one array of shape (n,) for each coordinate."
            )
    check_coordinates(solution, arrays)
    variables = {}
    for name in solution.model.fields:
        field = getattr(solution, name)
        own = [key for key in arrays if key in field.names]
        axes = [key for key in own if arrays[key].ndim]
        grid = np.meshgrid(*(arrays[key] for key in axes), indexing="ij")
        at = dict(zip(axes, grid, strict=True))
        variables[name] = (axes, np.asarray(field(**{k: arrays[k] for k in own} | at)))
    return xarray.Dataset(
        variables,
        coords={k: ([k], a) if a.ndim else a for k, a in arrays.items()},
        attrs=attributes(solution),
    )


def to_pandas(solution: Any, points: Any) -> Any:
    """All fields at points; see `Solution.to_pandas`."""
    pandas = optional("pandas", "data")
    if isinstance(points, Points):
        frame = pandas.DataFrame({k: v.copy() for k, v in points.coordinates.items()})
    elif isinstance(points, pandas.DataFrame):
        frame = points.copy()
    else:
        raise ShapeError(
            "`to_pandas` needs points, `ps.Points(x=xs, t=ts)`, or a frame with a "
            f"column for each coordinate; got {type(points).__name__}."
        )
    for name in solution.model.fields:
        field = getattr(solution, name)
        if missing := [key for key in field.names if key not in frame.columns]:
            raise UnknownNameError(
                f"The points have no coordinate {listing(missing)}, which {name!r} "
                f"needs; they have {listing(map(str, frame.columns))}."
            )
        at = {key: frame[key].to_numpy(dtype=float) for key in field.names}
        frame[name] = np.asarray(field(**at))
    frame.attrs |= attributes(solution)
    return frame


def attributes(solution: Any) -> dict[str, Any]:
    """Unknowns, their standard errors where data give one, and how the run ended."""
    out: dict[str, Any] = {}
    for name in solution.model.unknowns:
        out[name] = plain(getattr(solution, name))
        if solution.has_data:
            out[f"{name}_std"] = plain(solution.std(name))
    return out | {"result": solution.result.name, "reason": solution.reason}


def plain(value: Any) -> Any:
    """A number, or an array of them, that any file format can hold."""
    array = np.asarray(value)
    return array if array.ndim else float(array)


def check_coordinates(solution: Any, given: Mapping[str, Any]) -> None:
    """Refuse coordinates that a field lacks, or that no field has.

    **Raises:** `UnknownNameError`.
    """
    known = solution.model.coordinates
    wrong = [name for name in given if name not in known]
    missing = [name for name in known if name not in given]
    if wrong or missing:
        raise UnknownNameError(
            f"The fields {listing(solution.model.fields)} need the coordinates "
            f"{listing(known)}; {listing(missing)} are missing and {listing(wrong)} "
            "are none of them."
        )

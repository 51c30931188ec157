"""Data from pandas frames and xarray arrays: named columns become named coordinates."""

import warnings
from typing import Any

import numpy as np

from .._errors import (
    NonFiniteError,
    PinnsvenError,
    ShapeError,
    UnknownNameError,
    listing,
)
from .._precision import default_dtype
from ..geometry import Points


def from_frame(
    frame: Any, field: Any, coordinates: str, value, sigma, origin, unit: str
) -> dict[str, Any]:
    """The arguments of `Data` in the columns of a pandas frame."""
    what = "`Data.from_pandas`"
    columns = getattr(frame, "columns", None)
    if columns is None or not hasattr(frame, "to_numpy"):
        raise PinnsvenError(
            f"{what} needs a pandas `DataFrame` first, got {type(frame).__name__}."
        )
    if value is None and not isinstance(field, str):
        raise PinnsvenError(
            f"{what} got a measurement model; name the column of its values, "
            '`value="signal"`.'
        )
    read = lambda name: _column(frame, name, what)
    names = _names(coordinates, what)
    noise = read(sigma) if isinstance(sigma, str) else sigma
    points = {name: read(name) for name in names}
    return _data(points, read(value or field), noise, field, origin, unit, what)


def from_array(
    array: Any, field: Any, coordinates, sigma, origin, unit: str
) -> dict[str, Any]:
    """The arguments of `Data` in an xarray `DataArray`, with its coordinates."""
    what = "`Data.from_xarray`"
    if not hasattr(array, "dims") or not hasattr(array, "broadcast_like"):
        raise PinnsvenError(
            f"{what} needs an xarray `DataArray` first, such as `dataset['u']`, got "
            f"{type(array).__name__}."
        )
    if hasattr(array, "data_vars"):
        raise PinnsvenError(
            f"{what} got a `Dataset` of {listing(array.data_vars)}; give one of its "
            "arrays, `dataset['u']`, and make a condition of each."
        )
    field = array.name if field is None else field
    if field is None:
        raise UnknownNameError(
            f'{what}: the array has no name; say which field it is, `field="u"`.'
        )
    if coordinates is None:
        scalar = [name for name, c in array.coords.items() if c.ndim == 0]
        names = [str(name) for name in (*array.dims, *scalar)]
    else:
        names = _names(coordinates, what)
    missing = [name for name in names if name not in array.coords]
    if missing:
        raise UnknownNameError(
            f"{what}: the array has no coordinate {listing(missing)}; it has "
            f"{listing(array.coords)}. Assign it, `array.assign_coords(x=xs)`."
        )
    flat = lambda other: other.broadcast_like(array).transpose(*array.dims)
    read = lambda other: flat(other).to_numpy().ravel()
    noise = read(sigma) if hasattr(sigma, "broadcast_like") else sigma
    points = {name: read(array.coords[name]) for name in names}
    return _data(points, array.to_numpy().ravel(), noise, field, origin, unit, what)


def _data(points: dict, values, sigma, field, origin, unit, what) -> dict[str, Any]:
    label = field if isinstance(field, str) else "the values"
    values = _numbers(values, f"{what}: {label!r}")
    held = ~np.isnan(values)
    if not held.any():
        raise NonFiniteError(
            f"{what}: all {values.size} values of {label!r} are missing."
        )
    if not held.all():
        warnings.warn(
            f"{what}: {int((~held).sum())} of {held.size} values of {label!r} are "
            "missing (NaN) and left out.",
            stacklevel=4,
        )
    times = lambda name, column: _coordinate(name, column[held], origin, unit, what)
    if sigma is not None and np.ndim(sigma):
        sigma = _numbers(sigma, f"{what}: sigma")[held]
    return {
        "field": field,
        "points": Points(**{name: times(name, c) for name, c in points.items()}),
        "values": values[held],
        "sigma": sigma,
    }


def _column(frame: Any, name: str, what: str) -> np.ndarray:
    if list(frame.columns).count(name) != 1:
        raise UnknownNameError(
            f"{what}: the frame has no single column {name!r}; it has "
            f"{listing(map(str, frame.columns))}."
        )
    column = frame[name]
    if column.dtype.kind == "M":
        # Time stamps with a zone are compared as the same instants without one.
        aware = getattr(column.dt, "tz", None) is not None
        return (column.dt.tz_convert(None) if aware else column).to_numpy()
    if column.dtype.kind in "iufb" and column.hasnans:
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.to_numpy()


def _coordinate(name: str, column: np.ndarray, origin, unit: str, what: str):
    kind = column.dtype.kind
    if kind not in "mM":
        numbers = _numbers(column, f"{what}: coordinate {name!r}")
        if bad := int(np.isnan(numbers).sum()):
            raise NonFiniteError(
                f"{what}: coordinate {name!r} is missing (NaN) at {bad} of "
                f"{numbers.size} points that have a value. Drop or fill these rows."
            )
        return numbers
    if np.isnat(column).any():
        raise NonFiniteError(
            f"{what}: coordinate {name!r} has points without a time (NaT) that have a "
            "value. Drop these rows."
        )
    if kind == "M" and origin is None:
        raise PinnsvenError(
            f"{what}: {name!r} holds time stamps from {column.min()} on. Say which one "
            f'is zero, and the unit: `origin="{str(column.min())[:19]}", unit="h"`.'
        )
    try:
        step = np.timedelta64(1, unit)
        past = column - np.datetime64(origin) if kind == "M" else column
    except (TypeError, ValueError) as err:
        raise PinnsvenError(
            f"{what}: origin={origin!r} and unit={unit!r} give no time; write them as "
            '`origin="2024-05-01T12:00", unit="s"`; units are s, m (a minute), h, D, '
            "ms, us, ns."
        ) from err
    return (past / step).astype(default_dtype())


def _numbers(column: Any, what: str) -> np.ndarray:
    array = np.asarray(column)
    if array.dtype.kind not in "iuf":
        raise ShapeError(
            f"{what} has the type {array.dtype}, which is no column of numbers. "
            "Convert it first, `frame.astype({'u': float})`."
        )
    # Tables often hold whole numbers and float32, and lose nothing by widening.
    return array.astype(np.promote_types(array.dtype, default_dtype()))


def _names(coordinates: Any, what: str) -> list[str]:
    if not isinstance(coordinates, str) or not coordinates.split():
        raise UnknownNameError(
            f"{what}: `coordinates` is {coordinates!r}; give their names in one "
            'string, `"x t"`.'
        )
    return coordinates.replace(",", " ").split()

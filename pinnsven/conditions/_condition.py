import abc
import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError, PinnsvenError, ShapeError, UnknownNameError, listing
from .._names import bind, check_names
from .._precision import user_array
from ..fields import Model, ScalarField
from ..geometry import AbstractPoints, Points


class Point(eqx.Module):
    """What one row sees: its coordinates, the outward normal, its own data."""

    coordinates: dict[str, Float[Array, ""]]
    normals: dict[str, Float[Array, ""]]
    data: dict[str, Float[Array, ""]]


class AbstractCondition(eqx.Module):
    """Something that must hold at given points: the rows of one named block.

    A final class says what its residual is at one point (`row`), which functions of
    the user's it binds by name (`functions`) and which fields it uses (`uses`).
    """

    points: eqx.AbstractVar[AbstractPoints]
    weight: eqx.AbstractVar[float]

    @abc.abstractmethod
    def row(self, scope: Mapping[str, Any], point: Point) -> Any:
        """The residual at one point: a scalar, a short vector or a tuple of scalars."""

    @abc.abstractmethod
    def functions(self) -> tuple[Callable, ...]:
        """The user's functions, whose arguments are bound by name."""

    @abc.abstractmethod
    def uses(self) -> tuple[str, ...]:
        """The fields that this condition names by a string."""

    @abc.abstractmethod
    def data(self) -> dict[str, np.ndarray]:
        """Arrays with one entry per point; `noise` is the scale of a data row."""

    def check(self, name: str, model: Model) -> None:
        """Refuse names that nothing provides, before anything is compiled."""
        where = f"Condition {name!r}"
        groups = {
            "fields": model.fields,
            "unknowns": tuple(model.unknowns),
            "coordinates": self.points.names,
        }
        if self.points.has_normals:
            groups["on a boundary"] = ("normal",)
        for fn in self.functions():
            check_names(fn, groups, where)
        for used in self.uses():
            if used not in model.fields:
                raise UnknownNameError(
                    f"{where} is about the field {used!r}; the model has "
                    f"{listing(model.fields)}."
                )
            missing = set(model.field(used).names) - set(self.points.names)
            if missing:
                raise UnknownNameError(
                    f"{where}: its points have the coordinates "
                    f"{listing(self.points.names)}, but the field {used!r} also needs "
                    f"{listing(sorted(missing))}."
                )
        clash = set(self.points.names) & {*model.fields, *model.unknowns}
        if clash:
            raise UnknownNameError(
                f"{where}: {listing(sorted(clash))} is a coordinate of its points and "
                "also a field or unknown of the model; rename one."
            )


def bindings(scope: Mapping[str, Any], point: Point) -> dict[str, Any]:
    """Fields and unknowns, with the coordinates (and the normal) of one point."""
    names = dict(scope) | point.coordinates
    if point.normals:
        names["normal"] = jnp.stack(list(point.normals.values()))
    return names


def at(u: ScalarField, point: Point) -> Float[Array, ""]:
    """The value of a field at a point, which may have more coordinates than it."""
    return u.fn(*(point.coordinates[name] for name in u.names))


class Target(eqx.Module):
    """The right-hand side of a condition: a number, one value a point, or a function."""

    value: float | Callable | None
    array: np.ndarray | None

    def __init__(self, value, points: AbstractPoints, what: str):
        self.value, self.array = None, None
        if callable(value):
            self.value = value
            return
        array = user_array(value, f"The value of {what}")
        if array.ndim == 0:
            self.value = float(array)
            return
        if not isinstance(points, Points):
            raise ShapeError(
                f"{what} was given {array.shape} values for points that are drawn by "
                "pinnsven; give a function of the coordinates, or your own "
                "`ps.Points(...)` for the values."
            )
        self.array = one_each(array, points, f"The value of {what}")

    def functions(self) -> tuple[Callable, ...]:
        return (self.value,) if callable(self.value) else ()

    def data(self) -> dict[str, np.ndarray]:
        return {} if self.array is None else {"value": self.array}

    def at(self, scope: Mapping[str, Any], point: Point):
        if self.array is not None:
            return point.data["value"]
        return bind(self.value, scope) if callable(self.value) else self.value


def one_each(array: np.ndarray, points: Points, what: str) -> np.ndarray:
    """Check that there is one value for each point, in one axis."""
    if array.shape != (points.n,):
        raise ShapeError(
            f"{what} has shape {array.shape} for {points.n} points; it must be "
            f"({points.n},), one value for each point."
        )
    return array


def check_points(points, what: str) -> AbstractPoints:
    """Refuse a bare region or array where points belong."""
    if not isinstance(points, AbstractPoints):
        raise PinnsvenError(
            f"{what} needs points, got {type(points).__name__}. Say how many: "
            "`region.points(200)`, or bring your own: `ps.Points(x=xs, t=ts)`."
        )
    return points


def check_weight(weight, what: str) -> float:
    """Refuse weights whose square root is no positive number."""
    if not (
        isinstance(weight, int | float | np.number | Array) and np.ndim(weight) == 0
    ):
        raise BoundsError(f"The weight of {what} is {weight!r}; it must be one number.")
    if not (math.isfinite(weight) and weight > 0):
        raise BoundsError(
            f"The weight of {what} is {weight}; it must be positive and finite. "
            "Leave a condition out of the problem instead of weighing it zero."
        )
    return float(weight)

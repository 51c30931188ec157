import abc
import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError, PinnsvenError, ShapeError, UnknownNameError, listing
from .._names import bind, check_callable, check_names, check_scalar, parameters
from .._precision import user_array
from ..fields import Model, ScalarField
from ..geometry import AbstractPoints, Points


class Point(eqx.Module):
    """What one row sees: its coordinates, the outward normal, its own data.

    Under `vmap` every entry has the points as its only axis.
    """

    coordinates: Mapping[str, Any]
    normals: Mapping[str, Any]
    data: Mapping[str, Any]


class AbstractCondition(eqx.Module):
    """Something that must hold at given points: the rows of one named block.

    A final class says what its residual is at one point (`row`), which functions of
    the user's it binds by name (`functions`), on which points these are called
    (`places`) and which fields it uses (`uses`).
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
    def places(self) -> tuple[AbstractPoints, ...]:
        """The points whose coordinates the functions may name: `points`, and others."""

    @abc.abstractmethod
    def uses(self) -> tuple[str, ...]:
        """The fields that this condition names by a string."""

    @abc.abstractmethod
    def data(self) -> dict[str, np.ndarray]:
        """Arrays with one entry per point; `noise` is the scale of a data row."""

    def check(self, name: str, model: Model) -> None:
        """Refuse names that nothing provides, before anything is compiled."""
        where = f"Condition {name!r}"
        coordinates = tuple(n for place in self.places() for n in place.names)
        groups = {
            "fields": model.fields,
            "unknowns": tuple(model.unknowns),
            "coordinates": coordinates,
        }
        if any(place.axes for place in self.places()):
            groups["on a boundary"] = ("normal",)
        for fn in self.functions():
            check_names(fn, groups, where)
        named = {n for fn in self.functions() for n in parameters(fn)}
        if not self.uses() and not named & {*model.fields, *model.unknowns}:
            raise UnknownNameError(
                f"{where}: its function names no field and no unknown, so nothing "
                "of the model could make it hold. There are the fields "
                f"{listing(model.fields)} and the unknowns "
                f"{listing(model.unknowns)}."
            )
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
        clash = set(coordinates) & {*model.fields, *model.unknowns}
        if clash:
            raise UnknownNameError(
                f"{where}: {listing(sorted(clash))} is a coordinate of its points and "
                "also a field or unknown of the model; rename one."
            )


def bindings(
    scope: Mapping[str, Any], point: Point, axes: tuple[str, ...]
) -> dict[str, Any]:
    """Fields and unknowns, with the coordinates (and the normal) of one point."""
    names = {**scope, **point.coordinates}
    if axes:
        # JAX hands dictionaries back in alphabetical order, which is not ours.
        names["normal"] = jnp.stack([point.normals[axis] for axis in axes])
    return names


def at(u: ScalarField, point: Point) -> Float[Array, ""]:
    """The value of a field at a point, which may have more coordinates than it."""
    return u.fn(*(point.coordinates[name] for name in u.names))


class Target(eqx.Module):
    """A right-hand side or a coefficient: a number, an array, or a function."""

    value: Any
    array: np.ndarray | None
    what: str

    def __init__(self, value, points: AbstractPoints, what: str):
        self.value, self.array, self.what = None, None, what
        if callable(value):
            check_callable(value, f"The value of {what}", "lambda x: jnp.sin(x)")
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
        if not callable(self.value):
            return self.value
        value = bind(self.value, scope)
        check_scalar(value, f"The value of {self.what}")
        return value


def one_each(array: np.ndarray, points: Points, what: str) -> np.ndarray:
    """Check that there is one value for each point, in one axis."""
    if array.shape != (points.n,):
        raise ShapeError(
            f"{what} has shape {array.shape} for {points.n} points; it must be "
            f"({points.n},), one value for each point."
        )
    return array


def check_field(field, what: str) -> str:
    """Refuse a network, or swapped arguments, where the name of a field belongs."""
    if not isinstance(field, str):
        raise PinnsvenError(
            f'{what} needs the name of a field first, such as `"u"`, got '
            f"{type(field).__name__}."
        )
    return field


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
        isinstance(weight, int | float | np.number | np.ndarray | Array)
        and np.ndim(weight) == 0
    ):
        raise BoundsError(
            f"The weight of {what} is {weight!r}; it must be one number. For a weight "
            "that varies, multiply the residual by its root."
        )
    if not (math.isfinite(weight) and weight > 0):
        raise BoundsError(
            f"The weight of {what} is {weight}; it must be positive and finite. "
            "Leave a condition out of the problem instead of weighing it zero."
        )
    return float(weight)

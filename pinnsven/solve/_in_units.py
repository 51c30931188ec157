from typing import Any

import numpy as np

from .._errors import PinnsvenError
from .._quantities import (
    amount,
    base_unit,
    has_zero,
    is_quantity,
    parsed,
    plain,
    same,
)
from ..residuals import Units
from ._evaluated import Evaluated


class InUnits:
    """A solution whose numbers have the units of a `ps.Units`.

    What is no field and no unknown, such as `result`, is that of the solution.
    """

    def __init__(self, solution: Any, units: Units):
        if not isinstance(units, Units):
            raise PinnsvenError(
                "`in_units` needs the units of all names, `ps.Units(x='cm', u='K')`, "
                f"got {type(units).__name__}."
            )
        self._solution, self._units = solution, units

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._solution, name)
        if isinstance(found, Evaluated):
            return FieldInUnits(found, name, self._units)
        if name in self._solution.model.unknowns:
            return quantity(self._units, name, found)
        return found

    def std(self, name: str) -> Any:
        """The standard error of an unknown, a quantity."""
        return quantity(self._units, name, self._solution.std(name), (), True)


class FieldInUnits:
    """A field of a solution, or a derivative: quantities in, quantities out."""

    def __init__(self, field: Evaluated, name: str, units: Units, along=()):
        self._field, self._name, self._units, self._along = field, name, units, along

    def __call__(self, *args, **kwargs) -> Any:
        given = dict(zip(self._field.names, args, strict=False)) | kwargs
        numbers = {k: _number(self._units, k, v) for k, v in given.items()}
        values = np.asarray(self._field(**numbers))
        return quantity(self._units, self._name, values, self._along)

    def d(self, *names: str) -> "FieldInUnits":
        """The mixed derivative along the named coordinates."""
        along = (*self._along, *names)
        return FieldInUnits(self._field.d(*names), self._name, self._units, along)

    def __getattr__(self, name: str) -> "FieldInUnits":
        if name.startswith("_"):
            raise AttributeError(name)
        getattr(self._field, name)
        return self.d(*name)


def quantity(
    units: Units, name: str, value: Any, along: tuple[str, ...] = (), apart=False
) -> Any:
    """A number in SI base units as a quantity of the declared unit.

    `apart`: it is a difference, which has no zero of its own; so has a derivative.
    """
    units.dimensions(name)
    unit, base = units.units[name], base_unit(units.units[name])
    if (along or apart) and has_zero(unit):
        unit = parsed(f"delta_{unit}", name)
    for other in along:
        units.dimensions(other)
        unit, base = unit / units.units[other], base / base_unit(units.units[other])
    array = np.asarray(value)
    return amount(array if array.ndim else float(array), base).to(unit)


def _number(units: Units, name: str, value: Any) -> Any:
    dims = units.dimensions(name)
    if not is_quantity(value):
        value = amount(np.asarray(value, float), units.units[name])
    number, found = plain(value)
    if found is not None and not same(found, dims):
        raise PinnsvenError(
            f"{name!r} is given in {value.units}, but it is declared in "
            f"{units.units[name]}. Swapped coordinates?"
        )
    return number

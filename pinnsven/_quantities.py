"""Physical quantities become numbers in SI base units the moment they come in."""

import contextlib
import contextvars
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._errors import BoundsError, PinnsvenError, optional


# The powers of the base dimensions, `{"[length]": 2, "[time]": -1}`.
Dimensions = dict[str, float]
# What one unit of each base dimension counts, while `Units.check` changes them.
_FACTORS: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar(
    "factors", default=None
)


class SI:
    """A constant with a unit, made by `ps.si`; in equations its number in SI units.

    Sums, products and powers of such constants and numbers are constants with a unit;
    `float(k)` is the number, `k.quantity` the pint quantity.
    """

    # NumPy then leaves `array * k` to this class.
    __array_ufunc__ = None

    def __init__(self, quantity: Any):
        self.quantity = quantity.to_base_units()

    def __float__(self) -> float:
        return float(self.quantity.magnitude)

    def __jax_array__(self):
        factor = change(dimensions(self.quantity))
        return jnp.asarray(float(self)) * factor

    def __repr__(self) -> str:
        return f"{self.quantity:~P}"

    def _with(self, other: Any, fn: Callable, reflected: bool = False) -> Any:
        order = lambda a, b: fn(b, a) if reflected else fn(a, b)
        if not isinstance(other, SI | int | float) and not is_quantity(other):
            return order(self.__jax_array__(), other)
        there = getattr(other, "quantity", other)
        try:
            out = order(self.quantity, there)
        except optional("pint", "units").DimensionalityError as err:
            raise PinnsvenError(
                f"{self!r} and {other!r} do not go together: {err}. A plain number "
                'besides them needs a unit too, `ps.si("273.15 K")`.'
            ) from err
        return SI(out) if is_quantity(out) else out

    def __add__(self, other):
        return self._with(other, operator.add)

    def __radd__(self, other):
        return self._with(other, operator.add, True)

    def __sub__(self, other):
        return self._with(other, operator.sub)

    def __rsub__(self, other):
        return self._with(other, operator.sub, True)

    def __mul__(self, other):
        return self._with(other, operator.mul)

    def __rmul__(self, other):
        return self._with(other, operator.mul, True)

    def __truediv__(self, other):
        return self._with(other, operator.truediv)

    def __rtruediv__(self, other):
        return self._with(other, operator.truediv, True)

    def __pow__(self, other):
        return self._with(other, operator.pow)

    def __neg__(self):
        return SI(-self.quantity)


class Measure(float):
    """A float in SI base units that remembers its dimensions."""

    dimensions: dict[str, float]


class Measured(np.ndarray):
    """An array in SI base units that remembers its dimensions; its results do not."""

    dimensions: dict[str, float] | None = None

    def __array_finalize__(self, other):
        # Views of it as it is keep them.
        self.dimensions = getattr(other, "dimensions", None)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        plain = lambda a: a.view(np.ndarray) if isinstance(a, Measured) else a
        return getattr(ufunc, method)(*map(plain, inputs), **options)


def si(value: Any, unit: str | None = None) -> SI:
    """A constant with a unit, for use in equations, which are in SI base units.

    **Arguments:** a pint quantity, `si(45 * q.W / q.m / q.K)`; its text,
    `si("45 W/m/K")`; or a number and a unit, `si(45, "W/m/K")`. A temperature such as
    `si(20, "degC")` becomes 293.15 K.

    **Example:** `alpha = ps.si("12 mm^2/s")`, then `u.t(x, t) - alpha * u.xx(x, t)`.

    **Raises:** `PinnsvenError` for what is no unit, or without pint (extra `units`).
    """
    if is_quantity(value) and unit is None:
        return SI(_own(value))
    registry = _registry()
    try:
        if isinstance(value, str):
            return SI(registry.Quantity(value))
        return SI(registry.Quantity(float(value), unit))
    except Exception as err:
        given = repr(value) if unit is None else f"{value!r} and {unit!r}"
        raise PinnsvenError(
            f"`si` got {given}, which is no quantity: {err}. "
            f'Write `si("45 W/m/K")` or `si(45, "W/m/K")`.'
        ) from err


def parsed(unit: str, name: str) -> Any:
    """The pint unit of a text.

    **Raises:** `PinnsvenError` naming what it belongs to.
    """
    try:
        return _registry().Unit(unit)
    except Exception as err:
        raise PinnsvenError(
            f"The unit of {name!r} is {unit!r}, which pint does not know: {err}. Write "
            'it as `"mm^2/s"`, `"W/m/K"` or `"degC"`.'
        ) from err


def is_quantity(value: Any) -> bool:
    """Whether this is a quantity of pint, of any registry."""
    return hasattr(value, "to_base_units") and hasattr(value, "magnitude")


def plain(value: Any) -> tuple[Any, dict[str, float] | None]:
    """A number or array in SI base units, and its dimensions if it was a quantity."""
    value = value.quantity if isinstance(value, SI) else value
    if isinstance(value, Measured):
        return value.view(np.ndarray), value.dimensions
    if not is_quantity(value):
        return value, None
    base = value.to_base_units()
    return base.magnitude, dimensions(base)


def number(value: Any) -> float:
    """A float, which remembers its dimensions if it was a quantity."""
    given, dims = plain(value)
    if dims is None:
        return value if isinstance(value, Measure) else float(given)
    out = Measure(given)
    out.dimensions = dims
    return out


def constant(value: Any) -> SI | None:
    """A single quantity as a constant with its unit; `None` for anything else."""
    if is_quantity(value) and not np.ndim(value.magnitude):
        return SI(_own(value))
    return value if isinstance(value, SI) else None


def difference(value: Any) -> Any:
    """A quantity that is a difference, such as a standard deviation, as it is.

    **Raises:** `BoundsError` for degrees on a scale with an offset.
    """
    if is_quantity(value) and has_zero(value.units):
        raise BoundsError(
            f"`sigma` is in {value.units}, a temperature on a scale with another zero; "
            "a difference is in `delta_degC` or `kelvin`."
        )
    return value


def amount(value: Any, unit: Any) -> Any:
    """A quantity of pint."""
    return _registry().Quantity(value, unit)


def base_unit(unit: Any) -> Any:
    """The SI base units of a unit."""
    return amount(0.0, str(unit)).to_base_units().units


def has_zero(unit: Any) -> bool:
    """Whether zero of a unit is another temperature than zero kelvin."""
    return amount(0.0, str(unit)).to_base_units().magnitude != 0


def dimensions(quantity: Any) -> Dimensions:
    """The powers of the base dimensions of a quantity or a unit."""
    return {name: float(power) for name, power in quantity.dimensionality.items()}


def same(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    """Whether two dimensions are equal."""
    return all(abs(a.get(k, 0.0) - b.get(k, 0.0)) < 1e-9 for k in {*a, *b})


def change(dims: Mapping[str, float]) -> Any:
    """How a number of these dimensions changes under the present change of units."""
    factors, out = _FACTORS.get() or {}, 1.0
    for name, power in dims.items():
        if name in factors:
            out = out * factors[name] ** power
    return out


@contextlib.contextmanager
def changed_units(factors: Mapping[str, Any]) -> Iterator[None]:
    """Within it, constants with a unit count as in other base units."""
    token = _FACTORS.set(factors)
    try:
        yield
    finally:
        _FACTORS.reset(token)


def _registry() -> Any:
    return optional("pint", "units").get_application_registry()


def _own(value: Any) -> Any:
    # Quantities of different registries do not mix; all of ours are of one.
    base = value.to_base_units()
    return _registry().Quantity(base.magnitude, str(base.units))

from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np

from .._errors import BoundsError, PinnsvenError, ShapeError
from .._names import bind, check_callable, check_scalar
from .._precision import user_array
from .._quantities import difference
from ..geometry import AbstractPoints, Points
from ._condition import (
    AbstractCondition,
    at,
    bindings,
    check_weight,
    one_each,
)
from ._tables import from_array, from_frame


class AbstractData(AbstractCondition):
    r"""Measured values: rows in units of a common noise $\bar\sigma$, or without any.

    The other conditions hold exactly; these are met within their noise, which is where
    error bars come from.
    """

    sigma: eqx.AbstractVar[np.ndarray | None]
    sigma_mean: eqx.AbstractVar[float]

    def beside(self, others: "list[AbstractData]") -> "AbstractData":
        """The same data, on the scale that they share with all data of a problem."""
        if self.sigma is None:
            return self
        return eqx.tree_at(lambda c: c.sigma_mean, self, common_sigma(others))


class Data(AbstractData):
    r"""Measured values of a field, or of any function of the model, at given points.

    Row $i$ is $(u(x_i) - y_i)\,\bar\sigma/\sigma_i$ with
    $\bar\sigma^{-2} = \overline{\sigma_i^{-2}}$: `sigma` sets how much the points count
    against each other and the size of the error bars, while the block as a whole
    counts like any condition of its `weight`. Where several blocks have a `sigma`, the
    average runs over the blocks as well, so that precise data outweigh the others.
    Without `sigma` all points count alike and error bars use the scatter of the
    residuals.

    **Arguments:**

    - `field`: the name of a field, or a function bound by name, the measurement model:
      `lambda u, gain, x, t: gain * u(x, t)`.
    - `points`: the user's `ps.Points(...)`.
    - `values`: shape `(n,)`, one for each point.
    - `sigma`: the standard deviation of the noise, a number or shape `(n,)`.

    **Example:** `ps.Data("u", ps.Points(x=xs, t=ts), us, sigma=0.01)`.

    **Raises:** `ShapeError`, `NonFiniteError`, `DtypeError`; `BoundsError` unless every
    `sigma` is positive.
    """

    field: str | Callable
    points: AbstractPoints
    values: np.ndarray
    sigma: np.ndarray | None
    weight: float
    sigma_mean: float

    def __init__(
        self, field: str | Callable, points: Points, values, *, sigma=None, weight=1.0
    ):
        if not isinstance(points, Points):
            raise PinnsvenError(
                "`Data` are values at known points: give `ps.Points(x=xs, t=ts)`, got "
                f"{type(points).__name__}."
            )
        if not isinstance(field, str):
            check_callable(field, "`Data`", "lambda u, x, t: u(x, t)")
        self.field, self.points = field, points
        self.values = one_each(user_array(values, "Data values"), points, "Data values")
        self.weight = check_weight(weight, "`Data`")
        self.sigma = check_sigma(difference(sigma), self.values.shape, "`Data`")
        self.sigma_mean = common_sigma([self])

    @classmethod
    def from_pandas(
        cls,
        frame: Any,
        field: str | Callable,
        coordinates: str,
        *,
        value: str | None = None,
        sigma=None,
        weight=1.0,
        origin: str | None = None,
        unit: str = "s",
    ) -> "Data":
        """Data in the columns of a pandas frame, one row for each point.

        Rows without a value (NaN) are left out, and a warning says how many. Whole
        numbers and float32 are converted. Time stamps become numbers, the time since
        `origin` in `unit`.

        **Arguments:**

        - `field`: as in `Data`; also the column of the values unless `value` names it.
        - `coordinates`: the columns of the coordinates, `"x t"`.
        - `sigma`: the name of a column, or as in `Data`. `weight` as in `Data`.
        - `origin`: which time stamp is zero, `"2024-05-01T12:00"`; in UTC if the
          column has a time zone. `unit`: a unit of `numpy.timedelta64`, `"s"`, `"h"`.

        **Example:** `ps.Data.from_pandas(frame, "u", "x t", sigma="du")`.

        **Raises:** `UnknownNameError` for columns that do not exist, `NonFiniteError`
        for a missing coordinate, `PinnsvenError` for time stamps without `origin`.
        """
        return cls(
            **from_frame(frame, field, coordinates, value, sigma, origin, unit),
            weight=weight,
        )

    @classmethod
    def from_xarray(
        cls,
        array: Any,
        field: str | Callable | None = None,
        coordinates: str | None = None,
        *,
        sigma=None,
        weight=1.0,
        origin: str | None = None,
        unit: str = "s",
    ) -> "Data":
        """Data in an xarray `DataArray`, one point for each entry that is not NaN.

        **Arguments:**

        - `field`: as in `Data`; by default the name of the array.
        - `coordinates`: names among the coordinates of the array, which may have any of
          its dimensions; by default its dimensions and its scalar coordinates.
        - `sigma`: a `DataArray` that broadcasts against it, or as in `Data`.
        - `weight`, `origin`, `unit`: as in `from_pandas`.

        **Example:** `ps.Data.from_xarray(dataset["u"], sigma=0.1)`.

        **Raises:** as `from_pandas`.
        """
        return cls(
            **from_array(array, field, coordinates, sigma, origin, unit), weight=weight
        )

    def measured(self, values) -> "Data":
        """The same data with other values."""
        assert isinstance(self.points, Points)
        array = one_each(user_array(values, "Data values"), self.points, "Data values")
        return eqx.tree_at(lambda c: c.values, self, array)

    def row(self, scope, point):
        if isinstance(self.field, str):
            model = at(scope[self.field], point)
        else:
            model = bind(self.field, bindings(scope, point, self.points.axes))
            check_scalar(model, "The measurement model of `Data`")
        return (model - point.data["value"]) * point.data["share"]

    def functions(self) -> tuple[Callable, ...]:
        return () if isinstance(self.field, str) else (self.field,)

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return (self.field,) if isinstance(self.field, str) else ()

    def data(self) -> dict[str, np.ndarray]:
        ones = np.ones_like(self.values)
        share = ones if self.sigma is None else self.sigma_mean / self.sigma
        return {"value": self.values, "share": share}


def check_sigma(sigma, shape: tuple[int, ...], what: str) -> np.ndarray | None:
    """The noise of each value, from one number or one for each; `None` if not given."""
    if sigma is None:
        return None
    given = user_array(sigma, "`sigma`")
    if not (given > 0).all():
        raise BoundsError(
            f"`sigma` of {what} goes down to {given.min():g}; as the standard "
            "deviation of the noise it must be positive at every point."
        )
    if given.shape not in ((), shape):
        raise ShapeError(
            f"`sigma` has shape {given.shape} for {shape[0]} points; it must be one "
            f"number or {shape}, one for each value."
        )
    # Which keeps what it remembers of its unit.
    return np.broadcast_to(given, shape, subok=True)


def common_sigma(blocks: list[AbstractData]) -> float:
    """The noise of a row in the units of the data; one where no block has a sigma."""
    precisions = [np.mean(b.sigma**-2.0) for b in blocks if b.sigma is not None]
    return float(np.mean(precisions)) ** -0.5 if precisions else 1.0

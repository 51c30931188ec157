from collections.abc import Callable

import equinox as eqx
import numpy as np

from .._errors import BoundsError, PinnsvenError
from .._names import bind, check_callable, check_scalar
from .._precision import user_array
from ..geometry import AbstractPoints, Points
from ._condition import (
    AbstractCondition,
    at,
    bindings,
    check_weight,
    one_each,
)


class Data(AbstractCondition):
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
        self.sigma = None
        if sigma is not None:
            given = user_array(sigma, "`sigma`")
            if not (given > 0).all():
                raise BoundsError(
                    f"`sigma` of `Data` goes down to {given.min():g}; as the standard "
                    "deviation of the noise it must be positive at every point."
                )
            given = np.broadcast_to(given, (points.n,)) if given.ndim == 0 else given
            self.sigma = one_each(given, points, "`sigma`")
        self.sigma_mean = common_sigma([self])

    def beside(self, others: list["Data"]) -> "Data":
        """The same data, on the scale that they share with all data of a problem."""
        if self.sigma is None:
            return self
        return eqx.tree_at(lambda c: c.sigma_mean, self, common_sigma(others))

    def measured(self, values) -> "Data":
        """The same data with other values."""
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

    def uses(self) -> tuple[str, ...]:
        return (self.field,) if isinstance(self.field, str) else ()

    def data(self) -> dict[str, np.ndarray]:
        ones = np.ones_like(self.values)
        share = ones if self.sigma is None else self.sigma_mean / self.sigma
        return {"value": self.values, "share": share}


def common_sigma(blocks: list[Data]) -> float:
    """The noise of a row in the units of the data; one where no block has a sigma."""
    precisions = [np.mean(b.sigma**-2.0) for b in blocks if b.sigma is not None]
    return float(np.mean(precisions)) ** -0.5 if precisions else 1.0

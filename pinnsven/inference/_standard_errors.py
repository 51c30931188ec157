import numpy as np
from jaxtyping import Float
from scipy import stats

from .._errors import BoundsError
from ..residuals import BoundProblem, ResidualMap
from ._propagation import Propagation, Spread, slope


def standard_error(
    bound: BoundProblem, residuals: ResidualMap, theta, name: str
) -> Float[np.ndarray, "..."]:
    """Standard errors of an unknown, by linear propagation of the data noise.

    See `Propagation`. An array of the unknown's shape; infinite where the conditions
    leave the unknown undetermined, and where it depends on data without `sigma` that
    leave less than one degree of freedom to estimate it from.

    **Raises:** `UnknownNameError`; `PinnsvenError` if no condition is `Data`.
    """
    return std(Propagation(bound, residuals, theta), name)


def std(noise: Propagation, name: str) -> Float[np.ndarray, "..."]:
    """The standard errors of an unknown, in its own shape and units."""
    spread = _spread(noise, name)
    known = np.isfinite(spread.std)
    error = np.abs(slope(noise.model, name)) * np.where(known, spread.std, 1.0)
    return np.where(known, error, np.inf).reshape(noise.model.unknowns[name].raw.shape)


def interval(
    noise: Propagation, name: str, level: float
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """A confidence interval of an unknown, symmetric in the number that is trained.

    A positive or bounded unknown is trained through a transform. Its interval is the
    image of a symmetric one and therefore stays within its bounds; it does not depend
    on the units, and is right for large errors where the transform makes the model
    more nearly linear.
    """
    spread = _spread(noise, name)
    unknown = noise.model.unknowns[name]
    return unknown.around(
        (quantile(level, spread) * spread.std).reshape(unknown.raw.shape)
    )


def quantile(level: float, spread: Spread) -> Float[np.ndarray, " q"]:
    """How many standard errors an interval of that level reaches to either side.

    Student's t where the noise is estimated, else the normal distribution.

    **Raises:** `BoundsError` for a `level` outside of (0, 1).
    """
    check_level(level)
    return student(level, spread.freedom)


def student(level: float, freedom: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
    """Two-sided quantiles of Student's t; of the normal for infinite `freedom`."""
    return np.asarray(stats.t.ppf(0.5 + 0.5 * level, freedom))


def check_level(level) -> None:
    """Refuse a level of confidence that is no probability between 0 and 1."""
    number = isinstance(level, float | int | np.floating)
    if not (number and 0.0 < level < 1.0):
        raise BoundsError(
            f"The level of an interval is {level!r}; give a probability between 0 and "
            "1, such as 0.95."
        )


def _spread(noise: Propagation, name: str) -> Spread:
    noise.check([name])
    return noise.spread(noise.unknowns([name]))

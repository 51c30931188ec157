import equinox as eqx
import jax
import numpy as np

from .._errors import PinnsvenError, UnknownNameError, listing
from ..conditions import AbstractData
from ..residuals import BoundProblem, ResidualMap
from ..sven import SVD


# Directions below this are not measured by the conditions at all.
_UNRESOLVED = 1e-9
# The part of a gradient outside of the measured directions that makes it undetermined,
# and the least that is not rounding.
_LOST, _TRACE = 1e-3, 1e-6
# One degree of freedom, up to rounding.
_ONE = 1.0 - 1e-6


def standard_error(
    bound: BoundProblem, residuals: ResidualMap, theta, name: str
) -> np.ndarray:
    r"""Standard errors of an unknown, by linear propagation of the data noise.

    The estimate moves by $-J^+ \delta r$ when the rows move by $\delta r$. Only rows of
    data are noisy, row $i$ by $\sqrt{\lambda w_i}\,\bar\sigma$. With $g$ the gradient
    of the unknown and $J = U S V^T$,

    $$ \mathrm{std}^2 = \sum_i \left(g^T V S^{-1} U^T\right)_i^2
       \lambda w_i \bar\sigma^2 . $$

    Without `sigma`, $\bar\sigma^2$ is the residual sum of squares of the block over its
    degrees of freedom, $n - \mathrm{tr}$ of the hat matrix. Assumes independent noise
    and a model that is linear over the size of the error bars.

    **Returns:** an array of the unknown's shape; infinite where the conditions leave
    the unknown undetermined, and where it depends on data without `sigma` that leave
    less than one degree of freedom to estimate it from.

    **Raises:** `UnknownNameError`; `PinnsvenError` if no condition is `Data` or
    `Trajectory`.

    Source: Bjorck, Numerical Methods for Least Squares Problems (1996), chapter 1.
    """
    if name not in bound.model.unknowns:
        raise UnknownNameError(
            f"There is no unknown {name!r}; there are {listing(bound.model.unknowns)}."
        )
    if not any(isinstance(c, AbstractData) for c in bound.conditions.values()):
        raise PinnsvenError(
            f"`std({name!r})` needs noise to propagate, but no condition is `ps.Data` "
            "or `ps.Trajectory`."
        )
    r, j = (
        np.asarray(a) for a in eqx.filter_jit(ResidualMap.linearise)(residuals, theta)
    )
    u, s, vt = np.linalg.svd(j, full_matrices=False)
    kept = s > max(_UNRESOLVED, SVD().floor(s.dtype)) * s[0]
    u, s, vt = u[:, kept], s[kept], vt[kept]
    noise = _row_noise(bound, residuals, r, u)
    value = lambda vector: bound.rebuild(vector).unknowns[name].value
    gradient = np.asarray(jax.jacrev(value)(theta))
    flat = gradient.reshape(-1, gradient.shape[-1])
    along = flat @ vt.T
    gain = np.abs((along / s) @ u.T)
    # What counts for nothing must not be made infinite by noise that nobody knows.
    gain[gain < 1e-9 * np.linalg.norm(gain, axis=1, keepdims=True)] = 0.0
    used = np.where(gain > 0.0, noise, 0.0)
    error = np.linalg.norm(gain * used, axis=1)
    # A gradient that the kept directions do not span is not determined by the rows. A
    # trace of it always lies outside for a network, whose singular values have no gap;
    # it counts if moving along there by one, the size of a weight, outdoes the noise.
    missing = np.linalg.norm(flat - along @ vt, axis=1)
    size = np.linalg.norm(flat, axis=1)
    lost = (missing > _LOST * size) | ((missing > _TRACE * size) & (missing > error))
    return np.where(lost, np.inf, error).reshape(gradient.shape[:-1])


def _row_noise(
    bound: BoundProblem, residuals: ResidualMap, r: np.ndarray, u: np.ndarray
) -> np.ndarray:
    noise = np.zeros_like(r)
    start = 0
    for name, block, size in zip(
        residuals.names, residuals.blocks, residuals.sizes, strict=True
    ):
        rows = slice(start, start + size)
        start += size
        condition = bound.conditions[name]
        if not isinstance(condition, AbstractData):
            continue
        scale = np.repeat(np.asarray(block.scale), block.components)
        sigma = condition.sigma_mean
        if condition.sigma is None:
            freedom = size - float(np.sum(u[rows] ** 2))
            square = float(np.sum((r[rows] / scale) ** 2))
            # Less than one, and rounding decides what the quotient is.
            sigma = np.sqrt(square / freedom) if freedom > _ONE else np.inf
        noise[rows] = scale * sigma
    return noise

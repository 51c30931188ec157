"""An independent fit of ordinary differential equations to data.

Shooting: the equations are integrated to a tight tolerance and their constants moved by
nonlinear least squares. Nothing here knows of networks, so that the estimates and
standard errors of an inverse problem can be checked against it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from scipy.optimize import least_squares


def _identity(y):
    return y


@dataclasses.dataclass(frozen=True)
class TrajectoryFit:
    """What `fit_trajectory` found.

    **Arguments:**

    - `parameters`: the estimates by name.
    - `standard_errors`: their standard errors by name.
    - `initial`: the state at the first time.
    - `initial_standard_errors`: its standard errors; zero if it was given as known.
    - `covariance`: the covariance of all fitted numbers: the parameters in the order of
      `parameters`, then the initial state if it was fitted. Infinite if the data do not
      determine all of them.
    - `residuals`: model minus data, in units of `sigma`.
    - `noise`: the root of the sum of squared residuals over the degrees of freedom. It
      estimates the noise if `sigma` was not given, and is near 1 for a good model if
      it was.
    - `condition`: the condition number of the Jacobian with its columns scaled to
      length one: how nearly the fitted numbers can replace each other.
    - `trajectory`: the fitted solution; maps times, in increasing order and not before
      the first time of the data, to states of shape `(times, states)`.
    """

    parameters: dict[str, float]
    standard_errors: dict[str, float]
    initial: Float[np.ndarray, " states"]
    initial_standard_errors: Float[np.ndarray, " states"]
    covariance: Float[np.ndarray, "fitted fitted"] = dataclasses.field(repr=False)
    residuals: Float[np.ndarray, "times observed"] = dataclasses.field(repr=False)
    noise: float
    condition: float
    trajectory: Callable[[ArrayLike], np.ndarray] = dataclasses.field(repr=False)


def fit_trajectory(
    vector_field: Callable[..., Array],
    y0: ArrayLike,
    parameters: Mapping[str, float],
    times: ArrayLike,
    data: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    fit_initial: bool = True,
    observe: Callable[[Array], Array] = _identity,
    rtol: float = 1e-10,
    atol: float = 1e-10,
) -> TrajectoryFit:
    r"""Fits the constants of $y' = f(t, y; p)$, and its initial state, to data.

    Minimises $\sum_{ij} ((h(y(t_i))_j - d_{ij}) / \sigma_{ij})^2$ by a trust-region
    method, which finds the minimum that the first guess leads to. The trajectory is
    integrated with an eighth-order Runge-Kutta method that steps onto every $t_i$, the
    Jacobian $J$ is exact, and everything runs in float64 whatever the global setting.
    The covariance of the estimates is $(J^\top J)^{-1} s^2$, where $s^2$ is the mean
    squared residual per degree of freedom if `sigma` is not given, and 1 if it is.

    **Arguments:**

    - `vector_field`: a function `(t, y, parameters) -> dy/dt` in `jax.numpy`, where
      `parameters` is a dictionary of scalars. Pass the same function again, rather than
      a new lambda, to compile once.
    - `y0`: the state at the first time, of shape `(states,)`: the first guess, or the
      truth if `fit_initial` is false.
    - `parameters`: a first guess for each constant, by name.
    - `times`: when the data were taken, of shape `(times,)`, strictly increasing.
    - `data`: one row for each time, of shape `(times, observed)`.
    - `sigma`: the standard deviation of the noise in `data`, in any shape that
      broadcasts against it; `None` if it is unknown but the same for all entries.
    - `fit_initial`: whether the initial state is fitted too.
    - `observe`: the function $h$ from a state to what was measured; the state itself by
      default. `jnp.log`, with the logarithm of the data, fits under log-normal noise.
    - `rtol`, `atol`: the tolerances of the integration.

    **Returns:**

    A `TrajectoryFit`.

    **Raises:**

    `ValueError` if the shapes do not fit together, the times do not increase or the
    first guess cannot be integrated; `RuntimeError` if the fit does not converge.
    """
    names = tuple(parameters)
    times, data = np.asarray(times, np.float64), np.asarray(data, np.float64)
    y0 = np.asarray(y0, np.float64)
    start = np.array([float(parameters[name]) for name in names])
    if fit_initial:
        start = np.concatenate([start, y0])
    _check(times, data, start)
    scale = np.broadcast_to(1.0 if sigma is None else np.asarray(sigma), data.shape)
    known = None if fit_initial else y0
    shoot = _Shooting(vector_field, observe, names, known, times, rtol, atol)

    found = _minimise(shoot, start, data, scale)
    noise = float(np.sqrt(np.sum(found.fun**2) / (data.size - start.size)))
    covariance, condition = _covariance(found.jac)
    if sigma is None:
        covariance = covariance * noise**2
    spread, k = np.sqrt(np.diag(covariance)), len(names)

    def trajectory(when):
        when = np.concatenate([times[:1], np.asarray(when, np.float64)])
        states = dataclasses.replace(shoot, observe=_identity, times=when)
        with jax.enable_x64(True):
            return np.asarray(_evaluate(states, found.x))[1:]

    return TrajectoryFit(
        parameters=dict(zip(names, found.x[:k].tolist(), strict=True)),
        standard_errors=dict(zip(names, spread[:k].tolist(), strict=True)),
        initial=found.x[k:] if fit_initial else y0,
        initial_standard_errors=spread[k:] if fit_initial else np.zeros_like(y0),
        covariance=covariance,
        residuals=found.fun.reshape(data.shape),
        noise=noise,
        condition=condition,
        trajectory=trajectory,
    )


def _check(times, data, start):
    if data.ndim != 2 or data.shape[0] != times.size:
        raise ValueError(
            f"`data` has shape {data.shape}, but must have one row for each of the "
            f"{times.size} times. Give a single observed quantity as one column."
        )
    if not np.all(np.diff(times) > 0):
        raise ValueError("`times` must be strictly increasing: sort the data by time.")
    if data.size <= start.size:
        raise ValueError(
            f"{start.size} numbers cannot be fitted to {data.size} data with standard "
            "errors: there must be more data than fitted numbers."
        )


class _Shooting(eqx.Module):
    """The map from the fitted numbers to what would be observed."""

    vector_field: Callable[..., Array]
    observe: Callable[[Array], Array]
    names: tuple[str, ...] = eqx.field(static=True)
    known_initial: Float[np.ndarray, " states"] | None
    times: Float[np.ndarray, " times"]
    rtol: float
    atol: float

    def __call__(self, theta):
        k = len(self.names)
        initial = theta[k:] if self.known_initial is None else self.known_initial
        times = jnp.asarray(self.times)
        # Only who integrates waits for it.
        import diffrax as dfx

        solution = dfx.diffeqsolve(
            dfx.ODETerm(self.vector_field),
            dfx.Dopri8(),
            t0=times[0],
            t1=times[-1],
            dt0=None,
            y0=jnp.asarray(initial),
            args=dict(zip(self.names, theta[:k], strict=True)),
            saveat=dfx.SaveAt(ts=times),
            # Interpolation between steps would be of lower order than the steps.
            stepsize_controller=dfx.ClipStepSizeController(
                dfx.PIDController(rtol=self.rtol, atol=self.atol), step_ts=times
            ),
            adjoint=dfx.ForwardMode(),
            max_steps=100_000,
            throw=False,
        )
        assert solution.ys is not None
        seen = jax.vmap(self.observe)(solution.ys)
        # An infinite residual tells the trust region to take a shorter step.
        worked = solution.result == dfx.RESULTS.successful
        return jnp.where(worked & jnp.isfinite(seen), seen, jnp.inf)


@eqx.filter_jit
def _evaluate(shoot, theta):
    return shoot(theta)


@eqx.filter_jit
def _linearise(shoot, theta):
    def twice(theta):
        seen = shoot(theta)
        return seen, seen

    jacobian, seen = jax.jacfwd(twice, has_aux=True)(theta)
    return seen, jacobian


def _minimise(shoot, start, data, scale):
    # Value and Jacobian come from one function, although the solver asks for them one
    # by one: compiling a second one costs more than every evaluation together.
    def residuals(theta):
        with jax.enable_x64(True):
            seen = np.asarray(_linearise(shoot, theta)[0])
        if seen.shape != data.shape:
            raise ValueError(
                f"`data` has shape {data.shape}, but the model gives {seen.shape}: one "
                "row for each time, one column for each observed quantity."
            )
        return ((seen - data) / scale).ravel()

    def jacobian(theta):
        with jax.enable_x64(True):
            jac = np.asarray(_linearise(shoot, theta)[1])
        return (jac / scale[..., None]).reshape(data.size, theta.size)

    if not np.all(np.isfinite(residuals(start))):
        raise ValueError(
            "The equations cannot be integrated over all times from the first guess in "
            "`y0` and `parameters`. Give a guess that is nearer to the data."
        )
    eps = float(np.finfo(np.float64).eps)
    tolerances = {"ftol": 10 * eps, "xtol": 1e-12, "gtol": eps}
    options: dict[str, Any] = {"jac": jacobian, "x_scale": "jac", **tolerances}
    found = least_squares(residuals, start, **options)
    if not found.success:
        raise RuntimeError(
            f"The fit did not converge after {found.nfev} evaluations. Give a first "
            "guess in `y0` and `parameters` that is nearer to the data."
        )
    return found


def _covariance(jac):
    lengths = np.linalg.norm(jac, axis=0)
    unit = jac / np.where(lengths > 0, lengths, 1.0)
    _, singular, vt = np.linalg.svd(unit, full_matrices=False)
    if singular[-1] <= singular[0] * jac.shape[0] * np.finfo(np.float64).eps:
        return np.full((jac.shape[1], jac.shape[1]), np.inf), np.inf
    root = vt.T / singular / lengths[:, None]
    return root @ root.T, float(singular[0] / singular[-1])

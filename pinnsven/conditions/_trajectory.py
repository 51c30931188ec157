from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError, PinnsvenError, ShapeError, listing
from .._names import bind, check_callable, check_scalar, shown
from .._precision import user_array
from .._quantities import difference
from ..fields import Model
from ..geometry import AbstractPoints, Single, check_coordinates, is_count
from ._condition import Point, Target, check_weight
from ._data import AbstractData, check_sigma, common_sigma
from ._shooting import Settings, integrate


class Trajectory(AbstractData):
    r"""Measurements along the solution of an ODE, which is integrated (shooting).

    $y' = f(y, t)$ from $y(t_0) = y_0$; the rows are
    $(h(y(t_i)) - d_i)\,\bar\sigma/\sigma_i$ with $\bar\sigma$ as in `Data`, their
    squares averaged over all values. No network stands for $y$: the equation holds to
    the tolerance of the integration, and the unknowns of $f$, of $y_0$ and of $h$ are
    fitted. $f$ may also call fields of the model: an unknown term of the equation.

    One integration gives all rows; their derivatives are those of the integration, in
    forward mode, one tangent for each number that $f$ and $y_0$ depend on. An
    integration that fails gives infinite rows, which no step is taken to; before the
    first step it is a `NonFiniteError`.

    **Arguments:**

    - `vector_field`: $f$, bound by name to the state, the time, and the unknowns and
      fields of the model. It returns a tuple or vector in the order of `initial`.
    - `initial`: a dictionary of the state at the start, by name: numbers, or functions
      bound by name to unknowns, `dict(prey=30.0, predator=lambda p0: p0)`.
    - `times`: shape `(n,)`, in any order, none before `start`.
    - `values`: $d$, shape `(n, m)`, or `(n,)` if one quantity is observed.
    - `sigma`: the standard deviation of the noise, a number or the shape of `values`.
    - `observe`: $h$, bound by name as $f$ is; by default the state itself.
    - `time`: the name of the time.
    - `start`: $t_0$; by default the first of the times.
    - `solver`: a solver of diffrax, by default `diffrax.Dopri8()`. For stiff equations
      `diffrax.Kvaerno5()`.
    - `rtol`, `atol`: tolerances of each step, relative and in the units of the state;
      at least ten roundings of the precision in force.
    - `max_steps`: after so many the integration has failed.
    - `weight`: as in `Residual`.

    **Example:** a rate and an initial value, with their error bars.

    ```python
    decay = ps.Trajectory(
        lambda y, k: -k * y, dict(y=lambda y0: y0), times, values, sigma=0.1
    )
    solution = ps.solve(
        ps.Problem(decay=decay), ps.Model(k=1.0, y0=1.0), key=jr.key(0)
    )
    ```

    **Raises:** `ShapeError`, `NonFiniteError`, `DtypeError`; `BoundsError` for times
    before the start and for tolerances or a `sigma` that are not positive.

    Source: P. Kidger, On Neural Differential Equations (2021), chapter 5, for
    derivatives through an integration.
    """

    vector_field: Callable
    initial: tuple[Target, ...]
    states: tuple[str, ...]
    time: str
    instants: np.ndarray
    order: np.ndarray
    values: np.ndarray
    observe: Callable | None
    start: float
    method: Any
    tolerances: tuple[float, float]
    max_steps: int
    points: AbstractPoints
    sigma: np.ndarray | None
    weight: float
    sigma_mean: float

    def __init__(
        self,
        vector_field: Callable,
        initial: Mapping[str, Any],
        times,
        values,
        *,
        sigma=None,
        observe: Callable | None = None,
        time: str = "t",
        start=None,
        solver=None,
        rtol=1e-9,
        atol=1e-9,
        max_steps: int = 10_000,
        weight=1.0,
    ):
        check_callable(vector_field, "`Trajectory`", "lambda y, k: -k * y")
        if observe is not None:
            check_callable(observe, "`observe`", "lambda y: jnp.log(y)")
        self.vector_field, self.observe = vector_field, observe
        self.states, self.time = _states(initial, time)
        times = user_array(times, "`times`")
        self.instants, self.order = np.unique(times, return_inverse=True)
        self.start = _start(times, self.instants, start)
        self.values = _columns(user_array(values, "`values`"), times.size)
        self.method = _method(solver)
        self.tolerances = _positive("rtol", rtol), _positive("atol", atol)
        if not is_count(max_steps):
            raise BoundsError(
                f"`max_steps` of `Trajectory` is {max_steps!r}; give a whole number of "
                "at least 1."
            )
        self.max_steps = max_steps
        # The rows of all values stand in one, and their squares are averaged.
        self.points = Single(1.0 / self.values.size, (*self.states, time))
        self.initial = tuple(
            Target(value, self.points, f"`initial` {name!r} of `Trajectory`")
            for name, value in initial.items()
        )
        self.sigma = _noise(sigma, np.shape(values), self.values.shape)
        self.weight = check_weight(weight, "`Trajectory`")
        self.sigma_mean = common_sigma([self])

    def course(self, model: Model, times) -> dict[str, Float[np.ndarray, " n"]]:
        """The states at any times from the start on, for a fitted model.

        **Returns:** an array of shape `(n,)` under the name of each state.

        **Raises:** `BoundsError` for times before the start.
        """
        self.check("trajectory", model)
        times = np.atleast_1d(user_array(times, "`times`"))
        instants, order = np.unique(times, return_inverse=True)
        _start(times, instants, self.start)
        found = self._integrate(model.scope(), jnp.asarray(instants))
        return dict(zip(self.states, np.asarray(found)[order].T, strict=True))

    def starts(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each state at the start."""
        point = Point({}, {}, {})
        values = (target.at(scope, point) for target in self.initial)
        return dict(zip(self.states, values, strict=True))

    def row(self, scope, point):
        found = self._integrate(scope, point.data["instants"])
        seen = found
        if self.observe is not None:
            seen = self._seen(self.observe, scope, point, found)
        values, share = point.data["values"], point.data["share"]
        if seen.shape[1:] != values.shape[1:]:
            raise ShapeError(
                f"`Trajectory` observes {seen.shape[1]} quantities, but `values` has "
                f"{values.shape[1]} columns; say with `observe` what was measured."
            )
        return ((seen[self.order] - values) * share).ravel()

    def functions(self) -> tuple[Callable, ...]:
        seen = () if self.observe is None else (self.observe,)
        starts = (fn for target in self.initial for fn in target.functions())
        return (self.vector_field, *seen, *starts)

    def places(self) -> tuple[AbstractPoints, ...]:
        return (self.points,)

    def uses(self) -> tuple[str, ...]:
        return ()

    def data(self) -> dict[str, np.ndarray]:
        ones = np.ones_like(self.values)
        share = ones if self.sigma is None else self.sigma_mean / self.sigma
        arrays = {"instants": self.instants, "values": self.values, "share": share}
        return {name: array[None] for name, array in arrays.items()}

    def _names(self, scope: Mapping[str, Any], t, y) -> dict[str, Any]:
        return {**scope, **dict(zip(self.states, y, strict=True)), self.time: t}

    def _seen(self, observe, scope, point, found):
        def one(t, y):
            return _vector(bind(observe, self._names(scope, t, y)), "`observe`")

        return jax.vmap(one)(point.data["instants"], found)

    def _integrate(self, scope, instants) -> Float[Array, "n d"]:
        given = self.starts(scope).values()
        y0 = jnp.stack([jnp.asarray(value, instants.dtype) for value in given])

        def slope(t, y):
            raw = bind(self.vector_field, self._names(scope, t, y))
            value = _vector(raw, "The vector field of `Trajectory`")
            if value.shape != y.shape:
                raise ShapeError(
                    f"The vector field of `Trajectory` returns {value.size} numbers "
                    f"for the states {listing(self.states)}; give one slope for each."
                )
            return value

        settings = Settings(self.method, *self.tolerances, self.max_steps)
        return integrate(slope, y0, self.start, instants, settings)


def _vector(raw: Any, what: str) -> Float[Array, " m"]:
    parts = raw if isinstance(raw, tuple | list) else jnp.atleast_1d(raw)
    for part in parts:
        check_scalar(part, what)
    return jnp.stack([jnp.asarray(part, float) for part in parts])


def _states(initial, time: str) -> tuple[tuple[str, ...], str]:
    if not isinstance(initial, Mapping) or not initial:
        raise PinnsvenError(
            f"`initial` of `Trajectory` is {shown(initial)}; give the state at the "
            "start by name, `dict(y=1.0)` or `dict(y=lambda y0: y0)`."
        )
    check_coordinates((*initial, time))
    if time in initial:
        raise PinnsvenError(
            f"`Trajectory` has {time!r} both as its time and as a state; name another "
            '`time="s"`.'
        )
    return tuple(initial), time


def _start(times: np.ndarray, instants: np.ndarray, start) -> float:
    if times.ndim != 1 or times.size == 0:
        raise ShapeError(
            f"`times` of `Trajectory` has shape {times.shape}; give one axis of at "
            "least one time."
        )
    first = float(instants[0] if start is None else user_array(start, "`start`"))
    if not (first <= instants[0] and first < instants[-1]):
        raise BoundsError(
            f"`Trajectory` starts at {first:g}, but its times run from "
            f"{instants[0]:g} to {instants[-1]:g}; none may be before the start, and "
            "one must be after it."
        )
    return first


def _columns(values: np.ndarray, n: int) -> np.ndarray:
    if values.ndim not in (1, 2) or values.shape[0] != n:
        raise ShapeError(
            f"`values` of `Trajectory` has shape {values.shape} for {n} times; give "
            f"({n},), or ({n}, m) for m observed quantities."
        )
    return values.reshape(n, -1)


def _noise(sigma, given: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray | None:
    found = check_sigma(difference(sigma), given, "`Trajectory`")
    return None if found is None else found.reshape(shape)


def _positive(name: str, value) -> float:
    number = isinstance(value, int | float | np.number)
    if not (number and 0 < value < np.inf):
        raise BoundsError(
            f"`{name}` of `Trajectory` is {shown(value)}; give a small positive "
            "number, such as 1e-9."
        )
    return float(value)


def _method(solver) -> Any:
    # Only who integrates waits for it.
    import diffrax as dfx

    if solver is not None and not isinstance(solver, dfx.AbstractSolver):
        raise PinnsvenError(
            f"The solver of `Trajectory` is {shown(solver)}; give one of diffrax with "
            "its brackets, `diffrax.Dopri8()` or `diffrax.Kvaerno5()`."
        )
    return dfx.Dopri8() if solver is None else solver

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import BoundsError, PinnsvenError, UnknownNameError, listing
from .._names import asking_for, check_callable, check_key, shown
from ..fields import Model, ScalarField
from ..residuals import Problem
from ..sven import AbstractSolver
from ._result import Result
from ._sampling import AbstractSampling
from ._solution import Solution, load
from ._solve import solve
from ._windows import Windows, window_file


# What a window may begin with: functions of the coordinates other than time.
Start = Mapping[str, Callable]
Window = Callable[[float, float, Start, PRNGKeyArray], tuple[Problem, Model]]


def solve_windows(
    window: Window,
    times: Sequence[float | int] | np.ndarray,
    *,
    start: Start,
    key: PRNGKeyArray,
    time: str = "t",
    solver: AbstractSolver | None = None,
    steps: int | None = None,
    seconds: float | int | None = None,
    tolerance: float | int | None = None,
    sampling: AbstractSampling | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Windows:
    r"""Solve an evolution equation window by window, each from where the last ended.

    One network over a long time must be right everywhere at once, and is right late
    only where it is right early. Window $k$ covers $t_{k-1} < t \le t_k$ and has a
    network of its own; what holds at $t_{k-1}$ is read from the solution of window
    $k - 1$, through ordinary conditions.

    **Arguments:**

    - `window`: a function `(t0, t1, start, key)` that returns the problem between `t0`
      and `t1` and its model. `start["u"]` is what the field was at `t0`, a function of
      the other coordinates.
    - `times`: the ends of the windows, increasing; two or more.
    - `start`: what holds at the first of them, by name: `"u"` for a field, `"u.t"` for
      a derivative of it, which an equation of second order in time needs as well.
    - `key`: a random key, from which each window gets those of its network and points.
    - `time`: the name of the coordinate.
    - `solver`, `steps`, `seconds`, `tolerance`, `sampling`, `progress`: as in `solve`,
      for each window.
    - `folder`: keeps each finished window in a file of its own, `window-0.npz` and so
      on. Windows whose file is there are read, so that an interrupted call goes on.

    **Returns:** `Windows`. A window that diverges or is interrupted is the last one.

    **Raises:** as `solve`; `BoundsError` for times that do not increase;
    `UnknownNameError` where `start` names no field; `PinnsvenError` for a model with
    unknown constants, which each window would find differently.

    **Example:**

    ```python
    def window(t0, t1, start, key):
        domain = ps.Box(x=(-1, 1), t=(t0, t1))
        problem = ps.Problem(
            pde=ps.Residual(kdv, domain.points(1200)),
            start=ps.Dirichlet("u", start["u"], domain.at(t=t0).points(120)),
        )
        net = ps.MLP(domain, "u", width=20, depth=3, key=key)
        return problem, ps.Model(net)


    start = {"u": lambda x: jnp.cos(jnp.pi * x)}
    solution = ps.solve_windows(window, [0, 0.5, 1], start=start, key=jr.key(0))
    ```

    Sources: Wight and Zhao, Commun. Comput. Phys. 29 (2021), for windows; Krishnapriyan
    et al., NeurIPS 2021, sequence-to-sequence learning.
    """
    times = _check(window, times, start, key)
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    net_key, point_key = jr.split(key)
    options: dict[str, Any] = {"steps": steps, "seconds": seconds}
    options |= {"tolerance": tolerance, "sampling": sampling, "progress": progress}
    members: list[Solution] = []
    for i, (low, high) in enumerate(itertools.pairwise(times)):
        problem, model = _made(window(low, high, start, jr.fold_in(net_key, i)))
        _slices(model, start, time, low)  # refuses wrong names before a step is taken
        path = None if folder is None else window_file(folder, i)
        if path is not None and path.exists():
            member = load(path, problem, model)
        else:
            member = solve(
                problem, model, solver, key=jr.fold_in(point_key, i), **options
            )
            if path is not None and member.result is not Result.interrupted:
                member.save(path)
        members.append(member)
        if progress:
            span = f"{time} from {low:g} to {high:g}"
            print(f"window {i + 1} of {len(times) - 1}, {span}: {member.result.name}")
        if member.result in (Result.diverged, Result.interrupted):
            break
        start = _slices(member.model, start, time, high)
    return Windows(members, times[: len(members) + 1], time)


def _check(window: Any, times: Any, start: Any, key: Any) -> tuple[float, ...]:
    check_key(key, "`solve_windows`")
    if not callable(window):
        raise PinnsvenError(
            f"`window` is {shown(window)}; give a function `(t0, t1, start, key)` that "
            "returns a problem and a model."
        )
    if not isinstance(start, Mapping) or not start:
        raise PinnsvenError(
            f"`start` is {shown(start)}; give what holds at the first time by name, "
            '`{"u": lambda x: jnp.sin(x)}`.'
        )
    for name, value in start.items():
        check_callable(value, f"The start of {name!r}", "lambda x: jnp.sin(x)")
    try:
        values = np.asarray(times, float)
    except (TypeError, ValueError):
        values = np.zeros(0)
    good = values.ndim == 1 and values.size >= 2 and np.all(np.isfinite(values))
    if not good or np.any(np.diff(values) <= 0):
        raise BoundsError(
            f"`times` is {shown(times)}; give two or more increasing numbers, the ends "
            "of the windows."
        )
    return tuple(values.tolist())


def _made(pair: Any) -> tuple[Problem, Model]:
    """What a window function returned, if it is what it should be."""
    kinds = (Problem, Model)
    pair = pair if isinstance(pair, tuple) and len(pair) == 2 else (pair, None)
    if not all(map(isinstance, pair, kinds)):
        raise PinnsvenError(
            f"`window` returned {shown(pair)}; it must return a `ps.Problem` and a "
            "`ps.Model`, in this order."
        )
    if pair[1].unknowns:
        raise PinnsvenError(
            f"The model of a window has the unknowns {listing(pair[1].unknowns)}; each "
            "window would find other values. Fit them over the whole time by `solve`."
        )
    return pair


def _slices(model: Model, names: Iterable[str], time: str, at: float) -> Start:
    """Fields and their derivatives at one time, by name."""
    return {name: _slice(model, name, time, at) for name in names}


def _slice(model: Model, name: str, time: str, at: float) -> Callable:
    """A field, or a derivative of one, at one time: a function of what is left."""
    field, *letters = name.split(".")
    u: ScalarField = model.field(field).d(*"".join(letters))
    if time not in u.names:
        raise UnknownNameError(
            f"The field {field!r} does not depend on {time!r}; it is a function of "
            f"{listing(u.names)}."
        )
    left = [other for other in u.names if other != time]

    return asking_for(left, lambda **at_start: u(**at_start, **{time: at}))

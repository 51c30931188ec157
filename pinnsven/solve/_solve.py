import functools
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import BoundsError, CheckpointError, PinnsvenError, SolveError
from .._names import shown
from ..fields import Model
from ..geometry import is_count
from ..residuals import Problem
from ..sven import AbstractSolver, Sven, sees_part
from ._checkpoint import read_checkpoint, write_checkpoint
from ._driver import EVERY, Driver, Run
from ._files import write_bytes
from ._progress import Progress
from ._result import End, Result
from ._sampling import AbstractSampling, Adaptive
from ._solution import Solution
from ._stopping import standstill, verdict


_FOREVER = 2**30
_CHECKPOINT_SECONDS = 30.0


def solve(
    problem: Problem,
    model: Model,
    solver: AbstractSolver | None = None,
    *,
    key: PRNGKeyArray,
    steps: int | None = None,
    seconds: float | int | None = None,
    tolerance: float | int | None = None,
    sampling: AbstractSampling | None = None,
    callbacks: Sequence[Callable[[Run], Any]] = (),
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
    progress: bool = True,
    throw: bool = False,
) -> Solution:
    r"""Fit a model to a problem: $\min_\theta \sum_b \lambda_b\,\overline{r_b^2}$.

    Without `steps` or `seconds` it runs until the conditions are met or nothing more
    is gained. Ctrl-C returns the best state so far.

    **Arguments:**

    - `problem`, `model`: what must hold, and what is learned.
    - `solver`: `ps.Sven()` by default.
    - `key`: a random key for points, other than the ones of the networks.
    - `steps`, `seconds`: limits of this call; a leg of up to ten steps is finished.
      Where points are added, to compile for them counts.
    - `tolerance`: converged once the root mean square residual of every condition is
      below it, on its own points and on unseen ones where it has any.
    - `sampling`: `ps.Adaptive()` by default, or `ps.Fixed()`.
    - `callbacks`: called with the run after every leg, on the host; a true return
      stops. `run.step`, `run.training`, `run.unseen`, `run.history` may be read.
    - `checkpoint`: a file that is kept up to date, every half minute and at the end.
      An earlier file of that name, unless resumed from, is kept as `NAME.old`, or as
      `NAME.old2` if `NAME.old` is resumed from.
    - `resume`: a checkpoint to go on from, bit for bit; its problem, model, solver
      and key must be the same.
    - `progress`: show a live table on a terminal, else a line every ten seconds.
    - `throw`: raise `SolveError` if the run stalls or diverges.

    **Returns:** a `Solution`, at the state that has converged, or else the one with the
    smallest mean residual on unseen points.

    **Raises:** the named errors of the package, before anything is compiled.
    """
    solver = Sven() if solver is None else solver
    _check_objects(problem, solver, sampling, callbacks)
    _check_paths(checkpoint, resume)
    steps, seconds, tolerance = _check_limits(steps, seconds, tolerance)
    bound = problem.bind(model)
    model.refuse_key(key)
    advice = getattr(solver, "advice", None)
    if advice is not None and (text := advice(bound.theta.dtype)):
        warnings.warn(text, stacklevel=2)
    driver = Driver(bound, solver, Adaptive() if sampling is None else sampling, key)
    run = driver.start() if resume is None else read_checkpoint(resume, driver, key)
    if checkpoint is not None:
        _set_aside(checkpoint, resume)
        write_checkpoint(checkpoint, driver, run, key)
    driver.compile(run)
    limits = _Limits(driver, run, steps, seconds, tolerance)
    try:
        end = _loop(driver, run, limits, callbacks, progress, checkpoint, key)
    except Exception:
        # A callback that fails must not cost the steps before it.
        _keep(checkpoint, driver, run, key)
        raise
    if end.result is not Result.diverged:
        _keep(checkpoint, driver, run, key)
    finished = driver.finish(run, end.result)
    if end.result is Result.stalled:
        # Judged again by the state that is returned, which need not be the last.
        terms = functools.partial(driver.terms, finished)
        end = standstill(
            finished, bound.conditions, terms, tolerance, sees_part(solver)
        )
    end = end.beside(bound.rebuild(finished.theta))
    solution = Solution(bound, finished, end, repr(solver))
    if throw and end.result.is_failure:
        raise SolveError(f"{end.reason}\n{solution}")
    return solution


class _Limits:
    """When a run must end: its own verdict, or what the caller allows."""

    def __init__(self, driver: Driver, run: Run, steps, seconds, tolerance):
        self.driver = driver
        self.last = _FOREVER if steps is None else run.step + steps
        self.until = math.inf if seconds is None else time.perf_counter() + seconds
        self.tolerance = tolerance
        self.limited = steps is not None or seconds is not None

    def reached(self, run: Run) -> End | None:
        if run.step % EVERY == 0:
            conditions = self.driver.bound.conditions
            terms = functools.partial(self.driver.terms, run)
            end = verdict(run, conditions, terms, self.tolerance, self.limited)
            if end is not None:
                return end
        if run.step >= self.last:
            return End.plain(Result.steps_exhausted)
        if time.perf_counter() >= self.until:
            return End.plain(Result.seconds_exhausted)
        return None


class _Interruption:
    """Turns the first Ctrl-C into a request, so that a leg is always finished.

    A second Ctrl-C is an ordinary `KeyboardInterrupt`.
    """

    asked = False
    previous: Any = None

    def __enter__(self) -> "_Interruption":
        if threading.current_thread() is threading.main_thread():
            self.previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)

    def _note(self, *_) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def _loop(
    driver: Driver, run: Run, limits: _Limits, callbacks, progress, checkpoint, key
) -> End:
    saved = time.perf_counter()
    with Progress(progress) as shown, _Interruption() as interruption:
        while True:
            end = driver.forward(run, limits.last) or limits.reached(run)
            shown.update(run)
            stopped = any([callback(run) for callback in callbacks])
            if end is not None:
                return end
            if interruption.asked:
                return End.plain(Result.interrupted)
            if stopped:
                return End.plain(Result.stopped)
            if checkpoint and time.perf_counter() - saved > _CHECKPOINT_SECONDS:
                _keep(checkpoint, driver, run, key)
                saved = time.perf_counter()


def _set_aside(checkpoint: str | Path, resume: str | Path | None) -> None:
    # Whoever runs a script twice must not lose the first run to it. A copy, so that
    # the name itself always holds a whole file.
    path, source = Path(checkpoint).resolve(), resume and Path(resume).resolve()
    if not path.is_file() or path == source:
        return
    old = path.with_name(f"{path.name}.old")
    if old == source:
        old = path.with_name(f"{path.name}.old2")
    try:
        content = path.read_bytes()
    except OSError as err:
        raise CheckpointError(
            f"The earlier file {path} cannot be read to keep a copy of it: "
            f"{err.strerror}. Choose another name."
        ) from err
    write_bytes(old, content)


def _keep(checkpoint, driver: Driver, run: Run, key) -> None:
    if checkpoint is None:
        return
    # A full disk must not cost the run: the earlier checkpoint is still whole.
    try:
        write_checkpoint(checkpoint, driver, run, key)
    except CheckpointError as err:
        warnings.warn(f"{err} The run goes on without it.", stacklevel=3)


def _check_objects(problem, solver, sampling, callbacks) -> None:
    if not isinstance(problem, Problem):
        raise PinnsvenError(
            f"`solve` needs the problem first, then the model; got {shown(problem)} as "
            "the problem."
        )
    if not isinstance(solver, AbstractSolver):
        raise PinnsvenError(
            f"The solver is {shown(solver)}; give an object such as `ps.Sven()`, with "
            "its brackets, `ps.LevenbergMarquardt()` or `ps.Optax(optax.adam(1e-3))`."
        )
    if not isinstance(sampling, AbstractSampling | None):
        raise PinnsvenError(
            f"`sampling` is {shown(sampling)}; give `ps.Adaptive()` or `ps.Fixed()`, "
            "with its brackets."
        )
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise PinnsvenError(
            f"`callbacks` is {shown(callbacks)}; give a list of functions of the run."
        )


def _check_paths(checkpoint, resume) -> None:
    for name, path in (("checkpoint", checkpoint), ("resume", resume)):
        if not isinstance(path, str | Path | None):
            raise PinnsvenError(f"`{name}` is {path!r}; give the path of a file.")


def _check_limits(steps, seconds, tolerance):
    if steps is not None and (not is_count(steps) or steps < 1):
        raise BoundsError(f"`steps` is {steps!r}; give a whole number of at least 1.")
    for name, value in (("seconds", seconds), ("tolerance", tolerance)):
        number = isinstance(value, int | float | np.number | None)
        if not number or (value is not None and not value > 0):
            raise BoundsError(f"`{name}` is {value!r}; give a positive number.")
    whole = None if steps is None else int(steps)
    return whole, seconds, tolerance

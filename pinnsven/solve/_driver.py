import copy
import dataclasses
import time
from typing import Any

import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import NonFiniteError
from ..geometry import Batch
from ..residuals import BoundProblem
from ..sven import AbstractSolver
from ._advance import advance, measures, shares, terms
from ._gate import Gate
from ._history import History
from ._result import End, Result
from ._sampling import AbstractSampling, Draw


# Steps of one compiled leg: the host looks at a run this often.
EVERY = 10
# A run has found its solution once the unseen loss is this far below its first value.
FOUND = 1e-4
# Renewed points are enough while the unseen mean halves, in the square, within so many
# steps.
PLATEAU = 30
# A method without a spectrum takes cheap steps, and needs so many times more of them.
FIRST_ORDER = 20
# A training loss so far above its first value means that the steps have diverged.
BLOWN_UP = 1e8
# So far below its scale a residual begins to feel the rounding of float64: points are
# not compared any more.
ROUNDING = 1e-9


@dataclasses.dataclass
class Run:
    """A run between two legs of compiled steps: all that a checkpoint holds.

    Decisions depend on the step number and on what is in here, never on time or on how
    a run was cut into calls, so that its continuation and its resumption agree with it
    bit for bit.
    """

    theta: Any
    state: Any
    draw: Draw
    history: History
    best: Any
    first_loss: float = np.inf
    first_check: float = np.inf
    best_check: float = np.inf
    best_mean: float = np.inf
    halved_mean: float = np.inf
    halved_step: int = 0
    unseen: dict[str, float] = dataclasses.field(default_factory=dict)
    training: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    gate: Gate | None = None

    @property
    def found(self) -> bool:
        """Whether the run polishes a solution rather than searching for one."""
        return self.best_check < FOUND * self.first_check

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self.history.steps

    @property
    def waited(self) -> int:
        """Steps since the unseen mean, in the square, has halved."""
        return self.step - self.halved_step

    @property
    def spectral(self) -> bool:
        """Whether the steps know singular values; first-order methods do not."""
        return bool(self.step and self.history.sigma_max[-1] > 0)

    def gated(self, batches: dict[str, Batch]) -> dict[str, Batch]:
        """These points as they count in the next steps."""
        return batches if self.gate is None else self.gate.on(batches)


class Driver:
    """Alternates compiled legs with decisions on the host."""

    def __init__(
        self,
        bound: BoundProblem,
        solver: AbstractSolver,
        sampling: AbstractSampling,
        key: PRNGKeyArray,
    ):
        self.bound, self.solver, self.sampling = bound, solver, sampling
        self.draw_key, self.check_key, self.redraw_key = jr.split(key, 3)
        # No step and no redraw ever uses these points: the report is about them.
        self.unseen = bound.unseen(self.check_key)
        self.check = bound.map(self.unseen)

    def start(self) -> Run:
        """Draw points and evaluate the first residuals.

        **Raises:** `NonFiniteError` if the model starts outside its domain.
        """
        bound = self.bound
        draw = self.sampling.start(bound, self.draw_key)
        residuals = bound.map(draw.train)
        train = np.asarray(shares(residuals, bound.theta))
        if not np.all(np.isfinite(train)):
            bound.check_finite(draw.train, bound.theta)
            raise NonFiniteError("The residual is not finite before the first step.")
        state = self.solver.init(residuals, bound.theta)
        history = History.empty(bound.names, self.check.names)
        run = Run(bound.theta, state, draw, history, bound.theta)
        self._report(run, train)
        # Steps never see these points, but a verdict could not be given without them.
        if not np.isfinite(run.best_check):
            bound.check_finite(self.unseen, bound.theta)
        run.first_loss, run.first_check = float(np.sum(train)), run.best_check
        run.gate = self._gate(run)
        return run

    def compile(self, run: Run) -> None:
        """Compile the first leg, which limits and reports then do not count."""
        residuals = self.bound.map(run.draw.train)
        advance(self.solver, residuals, run.theta, run.state, 0, EVERY)

    def forward(self, run: Run, last: int) -> End | None:
        """One leg, its record, and new points where the old ones are outgrown.

        **Raises:** `NonFiniteError` if the Jacobian is not finite at the very start.
        """
        began = time.perf_counter()
        # While it searches, a network can fit its points and miss the solution within
        # a few steps; later on, points that change too often only disturb it.
        size = 1 if run.draw.held and not run.found else EVERY
        limit = min(size - run.step % size, last - run.step)
        residuals = self.bound.map(run.gated(run.draw.train))
        leg = advance(self.solver, residuals, run.theta, run.state, limit, EVERY)
        train = np.asarray(leg.record.shares)[int(leg.taken) - 1]
        # A blow-up need not overflow: far above the start is lost as well.
        good = np.sum(train) <= BLOWN_UP * run.first_loss
        largest = np.asarray(leg.record.sigma_max)[: int(leg.taken)]
        good = good and np.all(np.isfinite(largest)) and np.all(np.isfinite(leg.theta))
        if not good:
            return self._broken(run, leg.theta)
        run.history.extend(leg.record, int(leg.taken))
        run.theta, run.state = leg.theta, leg.state
        if run.step % EVERY == 0:
            self._report(run, train)
            self._refine(run)
        if run.step % size == 0:
            self._redraw(run, train)
            self._open(run)
        run.seconds += time.perf_counter() - began
        return None

    def terms(self, run: Run) -> dict[str, float]:
        """The root mean square size of what cancels in the rows of each condition."""
        sizes = np.asarray(terms(self.bound.map(run.draw.train), run.theta))
        weight = [c.weight for c in self.bound.conditions.values()]
        rms = np.sqrt(sizes / weight).tolist()
        return dict(zip(self.bound.names, rms, strict=True))

    def finish(self, run: Run, result: Result) -> Run:
        """A copy at the state to return, measured there; `run` is unchanged.

        It is the one that was found to have converged, else the best on unseen points.
        """
        run = dataclasses.replace(run, history=copy.deepcopy(run.history))
        residuals = self.bound.map(run.draw.train)
        if run.step % EVERY:
            self._report(run, np.asarray(shares(residuals, run.theta)))
        if result is not Result.converged:
            run.theta = run.best
        self._measure(run, np.asarray(shares(residuals, run.theta)))
        return run

    def _broken(self, run: Run, theta) -> End:
        """A leg that is not kept; a bad derivative, at its ends, is named."""
        points = run.draw.train
        if run.step == 0 and (found := self.bound.infinite_slope(points, run.theta)):
            raise NonFiniteError(found)
        if np.all(np.isfinite(theta)):
            found = self.bound.infinite_slope(points, theta)
            if found is not None:
                return End(Result.diverged, f"{found} The last good state is returned.")
        return End.plain(Result.diverged)

    def _report(self, run: Run, train: np.ndarray) -> None:
        """Measure the unseen residual and remember the best state by it.

        That is the one with the least mean residual: at a singular point, where it is
        large on some few points, its square tells how near they lie.
        """
        check, mean = self._measure(run, train)
        run.history.report(run.seconds, run.unseen)
        run.best_check = min(run.best_check, check)
        if mean < run.best_mean:
            run.best, run.best_mean = run.theta, mean
        if mean < 0.5 * run.halved_mean:
            run.halved_mean, run.halved_step = mean, run.step

    def _measure(self, run: Run, train: np.ndarray) -> tuple[float, float]:
        """The loss on unseen points, and what it would be if they were all alike."""
        check = np.asarray(measures(self.check, run.theta))
        run.training = self._rms(self.bound.names, train)
        run.unseen = self._rms(self.check.names, check[0])
        # A block without other points (data) can only be judged on its own.
        blind = [name not in self.check.names for name in self.bound.names]
        loss, mean = (np.sum(train[blind]) + np.sum(check, axis=1)).tolist()
        return (loss, mean) if np.isfinite(loss) else (np.inf, np.inf)

    def _rms(self, names, parts) -> dict[str, float]:
        conditions = self.bound.conditions
        return {
            name: float(np.sqrt(part / conditions[name].weight))
            for name, part in zip(names, parts, strict=True)
        }

    def _gate(self, run: Run) -> Gate | None:
        first = {name: values[0] for name, values in run.history.unseen.items()}
        return self.sampling.gate(self.bound, run.theta, run.draw, first)

    def _open(self, run: Run) -> None:
        if run.gate is None:
            return
        before, run.gate = run.gate.share, self._gate(run)
        if run.gate is None or run.gate.share > before:
            # A later time that begins to count is what such a run gains.
            run.halved_step = run.step

    def _refine(self, run: Run) -> None:
        unseen = run.unseen
        if run.gate is not None:
            check = self.bound.map(run.gated(self.unseen))
            parts = np.asarray(shares(check, run.theta))
            unseen = self._rms(self.check.names, parts)
        felt = _felt(run, unseen)
        run.draw, names = self.sampling.refined(
            self.bound, run.draw, run.training, felt
        )
        if names:
            # More points deserve as much patience as the first ones.
            run.halved_step = run.step
            run.history.redraws.append((run.step, names))

    def _redraw(self, run: Run, train: np.ndarray) -> None:
        batches = run.gated(run.draw.held)
        held = np.asarray(shares(self.bound.map(batches), run.theta))
        own = dict(zip(self.bound.names, train, strict=True))
        other = dict(zip(run.draw.held, held, strict=True))
        names = self.sampling.outgrown(own, other)
        if names:
            key = jr.fold_in(self.redraw_key, run.step)
            wait = PLATEAU if run.spectral else PLATEAU * FIRST_ORDER
            more = run.waited >= wait and any(
                k in _felt(run, run.unseen) for k in names
            )
            draw = self.sampling.redraw(
                self.bound, run.theta, run.draw, names, key, run.gate, more
            )
            if any(draw.train[k].size > run.draw.train[k].size for k in names):
                run.halved_step = run.step
            run.draw = draw
            run.history.redraws.append((run.step, names))


def _felt(run: Run, unseen: dict[str, float]) -> dict[str, float]:
    """The unseen residuals that are above rounding."""
    largest = {name: max(values) for name, values in run.history.unseen.items()}
    return {k: v for k, v in unseen.items() if v > ROUNDING * largest[k]}

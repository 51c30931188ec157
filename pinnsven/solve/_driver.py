import copy
import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import NonFiniteError
from ..residuals import BoundProblem
from ..sven import AbstractSolver
from ._advance import Leg, advance
from ._history import History
from ._result import Result
from ._sampling import AbstractSampling, Draw


EVERY = 10


@dataclasses.dataclass
class Run:
    """A run between two legs of compiled steps: all that a checkpoint holds.

    Decisions are taken only at step numbers that are multiples of `EVERY` and where
    points are outgrown, so that a run, its continuation and its resumption agree bit
    for bit.
    """

    theta: Any
    state: Any
    draw: Draw
    history: History
    best: Any
    best_check: float = np.inf
    halved_check: float = np.inf
    halved_step: int = 0
    unseen: dict[str, float] = dataclasses.field(default_factory=dict)
    training: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    @property
    def step(self) -> int:
        return self.history.steps


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
        # Points that no step and no redraw ever uses: the report is about these.
        self.check = bound.map(bound.unseen(self.check_key, 4.0))

    def start(self) -> Run:
        """Draw points and evaluate the first residuals; compiles everything.

        **Raises:** `NonFiniteError` if the model starts outside its domain.
        """
        bound = self.bound
        draw = self.sampling.start(bound, self.draw_key)
        state = self.solver.init(bound.map(draw.train), bound.theta)
        history = History.empty(bound.names, draw.held, self.check.names)
        run = Run(bound.theta, state, draw, history, bound.theta)
        leg = self.leg(run, 0)
        if not np.all(np.isfinite(np.asarray(leg.train))):
            bound.check_finite(draw.train, run.theta)
            raise NonFiniteError("The residual is not finite before the first step.")
        self._measure(run, leg)
        return run

    def leg(self, run: Run, limit: int) -> Leg:
        """At most `limit` compiled steps on the present points."""
        maps = (
            self.bound.map(run.draw.train),
            self.bound.map(run.draw.held),
            self.check,
        )
        leg = advance(
            self.solver,
            self.sampling,
            maps,
            run.theta,
            run.state,
            jnp.asarray(limit, jnp.int32),
            EVERY,
        )
        return jax.block_until_ready(leg)

    def forward(self, run: Run, last: int) -> Result | None:
        """One leg, its record, and new points where the old ones are outgrown."""
        began = time.perf_counter()
        limit = min(EVERY - run.step % EVERY, last - run.step)
        leg = self.leg(run, limit)
        taken = int(leg.taken)
        run.history.extend(leg.record, taken)
        run.seconds += time.perf_counter() - began
        if not np.all(np.isfinite(np.asarray(leg.theta))) or not np.isfinite(
            run.history.loss_after[-1]
        ):
            return Result.diverged
        run.theta, run.state = leg.theta, leg.state
        outgrown = np.asarray(leg.outgrown)
        if run.step % EVERY == 0 or outgrown.any():
            self._measure(run, leg)
        if outgrown.any():
            names = [n for n, out in zip(run.draw.held, outgrown, strict=True) if out]
            key = jr.fold_in(self.redraw_key, run.step)
            run.draw = self.sampling.redraw(self.bound, run.theta, run.draw, names, key)
            run.history.redraws.append((run.step, tuple(names)))
        return None

    def finish(self, run: Run) -> Run:
        """A copy that stands at its best state, measured there; `run` is unchanged."""
        run = dataclasses.replace(run, history=copy.deepcopy(run.history))
        self._measure(run, self.leg(run, 0))
        run.theta = run.best
        leg = self.leg(run, 0)
        run.training, run.unseen = self._rms(leg)
        return run

    def _measure(self, run: Run, leg: Leg) -> None:
        run.training, run.unseen = self._rms(leg)
        if run.step not in run.history.check_step:
            run.history.report(run.seconds, run.unseen)
        # A block without other points (data) can only be judged on its own.
        blind = [n not in self.check.names for n in self.bound.names]
        check = float(np.sum(np.asarray(leg.train)[blind]) + np.sum(leg.check))
        if check < run.best_check:
            run.best, run.best_check = run.theta, check
        if check < 0.5 * run.halved_check:
            run.halved_check, run.halved_step = check, run.step

    def _rms(self, leg: Leg) -> tuple[dict[str, float], dict[str, float]]:
        weight = {n: c.weight for n, c in self.bound.conditions.items()}
        rms = lambda names, shares: {
            name: float(np.sqrt(share / weight[name]))
            for name, share in zip(names, np.asarray(shares), strict=True)
        }
        return rms(self.bound.names, leg.train), rms(self.check.names, leg.check)

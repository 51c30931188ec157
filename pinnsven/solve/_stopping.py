from collections.abc import Mapping

import numpy as np

from ..conditions import AbstractCondition, Data
from ._driver import Run
from ._result import Result


# Steps over which a loss on unchanged points counts as flat if it falls less than 1 %.
FLAT = 30
# Steps in which the unseen residual must halve (in the square): many while the run has
# not found the solution yet, fewer once it only polishes one.
SEARCHING, POLISHING = 250, 60
# A condition is met where its residual is this far below the largest it ever was.
MET, LOOSELY_MET = 1e-3, 0.1
# So far below, second derivatives of a network begin to feel the rounding of float64.
ROUNDING = 1e-9
# Data fit if they lie within so many of their own standard deviations, on average.
MISFIT = 3.0

Conditions = Mapping[str, AbstractCondition]


def verdict(
    run: Run, conditions: Conditions, tolerance: float | None, limited: bool
) -> Result | None:
    """Whether a run has reached its end by itself, from its own residuals only.

    - With a `tolerance`: converged once the root mean square residual of every
      condition is below it, on unseen points where there are any.
    - The loss on unchanged points is flat. Without a tolerance: converged if every
      condition is met, on unseen points as well; else stalled.
    - The unseen loss has not halved for `SEARCHING` steps, or `POLISHING` ones once the
      solution is found, and the caller has not `limited` the run himself. Converged if
      every condition is down to rounding and no tolerance asks for less; else stalled.
    """
    if tolerance is not None:
        reached = run.training | run.unseen
        if max(reached.values()) <= tolerance:
            return Result.converged
    if _flat(run, limited):
        met = tolerance is None and worst(run, conditions) is None
        return Result.converged if met else Result.stalled
    patience = POLISHING if run.found else SEARCHING
    if not limited and run.step - run.halved_step > patience:
        down = max(_relative(run, conditions).values(), default=1.0) <= ROUNDING
        met = tolerance is None and down
        return Result.converged if met else Result.stalled
    return None


def _relative(run: Run, conditions: Conditions) -> dict[str, float]:
    """The residual of each condition but data over the largest that it ever was.

    On unseen points; on the step's own for points that the user brought.
    """
    off = {
        name: unseen / max(max(run.history.unseen[name]), 1e-300)
        for name, unseen in run.unseen.items()
    }
    for name, condition in conditions.items():
        if name not in run.unseen and not isinstance(condition, Data):
            largest = np.sqrt(run.history.training[name].max() / condition.weight)
            off[name] = run.training[name] / max(float(largest), 1e-300)
    return off


def _flat(run: Run, limited: bool) -> bool:
    loss = run.history.loss_after[-FLAT:]
    last_redraw = run.history.redraws[-1][0] if run.history.redraws else 0
    if run.step - last_redraw < FLAT:
        return False
    if limited:
        # First-order methods gain little in so few steps; whoever counts them wants
        # them, unless nothing moves any more.
        return bool(np.ptp(loss) == 0.0)
    return bool(loss.min() >= 0.99 * loss[0])


def worst(run: Run, conditions: Conditions) -> str | None:
    """What is furthest from being met, in a sentence; `None` if everything is.

    - A condition with unseen points must hold there as well as on the step's own
      points, within a factor of ten; below `ROUNDING` the two may differ freely.
    - Its residual must be `MET` times the largest that it ever was, or less, or
      `LOOSELY_MET` times beside data, whose noise may leave some in the equations too.
    - Data with a `sigma` must lie within `MISFIT` of them, in the root mean square.
    """
    off = _relative(run, conditions)
    parted = {
        name: unseen / max(run.training[name], 1e-300)
        for name, unseen in run.unseen.items()
        if off[name] > ROUNDING
    }
    name = max(parted, key=parted.__getitem__, default=None)
    if name is not None and parted[name] > 10.0:
        return (
            f"{name!r} holds on its own points ({run.training[name]:.1e}) but not on "
            f"unseen ones ({run.unseen[name]:.1e}): give it more points."
        )
    data = {name: c for name, c in conditions.items() if isinstance(c, Data)}
    name = max(off, key=off.__getitem__, default=None)
    if name is not None and off[name] > (LOOSELY_MET if data else MET):
        now = run.unseen.get(name, run.training[name])
        return (
            f"{name!r} is not met (it is at {now:.1e}, down to "
            f"{off[name]:.1%} of where it was): the conditions may contradict each "
            "other, or the run sits in a poor minimum; try another key or a larger "
            "network."
        )
    for name, condition in data.items():
        misfit = run.training[name] / condition.sigma_mean
        if condition.sigma is not None and misfit > MISFIT:
            return (
                f"{name!r} lies {misfit:.1f} sigma from the fit on average: the "
                "equations may not describe these data, sigma may be too small, or the "
                "run sits in a poor minimum."
            )
    return None

import numpy as np

from ._driver import Run
from ._result import Result


# Steps over which a loss on unchanged points counts as flat if it falls less than 1 %.
FLAT = 30
# Steps in which the unseen residual must halve (in the square): many while the run has
# not found the solution yet, fewer once it only polishes one.
SEARCHING, POLISHING = 250, 60
# A condition is met where its residual is this far below the largest it ever was.
MET = 1e-3
# So far below, second derivatives of a network begin to feel the rounding of float64.
ROUNDING = 1e-9


def verdict(run: Run, tolerance: float | None, limited: bool) -> Result | None:
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
        met = tolerance is None and worst(run) is None
        return Result.converged if met else Result.stalled
    patience = POLISHING if run.found else SEARCHING
    if not limited and run.step - run.halved_step > patience:
        down = max(_relative(run).values(), default=1.0) <= ROUNDING
        met = tolerance is None and down
        return Result.converged if met else Result.stalled
    return None


def _relative(run: Run) -> dict[str, float]:
    """The unseen residual of each condition over the largest that it ever was."""
    return {
        name: unseen / max(max(run.history.unseen[name]), 1e-300)
        for name, unseen in run.unseen.items()
    }


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


def worst(run: Run) -> tuple[str, str] | None:
    """The condition that is furthest from being met, and why; `None` if all are.

    A condition with unseen points is met if its residual there is `MET` times the
    largest it ever was, or smaller, and no more than ten times the one on the step's
    own points. Below `ROUNDING` the two may differ without meaning. Data are not asked
    to fit: they may be noisy.
    """
    off = _relative(run)
    parted = {
        name: unseen / max(run.training[name], 1e-300)
        for name, unseen in run.unseen.items()
        if off[name] > ROUNDING
    }
    name = max(parted, key=parted.__getitem__, default=None)
    if name is not None and parted[name] > 10.0:
        return name, (
            f"{name!r} holds on its own points ({run.training[name]:.1e}) but not on "
            f"unseen ones ({run.unseen[name]:.1e}): give it more points."
        )
    name = max(off, key=off.__getitem__, default=None)
    if name is not None and off[name] > MET:
        return name, (
            f"{name!r} is not met (it is at {run.unseen[name]:.1e}, down to "
            f"{off[name]:.1%} of where it was): the conditions may contradict each "
            "other, or the run sits in a poor minimum; try another key or a larger "
            "network."
        )
    return None

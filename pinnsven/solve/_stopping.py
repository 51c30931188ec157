import numpy as np

from ._driver import Run
from ._result import Result


FLAT = 30


def verdict(run: Run, tolerance: float | None) -> Result | None:
    """Whether a run has reached its end by itself, from its own residuals only.

    - With a `tolerance`: converged once the root mean square residual of every
      condition is below it, on unseen points where there are any.
    - The loss is flat: less than one percent gained in `FLAT` steps on unchanged
      points. Converged if every condition holds on unseen points too, else stalled.
    - The unseen residual has not fallen by a factor of two (in the square) for as long
      as half of the run: stalled.
    """
    if tolerance is not None:
        reached = run.training | run.unseen
        if max(reached.values()) <= tolerance:
            return Result.converged
    if flat(run):
        met = agrees(run) and tolerance is None
        return Result.converged if met else Result.stalled
    if run.step - run.halved_step > max(100, run.halved_step // 2):
        return Result.stalled
    return None


def flat(run: Run) -> bool:
    """Whether the loss on unchanged points has stopped falling."""
    loss = run.history.loss_after
    last_redraw = run.history.redraws[-1][0] if run.history.redraws else 0
    if run.step - last_redraw < FLAT:
        return False
    return bool(loss[-1] >= 0.99 * loss[-FLAT])


def agrees(run: Run) -> bool:
    """Whether each condition's unseen residual matches its training residual.

    A residual ten orders below its start is at the rounding of second derivatives,
    where the two may differ without meaning.
    """
    start = {name: values[0] for name, values in run.history.unseen.items()}
    return all(
        unseen <= 10.0 * run.training[name] or unseen <= 1e-10 * start[name]
        for name, unseen in run.unseen.items()
    )


def disagreement(run: Run) -> str | None:
    """The condition whose unseen residual is furthest above its training one."""
    ratios = {
        name: unseen / max(run.training[name], np.finfo(float).tiny)
        for name, unseen in run.unseen.items()
    }
    worst = max(ratios, key=ratios.__getitem__, default=None)
    if worst is None or ratios[worst] < 10.0:
        return None
    return worst

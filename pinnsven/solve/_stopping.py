from collections.abc import Callable, Mapping

import numpy as np

from ..conditions import AbstractCondition, AbstractData
from ._driver import FIRST_ORDER, ROUNDING, Run
from ._result import End, Result


# Steps over which a loss on unchanged points counts as flat if it falls less than 1 %.
FLAT = 30
# Steps in which the unseen residual must halve (in the square): many while the run has
# not found the solution yet, fewer once it only polishes one.
SEARCHING, POLISHING = 250, 60
# A condition is met where its residual is this far below its own terms; beside noisy
# data, the second if the noise explains it.
MET, LOOSELY_MET = 1e-5, 0.1
# Rounding in a residual, in eps of the largest terms of any condition.
_NOISE = 1e4
# A run whose largest residual was so far below the terms began at its solution.
_NEAR = 1e-3
# Data fit if they lie within so many of their own standard deviations, on average.
MISFIT = 3.0

Conditions = Mapping[str, AbstractCondition]
_IN_PART = (
    "The steps saw only some of the weights or singular values; more of them, a larger "
    "fraction, rank or `k`, may be all that is missing."
)
# The size of the terms of each condition at the present state; see `terms`.
Terms = Callable[[], dict[str, float]]


def verdict(
    run: Run,
    conditions: Conditions,
    terms: Terms,
    tolerance: float | None,
    limited: bool,
) -> End | None:
    """Whether a run has reached its end by itself, from its own residuals only.

    - With a `tolerance`: converged once the root mean square residual of every
      condition is below it, on unseen points where there are any.
    - The loss on unchanged points is flat; or the unseen mean has not halved for
      `SEARCHING` steps, or once the solution is found for `POLISHING` ones and a
      quarter of the run, and the caller has not `limited` it. Without a tolerance:
      converged if every condition is met, on unseen points as well; else stalled.
    """
    if tolerance is not None and all(_now(run, k) <= tolerance for k in run.training):
        return End(
            Result.converged,
            f"Every condition is within the tolerance of {tolerance:g}, on its own "
            "points and on unseen ones where it has any.",
        )
    flat = _flat(run, limited or not run.spectral)
    patience = max(POLISHING, run.step // 4) if run.found else SEARCHING
    if not run.spectral:
        patience *= FIRST_ORDER
    tired = not limited and run.waited > patience
    if not flat and not tired:
        return None
    return standstill(run, conditions, terms, tolerance)


def standstill(
    run: Run,
    conditions: Conditions,
    terms: Terms,
    tolerance: float | None,
    in_part: bool = False,
) -> End:
    """The end of a run that gains nothing more, judged by the present state.

    Stalled, with what is furthest from being met; converged if everything is met, as
    it may be at the best state after later steps have overfitted.
    `in_part`: the steps saw only a part of the Jacobian.
    """
    if in_part:
        plain = standstill(run, conditions, terms, tolerance)
        stalled = plain.result is Result.stalled
        return End(plain.result, f"{plain.reason} {_IN_PART}") if stalled else plain
    if tolerance is not None:
        name = max(run.training, key=lambda name: _now(run, name))
        return End(
            Result.stalled,
            f"No further progress: {name!r} is at {_now(run, name):.1e}, above the "
            f"tolerance of {tolerance:g}. Give the conditions more points, or the "
            "network more weights.",
        )
    off = _relative(run, conditions, terms)
    wrong = _worst(run, conditions, off)
    if wrong is None:
        return End(Result.converged, _praise(run, conditions, off))
    return End(Result.stalled, f"No further progress: {wrong}")


def _now(run: Run, name: str) -> float:
    """The larger residual; a NaN on unseen points wins, as the larger one would."""
    return float(np.maximum(run.training[name], run.unseen.get(name, 0.0)))


def _relative(run: Run, conditions: Conditions, terms: Terms) -> dict[str, float]:
    """The residual of each condition but data over its scale; zero if it is rounding.

    The scale is the size of its terms, or the largest residual that it ever had if that
    is smaller; but a run that began at its solution says nothing by its start.
    """
    sizes, off = terms(), {}
    rounding = _NOISE * float(np.finfo(run.theta.dtype).eps)
    # Compared as they enter the step: a condition in kelvin beside one in W/m^3.
    floor = rounding * max(
        size * conditions[name].weight ** 0.5 for name, size in sizes.items()
    )
    for name, condition in conditions.items():
        if isinstance(condition, AbstractData):
            continue
        now, size = run.unseen.get(name, run.training[name]), sizes[name]
        if name in run.unseen:
            largest = max(run.history.unseen[name])
        else:
            shares = run.history.training[name]
            largest = float(np.sqrt(shares.max(initial=0.0) / condition.weight))
        scale = min(size, largest) if largest > _NEAR * size else size
        off[name] = (
            0.0 if now * condition.weight**0.5 <= floor else now / max(scale, 1e-300)
        )
    return off


def _flat(run: Run, only_if_still: bool) -> bool:
    loss = run.history.loss_after[-FLAT:]
    last_redraw = run.history.redraws[-1][0] if run.history.redraws else 0
    if run.step - last_redraw < FLAT:
        return False
    if only_if_still:
        # First-order methods gain little in so few steps, and whoever limits a run
        # wants those steps, unless nothing moves any more.
        return bool(np.ptp(loss) == 0.0)
    return bool(loss.min() >= 0.99 * loss[0])


def _worst(run: Run, conditions: Conditions, off: dict[str, float]) -> str | None:
    """What is furthest from being met, in a sentence; `None` if everything is.

    - A condition with unseen points must hold there as well as on the step's own
      points, within a factor of ten; below `ROUNDING` the two may differ freely.
    - Its residual must be `MET` times its scale, or less. Beside data it may be up to
      `LOOSELY_MET` times, if its share of the loss is no larger than that of the noise:
      were the equations true, the minimum could not cost more.
    - Data with a `sigma` must lie within `MISFIT` of them, in the root mean square.
    """
    for name, unseen in run.unseen.items():
        if not np.isfinite(unseen):
            return f"{name!r} is not finite on points that the steps did not use."
    parted = {
        name: unseen / max(run.training[name], 1e-300)
        for name, unseen in run.unseen.items()
        if off.get(name, 0.0) > ROUNDING
    }
    name = max(parted, key=parted.__getitem__, default=None)
    if name is not None and parted[name] > 10.0:
        return (
            f"{name!r} holds on its own points ({run.training[name]:.1e}) but not on "
            f"unseen ones ({run.unseen[name]:.1e}): give it more points."
        )
    unmet = {
        name: value
        for name, value in off.items()
        if value > MET and not _explained(run, conditions, name, value)
    }
    name = max(unmet, key=unmet.__getitem__, default=None)
    if name is not None:
        return (
            f"{name!r} is at {run.unseen.get(name, run.training[name]):.1e}, "
            f"{unmet[name]:.0e} of its scale: the network may be too small for the "
            "solution, the conditions may contradict each other, or the run sits in a "
            "poor minimum; try a larger network or another key."
        )
    for name, misfit in _misfits(run, conditions).items():
        if misfit > MISFIT:
            return (
                f"{name!r} lies {misfit:.1f} sigma from the fit on average: the "
                "equations may not describe these data, sigma may be too small, or the "
                "run sits in a poor minimum."
            )
    return None


def _explained(run: Run, conditions: Conditions, name: str, off: float) -> bool:
    noise = sum(
        c.weight * (run.training[key] if c.sigma is None else c.sigma_mean) ** 2
        for key, c in conditions.items()
        if isinstance(c, AbstractData)
    )
    share = conditions[name].weight * run.unseen.get(name, run.training[name]) ** 2
    return off <= LOOSELY_MET and share <= noise


def _misfits(run: Run, conditions: Conditions) -> dict[str, float]:
    return {
        name: run.training[name] / c.sigma_mean
        for name, c in conditions.items()
        if isinstance(c, AbstractData) and c.sigma is not None
    }


def _praise(run: Run, conditions: Conditions, off: dict[str, float]) -> str:
    parts = []
    if off:
        name = max(off, key=off.__getitem__)
        where = "on unseen points" if name in run.unseen else "on its own points"
        if off[name] == 0.0:
            parts.append(f"every condition is down to rounding {where}")
        else:
            parts.append(
                f"every condition holds {where}, the worst of them, {name!r}, to "
                f"{off[name]:.0e} of its scale"
            )
    misfits = _misfits(run, conditions)
    if misfits:
        parts.append(f"data lie {max(misfits.values()):.1f} sigma from the fit")
    elif not off:
        parts.append("the data are fitted as well as the model can")
    return f"Nothing more is gained: {', and '.join(parts)}."

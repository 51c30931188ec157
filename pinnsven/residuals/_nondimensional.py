import warnings
from typing import Any

import equinox as eqx
import numpy as np

from .._errors import PinnsvenError
from ..conditions import AbstractCondition, AbstractData, Balanced
from ..fields import AbstractNetwork, Constrained, Model, Scaled
from ._probe import innermost, lift, rms
from ._problem import Problem
from ._scales import Scales, scales, zero_start


# Fields and rows that are of order one within these factors stay as they are.
FIELD_BAND, ROW_BAND = 3.0, 10.0


def nondimensionalise(
    problem: Problem, model: Model, **given: Any
) -> tuple[Problem, Model]:
    r"""The same problem and model, scaled so that the solver sees numbers of order one.

    Each network is wrapped as offset + scale x network, and the weight of each
    condition is divided by the square of the size of its rows, see `ps.scales`. Fields,
    residuals, unknowns and reports stay in the user's units, and weights keep their
    meaning: how much a condition counts against others, now in relative terms.
    Components of one condition that have different sizes are balanced; the report
    gives them in the units of the first. Blocks of `Data` with a `sigma` share one
    scale, as their `sigma` says how they count against each other.

    A problem that is of order one already is returned as it is. Coordinates need
    nothing, as `ps.MLP` scales them from the domain, and unknowns are scaled by their
    initial value or their `scale`. For one that starts at zero without a `scale` there
    is a warning.

    **Arguments:** as `ps.scales`: scales by keyword win over the estimates.

    **Returns:** problem and model, for `ps.solve`.

    **Raises:** as `ps.scales`; `PinnsvenError` for a model that is scaled already.

    **Example:**

    ```python
    problem, model = ps.nondimensionalise(problem, model)
    solution = ps.solve(problem, model, key=jr.key(1))
    ```

    Source: C. C. Lin and L. A. Segel, Mathematics Applied to Deterministic Problems in
    the Natural Sciences (1974), chapter 6.
    """
    if isinstance(model, Model) and any(map(_scaled, model.networks)):
        raise PinnsvenError(
            "This model is scaled already. Give `nondimensionalise` the problem and "
            "the model as you built them."
        )
    found = scales(problem, model, **given)
    new = eqx.tree_at(
        lambda m: m.networks,
        model,
        tuple(_wrapped(net, found) for net in model.networks),
    )
    sizes = [s for row in found.rows.values() for s in row]
    even = all(1 / ROW_BAND <= s <= ROW_BAND for s in sizes)
    if even and not any(map(_scaled, new.networks)):
        return problem, model
    for name in found.guessed:
        warnings.warn(zero_start(name), stacklevel=2)
    noisy = {
        name: found.rows[name][0]
        for name, c in problem.conditions.items()
        if isinstance(c, AbstractData) and c.sigma is not None
    }
    # Their sigma already sets these blocks against each other.
    common = float(np.sqrt(np.mean(np.square(list(noisy.values()))))) if noisy else 1.0
    conditions = {
        name: _reweighted(c, (common,) if name in noisy else found.rows[name])
        for name, c in problem.conditions.items()
    }
    return Problem(**conditions), new


def _wrapped(network: AbstractNetwork, found: Scales) -> AbstractNetwork:
    sizes = [found.fields[name] for name in network.fields]
    offsets, factors = (list(part) for part in zip(*sizes, strict=True))
    inner = network
    while isinstance(inner, Constrained):
        inner = inner.network
    if inner is not network:
        # The constraints are in the user's units: what they make of one unit counts.
        gain = rms(lift(network, 1.0) - lift(network, 0.0)).tolist()
        offsets = [0.0] * len(factors)
        factors = [f / g if g > 0 else f for f, g in zip(factors, gain, strict=True)]
    pairs = list(zip(offsets, factors, strict=True))
    if all(1 / FIELD_BAND <= b <= FIELD_BAND and abs(a) <= b for a, b in pairs):
        return network
    return innermost(network, Scaled(inner, offsets, factors))


def _scaled(network: AbstractNetwork) -> bool:
    while isinstance(network, Constrained):
        network = network.network
    return isinstance(network, Scaled)


def _reweighted(condition: AbstractCondition, sizes: tuple) -> AbstractCondition:
    weight = condition.weight / sizes[0] ** 2
    if isinstance(condition, AbstractData) or max(sizes) <= ROW_BAND * min(sizes):
        size = np.sqrt(np.mean(np.square(sizes)))
        weight = float(condition.weight / size**2)
        return eqx.tree_at(lambda c: c.weight, condition, weight)
    factors = [sizes[0] / size for size in sizes]
    return Balanced(condition, factors, weight)

from typing import Any

import equinox as eqx
import numpy as np

from .._errors import BoundsError, PinnsvenError, UnknownNameError, listing
from .._names import shown
from ..conditions import Residual
from ..geometry import RegionPoints
from ..residuals import BoundProblem
from ._gate import Gate
from ._sampling import AbstractSampling, Adaptive


_KNOTS = 64
# So far open at the end, the gate is taken away.
_OPEN = 0.99


class Causal(AbstractSampling):
    r"""Earlier times first: an equation counts where it holds at all times before.

    $$ w(t) = \exp\!\left(-\frac{C(t)}{\tau\,C_0}\right), \qquad
       C(t) = \sum_b \frac{1}{n_b} \sum_{t_i < t} |r_{b,i}|^2 , $$

    over the points of every `Residual` whose region extends in time; $C_0$ is what
    all of them amount to at the start. The weights $w$ multiply their mean squares and
    are renewed with every report. Once $w$ is above 0.99 at all times it is taken to be
    one for the rest of the run, so that the solution is not changed by it.

    Meant for a network that finds a wrong solution which fits late times and
    contradicts the start. In our runs it paid on fixed nodes only, see `docs/time.md`.
    A verdict never depends on $w$: unseen residuals are without it.

    **Arguments:**

    - `time`: the name of the coordinate.
    - `tolerance`: $\tau$.
    - `then`: what chooses the points, `ps.Adaptive()` by default.

    **Example:** `ps.solve(problem, model, key=key, sampling=ps.Causal())`.

    **Raises:** `BoundsError` for a tolerance that is not positive; at the start
    `UnknownNameError` if no `Residual` extends along `time`.

    Source: Wang, Sankaran and Perdikaris, Comput. Methods Appl. Mech. Engrg. 421
    (2024), with slices of time; $\tau C_0$ is the reciprocal of their $\epsilon$.
    """

    time: str = eqx.field(static=True)
    tolerance: float
    then: AbstractSampling

    def __init__(
        self,
        time: str = "t",
        *,
        tolerance: float = 0.03,
        then: AbstractSampling | None = None,
    ):
        if not tolerance > 0:
            raise BoundsError(
                f"`Causal(tolerance={tolerance!r})` would never let a later time "
                "count; give a positive number."
            )
        self.time, self.tolerance = time, tolerance
        self.then = Adaptive() if then is None else then
        if not isinstance(self.then, AbstractSampling):
            raise PinnsvenError(
                f"`then` of `Causal` is {shown(then)}; give `ps.Adaptive()` or "
                "`ps.Fixed()`, with its brackets."
            )

    def start(self, bound, key):
        if not self._names(bound):
            raise UnknownNameError(
                f"`Causal` found no `ps.Residual` on a region that extends along "
                f"{self.time!r}; the coordinates are {listing(bound.model.coordinates)}"
                ". Name the one that is time, `ps.Causal('tau')`."
            )
        return self.then.start(bound, key)

    def outgrown(self, train, held):
        return self.then.outgrown(train, held)

    def redraw(self, bound, theta, draw, names, key, gate, more):
        return self.then.redraw(bound, theta, draw, names, key, gate, more)

    def refined(self, bound, draw, training, unseen):
        return self.then.refined(bound, draw, training, unseen)

    def gate(self, bound, theta, draw, first):
        names = self._names(bound)
        times, parts = [], []
        for name in names:
            batch = draw.train[name]
            squares = np.sum(bound.values(name, batch, theta) ** 2, axis=1)
            parts.append(bound.conditions[name].weight * squares * batch.weights)
            times.append(np.asarray(batch.coordinates[self.time]))
        t, part = np.concatenate(times), np.concatenate(parts)
        order = np.argsort(t)
        conditions: Any = bound.conditions
        ends = [conditions[k].points.region.bounds[self.time] for k in names]
        low, high = min(a for a, _ in ends), max(b for _, b in ends)
        knots = np.linspace(low, high, _KNOTS)
        before = np.concatenate([[0.0], np.cumsum(part[order])])
        total = before[np.searchsorted(t[order], knots)]
        start = sum(bound.conditions[k].weight * first[k] ** 2 for k in names)
        weights = np.exp(-total / (self.tolerance * max(start, 1e-300)))
        if weights[-1] > _OPEN:
            return None
        return Gate(self.time, names, low, high, tuple(weights.tolist()))

    def _names(self, bound: BoundProblem) -> tuple[str, ...]:
        """The equations whose points extend in time."""
        return tuple(
            name
            for name, condition in bound.conditions.items()
            if isinstance(condition, Residual)
            and isinstance(points := condition.points, RegionPoints)
            and not points.axes
            and self.time in points.names
            and self._extent(points.region) > 0
        )

    def _extent(self, region) -> float:
        bounds = getattr(region, "bounds", {})
        low, high = bounds.get(self.time, (0.0, 0.0))
        return high - low

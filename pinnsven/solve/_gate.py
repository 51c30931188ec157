import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..geometry import Batch


@dataclasses.dataclass(frozen=True)
class Gate:
    """How much each time counts: a piecewise linear function on even knots."""

    time: str
    names: tuple[str, ...]
    low: float
    high: float
    weights: tuple[float, ...]

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Gate":
        """The inverse of `dataclasses.asdict`, also after a way through JSON."""
        weights, names = tuple(data["weights"]), tuple(data["names"])
        return Gate(data["time"], names, data["low"], data["high"], weights)

    @property
    def share(self) -> float:
        """The part of the time that counts."""
        return float(np.mean(self.weights))

    def at(self, batch: Batch) -> np.ndarray:
        """How much each point counts, shape `(n,)`."""
        knots = np.linspace(self.low, self.high, len(self.weights))
        times = np.asarray(batch.coordinates[self.time])
        return np.interp(times, knots, self.weights)

    def on(self, batches: Mapping[str, Batch]) -> dict[str, Batch]:
        """The same points, those of the equations with the weight of their times."""
        gated = dict(batches)
        for name in self.names:
            if name in batches:
                batch = batches[name]
                weights = np.asarray(batch.weights) * self.at(batch)
                gated[name] = batch.take(np.arange(batch.size), weights)
        return gated

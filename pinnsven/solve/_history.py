import dataclasses
from collections.abc import Sequence

import numpy as np

from ..sven import Info


_SCALARS = (
    "loss",
    "loss_after",
    "predicted",
    "step_norm",
    "cutoff",
    "rank",
    "sigma_max",
)


@dataclasses.dataclass
class History:
    """A run as arrays, one entry per step.

    `loss`, `loss_after`, `predicted`, `step_norm`, `cutoff`, `rank` and `sigma_max` are
    as in `ps.Info`. `training` maps the name of a condition to its share of the loss
    after each step. Once per report, `check_step` and `seconds` are noted, and `unseen`
    maps a name to the root mean square residual on points that no step ever used.
    `redraws` lists (step, names) of points that were replaced or added.
    """

    scalars: dict[str, np.ndarray]
    training: dict[str, np.ndarray]
    check_step: list[int] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    unseen: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    redraws: list[tuple[int, tuple[str, ...]]] = dataclasses.field(default_factory=list)

    @staticmethod
    def empty(names, checked) -> "History":
        """A history of no steps for the named blocks."""
        return History(
            {name: np.zeros(0) for name in _SCALARS},
            {name: np.zeros(0) for name in names},
            unseen={name: [] for name in checked},
        )

    @staticmethod
    def joined(parts: "Sequence[History]") -> "History":
        """Runs one after the other, of the same blocks."""
        out = History.empty(parts[0].training, parts[0].unseen)
        for part in parts:
            steps, seconds = out.steps, out.seconds[-1] if out.seconds else 0.0
            out.check_step += [steps + step for step in part.check_step]
            out.seconds += [seconds + second for second in part.seconds]
            out.redraws += [(steps + step, names) for step, names in part.redraws]
            for mine, other in (
                (out.scalars, part.scalars),
                (out.training, part.training),
            ):
                mine |= {k: np.append(v, other[k]) for k, v in mine.items()}
            for name, values in out.unseen.items():
                values += part.unseen[name]
        return out

    def __getattr__(self, name: str) -> np.ndarray:
        if name in _SCALARS:
            return self.scalars[name]
        raise AttributeError(f"The history has no {name!r}.")

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return self.scalars["loss"].size

    @property
    def last_taken(self) -> int | None:
        """The index of the last step that moved; `None` if none did."""
        moved = np.flatnonzero(self.scalars["step_norm"] > 0)
        return int(moved[-1]) if moved.size else None

    def extend(self, record: Info, taken: int) -> None:
        """Append the first `taken` entries of stacked records."""
        for name in _SCALARS:
            new = np.asarray(getattr(record, name))[:taken]
            self.scalars[name] = np.append(self.scalars[name], new)
        for i, name in enumerate(self.training):
            new = np.asarray(record.shares)[:taken, i]
            self.training[name] = np.append(self.training[name], new)

    def report(self, seconds: float, unseen: dict[str, float]) -> None:
        """Note the unseen residual after the steps so far."""
        self.check_step.append(self.steps)
        self.seconds.append(seconds)
        for name, value in unseen.items():
            self.unseen[name].append(value)

    def to_dict(self) -> dict:
        """Plain lists, for a JSON file."""
        plain = lambda d: {k: np.asarray(v).tolist() for k, v in d.items()}
        return {
            "scalars": plain(self.scalars),
            "training": plain(self.training),
            "check_step": list(self.check_step),
            "seconds": list(self.seconds),
            "unseen": {k: list(v) for k, v in self.unseen.items()},
            "redraws": [[step, list(names)] for step, names in self.redraws],
        }

    @staticmethod
    def from_dict(data: dict) -> "History":
        """The inverse of `to_dict`."""
        arrays = lambda d: {k: np.asarray(v, float) for k, v in d.items()}
        return History(
            arrays(data["scalars"]),
            arrays(data["training"]),
            list(data["check_step"]),
            list(data["seconds"]),
            data["unseen"],
            [(step, tuple(names)) for step, names in data["redraws"]],
        )

import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from .._errors import listing
from ..fields import Joined, Model
from ._drawing import draw
from ._evaluated import Evaluated
from ._history import History
from ._progress import worst
from ._result import Result
from ._solution import Solution
from ._tables import to_pandas, to_xarray


class Windows:
    """Solutions of neighbouring windows of time, as one. Made by `ps.solve_windows`.

    - `windows.u(x=..., t=...)`: a field over all windows, and its derivatives, as of a
      `Solution`. A common time of two windows belongs to the earlier one.
    - `members`: the solution of each window. `times`: their ends.
    - `result`, `reason`: that of the first window that has not converged, if any.
    - `training`, `unseen`: of each condition, the worst of all windows.
    - `model`: all networks joined in one `ps.Model`, to evaluate.
    - `history`: the runs one after the other.
    """

    def __init__(self, members: Sequence[Solution], times: Sequence[float], time: str):
        self.members, self.times = tuple(members), tuple(times)
        groups = zip(*(m.model.networks for m in self.members), strict=True)
        self.model = Model(*(Joined(group, time) for group in groups))
        self.history = History.joined([m.history for m in self.members])
        self.training = _worst([m.training for m in self.members])
        self.unseen = _worst([m.unseen for m in self.members])
        failed = [i for i, m in enumerate(self.members) if not m.result.is_success]
        named = failed[0] if failed else len(self.members) - 1
        self.result: Result = self.members[named].result
        span = f"{time} from {self.times[named]:g} to {self.times[named + 1]:g}"
        where = f"In the window {span}" if failed else f"The last window, {span}"
        self.reason = f"{where}: {self.members[named].reason}"
        if not failed:
            count = len(self.members)
            self.reason = f"All {count} windows have converged. {self.reason}"

    def __getattr__(self, name: str) -> Evaluated:
        if name.startswith("_") or name == "model":
            raise AttributeError(name)
        if name in self.model.fields:
            return Evaluated(self.model, name)
        raise AttributeError(
            f"These windows have the fields {listing(self.model.fields)}, but no "
            f"{name!r}."
        )

    @property
    def steps(self) -> int:
        """Steps taken, over all windows."""
        return sum(m.steps for m in self.members)

    @property
    def seconds(self) -> float:
        """Wall time of the steps, without compilations."""
        return sum(m.seconds for m in self.members)

    @property
    def has_data(self) -> bool:
        """Whether there are error bars: not over several windows."""
        return False

    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """As `Solution.spectrum`, of the last window."""
        return self.members[-1].spectrum()

    def plot(
        self, path: str | Path | None = None, reference: Callable | None = None
    ) -> Any:
        """Draw as `Solution.plot` does, with the spectrum of the last window."""
        return draw(self, [m._bound for m in self.members], path, reference)

    def to_xarray(self, **coordinates) -> Any:
        """All fields on a grid, as `Solution.to_xarray`."""
        return to_xarray(self, coordinates)

    def to_pandas(self, points: Any) -> Any:
        """All fields at points, as `Solution.to_pandas`."""
        return to_pandas(self, points)

    def save(self, folder: str | Path) -> None:
        """Write each window to a file of a folder, which `solve_windows` can read."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for i, member in enumerate(self.members):
            member.save(window_file(folder, i))

    def __repr__(self) -> str:
        return f"<Windows {self.result.name}, {len(self.members)} of them>"

    def __str__(self) -> str:
        table = Table()
        for column in ("window", "result", "steps", "worst residual"):
            table.add_column(column)
        spans = itertools.pairwise(self.times)
        for (low, high), member in zip(spans, self.members, strict=False):
            largest = worst(member.training, member.unseen)
            cells = member.result.name, str(member.steps), largest
            table.add_row(f"{low:g} to {high:g}", *cells)
        buffer = io.StringIO()
        console = Console(file=buffer, width=88)
        console.print(f"{self.result.name}: {self.reason}", highlight=False)
        console.print(table)
        line = f"{self.steps} steps in {self.seconds:.1f} s after compilation"
        console.print(line, highlight=False)
        return buffer.getvalue().rstrip()


def _worst(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in each for name in one)
    found = {n: [one[n] for one in each if n in one] for n in names}
    # A NaN is the worst of all, and comparisons would lose it.
    return {n: math.nan if np.isnan(v).any() else max(v) for n, v in found.items()}


def window_file(folder: str | Path, i: int) -> Path:
    """Where the window of this number is kept."""
    return Path(folder) / f"window-{i}.npz"

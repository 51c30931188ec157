import sys
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ._driver import Run


class Progress:
    """Shows a run while it goes: a live table on a terminal, else a line now and then.

    It runs on the host between compiled legs and prints to standard error.
    """

    def __init__(self, shown: bool, quiet_seconds: float = 10.0):
        self.shown = shown
        self.quiet_seconds = quiet_seconds
        self.console = Console(file=sys.stderr)
        self.live: Live | None = None
        self.last = time.perf_counter()

    def __enter__(self) -> "Progress":
        if self.shown and self.console.is_terminal:
            self.live = Live(console=self.console, refresh_per_second=4)
            self.live.start()
        return self

    def __exit__(self, *_) -> None:
        if self.live is not None:
            self.live.stop()

    def update(self, run: Run) -> None:
        """Show the state of the run after a leg."""
        if self.live is not None:
            self.live.update(table(run.training, run.unseen, _headline(run)))
        elif self.shown and time.perf_counter() - self.last > self.quiet_seconds:
            self.last = time.perf_counter()
            unseen = ", ".join(f"{k} {v:.1e}" for k, v in run.unseen.items())
            self.console.print(
                f"step {run.step}, {run.seconds:.0f} s, unseen: {unseen}"
            )


def table(
    training: dict[str, float], unseen: dict[str, float], title: str | None = None
) -> Table:
    """Training and unseen residual of each condition, `-` where there is none."""
    rows = Table(title=title, title_justify="left")
    for column in ("condition", "training", "unseen"):
        rows.add_column(column, justify="left" if column == "condition" else "right")
    for name, value in training.items():
        other = f"{unseen[name]:.2e}" if name in unseen else "-"
        rows.add_row(name, f"{value:.2e}", other)
    return rows


def worst(training: dict[str, float], unseen: dict[str, float]) -> str:
    """The condition with the largest residual, on unseen points where it has them."""
    seen = {**training, **unseen}
    # What is not finite is the worst of all.
    name = max(seen, key=lambda k: float(np.nan_to_num(seen[k], nan=np.inf)))
    return f"{name} {seen[name]:.1e}"


def _headline(run: Run) -> str:
    if not run.step:
        return "compiled, first steps under way"
    h: Any = run.history
    return (
        f"step {run.step}  rank {int(h.rank[-1])}  cut-off {h.cutoff[-1]:.1e}  "
        f"|step| {h.step_norm[-1]:.1e}  {run.seconds:.1f} s"
    )

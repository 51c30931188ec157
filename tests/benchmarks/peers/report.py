"""The table and the picture of a comparison, from the lines that the runs printed."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure


# Okabe and Ito's colours, which the colour-blind tell apart; ours are black.
STYLES = {
    "pinnsven": {"color": "k", "lw": 2.0},
    "pinnsven, own network": {"color": "k", "lw": 1.2, "ls": "--"},
    "randngd": {"color": "#0072B2"},
    "jinns": {"color": "#E69F00"},
    "ssbroyden-optimistix": {"color": "#009E73"},
    "DeepXDE": {"color": "#D55E00"},
    "optimistix": {"color": "#CC79A7"},
}
TITLES = {
    "poisson": "Poisson",
    "heat": "heat",
    "burgers": "Burgers",
    "inverse_heat": "heat, unknown D",
}
LEVELS = (1e-3, 1e-6)
# A step that was begun in time may end a little late.
SLACK = 1.02


@dataclasses.dataclass
class Curve:
    """The errors of one run, in the order of its CPU seconds, and its time limit."""

    package: str
    version: str
    problem: str
    seed: int
    limit: float
    seconds: list[float]
    errors: list[float]
    unknown: list[float]

    def last(self, values: list[float]) -> float:
        """The last value that was there when the time was up."""
        late = SLACK * self.limit
        kept = [v for t, v in zip(self.seconds, values, strict=True) if t <= late]
        return kept[-1] if kept else float("inf")

    def reached(self, level: float) -> float:
        """When the error was at or below a level for the first time."""
        pairs = zip(self.seconds, self.errors, strict=True)
        return next((t for t, error in pairs if error <= level), float("inf"))


def read(paths: Iterable[Path]) -> list[Curve]:
    """The curves in some files, whose names end with the limit of the run."""
    curves = []
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        if not (records := [json.loads(line) for line in lines]):
            continue
        head = {k: records[0][k] for k in ("package", "version", "problem", "seed")}
        curves.append(
            Curve(
                **head,
                limit=float(path.stem.rpartition("-")[2]),
                seconds=[record["cpu_seconds"] for record in records],
                errors=[record["error"] for record in records],
                unknown=[r["unknown_error"] for r in records if "unknown_error" in r],
            )
        )
    return curves


def chosen(curves: list[Curve], package: str, problem: str) -> list[Curve]:
    return [c for c in curves if c.package == package and c.problem == problem]


def cell(curves: list[Curve]) -> str:
    """The worst error of all seeds, of the unknown too, and the times to two levels."""
    if not curves:
        return ""
    text = f"{max(c.last(c.errors) for c in curves):.1e}"
    if curves[0].unknown:
        text += f", D {max(c.last(c.unknown) for c in curves):.1e}"
    times = [max(c.reached(level) for c in curves) for level in LEVELS]
    limit = curves[0].limit
    return text + f" ({', '.join(f'{t:.0f}' if t <= limit else '-' for t in times)})"


def table(curves: list[Curve]) -> str:
    """Packages down, problems across, as markdown."""
    found = [name for name in TITLES if any(c.problem == name for c in curves)]
    limit = {c.problem: c.limit for c in curves}
    head = ["package", "version"]
    head += [f"{TITLES[name]}, {limit[name]:.0f} s" for name in found]
    rows = [head, ["---"] * len(head)]
    for package in STYLES:
        mine = [c for c in curves if c.package == package]
        if mine:
            cells = [cell(chosen(mine, package, name)) for name in found]
            rows.append([package, mine[0].version, *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def draw(curves: list[Curve], path: Path) -> None:
    """The error against the CPU time, a panel for each problem."""
    found = [name for name in TITLES if any(c.problem == name for c in curves)]
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    plain = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context(plain):
        figure = Figure(figsize=(3.6 * columns, 2.7 * rows + 0.5), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, name in zip(axes, found, strict=False):
            _panel(ax, [c for c in curves if c.problem == name])
            ax.set_title(TITLES[name])
        for ax in axes[len(found) :]:
            ax.set_axis_off()
        for ax in axes[::columns]:
            ax.set_ylabel("relative L2 error")
        handles = {}
        for ax in axes:
            lines, labels = ax.get_legend_handles_labels()
            handles |= dict(zip(labels, lines, strict=True))
        labels = [name for name in STYLES if name in handles]
        lines = [handles[label] for label in labels]
        figure.legend(lines, labels, loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(path, dpi=150)


def _panel(ax, curves: list[Curve]) -> None:
    limit = max(c.limit for c in curves)
    for package, style in STYLES.items():
        for c in (c for c in curves if c.package == package):
            ax.loglog(c.seconds, c.errors, **{"lw": 1.2, **style}, label=package)
            if c.seconds[-1] < 0.9 * limit:
                # It ended by itself.
                color = style["color"]
                ax.plot(c.seconds[-1], c.errors[-1], "o", ms=4, color=color)
    ax.set_xlim(4, limit * 1.05)
    ticks = [t for t in (5, 10, 20, 60, 120) if t <= limit]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel("process CPU seconds")
    ax.grid(alpha=0.3, lw=0.5)

"""Draw the error of a benchmark problem against the time that its run has taken.

python tests/benchmarks/curves.py burgers_smooth --seconds 300 --out DIR

The points of the curve are kept in `DIR/burgers_smooth.json`, and `DIR/curves.png`
shows all that are in the folder. Time is process CPU seconds, with start-up and
compilation and without the errors themselves. Problems in windows of time have no
curve.
"""

import argparse
import json
import os
from pathlib import Path

from run import ONE_THREAD


# Read by the libraries as they are loaded.
os.environ.update(ONE_THREAD)
import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import pinnsven as ps  # noqa: E402
from pinnsven import problems  # noqa: E402


def curve(name: str, seed: int, seconds: float) -> list[tuple[float, float]]:
    """CPU seconds and the error after them, until the run ends or the time is up."""
    case = problems.get(name)
    watch = problems.Watch(case, seed, seconds)
    solution = case.solve(seed, callbacks=[watch], progress=False)
    watch.note(watch.clock(), solution)
    return list(zip(watch.seconds, watch.errors, strict=True))


def draw(folder: Path) -> None:
    """All curves of the folder, with the aim of each problem as a dot."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    for path in sorted(folder.glob("*.json")):
        points = np.array(json.loads(path.read_text(encoding="utf-8")))
        (line,) = ax.semilogy(*points.T, label=path.stem)
        target = problems.get(path.stem).target
        ax.plot(target.seconds, target.bound, "o", color=line.get_color())
    ax.set(xlabel="CPU seconds", ylabel="relative L2 error")
    ax.legend(frameon=False, loc="upper right")
    figure.savefig(folder / "curves.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the error against the time.")
    parser.add_argument("name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--out", type=Path, default=Path("."))
    given = parser.parse_args()
    ps.enable_x64()
    try:
        points = curve(given.name, given.seed, given.seconds)
    except ps.PinnsvenError as err:
        parser.error(str(err))
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{given.name}.json"
    path.write_text(json.dumps(points), encoding="utf-8")
    draw(given.out)


if __name__ == "__main__":
    main()

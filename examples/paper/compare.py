"""Figure 1 of the Sven paper: the loss against epochs and against time.

python examples/paper/compare.py --task regression
draws compare-regression.png and prints the table. Ten seeds (five on MNIST), which no
trial has used; the band is one standard deviation of the logarithm.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from methods import Method, methods
from study import Records, Run, Task, arguments, mean_and_spread, run, task


# Seeds of the trials and of the figures, epochs of a trial and of a figure.
FULL = {"tune": (0, 1), "seeds": range(10, 20), "short": 20, "epochs": 20}
MNIST = {"tune": (0,), "seeds": range(10, 15), "short": 3, "epochs": 20}
SMALL = {"tune": (0,), "seeds": (10, 11), "short": 2, "epochs": 2}


def choose(records: Records, task: Task, method: Method, preset, trials) -> dict:
    """The settings with the least mean validation loss over the tuning seeds."""
    found = []
    for settings in trials:
        key = {"stage": "trial", "method": method.name, "settings": settings}
        make = lambda seeds, s=settings: run(
            task, method.make(task, **s), seeds, preset["short"]
        )
        runs = records.runs(key | {"epochs": preset["short"]}, make, preset["tune"])
        last = [np.inf if r.diverged else r.validation[-1] for r in runs]
        found.append((float(np.mean(last)), settings, sum(r.diverged for r in runs)))
        print(f"  {method.name} {settings}: {found[-1][0]:.2e}", flush=True)
    return min(found, key=lambda entry: entry[0])[1]


def compare(records: Records, task: Task, preset, limit=None, only=None) -> dict:
    """The runs of each method on the fresh seeds, with the settings it was given."""
    found = {}
    for method in methods(task):
        if only and method.name not in only:
            continue
        trials = method.trials[:limit]
        best = (
            choose(records, task, method, preset, trials)
            if len(trials) > 1
            else (trials[0])
        )
        key = {"stage": "fresh", "method": method.name, "settings": best}
        make = lambda seeds, m=method, s=best: run(
            task, m.make(task, **s), seeds, preset["epochs"]
        )
        runs = records.runs(key | {"epochs": preset["epochs"]}, make, preset["seeds"])
        found[method.name] = {"settings": best, "runs": runs}
        last = [r.validation[-1] for r in runs]
        print(f"{method.name}: median of {len(runs)} {np.median(last):.2e}", flush=True)
    return found


HEAD = (
    "| method | settings | validation loss | test loss | diverged | ms a step "
    "| to the target |\n|---|---|---|---|---|---|---|"
)


def line(name: str, entry: dict, target: float) -> str:
    """A row of the table: means over the runs that did not diverge."""
    runs = entry["runs"]
    fine = [r for r in runs if not r.diverged]
    lost = f"{len(runs) - len(fine)} of {len(runs)}"
    settings = json.dumps(entry["settings"])
    if not fine:
        return f"| {name} | `{settings}` | - | - | {lost} | - | - |"
    mean, spread = mean_and_spread([r.validation[-1] for r in fine])
    test = np.mean([r.test for r in fine])
    each = 1e3 * min(r.seconds / r.steps for r in fine)
    return (
        f"| {name} | `{settings}` | {mean:.2e} ± {spread:.1e} | {test:.2e} | {lost} "
        f"| {each:.3f} | {reached(runs, target)} |"
    )


def reached(runs: list[Run], target: float) -> str:
    """The median epoch and CPU seconds at which the loss first met the target."""
    epochs = [
        next((i for i, loss in enumerate(r.validation) if loss <= target), None)
        for r in runs
    ]
    found = sorted(e for e in epochs if e is not None)
    # The median run must have met it, whatever the others do.
    if len(found) <= len(runs) // 2:
        return f"{len(found)} of {len(runs)}"
    epoch = found[len(runs) // 2]
    one = min(r.seconds / (len(r.validation) - 1) for r in runs)
    return f"{epoch} epochs, {epoch * one:.2f} s"


def median_target(found: dict) -> float:
    """The median over the methods of their mean validation loss."""
    means = [
        np.mean([r.validation[-1] for r in entry["runs"] if not r.diverged] or [np.inf])
        for entry in found.values()
    ]
    return float(np.median(means))


def draw(task: Task, found: dict, picture) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    start = 0.0
    for name, entry in found.items():
        runs = [r for r in entry["runs"] if not r.diverged]
        lost = len(entry["runs"]) - len(runs)
        if not runs:
            continue
        start = max(start, *(r.validation[0] for r in runs))
        label = f"{name} ({lost} of {len(entry['runs'])} diverged)" if lost else name
        logs = np.log10([r.validation for r in runs])
        middle, spread = logs.mean(axis=0), logs.std(axis=0)
        epochs = np.arange(logs.shape[1])
        seconds = np.mean([r.seconds for r in runs]) * epochs / epochs[-1]
        for axis, x in zip(axes, (epochs, seconds), strict=True):
            (curve,) = axis.plot(x[1:], 10 ** middle[1:], label=label)
            low, high = 10 ** (middle - spread), 10 ** (middle + spread)
            axis.fill_between(
                x[1:], low[1:], high[1:], color=curve.get_color(), alpha=0.2, lw=0
            )
    axes[0].set(xlabel="epoch", ylabel="validation loss", yscale="log")
    # A run that blew up for a while must not hide the others.
    axes[0].set_ylim(top=min(3 * start, axes[0].get_ylim()[1]))
    axes[1].set(xlabel="CPU seconds on one thread, without compilation", xscale="log")
    figure.suptitle(f"{task.name}: mean and one standard deviation of the logarithm")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    figure.savefig(picture, dpi=150)
    plt.close(figure)


def main(name, preset="full", out="paper-results", mnist=None, only=None):
    small = preset == "small"
    chosen = task(name, mnist, n=512 if small else 10_000)
    settings = SMALL if small else MNIST if name.startswith("mnist") else FULL
    out = Path(out)
    records = Records(out / f"compare-{name}-{preset}.jsonl")
    found = compare(records, chosen, settings, 2 if small else None, only)
    draw(chosen, found, out / f"compare-{name}.png")
    target = median_target(found)
    print(f"target {target:.2e}\n{HEAD}")
    for method, entry in found.items():
        print(line(method, entry, target))
    return found


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    main(options.task, options.preset, options.out, options.mnist)

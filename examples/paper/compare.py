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
from study import Records, Task, arguments, mean_and_spread, run, task


# Tuning seeds, fresh seeds, epochs of a trial, epochs, trials, samples.
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
        print(line(method.name, found[method.name]), flush=True)
    return found


def line(name: str, entry: dict) -> str:
    runs = entry["runs"]
    fine = [r for r in runs if not r.diverged]
    settings = json.dumps(entry["settings"])
    if not fine:
        return f"| {name} | {settings} | all diverged | | {len(runs)} | |"
    mean, spread = mean_and_spread([r.validation[-1] for r in fine])
    test = np.mean([r.test for r in fine])
    each = 1e3 * min(r.seconds / r.steps for r in fine)
    return (
        f"| {name} | `{settings}` | {mean:.2e} ± {spread:.1e} | {test:.2e} "
        f"| {len(runs) - len(fine)} of {len(runs)} | {each:.3f} |"
    )


def draw(task: Task, found: dict, picture) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    for name, entry in found.items():
        runs = [r for r in entry["runs"] if not r.diverged]
        if not runs:
            continue
        logs = np.log10([r.validation for r in runs])
        middle, spread = logs.mean(axis=0), logs.std(axis=0)
        epochs = np.arange(logs.shape[1])
        seconds = np.mean([r.seconds for r in runs]) * epochs / epochs[-1]
        for axis, x in zip(axes, (epochs, seconds), strict=True):
            (curve,) = axis.plot(x[1:], 10 ** middle[1:], label=name)
            low, high = 10 ** (middle - spread), 10 ** (middle + spread)
            axis.fill_between(
                x[1:], low[1:], high[1:], color=curve.get_color(), alpha=0.2, lw=0
            )
    axes[0].set(xlabel="epoch", ylabel="validation loss", yscale="log")
    axes[1].set(xlabel="CPU seconds on one thread, without compilation", xscale="log")
    axes[0].legend(fontsize=8)
    figure.suptitle(f"{task.name}: mean and one standard deviation of the logarithm")
    figure.tight_layout()
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
    print("| method | settings | validation loss | test | diverged | ms a step |")
    print("|---|---|---|---|---|---|")
    for method, entry in found.items():
        print(line(method, entry))
    return found


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    main(options.task, options.preset, options.out, options.mnist)

"""Micro-batches and parameter batches: what they cost in loss, and what they save.

python examples/paper/batches.py --task regression
draws batches-regression.png: the validation loss against the samples that share a row
and against the fraction of the weights in a step, with CPU time and memory of a step.
"""

from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from methods import by_residuals
from study import Records, Task, Trainer, arguments, effort, run, task

import pinnsven as ps


# Rate and cut-off.
SETTINGS = {
    "regression": (0.03, 1e-3),
    "polynomial": (0.2, 1e-2),
    "additive-cubic": (0.2, 1e-2),
    "regression of labels": (0.25, 1e-3),
    "classes": (0.25, 1e-1),
}
FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)


def micro(task: Task, solver, size: int) -> Trainer:
    """Rows that are the mean losses of groups, to the power kappa/2 with kappa = 1."""
    static = task.network(0)[1]
    transform = ps.as_optax(solver)

    def row(params, x, y):
        losses = jax.vmap(partial(task.loss, eqx.combine(params, static)))(x, y)
        return ps.loss_rows(jnp.mean(losses))

    def step(params, state, x, y):
        groups = ps.microbatches((x, y), size)
        updates, state = transform.update(
            None, state, params, residual_fn=row, batch=groups
        )
        return optax.apply_updates(params, updates), state

    return Trainer(transform.init, step)


def part(task: Task, solver, fraction: float, groups) -> Trainer:
    """Steps on a fraction of the weights."""
    solver = ps.ParameterBatch(solver, fraction, groups=groups)
    return by_residuals(task, solver, partial(task.row, kappa=1.0))


def memory(task: Task, trainer: Trainer) -> float:
    """MiB that one compiled step needs beside its arguments."""
    params, _ = task.network(0)
    x, y = task.split.x_train[: task.batch], task.split.y_train[: task.batch]
    arguments = params, trainer.init(params), jnp.asarray(x), jnp.asarray(y)
    compiled = jax.jit(trainer.step).lower(*arguments).compile()
    return compiled.memory_analysis().temp_size_in_bytes / 2**20


def trials(task: Task, solver) -> dict[str, dict[float, Trainer]]:
    sizes = [2**i for i in range(task.batch.bit_length())]
    return {
        "micro-batch": {size: micro(task, solver, size) for size in sizes},
        "element": {f: part(task, solver, f, ps.by_element) for f in FRACTIONS},
        "row": {f: part(task, solver, f, ps.by_row) for f in FRACTIONS},
    }


def draw(task: Task, found: dict, costs: dict, picture) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharex="col")
    for name, runs in found.items():
        column = 0 if name == "micro-batch" else 1
        values = list(runs)
        last = [
            [r.validation[-1] for r in rs if not r.diverged] for rs in runs.values()
        ]
        logs = [np.log10(losses) if losses else np.array([np.nan]) for losses in last]
        middle = 10 ** np.array([log.mean() for log in logs])
        spread = np.array([log.std() for log in logs])
        (curve,) = axes[0, column].plot(values, middle, "o-", label=name)
        axes[0, column].fill_between(
            values,
            middle / 10**spread,
            middle * 10**spread,
            color=curve.get_color(),
            alpha=0.2,
            lw=0,
        )
        milliseconds = [
            min(1e3 * r.seconds / r.steps for r in rs) for rs in runs.values()
        ]
        axes[1, column].plot(values, milliseconds, "o-", label=f"{name}: ms a step")
        axes[1, column].plot(
            values,
            [costs[name][v] for v in values],
            "s--",
            color=curve.get_color(),
            label=f"{name}: MiB",
        )
    axes[0, 0].set(ylabel="validation loss", yscale="log", title="samples in a row")
    axes[0, 1].set(yscale="log", title="fraction of the weights in a step")
    axes[1, 0].set(xlabel="samples in a row", xscale="log", yscale="log")
    axes[1, 1].set(xlabel="fraction", yscale="log")
    for axis in axes.ravel():
        axis.legend(fontsize=8)
    figure.suptitle(f"{task.name}: mean and one standard deviation of the logarithm")
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    plt.close(figure)


def main(name, preset="full", out="paper-results", mnist=None):
    small = preset == "small"
    chosen = task(name, mnist, n=512 if small else 10_000)
    lr, rtol = SETTINGS[chosen.kind]
    epochs, seeds = effort(chosen, small, first=30)
    out = Path(out)
    records = Records(out / f"batches-{name}-{preset}.jsonl")
    solver = ps.Sven(lr=lr, rtol=rtol, factorisation=ps.Gram())
    found, costs = {}, {}
    for kind, trainers in trials(chosen, solver).items():
        values = list(trainers)[:: 5 if small else 1]
        found[kind], costs[kind] = {}, {}
        for value in values:
            key = {"kind": kind, "value": value, "lr": lr, "rtol": rtol}
            make = lambda seeds, t=trainers[value]: run(chosen, t, seeds, epochs)
            runs = records.runs(key | {"epochs": epochs}, make, seeds)
            found[kind][value] = runs
            costs[kind][value] = memory(chosen, trainers[value])
            fine = [r.validation[-1] for r in runs if not r.diverged]
            mean = np.mean(fine) if fine else np.nan
            each = min(1e3 * r.seconds / r.steps for r in runs)
            print(
                f"| {kind} | {value} | {mean:.2e} | {len(runs) - len(fine)} of "
                f"{len(runs)} | {each:.3f} | {costs[kind][value]:.2f} |",
                flush=True,
            )
    draw(chosen, found, costs, out / f"batches-{name}.png")
    return found


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    main(options.task, options.preset, options.out, options.mnist)

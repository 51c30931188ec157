"""Figure 2 of the Sven paper: the loss against k and against rtol, and the spectra.

python examples/paper/scans.py --task regression
draws scans-regression.png: the validation loss after the last epoch against the number
of singular values kept (rtol fixed) and against the relative cut-off (k = batch), with
all seeds, and the singular values of the Jacobian of a fixed batch over the epochs.
"""

from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from methods import sven
from study import Records, Run, Task, arguments, effort, run, task


# The rate of the scans, the cut-off of the k scan, and the cut-offs scanned.
SETTINGS = {
    "regression": (0.03, 3e-4, (1e-5, 1e-4, 3e-4, 1e-3, 1e-2, 1e-1)),
    "polynomial": (0.2, 1e-2, (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1)),
    "additive-cubic": (0.2, 1e-2, (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1)),
    "regression of labels": (0.25, 1e-3, (1e-4, 1e-3, 1e-2, 1e-1, 3e-1)),
    "classes": (0.25, 1e-1, (1e-3, 1e-2, 1e-1, 3e-1, 5e-1)),
}


def ks(task: Task) -> list[int]:
    """1, 2, 4, ... up to the batch, and one and a half times half of it."""
    powers = [2**i for i in range(task.batch.bit_length())]
    return sorted({k for k in [*powers, 3 * task.batch // 4] if k <= task.batch})


def scan(records: Records, task: Task, name: str, trials, seeds, epochs) -> dict:
    """The runs for each of some settings."""
    found = {}
    for value, settings in trials.items():
        key = {"scan": name, "settings": settings, "epochs": epochs}
        make = lambda seeds, s=settings: run(task, sven(task, **s), seeds, epochs)
        found[value] = records.runs(key, make, seeds)
        last = [r.validation[-1] for r in found[value]]
        print(f"  {name} {value}: {np.median(last):.2e}", flush=True)
    return found


def spectra(task: Task, settings: dict, seed: int, epochs: int) -> np.ndarray:
    """Singular values over epochs, of the rows of a fixed batch of training samples."""
    static = task.network(0)[1]
    x = jnp.asarray(task.split.x_train[: task.batch])
    y = jnp.asarray(task.split.y_train[: task.batch])
    row = lambda params, x, y: task.row(eqx.combine(params, static), x, y, 1.0)

    @jax.jit
    def values(params):
        gradient = jax.vmap(jax.grad(row), (None, 0, 0))(params, x, y)
        leaves = [a.reshape(task.batch, -1) for a in jax.tree.leaves(gradient)]
        j = jnp.concatenate(leaves, axis=1).astype(jnp.float64)
        return jnp.linalg.svd(j, compute_uv=False)

    seen = [np.asarray(values(task.network(seed)[0]))]
    watch = lambda params: seen.append(np.asarray(values(params)))
    list(run(task, sven(task, **settings), [seed], epochs, watch))
    return np.asarray(seen)


def scatter(axis, found: dict[float, list[Run]], label: str) -> None:
    fine = [
        (v, r.validation[-1]) for v, rs in found.items() for r in rs if not r.diverged
    ]
    lost = [v for v, rs in found.items() for r in rs if r.diverged]
    middles = {
        v: np.median([r.validation[-1] for r in rs if not r.diverged] or [np.nan])
        for v, rs in found.items()
    }
    if fine:
        axis.plot(*zip(*fine, strict=True), "o", ms=3, alpha=0.5)
    axis.plot(list(middles), list(middles.values()), "-", lw=1.5)
    top = max([loss for _, loss in fine], default=1.0)
    axis.plot(lost, [3 * top] * len(lost), "rx", ms=5)
    title = f"{len(lost)} diverged (crosses)" if lost else "none diverged"
    axis.set(xlabel=label, xscale="log", yscale="log", title=title)


def draw(task: Task, by_k, by_rtol, values: np.ndarray, rtol: float, picture) -> None:
    figure, axes = plt.subplots(1, 3, figsize=(13, 4))
    scatter(axes[0], by_k, f"k, with rtol = {rtol:g}")
    scatter(axes[1], by_rtol, f"rtol, with k = {task.batch}")
    axes[0].set_ylabel("validation loss after the last epoch")
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(values)))
    for epoch, (row, colour) in enumerate(zip(values, colours, strict=True)):
        label = f"epoch {epoch}" if epoch in (0, len(values) - 1) else None
        axes[2].plot(
            np.arange(1, row.size + 1), row / row[0], color=colour, label=label
        )
    axes[2].axhline(rtol, color="grey", ls=":", label="rtol of the k scan")
    axes[2].set(
        xlabel="i", ylabel=r"$\sigma_i/\sigma_1$ of a fixed batch", yscale="log"
    )
    axes[2].set_ylim(bottom=max(1e-17, 0.3 * (values / values[:, :1]).min()))
    axes[2].legend(fontsize=8)
    figure.suptitle(task.name)
    figure.tight_layout()
    figure.savefig(picture, dpi=150)
    plt.close(figure)


def main(name, preset="full", out="paper-results", mnist=None):
    small = preset == "small"
    chosen = task(name, mnist, n=512 if small else 10_000)
    kind = chosen.kind
    lr, rtol, cutoffs = SETTINGS[kind]
    epochs, seeds = effort(chosen, small, first=20)
    out = Path(out)
    records = Records(out / f"scans-{name}-{preset}.jsonl")
    numbers = ks(chosen)[::4] if small else ks(chosen)
    cutoffs = cutoffs[::5] if small else cutoffs
    go = partial(scan, records, chosen, seeds=seeds, epochs=epochs)
    trial = lambda k, rtol: {"lr": lr, "rtol": rtol, "k": k}
    by_k = go("k", trials={k: trial(k, rtol) for k in numbers})
    by_rtol = go("rtol", trials={c: trial(chosen.batch, c) for c in cutoffs})
    path = out / f"spectra-{name}-{preset}.npy"
    if not path.exists():
        np.save(path, spectra(chosen, trial(chosen.batch, rtol), 20, epochs))
    values = np.load(path)
    draw(chosen, by_k, by_rtol, values, rtol, out / f"scans-{name}.png")
    return {"k": by_k, "rtol": by_rtol, "spectra": values}


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    main(options.task, options.preset, options.out, options.mnist)

"""What the experiments of the Sven paper share: tasks, methods, runs and their records.

Protocol (arXiv 2604.01279, and the corrections of its authors): settings are chosen on
the validation set alone, each method has the same number of trials, the figures come
from fresh seeds, and a run that blows up is counted and shown. Times are CPU seconds
of this process without compilation.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import data
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax

import pinnsven as ps


ps.enable_x64()


@dataclass(frozen=True, eq=False)
class Task:
    """A data set, the network that is fitted to it, and the loss of one sample."""

    name: str
    split: data.Split
    width: int
    outputs: int | str
    batch: int
    classes: bool = False

    @property
    def kind(self) -> str:
        """What the settings of a method depend on."""
        if self.outputs == "scalar":
            return self.name
        return "classes" if self.classes else "regression of labels"

    def network(self, seed: int):
        """The paper's network: three hidden layers, GELU, PyTorch's first weights."""
        x = self.split.x_train
        network = eqx.nn.MLP(
            x.shape[1], self.outputs, self.width, 3, jax.nn.gelu, key=jr.key(seed)
        )
        params, static = eqx.partition(network, eqx.is_inexact_array)
        return jax.tree.map(lambda a: a.astype(x.dtype), params), static

    def off(self, network, x, y):
        """The residual of one sample: a number, or one for each class."""
        wanted = y if self.outputs == "scalar" else jax.nn.one_hot(y, self.outputs)
        return network(x) - wanted.astype(x.dtype)

    def loss(self, network, x, y):
        """The loss of one sample."""
        if self.classes:
            return optax.softmax_cross_entropy_with_integer_labels(network(x), y)
        return jnp.sum(self.off(network, x, y) ** 2)

    def row(self, network, x, y, kappa: float):
        """One row for each sample, as in the paper."""
        if self.outputs == "scalar":
            return ps.signed_rows(self.off(network, x, y), kappa)
        return ps.loss_rows(self.loss(network, x, y), kappa)


def task(name: str, folder=None, n: int = 10_000) -> Task:
    """One of the paper's tasks by its name; MNIST from `folder`."""
    if name == "regression":
        return Task(name, data.regression(n=n), 16, "scalar", 32)
    if name == "polynomial":
        return Task(name, data.polynomial(n=n), 16, "scalar", 32)
    if name == "additive-cubic":
        return Task(name, data.polynomial(n=n, additive=True), 16, "scalar", 32)
    if name in ("mnist-regression", "mnist-classes"):
        try:
            split = data.mnist(folder)
        except (FileNotFoundError, ValueError) as error:
            raise SystemExit(str(error)) from error
        return Task(name, split, 32, 10, 64, classes=name.endswith("classes"))
    if name in ("digits-regression", "digits-classes"):
        split = data.digits()
        return Task(name, split, 32, 10, 64, classes=name.endswith("classes"))
    raise SystemExit(f"There is no task {name!r}; choose one of: {', '.join(TASKS)}.")


TASKS = (
    "regression",
    "polynomial",
    "additive-cubic",
    "mnist-regression",
    "mnist-classes",
    "digits-regression",
    "digits-classes",
)


@dataclass(frozen=True)
class Trainer:
    """How one method steps: `init(params)` and `step(params, state, x, y)`."""

    init: Callable
    step: Callable


@dataclass
class Run:
    """The losses of a run after each epoch, the first entry before any step."""

    validation: list[float]
    training: list[float]
    test: float
    seconds: float
    steps: int

    @property
    def diverged(self) -> bool:
        """Not finite, or worse than ten times the loss at the start."""
        last = self.validation[-1]
        return not (math.isfinite(last) and last <= 10 * self.validation[0])


def run(task: Task, trainer: Trainer, seeds, epochs: int, watch=None):
    """Train once for each seed with one compiled epoch, and yield the runs.

    `watch(params)` is called after each epoch, for what is drawn beside the loss.
    """
    split = task.split
    x, y = jnp.asarray(split.x_train), jnp.asarray(split.y_train)
    count = x.shape[0] // task.batch
    static = task.network(0)[1]

    @jax.jit
    def epoch(params, state, x, y, key):
        order = jr.permutation(key, x.shape[0])[: count * task.batch]

        def one(carry, index):
            return trainer.step(*carry, x[index], y[index]), None

        batches = order.reshape(count, task.batch)
        return jax.lax.scan(one, (params, state), batches)[0]

    @jax.jit
    def mean_loss(params, x, y):
        network = eqx.combine(params, static)
        one = lambda sample: task.loss(network, *sample)
        return jnp.mean(jax.lax.map(one, (x, y), batch_size=2_000))

    measure = lambda params, x, y: float(mean_loss(params, jnp.asarray(x), y))
    for seed in seeds:
        params, _ = task.network(seed)
        state = trainer.init(params)
        epoch(params, state, x, y, jr.key(0))  # compiles
        validation = [measure(params, split.x_val, split.y_val)]
        training = [measure(params, x, y)]
        seconds = 0.0
        for number in range(epochs):
            start = time.process_time()
            key = jr.fold_in(jr.key(1_000 + seed), number)
            params, state = jax.block_until_ready(epoch(params, state, x, y, key))
            seconds += time.process_time() - start
            validation.append(measure(params, split.x_val, split.y_val))
            training.append(measure(params, x, y))
            if watch is not None:
                watch(params)
        test = measure(params, split.x_test, split.y_test)
        yield Run(validation, training, test, seconds, epochs * count)


def _entry(line: str) -> dict | None:
    """One line of the records, or nothing if it was cut short."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


class Records:
    """Runs on disk, one JSON line for each, so that a script goes on where it ended."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        entries = [entry for entry in map(_entry, lines) if entry]
        self._known = {json.dumps(e["key"]): e["run"] for e in entries}
        if len(entries) < len(lines):
            path.write_text("".join(json.dumps(e) + "\n" for e in entries))

    def runs(self, key: dict, make: Callable, seeds) -> list[Run]:
        """The runs for `key` and each seed; `make(missing)` yields new ones."""
        named = {seed: json.dumps(key | {"seed": seed}) for seed in seeds}
        missing = [seed for seed in seeds if named[seed] not in self._known]
        if missing:
            for seed, found in zip(missing, make(missing), strict=True):
                self._known[named[seed]] = vars(found)
                entry = {"key": key | {"seed": seed}, "run": vars(found)}
                with self.path.open("a") as file:
                    file.write(json.dumps(entry) + "\n")
        return [Run(**self._known[named[seed]]) for seed in seeds]


def effort(task: Task, small: bool, first: int) -> tuple[int, range]:
    """Epochs and seeds of a scan: what some minutes allow, on MNIST half an hour."""
    if small:
        return 2, range(first, first + 1)
    if task.outputs == "scalar":
        return 20, range(first, first + 5)
    return 5, range(first, first + 2)


def arguments(description: str) -> argparse.Namespace:
    """The options that all scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--task", choices=TASKS, default=TASKS[0])
    parser.add_argument("--preset", choices=("small", "full"), default="full")
    parser.add_argument("--out", type=Path, default=Path("paper-results"))
    parser.add_argument("--mnist", type=Path, help="the folder with the MNIST files")
    return parser.parse_args()


def mean_and_spread(values) -> tuple[float, float]:
    """The mean and one standard deviation of a sample."""
    values = np.asarray(values)
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0

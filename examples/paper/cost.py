"""The time of a step: matrix-free Sven against SGD, and the Gram path against Adam.

python examples/paper/cost.py
draws cost.png: CPU time of a compiled step over that of a compiled SGD step on the
same batch, for k = 1 ... 64, with the fit a + b k; and prints what Sven on a Gram
matrix costs beside Adam on the 1D task, inside a compiled loop and called from Python.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import matplotlib.pyplot as plt
import numpy as np
import optax
from methods import by_gradient, sven
from study import task

import pinnsven as ps


# Inputs, width, outputs, batch: the paper's two networks and a wider one.
NETWORKS = {
    "1D task, 593 weights, batch 32": (1, 16, 1, 32),
    "MNIST network, 27,562 weights, batch 64": (784, 32, 10, 64),
    "width 256, 136,193 weights, batch 512": (16, 256, 1, 512),
}
FACTORISATIONS = {
    "GolubKahan(k)": ps.GolubKahan,
    "RandomisedSVD(k, 0, 0)": partial(
        ps.RandomisedSVD, oversampling=0, power_iterations=0
    ),
    "RandomisedSVD(k, 0, 1)": partial(ps.RandomisedSVD, oversampling=0),
}


def stepper(transform, network, x, y, with_rows: bool):
    """A compiled loop of steps on one batch, float32."""
    params, static = eqx.partition(network, eqx.is_inexact_array)
    transform = optax.with_extra_args_support(transform)

    def rows(params):
        off = jax.vmap(eqx.combine(params, static))(x) - y
        return ps.loss_rows(jnp.sum(off**2, axis=-1)) / x.shape[0] ** 0.5

    def step(carry, _):
        params, state = carry
        grads = None
        if not with_rows:
            grads = jax.grad(lambda params: jnp.sum(rows(params) ** 2))(params)
        updates, state = transform.update(grads, state, params, residual_fn=rows)
        return (optax.apply_updates(params, updates), state), None

    start = params, transform.init(params)
    loop = jax.jit(
        lambda carry, n: jax.lax.scan(step, carry, length=n)[0], static_argnums=1
    )
    return lambda n: jax.block_until_ready(loop(start, n))


def seconds(loop, budget: float) -> float:
    """CPU seconds of one step, the least of five loops."""
    loop(2)
    start = time.process_time()
    loop(2)
    count = max(2, int(budget / max(time.process_time() - start, 1e-6)))
    loop(count)
    times = []
    for _ in range(5):
        start = time.process_time()
        loop(count)
        times.append((time.process_time() - start) / count)
    return min(times)


def scan(shape, ks, budget, factorisations) -> dict[str, np.ndarray]:
    """Time of a step over that of SGD, for each factorisation and each k."""
    inputs, width, outputs, batch = shape
    network = eqx.nn.MLP(
        inputs, outputs, width, 3, jax.nn.gelu, key=jr.key(0), dtype=jnp.float32
    )
    x = jr.normal(jr.key(1), (batch, inputs), jnp.float32)
    y = jnp.sin(x[:, :1])
    found = {}
    for name, factorisation in factorisations.items():
        ratios = []
        for k in ks:
            # The plain step beside each: the machine is not equally fast all the time.
            plain = seconds(stepper(optax.sgd(1e-6), network, x, y, False), budget)
            solver = ps.Sven(lr=1e-6, factorisation=factorisation(k))
            own = stepper(ps.as_optax(solver), network, x, y, True)
            ratios.append(seconds(own, budget) / plain)
        found[name] = np.array(ratios)
    return found


def gram_and_adam(epochs: int) -> tuple[float, float]:
    """Sven on a Gram matrix over Adam on the 1D task: in a loop, and from Python."""
    chosen = task("regression")
    params, _ = chosen.network(0)
    x, y = jnp.asarray(chosen.split.x_train), jnp.asarray(chosen.split.y_train)
    order = jr.permutation(jr.key(0), 9_984).reshape(-1, 32)
    times: dict[str, list] = {"loop": [], "python": []}
    for trainer in (
        sven(chosen, 0.01, 3e-4),
        by_gradient(chosen, optax.adam(1e-3)),
    ):
        one = lambda carry, i, t=trainer: (t.step(*carry, x[i], y[i]), None)
        loop = jax.jit(lambda carry, one=one: jax.lax.scan(one, carry, order)[0])
        step = jax.jit(trainer.step)
        start = params, trainer.init(params)

        def python(carry, step=step):
            for _ in range(200):
                carry = step(*carry, x[:32], y[:32])
            return carry

        for name, run, count in (("loop", loop, len(order)), ("python", python, 200)):
            jax.block_until_ready(run(start))
            each = []
            for _ in range(epochs):
                begin = time.process_time()
                jax.block_until_ready(run(start))
                each.append((time.process_time() - begin) / count)
            times[name].append(min(each))
    for name, (own, adam) in times.items():
        print(f"{name}: Sven {1e6 * own:.0f} us, Adam {1e6 * adam:.0f} us a step")
    return tuple(own / adam for own, adam in times.values())


def main(preset="full", out="paper-results"):
    small = preset == "small"
    ks = (1, 8) if small else (1, 2, 4, 8, 16, 32, 64)
    some = lambda cases: dict(list(cases.items())[: 1 if small else None])
    networks, factorisations = some(NETWORKS), some(FACTORISATIONS)
    figure, axes = plt.subplots(1, len(networks), figsize=(5 * len(networks), 4))
    fits = {}
    for axis, (title, shape) in zip(np.atleast_1d(axes), networks.items(), strict=True):
        usable = [k for k in ks if k <= shape[-1]]
        found = scan(shape, usable, 0.02 if small else 0.1, factorisations)
        for name, ratios in found.items():
            slope, offset = np.polyfit(usable, ratios, 1)
            fits[title, name] = offset, slope
            print(f"| {title} | {name} | {offset:.1f} | {slope:.2f} |", flush=True)
            (curve,) = axis.plot(
                usable, ratios, "o", label=f"{name}: {slope:.2f} per k"
            )
            line = offset + slope * np.array(usable)
            axis.plot(usable, line, color=curve.get_color(), lw=1)
        axis.set(title=title, xlabel="k", ylabel="time of a step / SGD step")
        axis.legend(fontsize=8)
    figure.tight_layout()
    Path(out).mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(out) / "cost.png", dpi=150)
    plt.close(figure)
    ratios = gram_and_adam(2 if small else 20)
    print(
        "Sven on a Gram matrix over Adam: {:.1f} in a loop, {:.1f} from Python".format(
            *ratios
        )
    )
    return fits, ratios


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=("small", "full"), default="full")
    parser.add_argument("--out", type=Path, default=Path("paper-results"))
    options = parser.parse_args()
    main(options.preset, options.out)

"""Sven on networks whose Jacobian would not fit: peak memory and time of a step.

python examples/paper/memory.py
runs each case in a process of its own, so that the peak is that of the case, and
prints a table. A batch of 1,024 samples, float32, 32 singular values, the default step.
"""

import argparse
import resource
import subprocess
import sys
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax

import pinnsven as ps


SOLVERS = {
    "GolubKahan": ps.GolubKahan,
    "RandomisedSVD": ps.RandomisedSVD,
}


def width_of(weights: int) -> int:
    """Of two square layers between 16 inputs and one output, for so many weights."""
    return round((weights / 2) ** 0.5)


def measure(name: str, weights: int, batch: int, k: int) -> dict:
    """Three steps on a smooth target: the losses, seconds a step, and the peak."""
    network = eqx.nn.MLP(
        16,
        "scalar",
        width_of(weights),
        3,
        jax.nn.gelu,
        key=jr.key(0),
        dtype=jnp.float32,
    )
    params, static = eqx.partition(network, eqx.is_inexact_array)
    x = jr.normal(jr.key(1), (batch, 16), jnp.float32)
    y = jnp.sin(x[:, 0] + x[:, 1] * x[:, 2])
    transform = ps.as_optax(ps.Sven(factorisation=SOLVERS[name](k)))
    state = transform.init(params)
    rows = lambda params: (jax.vmap(eqx.combine(params, static))(x) - y) / batch**0.5

    def update(params, state):
        updates, state = transform.update(None, state, params, residual_fn=rows)
        return optax.apply_updates(params, updates), state

    step = jax.jit(update, donate_argnums=0)
    loss = jax.jit(lambda params: jnp.sum(rows(params) ** 2))
    losses, seconds = [float(loss(params))], []
    for _ in range(3):
        start = time.process_time()
        params, state = jax.block_until_ready(step(params, state))
        seconds.append(time.process_time() - start)
        losses.append(float(loss(params)))
    return {
        "weights": sum(a.size for a in jax.tree.leaves(params)),
        "losses": losses,
        "seconds": min(seconds[1:]),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main(
    cases=(
        ("GolubKahan", 1_000_000),
        ("RandomisedSVD", 1_000_000),
        ("GolubKahan", 10_000_000),
        ("RandomisedSVD", 10_000_000),
    ),
    batch=1_024,
    k=32,
):
    print("| factorisation | weights | J alone, GB | peak, GB | CPU s a step | loss |")
    print("|---|---|---|---|---|---|")
    for name, weights in cases:
        command = [sys.executable, __file__, "--case", name]
        command += map(str, ("--weights", weights, "--batch", batch, "--k", k))
        print(
            subprocess.run(command, check=True, text=True, capture_output=True).stdout,
            end="",
            flush=True,
        )


def one(name, weights, batch, k):
    found = measure(name, weights, batch, k)
    jacobian = 4 * found["weights"] * batch / 2**30
    losses = " ".join(f"{loss:.2e}" for loss in found["losses"])
    print(
        f"| {name} | {found['weights']:,} | {jacobian:.2f} | {found['peak']:.2f} "
        f"| {found['seconds']:.1f} | {losses} |"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=SOLVERS)
    parser.add_argument("--weights", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1_024)
    parser.add_argument("--k", type=int, default=32)
    options = parser.parse_args()
    if options.case:
        one(options.case, options.weights, options.batch, options.k)
    else:
        main()

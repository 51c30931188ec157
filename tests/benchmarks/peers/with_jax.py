"""The problems in JAX, for packages that leave the equations to the user."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from common import DIFFUSIVITY, GUESS, LAYERS, NU, Recorder, network


jax.config.update("jax_enable_x64", True)


def glorot(seed: int) -> list:
    """Matrices (out, in) of Glorot's normal distribution, and zero biases."""
    keys = jr.split(jr.key(seed), len(LAYERS) - 1)
    scaled = jax.nn.initializers.glorot_normal(in_axis=1, out_axis=0)
    sizes = zip(keys, LAYERS[1:], LAYERS[:-1], strict=True)
    return [
        (scaled(key, (out, into), float), jnp.zeros(out)) for key, out, into in sizes
    ]


def first(recorder: Recorder, seed: int) -> dict[str, Any]:
    """The parameters at the start: `net`, and `D` where it is unknown."""
    start = {"net": glorot(seed)}
    if recorder.case.inverse:
        start["D"] = jnp.asarray(GUESS)
    return start


def field(net: list, x: jax.Array) -> jax.Array:
    """The network at one point."""
    for matrix, bias in net[:-1]:
        x = jnp.tanh(matrix @ x + bias)
    return (net[-1][0] @ x + net[-1][1])[0]


def along(net: list, x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """The first and the second derivative along a coordinate, in forward mode."""
    way = jnp.eye(2)[axis]
    slope = lambda x: jax.jvp(lambda x: field(net, x), (x,), (way,))[1]
    return jax.jvp(slope, (x,), (way,))


def rate(net: list, x: jax.Array) -> jax.Array:
    """The first derivative along the second coordinate, a time."""
    return jax.jvp(lambda x: field(net, x), (x,), (jnp.array([0.0, 1.0]),))[1]


def laplace(params, x):
    net = params["net"]
    source = 2 * jnp.pi**2 * jnp.sin(jnp.pi * x[0]) * jnp.sin(jnp.pi * x[1])
    return along(net, x, 0)[1] + along(net, x, 1)[1] + source


def heat(params, x):
    net = params["net"]
    return rate(net, x) - params.get("D", DIFFUSIVITY) * along(net, x, 0)[1]


def burgers(params, x):
    net = params["net"]
    slope, bend = along(net, x, 0)
    return rate(net, x) + field(net, x) * slope - NU * bend


EQUATIONS = {
    "poisson": laplace,
    "heat": heat,
    "burgers": burgers,
    "inverse_heat": heat,
}


def walls(params, x):
    return field(params["net"], x)


def warm(params, x):
    return field(params["net"], x) - jnp.sin(jnp.pi * x[0])


def wave(params, x):
    return field(params["net"], x) + jnp.sin(jnp.pi * x[0])


def data(params, x):
    """The measured values depend on the place alone."""
    exact = jnp.exp(-(jnp.pi**2) * DIFFUSIVITY * x[1]) * jnp.sin(jnp.pi * x[0])
    return field(params["net"], x) - exact


def terms(recorder: Recorder, problem: str, seed: int) -> list[tuple[Callable, Any]]:
    """Pairs of a residual `(params, point)` and its points; each counts as its mean."""
    points = recorder.case.points(seed)
    start = wave if problem == "burgers" else warm
    known = {"pde": EQUATIONS[problem], "start": start, "walls": walls, "data": data}
    return [(known[name], jnp.asarray(where)) for name, where in points.items()]


def residuals(pairs: list) -> Callable:
    """All residuals as a function of the parameters; their squares sum to the loss."""

    def rows(params):
        at_all = lambda residual: jax.vmap(residual, (None, 0))
        return [at_all(r)(params, where) / len(where) ** 0.5 for r, where in pairs]

    return rows


def loss(pairs: list) -> Callable:
    """The sum of the mean squares of all conditions."""
    rows = residuals(pairs)
    return lambda params: sum(jnp.sum(row**2) for row in rows(params))


def record(recorder: Recorder, params: dict[str, Any]) -> None:
    """Record the state, after what is still being computed has arrived."""
    layers = jax.tree.map(np.asarray, params["net"])
    recorder.record(network(layers), params.get("D"))


def drive(solver: Any, fn: Callable, params: Any, recorder: Recorder, options: Any):
    """Step an Optimistix solver by hand, as its documentation shows, and record it.

    https://docs.kidger.site/optimistix/examples/interactive/
    """
    aux = lambda y, args: (fn(y), None)
    shape, known = jax.eval_shape(fn, params), {"aux_struct": None}
    fixed = {"fn": aux, "args": None, "options": options, "tags": frozenset()}
    # `minimise` of Optimistix compiles the start too; by hand it would cost far more.
    init = eqx.filter_jit(lambda y: solver.init(y=y, f_struct=shape, **fixed, **known))
    step = eqx.filter_jit(lambda y, state: solver.step(y=y, state=state, **fixed)[:2])
    stop = eqx.filter_jit(lambda y, s: solver.terminate(y=y, state=s, **fixed)[0])
    state = init(params)
    done = False
    while not (done or recorder.over):
        params, state = step(params, state)
        done = bool(stop(params, state))
        if recorder.due:
            record(recorder, params)
    record(recorder, params)

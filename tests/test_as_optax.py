"""Sven as an optax transformation, in training loops that know nothing of pinnsven."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import pinnsven as ps


def linear(n: int, p: int):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(n, p)), rng.normal(size=n)
    params = {"first": jnp.zeros(2), "rest": jnp.zeros((p - 2, 1))}
    flat = lambda tree: jnp.concatenate([tree["first"], tree["rest"].ravel()])
    return a, b, params, flat


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_one_full_step_is_the_minimum_norm_solution_in_the_shape_of_the_parameters(
    shape,
):
    a, b, params, flat = linear(*shape)
    transform = ps.as_optax(ps.Sven(lr=1.0))
    # Residuals may be a pytree themselves.
    rows = lambda tree: {"some": (a @ flat(tree) - b)[:5], "more": a[5:] @ flat(tree)}
    target = np.where(np.arange(shape[0]) < 5, b, 0.0)
    updates, _ = transform.update(
        None, transform.init(params), params, residual_fn=rows
    )
    params = optax.apply_updates(params, updates)
    assert params["rest"].shape == (shape[1] - 2, 1)
    # Dictionaries are flattened in alphabetical order: "more" comes first.
    assert np.allclose(flat(params), np.linalg.pinv(a) @ target, atol=1e-10)


def test_a_schedule_is_chained_as_for_any_transformation():
    a, b, params, flat = linear(30, 12)
    rows = lambda tree: a @ flat(tree) - b
    transform = optax.chain(
        ps.as_optax(ps.Sven(lr=1.0)),
        optax.scale_by_schedule(optax.piecewise_constant_schedule(0.5, {1: 0.5})),
    )
    state, best = transform.init(params), np.linalg.lstsq(a, b)[0]
    for left in (0.5, 0.5 * 0.75):
        updates, state = transform.update(params, state, params, residual_fn=rows)
        params = optax.apply_updates(params, updates)
        assert np.allclose(flat(params), (1 - left) * best, atol=1e-10)


def regression(seed: int, solver, batch: int, epochs: int) -> float:
    """The validation loss of the paper's 1D regression after some epochs."""
    target = lambda x: jnp.exp(-10 * x**2) * jnp.sin(2 * x)
    x = jr.uniform(jr.key(100 + seed), (512,), minval=-1.0, maxval=1.0)
    network = eqx.nn.MLP("scalar", "scalar", 16, 2, jnp.tanh, key=jr.key(seed))
    params, static = eqx.partition(network, eqx.is_inexact_array)
    transform = ps.as_optax(solver)
    state = transform.init(params)

    def off(params, x):
        return eqx.combine(params, static)(x) - target(x)

    @jax.jit
    def step(params, state, x):
        updates, state = transform.update(
            None, state, params, residual_fn=off, batch=(x,)
        )
        return optax.apply_updates(params, updates), state

    for epoch in range(epochs):
        order = jr.permutation(jr.key(epoch), x.size)
        for start in range(0, x.size, batch):
            params, state = step(params, state, x[order[start : start + batch]])
    unseen = jnp.linspace(-1, 1, 401)
    return float(jnp.mean(jax.vmap(off, (None, 0))(params, unseen) ** 2))


def test_the_papers_step_trains_on_minibatches_under_jit():
    assert regression(0, ps.Sven(lr=0.5, k=16, rtol=1e-3), 32, 20) < 1e-5


@pytest.mark.long
def test_the_default_step_trains_on_whole_batches():
    assert regression(0, ps.Sven(), 512, 100) < 1e-18


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ps.as_optax(ps.Sven), "brackets"),
        (lambda: ps.as_optax(ps.Optax(optax.sgd(0.1))), "ps.Sven"),
        (lambda: ps.as_optax().init({}), "without a single number"),
        (lambda: update(None), "residual_fn"),
        (lambda: update(lambda tree: jnp.zeros(0)), "no row"),
    ],
)
def test_what_cannot_be_stepped_on_is_refused(unchecked_types, make, words):
    with pytest.raises(ps.PinnsvenError, match=words):
        make()


def update(residual_fn):
    transform, params = ps.as_optax(), jnp.zeros(3)
    state = transform.init(params)
    return transform.update(params, state, params, residual_fn=residual_fn)

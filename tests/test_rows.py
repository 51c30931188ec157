"""Rows of general losses: kappa, signs, zeros, micro-batches."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import pinnsven as ps
from pinnsven.residuals import FunctionResiduals


KAPPAS = (1.0, 1.4, 2.0, 3.0)


def fit(n=12, p=30, seed=0):
    """Residuals of a nonlinear model with more weights than samples."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, p)), rng.normal(size=n)
    return jnp.asarray(0.1 * rng.normal(size=p)), lambda w: jnp.tanh(a @ w) - b


def moved(rows, theta, **options):
    """What one step of the paper adds to theta."""
    solver = ps.Sven(lr=1.0, **options)
    residuals = FunctionResiduals(rows, lambda w: w)
    step = lambda w: solver.step(residuals, w, solver.init(residuals, w))[0]
    return jax.jit(step)(theta) - theta


@pytest.mark.parametrize("kappa", KAPPAS)
def test_the_loss_is_the_sum_of_powers_of_the_rows(kappa):
    losses = jnp.asarray([0.0, 1e-12, 0.3, 7.0])
    rows = ps.loss_rows(losses, kappa)
    assert np.allclose(rows ** (2 / kappa), losses, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("value", [0.0, 1e-200, 1e-3])
def test_gradients_are_finite_at_and_near_zero(kappa, value):
    row = lambda w: ps.loss_rows((w - value) ** 2, kappa)
    signed = lambda w: ps.signed_rows(w - value, kappa)
    for w in (value, 0.0, 1e-160):
        assert np.isfinite(jax.grad(row)(w))
        assert np.isfinite(jax.grad(signed)(w))


@pytest.mark.parametrize("kappa", KAPPAS)
def test_signed_and_unsigned_rows_give_the_same_step(kappa):
    theta, off = fit()
    signed = moved(lambda w: ps.signed_rows(off(w), kappa), theta)
    unsigned = moved(lambda w: ps.loss_rows(off(w) ** 2, kappa), theta)
    assert np.allclose(signed, unsigned, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_with_full_row_rank_a_step_is_one_over_kappa_of_gauss_newton(kappa):
    theta, off = fit()
    step = moved(lambda w: ps.signed_rows(off(w), kappa), theta)
    assert np.allclose(step, moved(off, theta) / kappa, rtol=1e-8, atol=1e-12)


def test_truncation_at_kappa_2_drops_the_points_that_fit_well():
    theta, off = fit()
    n = off(theta).size
    scale = 10.0 ** -jnp.linspace(0, 4, n)
    at = off(theta)
    # Residuals spread over four decades, from rows of like size.
    spread = lambda w: off(w) - at + scale * at

    def kept(kappa):
        rows = lambda w: ps.signed_rows(spread(w), kappa)
        s = np.linalg.svd(jax.jacobian(rows)(theta), compute_uv=False)
        return (s > 1e-3 * s[0]).sum()

    assert kept(1.0) == n
    assert kept(2.0) <= n / 2 + 3


def test_a_row_at_zero_leaves_the_others_their_step():
    theta, off = fit()
    at_zero = off(theta)[0]
    rows = lambda w: ps.loss_rows((off(w) - at_zero * (jnp.arange(12) == 0)) ** 2)
    step = moved(rows, theta)
    others = moved(lambda w: off(w)[1:], theta)
    assert np.allclose(step, others, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kappa", [*KAPPAS, 4.0])
def test_a_negative_loss_is_seen(kappa):
    assert np.isnan(ps.loss_rows(jnp.asarray(-1.0), kappa))


def classifier(kappa):
    """Two classes in the plane, and the rows of their cross-entropy."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2))
    label = jnp.asarray(x[:, 0] * x[:, 1] > 0, jnp.int32)
    network = eqx.nn.MLP(2, 2, 8, 2, jnp.tanh, key=jr.key(0))
    params, static = eqx.partition(network, eqx.is_inexact_array)

    def loss(params, x, label):
        logits = eqx.combine(params, static)(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, label)

    rows = lambda params, x, label: ps.loss_rows(loss(params, x, label), kappa)
    return params, loss, rows, (jnp.asarray(x), label)


@pytest.mark.parametrize("kappa", [1.0, 2.0])
def test_cross_entropy_is_trained_down(kappa):
    params, loss, rows, batch = classifier(kappa)
    transform = ps.as_optax(ps.Sven(lr=0.3 * kappa, rtol=1e-2))
    state = transform.init(params)

    @jax.jit
    def step(params, state):
        updates, state = transform.update(
            None, state, params, residual_fn=rows, batch=batch
        )
        return optax.apply_updates(params, updates), state

    mean = lambda p: float(jnp.mean(jax.vmap(loss, (None, 0, 0))(p, *batch)))
    first = mean(params)
    for _ in range(30):
        params, state = step(params, state)
    assert mean(params) < 0.05 * first


def test_rows_of_single_samples_are_the_rows_of_the_batch():
    theta, _ = fit()
    rng = np.random.default_rng(1)
    x, y = jnp.asarray(rng.normal(size=(12, 30))), jnp.asarray(rng.normal(size=12))
    one = lambda w, x, y: {"b": jnp.tanh(x @ w) - y, "a": jnp.sin(x @ w)}
    whole = lambda w: jax.vmap(one, (None, 0, 0))(w, x, y)
    transform = ps.as_optax(ps.Sven(lr=1.0))
    state = transform.init(theta)
    got, _ = transform.update(None, state, theta, residual_fn=one, batch=(x, y))
    wanted, _ = transform.update(None, state, theta, residual_fn=whole)
    assert np.allclose(got, wanted, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("kappa", [1.0, 1.4, 2.0])
def test_a_micro_batch_is_the_mean_loss_of_its_group(kappa):
    theta, _ = fit()
    rng = np.random.default_rng(1)
    x, y = jnp.asarray(rng.normal(size=(12, 30))), jnp.asarray(rng.normal(size=12))
    losses = lambda w, x, y: (jnp.tanh(x @ w) - y) ** 2
    group = lambda w, x, y: ps.loss_rows(jnp.mean(losses(w, x, y)), kappa)
    transform = ps.as_optax(ps.Sven(lr=1.0))
    got, _ = transform.update(
        None,
        transform.init(theta),
        theta,
        residual_fn=group,
        batch=ps.microbatches((x, y), 3),
    )
    whole = lambda w: ps.loss_rows(losses(w, x, y).reshape(4, 3).mean(axis=1), kappa)
    j = jax.jacobian(whole)(theta)
    assert j.shape == (4, 30)
    assert np.allclose(got, -np.linalg.pinv(j) @ whole(theta), rtol=1e-8, atol=1e-11)


def test_one_group_is_the_gradient_direction():
    theta, off = fit()
    loss = lambda w: jnp.mean(off(w) ** 2)
    step = moved(lambda w: ps.loss_rows(loss(w), 2.0)[None], theta)
    g = jax.grad(loss)(theta)
    assert np.allclose(step, -loss(theta) * g / (g @ g), rtol=1e-9)


@pytest.mark.long
def test_hubers_loss_in_a_condition_ignores_outliers():
    t = np.linspace(0, 1, 41)
    values = np.exp(-t)
    values[[5, 17, 30]] += [4.0, -3.0, 5.0]
    domain = ps.Box(t=(0, 1))
    ode = ps.Residual(lambda u, t: u.t(t) + u(t), domain.points(30))

    def robust(u, t):
        off = u(t) - jnp.interp(t, jnp.asarray(np.linspace(0, 1, 41)), values)
        return ps.loss_rows(optax.huber_loss(off, delta=0.01))

    model = ps.Model(ps.MLP(domain, "u", width=8, depth=1, key=jr.key(0)))
    points = ps.Points(t=t)
    errors = {}
    for name, data in {
        "squares": ps.Data("u", points, values),
        "huber": ps.Residual(robust, points),
    }.items():
        problem = ps.Problem(ode=ode, data=data)
        found = ps.solve(problem, model, key=jr.key(1), steps=60, progress=False)
        errors[name] = ps.relative_l2(found.u(t=t), np.exp(-t))
    assert errors["huber"] < 1e-2
    assert errors["squares"] > 5 * errors["huber"]


@pytest.mark.parametrize(
    "solver", [ps.Sven(), ps.Sven(lr=0.1), ps.LevenbergMarquardt()]
)
@pytest.mark.parametrize("data", [np.float32, np.float64])
@pytest.mark.parametrize("own", [jnp.float32, jnp.float64])
def test_data_may_have_another_precision_than_the_parameters(solver, data, own):
    params = {"w": jnp.zeros(2, own)}
    x = np.arange(6, dtype=data).reshape(3, 2)
    row = lambda params, x: params["w"] @ x - 1
    transform = ps.as_optax(solver)
    # A list, as data loaders give it.
    update = lambda s: transform.update(None, s, params, residual_fn=row, batch=[x])
    updates, state = jax.jit(update)(transform.init(params))
    assert updates["w"].dtype == own and np.all(np.isfinite(updates["w"]))
    assert jax.tree.map(jnp.shape, state) == jax.tree.map(
        jnp.shape, transform.init(params)
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ps.as_optax().init({"a": jnp.arange(3)}), "real floating-point"),
        (lambda: ps.loss_rows(jnp.ones(2), 0.0), "must be positive"),
        (lambda: ps.signed_rows(jnp.ones(2), 0.5), "at least 1"),
        (lambda: ps.microbatches(jnp.ones(6), 0), "at least 1 sample"),
        (lambda: ps.microbatches(jnp.ones(6), 4), "6 samples for groups of 4"),
        (lambda: ps.microbatches(jnp.ones(()), 1), "0 samples"),
        (lambda: update(batch=(jnp.ones(3), jnp.ones(4))), "lengths"),
        (lambda: update(batch=(jnp.ones(0),)), "one entry for each sample"),
        (lambda: update(batch=2.0), "one entry for each sample"),
    ],
)
def test_what_is_no_row_is_refused(unchecked_types, make, words):
    with pytest.raises(ps.PinnsvenError, match=words):
        make()


def update(batch):
    transform, params = ps.as_optax(), jnp.zeros(3)
    row = lambda params, *sample: params[0]
    return transform.update(
        None, transform.init(params), params, residual_fn=row, batch=batch
    )

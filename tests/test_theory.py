"""What the Sven paper says of the step, as identities.

Minimum norm, Gauss-Newton and natural gradient, truncation, kappa, the Gram matrix,
the flow, and what becomes of the step under another parametrisation. Sources: arXiv
2604.01279; for the tests of its authors' code that apply, their statements alone.
"""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.residuals import FunctionResiduals


SHAPES = [(10, 30), (30, 10)]
FACTORISATIONS = [ps.SVD(), ps.Gram(), ps.GolubKahan(64), ps.RandomisedSVD(64)]


def problem(n, p, seed=0):
    """Residuals of a nonlinear model, and a state that is not a solution."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, p)), rng.normal(size=n)
    theta = jnp.asarray(rng.normal(size=p) / np.sqrt(p))
    return theta, lambda w: jnp.sin(a @ w) + 0.5 * a @ w - b


def direction(rows, theta, **options):
    """The step of `Sven(lr=1)`, and its record."""
    solver = ps.Sven(lr=1.0, **options)
    residuals = FunctionResiduals(rows, lambda w: w)

    @jax.jit
    def step(theta):
        return solver.step(residuals, theta, solver.init(residuals, theta))

    new, _, info = step(theta)
    return np.asarray(new - theta), info


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factorisation", FACTORISATIONS)
def test_no_shorter_step_meets_the_linearised_rows_as_well(shape, factorisation):
    theta, rows = problem(*shape)
    d, _ = direction(rows, theta, factorisation=factorisation)
    r, j = rows(theta), np.asarray(jax.jacobian(rows)(theta))
    # Least squares: the rest is orthogonal to all that J can do.
    assert np.allclose(j.T @ (r + j @ d), 0, atol=1e-6)
    # Minimum norm: d has no part that J does not see.
    q = np.linalg.qr(j.T)[0]
    assert np.allclose(q @ (q.T @ d), d, atol=1e-7)
    if shape[0] < shape[1]:
        null = np.linalg.svd(j)[2][shape[0] :]
        for other in null:
            assert np.allclose(j @ (d + 0.1 * other), j @ d, atol=1e-9)
            assert np.linalg.norm(d + 0.1 * other) > np.linalg.norm(d)


def test_with_more_rows_than_weights_it_is_the_gauss_newton_step():
    theta, rows = problem(30, 10)
    d, _ = direction(rows, theta)
    j, r = jax.jacobian(rows)(theta), rows(theta)
    assert np.allclose(d, -np.linalg.solve(j.T @ j, j.T @ r), rtol=1e-9)


def test_with_more_rows_than_weights_it_is_half_the_natural_gradient():
    """For normal data of unit variance: predictions f, Fisher matrix E[g g^T]."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 3)), jnp.asarray(rng.normal(size=40))
    predict = lambda w: jnp.tanh(x @ w[:3]) * w[3] + w[4]
    theta = jnp.asarray(rng.normal(size=5))
    # The score of a sample is (y - f) grad f; its covariance at unit noise is the sum
    # of grad f grad f^T, by sampling y at the current predictions.
    noise = jnp.asarray(np.random.default_rng(4).normal(size=(200_000, 40)))
    g = jax.jacobian(predict)(theta)
    scores = noise @ g
    sampled = scores.T @ scores / noise.shape[0]
    fisher = g.T @ g
    assert np.allclose(sampled, fisher, rtol=0.05, atol=0.05 * np.abs(fisher).max())
    loss = lambda w: jnp.sum((predict(w) - y) ** 2)
    natural = -np.linalg.solve(fisher, jax.grad(loss)(theta))
    d, _ = direction(lambda w: predict(w) - y, theta)
    assert np.allclose(d, natural / 2, rtol=1e-8)


def test_with_more_weights_than_rows_every_linearised_row_is_met():
    theta, rows = problem(10, 30)
    d, _ = direction(rows, theta)
    j, r = jax.jacobian(rows)(theta), rows(theta)
    assert np.allclose(j @ d, -r, atol=1e-10)
    assert np.allclose(d, -j.T @ np.linalg.solve(j @ j.T, r), rtol=1e-8)
    # The Fisher matrix has no inverse there.
    assert np.linalg.matrix_rank(j.T @ j) == 10


def change_of_variables(p, seed=5):
    rng = np.random.default_rng(seed)
    m = np.eye(p) + 0.3 * rng.normal(size=(p, p)) / np.sqrt(p)
    return jnp.asarray(m)


def test_the_step_does_not_depend_on_the_parametrisation_if_rows_exceed_weights():
    theta, rows = problem(30, 10)
    m = change_of_variables(10)
    d, _ = direction(rows, theta)
    moved, _ = direction(lambda w: rows(m @ w), jnp.linalg.solve(m, theta))
    assert np.allclose(m @ moved, d, rtol=1e-8)
    # Truncation measures singular values in the given weights: invariance is lost.
    cut, _ = direction(rows, theta, k=4)
    moved, _ = direction(lambda w: rows(m @ w), jnp.linalg.solve(m, theta), k=4)
    assert np.linalg.norm(m @ moved - cut) > 1e-3 * np.linalg.norm(cut)


def test_otherwise_only_its_effect_on_the_linearised_rows_is_invariant():
    theta, rows = problem(10, 30)
    m = change_of_variables(30)
    j = jax.jacobian(rows)(theta)
    d, _ = direction(rows, theta)
    moved, _ = direction(lambda w: rows(m @ w), jnp.linalg.solve(m, theta))
    assert np.allclose(j @ (m @ moved), j @ d, atol=1e-9)
    assert np.linalg.norm(m @ moved - d) > 1e-3 * np.linalg.norm(d)
    # A rotation keeps lengths, and so the whole step.
    q = jnp.linalg.qr(m)[0]
    moved, _ = direction(lambda w: rows(q @ w), q.T @ theta)
    assert np.allclose(q @ moved, d, rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e4])
def test_the_loss_may_be_scaled_without_any_change(scale):
    theta, rows = problem(10, 30)
    d, info = direction(rows, theta, rtol=1e-3, k=7)
    scaled, other = direction(lambda w: scale * rows(w), theta, rtol=1e-3, k=7)
    assert np.allclose(scaled, d, rtol=1e-9)
    assert info.rank == other.rank


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kappa", [1.0, 1.4])
@pytest.mark.parametrize("cut", [{}, {"k": 5}, {"rtol": 1e-3}])
def test_a_gram_step_is_the_step_of_the_explicit_truncated_pseudoinverse(
    shape, kappa, cut
):
    theta, plain = problem(*shape)
    rows = lambda w: ps.signed_rows(plain(w), kappa)
    if "rtol" in cut:
        # Near-duplicates of a row give the cut-off something to drop.
        kind = 1e-5 * jnp.cos(jnp.arange(3.0))
        near = lambda w: jnp.concatenate([rows(w), rows(w)[:3] * (1 + kind)])
    else:
        near = rows
    d, info = direction(near, theta, factorisation=ps.Gram(), **cut)
    u, s, vt = np.linalg.svd(np.asarray(jax.jacobian(near)(theta)))
    keep = s > cut.get("rtol", ps.Gram().floor(s.dtype)) * s[0]
    keep[cut.get("k", s.size) :] = False
    assert info.rank == keep.sum()
    q = len(s)
    wanted = -(vt[:q].T * np.where(keep, 1 / s, 0)) @ (u[:, :q].T @ near(theta))
    assert np.allclose(d, wanted, rtol=1e-6, atol=1e-7 * np.abs(wanted).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_truncation_projects_the_step_on_the_leading_directions(shape):
    theta, rows = problem(*shape)
    j = np.asarray(jax.jacobian(rows)(theta))
    r = np.asarray(rows(theta))
    u, s, vt = np.linalg.svd(j)
    full, _ = direction(rows, theta)
    lengths, left = [], []
    for k in (1, 2, 5, len(s)):
        d, info = direction(rows, theta, k=k)
        v = vt[:k]
        assert np.allclose(d, v.T @ (v @ full), atol=1e-8)
        assert np.isclose(info.predicted, np.sum((u[:, :k].T @ r) ** 2), rtol=1e-8)
        lengths.append(np.linalg.norm(d))
        left.append(np.linalg.norm(r + j @ d))
    assert np.all(np.diff(lengths) > 0)
    assert np.all(np.diff(left) < 0)


@pytest.mark.parametrize("lr", [0.1, 0.7])
def test_the_record_has_the_length_of_the_step_taken(lr):
    theta, rows = problem(10, 30)
    full, _ = direction(rows, theta, k=6)
    residuals = FunctionResiduals(rows, lambda w: w)
    solver = ps.Sven(lr=lr, k=6)
    new, _, info = solver.step(residuals, theta, solver.init(residuals, theta))
    assert np.allclose(new - theta, lr * full, rtol=1e-8)
    assert np.isclose(info.step_norm, lr * np.linalg.norm(full), rtol=1e-9)


def test_any_truncated_step_goes_downhill():
    theta, rows = problem(10, 30)
    g = jax.grad(lambda w: jnp.sum(rows(w) ** 2))(theta)
    for k in (1, 4, 10):
        d, info = direction(rows, theta, k=k)
        # The slope is -2 times what the linear model promises for the full step.
        assert np.isclose(g @ d, -2 * info.predicted, rtol=1e-8)


def test_small_steps_follow_the_flow_in_which_residuals_decay_alike():
    """d theta/dt = -J^+ r gives r(t) = exp(-t) r(0), if J has full row rank."""
    theta, rows = problem(6, 20)

    def flow(t, w, args):
        j = jax.jacobian(rows)(w)
        return -j.T @ jnp.linalg.solve(j @ j.T, rows(w))

    exact = diffrax.diffeqsolve(
        diffrax.ODETerm(flow),
        diffrax.Dopri8(),
        0.0,
        1.0,
        0.01,
        theta,
        stepsize_controller=diffrax.PIDController(rtol=1e-10, atol=1e-12),
    ).ys[-1]
    assert np.allclose(rows(exact), np.exp(-1) * rows(theta), atol=1e-8)
    residuals = FunctionResiduals(rows, lambda w: w)

    @eqx.filter_jit
    def follow(lr, count):
        solver = ps.Sven(lr=lr)
        step = lambda _, c: solver.step(residuals, *c)[:2]
        return jax.lax.fori_loop(0, count, step, (theta, solver.init(residuals, theta)))

    errors = [
        float(jnp.linalg.norm(follow(1 / count, count)[0] - exact))
        for count in (80, 160, 320)
    ]
    # Euler's method: first order.
    assert np.allclose(np.array(errors[:-1]) / errors[1:], 2.0, rtol=0.1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factorisation", FACTORISATIONS[:2])
def test_the_spectrum_of_a_step_is_that_of_the_jacobian(shape, factorisation):
    theta, rows = problem(*shape)
    residuals = FunctionResiduals(rows, lambda w: w)
    state = factorisation.init()
    r, found, _ = factorisation.decompose(residuals, theta, state)
    s = np.linalg.svd(np.asarray(jax.jacobian(rows)(theta)), compute_uv=False)
    eps = np.finfo(float).eps
    # Squaring costs digits of the small ones: an error of eps sigma_1^2 / sigma_i.
    power = 1 if isinstance(factorisation, ps.Gram) else 0
    bound = 100 * eps * s[0] * (s[0] / s) ** power
    assert np.all(np.abs(found.s - s) <= bound)
    assert np.isclose(jnp.sum(found.c**2), np.sum(np.asarray(r) ** 2)) or (
        shape[0] > shape[1]
    )


def test_a_gram_matrix_in_single_precision_ends_at_the_root_of_its_rounding():
    n = 24
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    s = 10.0 ** -np.linspace(0, 5, n)
    j = jnp.asarray((u * s) @ v.T, jnp.float32)
    found = np.asarray(ps.Gram()(jnp.ones(n, jnp.float32), j).s)
    floor = ps.Gram().floor(np.float32)
    above = s > 10 * floor
    assert np.allclose(found[above], s[above], rtol=0.02)
    below = s < floor / 10
    assert np.all(np.abs(found[below] / s[below] - 1) > 0.1)
    kept = np.asarray(ps.SVD()(jnp.ones(n, jnp.float32), j).s)
    honest = s > 10 * ps.SVD().floor(np.float32)
    assert honest.sum() > above.sum()
    assert np.allclose(kept[honest], s[honest], rtol=0.02)


def test_the_smoke_test_of_the_paper():
    x = jnp.linspace(-1, 1, 32)[:, None]
    network = eqx.nn.MLP(1, "scalar", 16, 2, jnp.tanh, key=jr.key(0))
    params, static = eqx.partition(network, eqx.is_inexact_array)
    row = lambda params, x: eqx.combine(params, static)(x) - jnp.sin(3 * x[0])
    whole = ps.Sven(lr=0.5, k=32, rtol=1e-3)
    for solver, share in ((whole, 0.5), (ps.ParameterBatch(whole, 0.5), 0.5)):
        transform = ps.as_optax(solver)
        now, state = params, transform.init(params)

        @jax.jit
        def step(now, state, transform=transform):
            updates, state = transform.update(
                None, state, now, residual_fn=row, batch=(x,)
            )
            return eqx.apply_updates(now, updates), state

        loss = lambda p: float(jnp.sum(jax.vmap(row, (None, 0))(p, x) ** 2))
        for _ in range(20):
            now, state = step(now, state)
        assert loss(now) < share * loss(params)

"""The truncated SVD without the Jacobian: accuracy, cost, ends."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.sparse.linalg import lsqr

import pinnsven as ps
from pinnsven.residuals import FunctionResiduals
from pinnsven.sven._matrix_free import products


SHAPES = [(60, 150), (150, 60)]


def linear(shape, singular_values, seed=0):
    """Residuals $A\theta - b$ with a given spectrum, at $\theta = 0$."""
    rng = np.random.default_rng(seed)
    n, p = shape
    q = len(singular_values)
    u = np.linalg.qr(rng.normal(size=(n, q)))[0]
    v = np.linalg.qr(rng.normal(size=(p, q)))[0]
    a, b = (u * singular_values) @ v.T, rng.normal(size=n)
    return a, b, FunctionResiduals(lambda w: a @ w - b, lambda w: w)


def spectrum(factorisation, residuals, p):
    """What the factorisation finds at the origin."""
    decompose = lambda w: factorisation.decompose(residuals, w, factorisation.init())
    return jax.jit(decompose)(jnp.zeros(p))[1]


def truncated(a, b, k):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return vt[:k].T @ ((u[:, :k].T @ b) / s[:k])


DECAYING = 10.0 ** -np.linspace(0, 10, 60)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("factorisation", "accuracy"),
    [
        (ps.RandomisedSVD(16), 1e-4),
        (ps.RandomisedSVD(16, power_iterations=3), 1e-10),
        (ps.GolubKahan(40), 1e-10),
    ],
)
def test_a_steep_spectrum_is_found(shape, factorisation, accuracy):
    a, b, residuals = linear(shape, DECAYING)
    k = 10
    found = spectrum(factorisation, residuals, shape[1])
    assert np.allclose(found.s[:k], DECAYING[:k], rtol=accuracy, atol=0)
    solver = ps.Sven(lr=1.0, k=k, factorisation=factorisation)
    theta = jnp.zeros(shape[1])
    step, _, info = solver.step(residuals, theta, solver.init(residuals, theta))
    wanted = truncated(a, b, k)
    off = np.linalg.norm(step - wanted) / np.linalg.norm(wanted)
    assert off < 100 * accuracy
    assert info.rank == k


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flat_spectrum_has_no_directions_to_find_but_its_size(shape):
    s = np.linspace(1.0, 0.8, 60)
    a, b, residuals = linear(shape, s)
    for factorisation in (ps.RandomisedSVD(16), ps.GolubKahan(16)):
        found = np.asarray(spectrum(factorisation, residuals, shape[1]).s)
        # Ritz values lie within the spectrum, the largest near its end.
        assert found.max() <= 1 + 1e-12 and found.min() >= 0.8 - 1e-12
        assert found.max() > 0.97
    # No truncation is meant here: the Krylov space of a flat spectrum holds the whole
    # solution after few products, a random subspace its share of it.
    exact = np.linalg.pinv(a) @ b
    solver = lambda f: ps.Sven(lr=1.0, factorisation=f)
    step = lambda f: np.asarray(one_step(solver(f), residuals, jnp.zeros(shape[1])))
    krylov, random = step(ps.GolubKahan(8)), step(ps.RandomisedSVD(16))
    assert np.linalg.norm(krylov - exact) < 1e-6 * np.linalg.norm(exact)
    assert np.linalg.norm(random - exact) > 0.5 * np.linalg.norm(exact)


def one_step(solver, residuals, theta):
    """Where the first step leads."""
    step = lambda w: solver.step(residuals, w, solver.init(residuals, w))[0]
    return jax.jit(step)(theta)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("m", [1, 5, 20])
def test_the_undamped_step_is_an_iterate_of_lsqr(shape, m):
    a, b, residuals = linear(shape, np.linspace(1.0, 0.05, 60))
    solver = ps.Sven(lr=1.0, factorisation=ps.GolubKahan(m))
    theta = jnp.zeros(shape[1])
    step = one_step(solver, residuals, theta)
    wanted = lsqr(a, b, atol=0, btol=0, conlim=0, iter_lim=m)[0]
    assert np.allclose(step, wanted, rtol=1e-9, atol=1e-11)


def test_the_singular_vectors_are_orthonormal_and_c_is_the_residual_in_them():
    for shape in SHAPES:
        a, b, residuals = linear(shape, DECAYING)
        for factorisation in (ps.RandomisedSVD(12), ps.GolubKahan(30)):
            found = spectrum(factorisation, residuals, shape[1])
            q = found.s.size
            v = np.asarray(found.direction(jnp.eye(q)))
            seen = np.asarray(found.s) > 1e-12
            assert np.allclose((v.T @ v)[:, seen][seen], np.eye(seen.sum()), atol=1e-10)
            # U = J V / s: whatever the subspace, c must be U^T r.
            u = a @ v[:, seen] / np.asarray(found.s)[seen]
            kept = np.asarray(found.s)[seen] > 1e-6
            assert np.allclose(
                (u.T @ -b)[kept], np.asarray(found.c)[seen][kept], atol=1e-7
            )


def test_a_full_rank_is_the_exact_step():
    for shape in SHAPES:
        a, b, residuals = linear(shape, np.linspace(1.0, 0.1, 60))
        for factorisation in (ps.RandomisedSVD(60), ps.GolubKahan(60)):
            solver = ps.Sven(lr=1.0, factorisation=factorisation)
            step = one_step(solver, residuals, jnp.zeros(shape[1]))
            assert np.allclose(step, np.linalg.pinv(a) @ b, atol=1e-9)


@pytest.mark.parametrize("factorisation", [ps.RandomisedSVD(10), ps.GolubKahan(10)])
def test_a_rank_above_that_of_the_jacobian_does_no_harm(factorisation):
    a, b, residuals = linear((40, 50), np.asarray([3.0, 2.0, 1.0]))
    solver = ps.Sven(lr=1.0, factorisation=factorisation)
    theta = jnp.zeros(50)
    step, _, info = solver.step(residuals, theta, solver.init(residuals, theta))
    assert np.allclose(step, np.linalg.pinv(a, rcond=1e-10) @ b, atol=1e-9)
    assert info.rank == 3


@pytest.mark.parametrize("factorisation", [ps.RandomisedSVD(4), ps.GolubKahan(4)])
def test_zero_jacobian_and_zero_residual_leave_theta_alone(factorisation):
    for rows in (lambda w: jnp.ones(5) + 0 * w[:5], lambda w: 0 * jnp.sum(w) * w[:5]):
        residuals = FunctionResiduals(rows, lambda w: w)
        theta = jnp.arange(1.0, 8.0)
        solver = ps.Sven(lr=1.0, factorisation=factorisation)
        assert np.array_equal(one_step(solver, residuals, theta), theta)


def test_the_tolerance_ends_early_where_the_spectrum_allows_it():
    def taken(singular_values, tolerance):
        a, b, residuals = linear((60, 150), singular_values)
        factorisation = ps.GolubKahan(50, tolerance=tolerance)
        found = spectrum(factorisation, residuals, 150)
        coefficients = jnp.where(found.s > 1e-9, found.c / found.s, 0.0)
        left = a.T @ (a @ -found.direction(coefficients) - b)
        assert np.linalg.norm(left) <= tolerance * np.linalg.norm(a.T @ b)
        return int((found.s > 1e-9).sum())

    flat = np.linspace(1.0, 0.8, 60)
    assert taken(flat, 1e-2) < taken(flat, 1e-8) < 15 < taken(DECAYING, 1e-3)


def test_each_step_draws_new_vectors_and_the_same_seed_the_same_ones():
    _, _, residuals = linear((60, 150), np.linspace(1.0, 0.5, 60))
    f = ps.RandomisedSVD(4)
    draw = lambda f, state: f.decompose(residuals, jnp.zeros(150), state)
    _, first, state = draw(f, f.init())
    _, second, _ = draw(f, state)
    assert not np.allclose(first.s, second.s)
    assert np.array_equal(first.s, draw(f, f.init())[1].s)
    other = ps.RandomisedSVD(4, seed=1)
    assert not np.allclose(first.s, draw(other, other.init())[1].s)


def problem():
    domain = ps.Box(x=(0, 1))
    equation = lambda u, x: u.xx(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)
    model = ps.Model(ps.MLP(domain, "u", width=10, depth=1, key=jr.key(0)))
    ends = ps.Dirichlet("u", 0.0, domain.boundary().points(2), weight=10)
    return ps.Problem(ode=ps.Residual(equation, domain.points(40)), ends=ends), model


def test_products_are_those_of_the_jacobian_of_a_differential_equation():
    bound = problem()[0].bind(problem()[1])
    residuals, theta = bound.residuals(jr.key(1)), bound.theta
    r, j = residuals.linearise(theta)
    got, times, transposed = products(residuals, theta)
    v, w = jr.normal(jr.key(2), (theta.size, 3)), jr.normal(jr.key(3), (r.size, 3))
    assert np.allclose(got, r, atol=1e-12)
    assert np.allclose(times(v), j @ v, atol=1e-9)
    assert np.allclose(transposed(w), j.T @ w, atol=1e-9)


@pytest.mark.parametrize("factorisation", [ps.RandomisedSVD(25), ps.GolubKahan(31)])
def test_a_differential_equation_is_solved_without_its_jacobian(factorisation):
    conditions, model = problem()
    solver = ps.Sven(factorisation=factorisation)
    found = ps.solve(conditions, model, solver, key=jr.key(1), steps=60, progress=False)
    x = np.linspace(0, 1, 101)
    assert ps.relative_l2(found.u(x=x), np.sin(np.pi * x)) < 1e-3


@pytest.mark.parametrize("factorisation", [ps.RandomisedSVD(8), ps.GolubKahan(16)])
def test_no_array_of_rows_by_weights_is_made(factorisation):
    network = eqx.nn.MLP(1, "scalar", 256, 3, jnp.tanh, key=jr.key(0))
    params, static = eqx.partition(network, eqx.is_inexact_array)
    x = jnp.linspace(-1, 1, 512)[:, None]
    rows = lambda params: jax.vmap(eqx.combine(params, static))(x)
    transform = ps.as_optax(ps.Sven(lr=0.1, factorisation=factorisation))

    def update(params, state):
        return transform.update(None, state, params, residual_fn=rows)

    compiled = jax.jit(update).lower(params, transform.init(params)).compile()
    weights = sum(a.size for a in jax.tree.leaves(params))
    one_jacobian = 512 * weights * x.dtype.itemsize
    assert compiled.memory_analysis().temp_size_in_bytes < one_jacobian / 4


@pytest.mark.parametrize("factorisation", [ps.RandomisedSVD(4), ps.GolubKahan(4)])
def test_a_derivative_that_is_not_finite_shows_and_moves_nothing(factorisation):
    residuals = FunctionResiduals(lambda w: 1.0 + jnp.sqrt(w), lambda w: w)
    solver, theta = ps.Sven(factorisation=factorisation), jnp.zeros(5)
    new, _, info = solver.step(residuals, theta, solver.init(residuals, theta))
    assert np.isnan(info.sigma_max)
    assert np.array_equal(new, theta)


def test_many_rows_of_a_small_network_are_multiplied_one_vector_at_a_time():
    network = eqx.nn.MLP(1, "scalar", 64, 3, jnp.tanh, key=jr.key(0))
    params, static = eqx.partition(network, eqx.is_inexact_array)
    x = jnp.linspace(-1, 1, 20_000)[:, None]
    rows = lambda params: jax.vmap(eqx.combine(params, static))(x)

    def needed(factorisation):
        transform = ps.as_optax(ps.Sven(lr=0.1, factorisation=factorisation))
        update = lambda params, state: transform.update(
            None, state, params, residual_fn=rows
        )
        lowered = jax.jit(update).lower(params, transform.init(params))
        return lowered.compile().memory_analysis().temp_size_in_bytes

    # Only the vectors themselves may grow with their number.
    vectors = 8 * (x.size + 12_737) * 20
    assert needed(ps.RandomisedSVD(20)) - needed(ps.RandomisedSVD(2)) < 5 * vectors


@pytest.mark.parametrize(
    "solver",
    [
        ps.Sven(factorisation=ps.RandomisedSVD(12)),
        ps.ParameterBatch(ps.Sven(), fraction=0.5),
    ],
)
def test_a_run_goes_on_from_its_checkpoint_with_the_vectors_it_would_have_drawn(
    solver, tmp_path
):
    conditions, model = problem()
    path = tmp_path / "run.npz"
    go = lambda steps, **files: ps.solve(
        conditions, model, solver, key=jr.key(1), steps=steps, progress=False, **files
    )
    go(10, checkpoint=path)
    resumed = go(10, resume=path)
    x = np.linspace(0, 1, 11)
    assert np.array_equal(resumed.u(x=x), go(20).u(x=x))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ps.RandomisedSVD(0), "rank=0"),
        (lambda: ps.RandomisedSVD(4, oversampling=-1), "oversampling=-1"),
        (lambda: ps.RandomisedSVD(4, power_iterations=0.5), "power_iterations=0.5"),
        (lambda: ps.GolubKahan(1.5), "rank=1.5"),
        (lambda: ps.GolubKahan(4, tolerance=1.0), "tolerance=1.0"),
    ],
)
def test_impossible_settings_are_refused(unchecked_types, make, words):
    with pytest.raises(ps.BoundsError, match=words):
        make()


def test_a_stall_for_want_of_singular_values_says_so():
    conditions, model = problem()
    solver = ps.Sven(factorisation=ps.GolubKahan(2))
    found = ps.solve(conditions, model, solver, key=jr.key(1), progress=False)
    assert found.result is ps.Result.stalled
    assert "larger fraction, rank or `k`" in found.reason

"""The step: factorisations, filters, the paper's step, and the default step rule."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import pinnsven as ps
from pinnsven.residuals import FunctionResiduals
from pinnsven.sven import Linearised
from pinnsven.sven._corrections import follow
from pinnsven.sven._factorisations import _gram


def linear_problem(n: int, p: int, seed: int = 0, decay: float = 0.0):
    """A residual map r = A theta - b over `n` user points, and A and b themselves."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, p))
    if decay:
        u, _, vt = np.linalg.svd(a, full_matrices=False)
        a = u @ np.diag(10.0 ** -np.linspace(0, decay, min(n, p))) @ vt
    b = rng.normal(size=n)

    def row(w, i):
        return jnp.asarray(a)[i.astype(int)] @ w - jnp.asarray(b)[i.astype(int)]

    condition = ps.Residual(
        row, ps.Points(i=np.arange(n, dtype=float)), weight=float(n)
    )
    bound = ps.Problem(all=condition).bind(ps.Model(w=ps.Unknown(np.zeros(p))))
    return bound.residuals(jr.key(0)), bound.theta, a, b


SHAPES = [(30, 12), (12, 12), (12, 30)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factorisation", [ps.SVD(), ps.Gram()])
def test_a_full_paper_step_is_the_minimum_norm_least_squares_solution(
    shape, factorisation
):
    residuals, theta, a, b = linear_problem(*shape)
    solver = ps.Sven(factorisation=factorisation, lr=1.0)
    theta, _, info = solver.step(residuals, theta, solver.init(residuals, theta))
    expected = np.linalg.pinv(a) @ b
    assert np.allclose(theta, expected, rtol=1e-9, atol=1e-9)
    assert int(info.rank) == min(shape)
    assert np.isclose(info.loss_after, np.sum((a @ expected - b) ** 2), atol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 64, 129])
def test_a_gram_matrix_by_halves_is_the_product_and_symmetric(rows):
    a = np.random.default_rng(rows).normal(size=(rows, 50))
    found = np.asarray(_gram(jnp.asarray(a)))
    np.testing.assert_allclose(found, a @ a.T, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(found, found.T, rtol=1e-14, atol=1e-14)


def test_what_is_not_finite_in_one_row_reaches_the_gram_matrix():
    a = jnp.ones((9, 4)).at[7, 2].set(jnp.nan)
    assert jnp.isnan(jnp.trace(_gram(a)))
    assert jnp.all(jnp.isnan(ps.Gram()(jnp.ones(9), a).s))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factorisation", [ps.SVD(), ps.Gram()])
def test_truncation_by_k_and_by_rtol_matches_the_truncated_pseudoinverse(
    shape, factorisation
):
    residuals, theta, a, b = linear_problem(*shape, decay=4.0)
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    for options in ({"k": 5}, {"rtol": 1e-2}):
        rank = 5 if "k" in options else int(np.sum(s > 1e-2 * s[0]))
        solver = ps.Sven(factorisation=factorisation, lr=0.3, **options)
        new, _, info = solver.step(residuals, theta, solver.init(residuals, theta))
        pinv = vt[:rank].T @ np.diag(1 / s[:rank]) @ u[:, :rank].T
        assert int(info.rank) == rank
        assert np.allclose(new, 0.3 * pinv @ b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_svd_resolves_singular_values_that_a_gram_matrix_cannot(shape):
    _, _, a, b = linear_problem(*shape, decay=11.0)
    exact = np.linalg.svd(a, compute_uv=False)
    svd, gram = (f(jnp.asarray(b), jnp.asarray(a)) for f in (ps.SVD(), ps.Gram()))
    assert np.max(np.abs(svd.s / exact - 1.0)) < 1e-4
    assert np.max(np.abs(gram.s / exact - 1.0)) > 0.5
    honest = exact > 10 * ps.Gram().floor(jnp.float64) * exact[0]
    assert np.max(np.abs(gram.s / exact - 1.0)[honest]) < 1e-2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factorisation", [ps.SVD(), ps.Gram()])
def test_the_spectrum_reproduces_residual_and_row_space(shape, factorisation):
    _, _, a, b = linear_problem(*shape)
    spectrum = factorisation(jnp.asarray(b), jnp.asarray(a))
    v = spectrum.direction(jnp.eye(min(shape)))
    assert np.allclose(v.T @ v, np.eye(min(shape)), atol=1e-9)
    # A^T b = V S c holds in every shape.
    assert np.allclose(v @ (spectrum.s * spectrum.c), a.T @ b, atol=1e-9)


def test_zero_jacobian_and_zero_residual_leave_theta_alone():
    condition = ps.Residual(lambda w, x: 0.0 * w + 0.0 * x, ps.Points(x=[0.1, 0.2]))
    bound = ps.Problem(nothing=condition).bind(ps.Model(w=1.0))
    residuals = bound.residuals(jr.key(0))
    for solver in (ps.Sven(), ps.Sven(lr=1.0), ps.LevenbergMarquardt()):
        state = solver.init(residuals, bound.theta)
        theta, _, info = solver.step(residuals, bound.theta, state)
        assert np.array_equal(theta, bound.theta)
        assert np.isfinite(info.loss_after)


def test_equals_gauss_newton_when_rows_exceed_weights_and_newton_is_quadratic():
    xs = np.linspace(0.1, 1.0, 7)
    condition = ps.Residual(
        lambda a, b, x: a * jnp.exp(b * x) - 2.0 * jnp.exp(0.5 * x), ps.Points(x=xs)
    )
    bound = ps.Problem(fit=condition).bind(ps.Model(a=1.7, b=0.7))
    residuals, theta = bound.residuals(jr.key(0)), bound.theta
    solver = ps.Sven(lr=1.0)
    state = solver.init(residuals, theta)
    r, j = residuals.linearise(theta)
    gauss_newton = theta - np.linalg.solve(j.T @ j, j.T @ r)
    errors = []
    for i in range(5):
        theta, state, _ = solver.step(residuals, theta, state)
        if i == 0:
            assert np.allclose(theta, gauss_newton, rtol=1e-10)
        model = bound.rebuild(theta)
        errors.append(abs(float(model.unknowns["a"].value) - 2.0))
    assert errors[2] < 50 * errors[1] ** 2
    assert errors[-1] < 1e-13


def rosenbrock():
    """The narrow valley of Rosenbrock's function as two residuals, from (-1.2, 1)."""

    def rows(a, b, x):
        return 10.0 * (b - a**2) + 0.0 * x, 1.0 - a

    condition = ps.Residual(rows, ps.Points(x=[0.0]))
    bound = ps.Problem(valley=condition).bind(ps.Model(a=-1.2, b=1.0))
    return bound, bound.residuals(jr.key(0))


@pytest.mark.parametrize(
    "solver",
    [
        ps.Sven(),
        ps.Sven(step_rule=ps.TrustRegion(chords=3)),
        ps.LevenbergMarquardt(),
    ],
)
def test_controlled_steps_never_raise_the_loss_and_leave_rosenbrocks_valley(solver):
    bound, residuals = rosenbrock()
    theta, state = bound.theta, solver.init(residuals, bound.theta)
    step = eqx.filter_jit(solver.step)
    for _ in range(60):
        theta, state, info = step(residuals, theta, state)
        assert float(info.loss_after) <= float(info.loss)
    model = bound.rebuild(theta)
    assert abs(float(model.unknowns["a"].value) - 1.0) < 1e-8


@pytest.mark.parametrize("factorisation", [ps.SVD(), ps.Gram()])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_chord_is_the_next_step_where_the_jacobian_stays_the_same(
    shape, factorisation
):
    residuals, theta, _, _ = linear_problem(*shape)
    ends = []
    for chords, steps in ((0, 2), (1, 1)):
        rule = ps.TrustRegion(chords=chords)
        solver = ps.Sven(factorisation=factorisation, step_rule=rule)
        # So short that the second step is as long as it may be.
        state = solver.init(residuals, theta)
        state = eqx.tree_at(lambda s: s.rule.radius, state, jnp.asarray(1e-3))
        end = theta
        for _ in range(steps):
            end, state, info = solver.step(residuals, end, state)
        ends.append(end)
    np.testing.assert_allclose(*ends, rtol=1e-8, atol=1e-14)
    assert np.isclose(info.step_norm, np.linalg.norm(end - theta), rtol=1e-12)
    assert info.step_norm > 9e-3


@pytest.mark.parametrize(
    ("weights", "fallen", "chords"),
    [(511, 1, False), (512, 1, True), (512, 2000, False)],
)
def test_chords_are_for_large_decompositions_and_for_the_search(
    weights, fallen, chords
):
    residuals, theta, _, _ = linear_problem(520, weights)
    state = ps.Sven().init(residuals, theta)
    loss = jnp.sum(residuals.shares(residuals(theta)))
    begun = (jnp.asarray(1e-3), fallen * loss)
    state = eqx.tree_at(lambda s: (s.rule.radius, s.rule.first), state, begun)
    _, _, info = eqx.filter_jit(ps.Sven().step)(residuals, theta, state)
    # A step alone is as long as the ladder lets it be.
    assert info.step_norm > 9e-3 if chords else np.isclose(info.step_norm, 3e-3)


def test_predicted_decrease_is_that_of_the_linear_model():
    residuals, theta, a, b = linear_problem(20, 8)
    spectrum = ps.SVD()(jnp.asarray(-b), jnp.asarray(a))
    model = Linearised(
        residuals, theta, residuals.shares(residuals(theta)), spectrum, spectrum.s > 0
    )
    for damping in (0.0, 0.3, 1e3):
        d = -spectrum.direction(model.coefficients(damping))
        expected = np.sum(b**2) - np.sum((a @ d - b) ** 2)
        assert np.isclose(model.predicted(damping), expected, rtol=1e-10)
        exact = np.linalg.solve(a.T @ a + damping * np.eye(8), a.T @ b)
        assert np.allclose(d, exact, rtol=1e-8)


def curved_valley(steepness: float):
    """The residuals K (b - a^2) and 1 - a: a step along the valley must bend."""

    def rows(a, b, x):
        return steepness * (b - a**2) + 0.0 * x, 1.0 - a

    condition = ps.Residual(rows, ps.Points(x=[0.0]))
    bound = ps.Problem(valley=condition).bind(ps.Model(a=0.0, b=0.0))
    residuals, theta = bound.residuals(jr.key(0)), bound.theta
    r, j = residuals.linearise(theta)
    spectrum = ps.SVD()(r, j)
    model = Linearised(residuals, theta, residuals.shares(r), spectrum, spectrum.s > 0)
    return bound, model


def test_a_correction_takes_the_curvature_out_of_the_strong_directions():
    # From the bottom at a = 0 the damped step goes a = 1/2 along the valley; there its
    # wall has risen by K / 4, and one correction, b = 1/4, is exact.
    bound, model = curved_valley(1e6)
    damping, target = jnp.asarray(1.0), jnp.asarray(0.5)
    none = jnp.zeros(2)
    straight = follow(model, damping, target, jnp.asarray(False), none)
    assert np.isclose(jnp.sum(straight.shares), (1e6 / 4) ** 2 + 1 / 4, rtol=1e-12)
    assert straight.ratio < -1e10
    bent = follow(model, damping, target, jnp.asarray(True), none)
    ends = bound.rebuild(model.move(bent.coefficients)).unknowns
    assert np.allclose([ends["a"].value, ends["b"].value], [0.5, 0.25], rtol=1e-9)
    assert np.isclose(jnp.sum(bent.shares), 1 / 4, rtol=1e-6)
    assert np.isclose(bent.ratio, 1.0, rtol=1e-6)
    assert np.allclose(bent.coefficients - straight.coefficients, bent.excess)
    # What a step has needed, scaled by the square of the length, is what a longer one
    # needs here, so that the longer one is right without a correction of its own.
    length = jnp.linalg.norm(straight.coefficients)
    longer = jnp.asarray(0.25)
    growth = jnp.linalg.norm(model.coefficients(longer)) / length
    guessed = follow(model, longer, target, jnp.asarray(False), bent.excess * growth**2)
    assert np.isclose(guessed.ratio, 1.0, rtol=1e-6)


def test_corrections_that_do_not_help_are_not_kept():
    # With this damping nothing is strong: the corrected step is the damped one.
    _, model = curved_valley(1.0)
    damping, target = jnp.asarray(1.0), jnp.asarray(0.999)
    none = jnp.zeros(2)
    straight = follow(model, damping, target, jnp.asarray(False), none)
    bent = follow(model, damping, target, jnp.asarray(True), none)
    assert np.array_equal(bent.coefficients, straight.coefficients)
    assert bent.ratio == straight.ratio


def test_the_second_stage_follows_a_valley_that_stops_the_first():
    bound, model = curved_valley(1e5)
    residuals = model.residuals
    solver = ps.Sven()
    theta, state = bound.theta, solver.init(residuals, bound.theta)
    step = eqx.filter_jit(solver.step)
    losses = []
    for _ in range(80):
        theta, state, info = step(residuals, theta, state)
        losses.append(float(info.loss_after))
    assert bool(state.rule.second)
    assert losses[28] > 0.1 * losses[0]
    assert losses[-1] < 1e-16


def test_the_second_stage_begins_close_to_the_end_of_a_fast_run():
    residuals, theta, _, _ = linear_problem(4, 10)
    solver, theta = ps.Sven(), theta + 100.0
    state = solver.init(residuals, theta)
    losses, second = [], []
    for _ in range(8):
        theta, state, info = solver.step(residuals, theta, state)
        losses.append(float(info.loss))
        second.append(bool(state.rule.second))
    assert second == [loss < 1e-10 * losses[0] for loss in losses]
    assert second[-1] and not second[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "factorisation", [ps.SVD(), ps.Gram(), ps.RandomisedSVD(12), ps.GolubKahan(12)]
)
def test_components_are_those_in_the_left_singular_vectors(shape, factorisation):
    residuals, theta, a, b = linear_problem(*shape)
    _, spectrum, _ = factorisation.decompose(residuals, theta, factorisation.init())
    assert np.allclose(spectrum.components(jnp.asarray(-b)), spectrum.c, atol=1e-9)
    other = np.random.default_rng(1).normal(size=theta.size)
    expected = spectrum.s * (other @ spectrum.direction(jnp.eye(spectrum.s.size)))
    assert np.allclose(spectrum.components(jnp.asarray(a @ other)), expected, atol=1e-9)


def test_optax_transforms_agree_with_optax_itself():
    residuals, theta, a, b = linear_problem(10, 4)
    solver = ps.Optax(optax.sgd(1e-3))
    new, _, _ = solver.step(residuals, theta, solver.init(residuals, theta))
    assert np.allclose(new, 1e-3 * 2 * a.T @ b, rtol=1e-12)
    solver = ps.Optax(optax.lbfgs())
    state, step = solver.init(residuals, theta), eqx.filter_jit(solver.step)
    for _ in range(30):
        theta, state, info = step(residuals, theta, state)
    assert np.allclose(theta, np.linalg.lstsq(a, b)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "culprit"),
    [
        (lambda: ps.Sven(k=0), "`k`"),
        (lambda: ps.Sven(rtol=-1.0), "`rtol`"),
        (lambda: ps.Sven(rtol="1e-3"), "`rtol`"),
        (lambda: ps.Sven(lr=jnp.inf), "learning rate"),
        (lambda: ps.Sven(lr=0.1, step_rule=ps.TrustRegion()), "both"),
        (lambda: ps.Sven(step_rule=ps.FixedStep), "brackets"),
        (lambda: ps.Sven(factorisation="svd"), "`ps.SVD"),
        (lambda: ps.Optax(optax.adam), "brackets"),
        (lambda: ps.LevenbergMarquardt(damping=0.0), "`damping`"),
        (lambda: ps.TrustRegion(radii=0), "radii=0"),
        (lambda: ps.TrustRegion(ratio=2.0), "target ratio"),
        (lambda: ps.TrustRegion(chords=-1), "chords=-1"),
        (lambda: ps.Adaptive(pool=1), "pool=1"),
        (lambda: ps.Adaptive(factor=0.5), "factor=0.5"),
    ],
)
def test_impossible_settings_are_refused(unchecked_types, make, culprit):
    with pytest.raises(ps.PinnsvenError, match=culprit):
        make()


def test_the_short_form_is_the_papers_step_and_prints_as_what_it_is():
    short, long = ps.Sven(lr=0.1, k=3), ps.Sven(step_rule=ps.FixedStep(0.1), k=3)
    assert short == long
    assert repr(short) == (
        "Sven(factorisation=None, step_rule=FixedStep(lr=0.1), k=3, rtol=None)"
    )


@pytest.mark.parametrize("factorisation", [ps.SVD(), ps.Gram()])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_jacobian_that_is_not_finite_shows_and_moves_nothing(shape, factorisation):
    _, _, a, b = linear_problem(*shape)
    broken = jnp.asarray(a).at[3, 2].set(jnp.nan)
    spectrum = factorisation(jnp.asarray(b), broken)
    assert jnp.isnan(spectrum.s[0])


def test_the_damping_never_becomes_zero():
    # A linear problem: every step is perfect, and the damping falls three-fold.
    residuals, theta, *_ = linear_problem(10, 4)
    solver = ps.LevenbergMarquardt()
    state, step = solver.init(residuals, theta), eqx.filter_jit(solver.step)
    for _ in range(120):
        theta, state, _ = step(residuals, theta, state)
    assert float(state.rule.damping) >= 0.9 * float(jnp.finfo(theta.dtype).eps) ** 2


def test_a_cutoff_that_the_precision_cannot_honour_is_announced():
    assert ps.Sven(rtol=1e-10).advice(jnp.float64) is None
    assert "SVD" in ps.Sven(rtol=1e-6, lr=1.0).advice(jnp.float32)
    assert "Gram" in ps.Sven(rtol=1e-9, factorisation=ps.Gram()).advice(jnp.float64)
    # A damped step may go further down than a fixed one.
    assert ps.Sven(rtol=1e-15).advice(jnp.float64) is None
    assert "2.2e-14" in ps.Sven(rtol=1e-15, lr=1.0).advice(jnp.float64)


def test_a_damped_step_uses_singular_values_that_a_fixed_one_must_drop():
    # A Gram matrix sees the first alone, a fixed step leaves the last two.
    sizes = jnp.asarray([1.0, 1e-9, 3e-15, 0.0])
    rows = lambda w: sizes * (w - 2.0)
    residuals, theta = FunctionResiduals(rows, lambda w: w), jnp.zeros(4)
    for solver, third in ((ps.Sven(), 2.0), (ps.Sven(lr=1.0), 0.0)):
        found, state = theta, solver.init(residuals, theta)
        step = eqx.filter_jit(solver.step)
        for _ in range(60):
            found, state, _ = step(residuals, found, state)
        assert np.allclose(found, [2.0, 2.0, third, 0.0], atol=1e-3)
    # Nor does the search use it: at first the loss is not small.
    exact = ps.Sven(factorisation=ps.SVD())
    kept = exact._decompose(residuals, theta, exact.init(residuals, theta))[2]
    assert np.array_equal(kept, [True, True, False, False])


def test_a_step_is_traced_once():
    residuals, theta, *_ = linear_problem(10, 4)
    solver, traces = ps.Sven(), []

    @jax.jit
    def step(theta, state):
        traces.append(1)
        return solver.step(residuals, theta, state)[:2]

    state = solver.init(residuals, theta)
    for _ in range(4):
        theta, state = step(theta, state)
    assert len(traces) == 1

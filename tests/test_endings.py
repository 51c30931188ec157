"""How runs end: the verdict tells the truth about bad starts, noise and rounding."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import pinnsven as ps
from pinnsven.solve._advance import measures
from pinnsven.solve._driver import Driver


DOMAIN = ps.Box(x=(0, 1))
LINE = ps.Points(x=np.linspace(0, 1, 40))


def quietly(problem, model, solver=None, **options) -> ps.Solution:
    return ps.solve(problem, model, solver, key=jr.key(1), progress=False, **options)


def times(factor: float):
    return ps.Residual(lambda k, x: (k - factor) * x, DOMAIN.points(8))


@pytest.mark.parametrize("start", [1.0, 1e3, 1e6])
def test_a_contradiction_is_no_smaller_for_a_bad_start(start):
    solution = quietly(ps.Problem(a=times(1.0), b=times(1.5)), ps.Model(k=start))
    assert solution.result is ps.Result.stalled
    assert "of its scale" in solution.reason
    assert float(solution.k) == pytest.approx(1.25, abs=0.03)


@pytest.mark.parametrize("start", [1e-3, 1e3])
def test_conditions_that_agree_converge_from_any_start(start):
    solution = quietly(ps.Problem(a=times(1.5), b=times(1.5)), ps.Model(k=start))
    assert solution.result is ps.Result.converged
    assert "down to rounding on unseen points" in solution.reason
    assert float(solution.k) == pytest.approx(1.5, rel=1e-12)


def test_the_best_state_has_the_least_mean_residual_on_unseen_points():
    # One residual is 0.05 everywhere, the other 1 on a hundredth of the interval.
    spike = lambda c, d, x: c * jnp.where(x > 0.99, 1.0, 0.0) + d
    problem = ps.Problem(a=ps.Residual(spike, DOMAIN.points(500), weight=2.0))
    bound = problem.bind(ps.Model(c=0.0, d=0.05))
    driver = Driver(bound, ps.Sven(), ps.Adaptive(), jr.key(0))
    run = driver.start()
    assert run.best_check == pytest.approx(2 * 0.05**2)
    assert run.best_mean == pytest.approx(2 * 0.05**2)
    run.theta = spiked = jnp.array([1.0, 0.0])
    driver._report(run, np.zeros(1))
    assert run.unseen["a"] == pytest.approx(0.1, rel=0.1)
    assert run.best_check == pytest.approx(2 * 0.05**2)
    assert run.best_mean == pytest.approx(2 * 0.01**2, rel=0.2)
    assert run.best is spiked and run.halved_mean == run.best_mean


def test_measures_of_blocks_with_components_and_unequal_weights():
    nodes = DOMAIN.points(6, ps.GaussLegendre())
    pair = lambda c, x: (c * x, 1.0 + x**2)
    problem = ps.Problem(
        a=ps.Residual(pair, nodes, weight=3.0), b=ps.Residual(lambda c, x: c - x, nodes)
    )
    bound = problem.bind(ps.Model(c=2.0))
    found = measures(bound.residuals(jr.key(0)), bound.theta)
    x, w = np.polynomial.legendre.leggauss(6)
    x, w = (x + 1) / 2, w / 2
    a, b = np.hypot(2 * x, 1 + x**2), 2 - x
    squares = [3 * np.sum(w * a**2), np.sum(w * b**2)]
    means = [3 * np.sum(w * a) ** 2, np.sum(w * b) ** 2]
    np.testing.assert_allclose(found, [squares, means], rtol=1e-12)


def test_an_unknown_at_its_bound_is_told():
    model = ps.Model(
        k=ps.Unknown(0.5, lower=0, upper=1), c=ps.Unknown(0.5, lower=0, upper=1)
    )
    free = ps.Residual(lambda c, x: c - 0.7 * x, ps.Points(x=[1.0]))
    solution = quietly(ps.Problem(a=times(1.5), b=free), model, steps=40)
    assert "k ended at its bound, 1:" in solution.reason
    assert "c ended" not in solution.reason


def test_a_network_that_is_too_small_does_not_converge():
    wave = ps.Residual(
        lambda u, x: u.x(x) - 20 * jnp.cos(20 * x), DOMAIN.points(60, ps.Grid())
    )
    problem = ps.Problem(
        ode=wave, start=ps.Dirichlet("u", 0.0, DOMAIN.at(x=0).points(1))
    )
    small = ps.Model(ps.MLP(DOMAIN, "u", width=3, depth=1, key=jr.key(0)))
    solution = quietly(problem, small)
    assert solution.result is ps.Result.stalled
    assert "'ode'" in solution.reason


def decay() -> ps.Problem:
    return ps.Problem(
        ode=ps.Residual(lambda u, x: u.x(x) + u(x), DOMAIN.points(24)),
        start=ps.Dirichlet("u", 1.0, DOMAIN.at(x=0).points(1)),
    )


def network(width: int = 8):
    return ps.MLP(DOMAIN, "u", width=width, depth=1, key=jr.key(0))


def test_a_run_that_begins_at_its_solution_has_converged():
    first = quietly(decay(), ps.Model(network()))
    again = ps.solve(decay(), first.model, key=jr.key(2), progress=False)
    assert again.result is ps.Result.converged


def test_a_condition_that_holds_by_construction_does_not_stall_the_run():
    net = ps.Constrained(network(), lambda u, x: x * (1 - x) * u)
    problem = ps.Problem(
        ode=ps.Residual(lambda u, x: u.xx(x) + 1.0, DOMAIN.points(24)),
        ends=ps.Dirichlet("u", 0.0, DOMAIN.boundary().points(2)),
    )
    assert quietly(problem, ps.Model(net)).result is ps.Result.converged


def test_a_residual_that_is_not_finite_between_the_points_is_named_at_the_start():
    hole = lambda u, x: (
        u.x(x) + jnp.where((x > 0.5) & (x < 0.55), jnp.log(x - 0.55), 0.0)
    )
    problem = ps.Problem(ode=ps.Residual(hole, DOMAIN.points(6, ps.GaussLegendre())))
    seeds = [jr.key(seed) for seed in range(1, 12)]
    refused = 0
    for key in seeds:
        try:
            ps.solve(problem, ps.Model(network()), key=key, steps=1, progress=False)
        except ps.NonFiniteError as err:
            refused += "'ode' is not finite" in str(err)
    assert refused > 0


def test_a_tolerance_holds_for_the_points_of_the_step_too():
    for tolerance in (0.3, 0.1, 0.03, 1e-3):
        solution = quietly(decay(), ps.Model(network()), tolerance=tolerance)
        assert solution.result is ps.Result.converged
        assert max(*solution.training.values(), *solution.unseen.values()) <= tolerance


def test_code_that_only_differentiates_backwards_is_judged_as_well():
    @jax.custom_vjp
    def identity(v):
        return v

    identity.defvjp(lambda v: (v, None), lambda _, cotangent: (cotangent,))
    problem = ps.Problem(
        ode=ps.Residual(lambda u, x: identity(u.x(x)) - 2 * x, DOMAIN.points(24)),
        start=ps.Dirichlet("u", 0.0, DOMAIN.at(x=0).points(1)),
    )
    assert quietly(problem, ps.Model(network())).result is ps.Result.converged


def test_the_reason_of_a_stall_is_about_the_state_that_is_returned():
    wave = ps.Residual(lambda u, x: u.x(x) - 20 * jnp.cos(20 * x), DOMAIN.points(60))
    problem = ps.Problem(
        ode=wave, start=ps.Dirichlet("u", 0.0, DOMAIN.at(x=0).points(1))
    )
    solution = quietly(problem, ps.Model(network(3)))
    assert solution.result is ps.Result.stalled
    values = {**solution.training, **solution.unseen}.values()
    quoted = [f"{value:.1e}" for value in values]
    assert any(q in solution.reason for q in quoted)


def noisy_decay(rate: float, sigma):
    """Data that fall at a rate of 2, an equation that says `rate`, and noise of 1 %."""
    x = np.linspace(0, 1, 40)
    values = np.exp(-2 * x) + 0.01 * np.random.default_rng(0).normal(size=40)
    problem = ps.Problem(
        ode=ps.Residual(
            lambda u, x: u.x(x) + rate * u(x), DOMAIN.points(24, ps.GaussLegendre())
        ),
        data=ps.Data("u", LINE, values, sigma=sigma),
    )
    model = ps.Model(ps.MLP(DOMAIN, "u", width=8, depth=1, key=jr.key(0)))
    return quietly(problem, model)


def test_noise_explains_what_it_leaves_in_the_equations_but_no_more():
    good = noisy_decay(2.0, 0.01)
    assert good.result is ps.Result.converged
    assert "sigma from the fit" in good.reason
    # The wrong equation leaves more in itself than noise of this size could.
    wrong = noisy_decay(2.6, 0.01)
    assert wrong.result is ps.Result.stalled


def test_a_tolerance_that_is_out_of_reach_names_what_is_above_it():
    problem = ps.Problem(a=times(1.0), b=times(1.5))
    solution = quietly(problem, ps.Model(k=3.0), tolerance=1e-3)
    assert solution.result is ps.Result.stalled
    assert "above the tolerance of 0.001" in solution.reason


@pytest.mark.long
def test_a_first_order_method_is_not_stopped_for_being_slow():
    # Each step gains 0.2 %: 30 of them are flat for a method that solves systems.
    solver = ps.Optax(optax.sgd(1e-3))
    solution = quietly(ps.Problem(a=times(1.0)), ps.Model(k=2.0), solver)
    assert solution.steps > 3000
    assert float(solution.k) == pytest.approx(1.0, abs=1e-3)


def test_the_state_that_converged_is_the_one_that_is_returned():
    states = []
    problem, model = decay(), ps.Model(network())
    watch = lambda run: states.append(run.theta) or False
    solution = quietly(problem, model, callbacks=[watch])
    assert solution.result is ps.Result.converged
    returned = problem.bind(solution.model).theta
    assert np.array_equal(returned, states[-1])


SOLVERS = [ps.Sven(), ps.Sven(factorisation=ps.Gram()), ps.LevenbergMarquardt()]


@pytest.mark.parametrize(
    "solver", [*SOLVERS, ps.Sven(lr=0.1), ps.Optax(optax.sgd(0.1))]
)
def test_a_derivative_that_is_not_finite_is_named_before_the_first_step(solver):
    root = ps.Residual(lambda k, x: jnp.sqrt(jnp.abs(k)) * x - x, DOMAIN.points(8))
    with pytest.raises(ps.NonFiniteError, match=r"'root'.*no finite derivative.*root"):
        quietly(ps.Problem(root=root), ps.Model(k=0.0), solver)


def test_a_derivative_that_stops_being_finite_ends_as_diverged_and_says_where():
    # The pseudoinverse step lands on k = 0, where the root has no derivative.
    def rows(k, x):
        return jnp.where(k > 0.5, k, jnp.sqrt(jnp.abs(k))) * x

    problem = ps.Problem(root=ps.Residual(rows, ps.Points(x=[1.0])))
    solution = quietly(problem, ps.Model(k=1.0), ps.Sven(lr=1.0), steps=20)
    assert solution.result is ps.Result.diverged
    assert "'root' has no finite derivative" in solution.reason
    assert np.isfinite(float(solution.k))


def test_the_printed_rank_is_that_of_a_step_that_was_taken():
    solution = quietly(ps.Problem(a=times(1.5)), ps.Model(k=3.0))
    history = solution.history
    assert history.step_norm[-1] == 0.0
    last = history.last_taken
    assert history.step_norm[last] > 0.0
    assert f"cut-off {history.cutoff[last]:.1e}" in str(solution)

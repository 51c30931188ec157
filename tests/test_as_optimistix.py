"""Sven as a least-squares solver of optimistix, in code that knows nothing of it."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import optax
import optimistix as optx
import pytest
from scipy.optimize import least_squares

import pinnsven as ps
from pinnsven import as_optimistix


SOLVERS = [ps.Sven(), ps.LevenbergMarquardt()]
X = jnp.linspace(0.0, 3.0, 50)
DATA = 2.0 * jnp.exp(-1.3 * X) + 0.05 * jnp.sin(20.0 * X)


def run(fn, y0, args=None, solver=None, **options):
    return optx.least_squares(
        fn, as_optimistix(solver), y0, args, throw=False, **options
    )


def rosenbrock(y, args):
    """A pytree of unknowns and a pytree of residuals."""
    del args
    return {"valley": 10.0 * (y["b"] - y["a"] ** 2), "end": 1.0 - y["a"]}


def decay(y, data):
    return y[0] * jnp.exp(-y[1] * X) - data


def linear(n: int, p: int):
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.normal(size=(n, p))), jnp.asarray(rng.normal(size=n))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_a_linear_problem_gives_the_minimum_norm_solution(shape, solver):
    a, b = linear(*shape)
    rows = lambda y, b: a @ jnp.concatenate([y[0], y[1].ravel()]) - b
    y0 = (jnp.zeros(2), jnp.zeros((shape[1] - 2, 1)))
    found = run(rows, y0, b, solver)
    assert found.result == optx.RESULTS.successful
    assert found.value[1].shape == (shape[1] - 2, 1)
    flat = jnp.concatenate([found.value[0], found.value[1].ravel()])
    assert np.allclose(flat, jnp.linalg.pinv(a) @ b, atol=1e-7)
    assert found.stats["rank"] == 12 and found.stats["cutoff"] > 0
    assert found.stats["num_steps"] < 10 and not found.stats["stalled"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_rosenbrock_ends_where_other_solvers_end(solver):
    y0 = {"a": -1.2, "b": 1.0}
    found = run(rosenbrock, y0, solver=solver)
    other = optx.least_squares(rosenbrock, optx.LevenbergMarquardt(1e-8, 1e-8), y0)
    assert found.result == optx.RESULTS.successful
    for name in ("a", "b"):
        assert np.isclose(found.value[name], 1.0, atol=1e-8)
        assert np.isclose(found.value[name], other.value[name], atol=1e-6)


@pytest.mark.parametrize("solver", [*SOLVERS, ps.Sven(lr=1.0)])
def test_a_fit_that_leaves_residuals_agrees_with_scipy_and_optimistix(solver):
    found = run(decay, jnp.ones(2), DATA, solver)
    other = optx.least_squares(
        decay, optx.LevenbergMarquardt(1e-8, 1e-8), jnp.ones(2), DATA
    )
    theirs = least_squares(lambda y: np.asarray(decay(y, DATA)), np.ones(2), xtol=1e-12)
    assert found.result == optx.RESULTS.successful
    assert np.allclose(found.value, other.value, atol=1e-7)
    assert np.allclose(found.value, theirs.x, atol=1e-7)


def test_single_precision_ends_at_its_rounding():
    x, data = X.astype(jnp.float32), 2.0 * jnp.exp(-1.3 * X.astype(jnp.float32))
    rows = lambda y, data: y[0] * jnp.exp(-y[1] * x) - data
    found = run(rows, jnp.ones(2, jnp.float32), data)
    assert found.result == optx.RESULTS.successful
    assert found.value.dtype == jnp.float32
    assert np.allclose(found.value, [2.0, 1.3], atol=1e-5)


def test_unknowns_and_residuals_may_differ_in_precision():
    rows = lambda y, data: y - data
    found = run(rows, jnp.zeros(2, jnp.float32), jnp.asarray([0.1, 0.2]))
    assert found.result == optx.RESULTS.successful
    assert found.value.dtype == jnp.float32
    assert np.allclose(found.value, [0.1, 0.2], atol=1e-7)


@pytest.mark.parametrize("max_steps", [0, 1, 2, 256])
def test_what_else_the_function_returns_belongs_to_the_solution(max_steps):
    rows = lambda y, data: (jnp.exp(y) - data, {"seen": y, "steps": 3})
    y0, data = jnp.asarray([1.0, 2.0]), jnp.asarray(5.0)
    found = run(rows, y0, data, has_aux=True, max_steps=max_steps)
    ended = found.result == optx.RESULTS.successful
    short = found.result == optx.RESULTS.nonlinear_max_steps_reached
    assert ended if max_steps == 256 else short
    assert np.array_equal(found.aux["seen"], found.value)
    assert found.aux["steps"] == 3


def test_a_step_returns_what_belongs_to_its_start_as_optimistix_expects():
    # `BestSoFarLeastSquares` reads the residuals of each step from there.
    rows = lambda y, data: (decay(y, data), y)
    best = optx.BestSoFarLeastSquares(as_optimistix())
    found = optx.least_squares(rows, best, jnp.ones(2), DATA, has_aux=True)
    assert np.array_equal(found.aux, found.value)
    assert np.allclose(found.value, run(decay, jnp.ones(2), DATA).value, atol=1e-6)


def test_solutions_are_differentiable_in_the_data():
    solver = as_optimistix(rtol=1e-12, atol=1e-12)

    @jax.jit
    def rate(shift):
        data = DATA + shift * X
        return optx.least_squares(decay, solver, jnp.ones(2), data).value[1]

    h = 1e-4
    difference = (rate(h) - rate(-h)) / (2 * h)
    assert abs(difference) > 0.1
    assert np.isclose(jax.grad(rate)(0.0), difference, rtol=1e-6)


def test_derivatives_of_a_minimum_norm_solution_are_those_of_the_pseudoinverse():
    a, b = linear(3, 7)
    adjoint = optx.ImplicitAdjoint(linear_solver=lx.SVD())
    solution = lambda b: (
        run(lambda y, b: a @ y - b, jnp.zeros(7), b, adjoint=adjoint).value
    )
    assert np.allclose(jax.jacrev(solution)(b), jnp.linalg.pinv(a), atol=1e-10)


def test_many_problems_are_solved_at_once():
    rows = lambda y, data: jnp.exp(y) - data
    data = jnp.asarray([2.0, 5.0, 9.0])
    found = jax.vmap(lambda data: run(rows, jnp.asarray(1.0), data))(data)
    assert np.allclose(found.value, jnp.log(data), atol=1e-8)


def test_new_data_compile_nothing_again():
    traces = []

    def rows(y, data):
        traces.append(1)
        return decay(y, data)

    for scale in (1.0, 2.0, 3.0):
        found = run(rows, jnp.ones(2), scale * DATA)
        assert found.result == optx.RESULTS.successful
        assert len(traces) == 1


@pytest.mark.parametrize(
    "rows",
    [
        lambda y, _: 0.0 * y,
        lambda y, _: y - jnp.asarray([1.0, 2.0]),
        lambda y, _: 3.0 + (y - jnp.asarray([1.0, 2.0])) ** 2,
    ],
    ids=["no dependence", "no residual", "no gradient"],
)
def test_where_nothing_can_be_gained_the_run_has_converged(rows):
    found = run(rows, jnp.asarray([1.0, 2.0]))
    assert found.result == optx.RESULTS.successful
    assert np.array_equal(found.value, [1.0, 2.0])
    assert found.stats["num_steps"] == 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_steps_that_never_lower_the_loss_are_given_up(solver):
    # The derivative has the wrong sign.
    rows = lambda y, _: jax.lax.stop_gradient(3.0 * y) - 2.0 * y
    found = run(rows, jnp.asarray([1.0, 2.0]), solver=solver)
    assert found.result == optx.RESULTS.nonlinear_divergence
    assert np.array_equal(found.value, [1.0, 2.0])
    assert found.stats["stalled"] and found.stats["num_steps"] == 16


def test_steps_that_are_not_taken_are_no_convergence():
    # Gauss-Newton overshoots from here, so the first steps are refused.
    rows = lambda y, _: jnp.arctan(y)
    solver, y0 = ps.LevenbergMarquardt(damping=1e-12), jnp.asarray([3.0])
    first = run(rows, y0, solver=solver, max_steps=1)
    assert first.result == optx.RESULTS.nonlinear_max_steps_reached
    assert np.array_equal(first.value, y0)
    found = run(rows, y0, solver=solver)
    assert found.result == optx.RESULTS.successful
    assert np.allclose(found.value, 0.0, atol=1e-8)


def test_divergence_is_named_and_leaves_a_finite_vector():
    rows = lambda y, _: (y**2 + 1.0, y)
    found = run(rows, jnp.asarray([1.0, 2.0]), solver=ps.Sven(lr=1e6), has_aux=True)
    assert found.result == optx.RESULTS.nonlinear_divergence
    assert jnp.all(jnp.isfinite(found.value)) and not found.stats["stalled"]
    assert np.array_equal(found.aux, found.value)


@pytest.mark.parametrize(
    ("rows", "steps"),
    [(lambda y, _: jnp.log(-1.0 - y), 0), (lambda y, _: 1.0 + jnp.sqrt(y), 1)],
    ids=["residual", "derivative"],
)
def test_nothing_finite_at_the_start_is_divergence(rows, steps):
    found = run(rows, jnp.zeros(1))
    assert found.result == optx.RESULTS.nonlinear_divergence
    assert found.stats["num_steps"] == steps
    assert np.array_equal(found.value, [0.0])


@pytest.mark.parametrize(
    ("make", "words", "error"),
    [
        (lambda: as_optimistix(ps.Sven), "brackets", ps.PinnsvenError),
        (
            lambda: as_optimistix(ps.Optax(optax.sgd(0.1))),
            "ps.Sven",
            ps.PinnsvenError,
        ),
        (lambda: as_optimistix(rtol=0.0), "`rtol` is 0.0", ps.BoundsError),
        (lambda: as_optimistix(atol=np.inf), "`atol` is inf", ps.BoundsError),
        (lambda: as_optimistix(atol="no"), "`atol` is 'no'", ps.BoundsError),
        (lambda: run(lambda y, _: DATA, {}), "single number", ps.PinnsvenError),
        (lambda: run(lambda y, _: y[:0], jnp.ones(2)), "no residual", ps.ShapeError),
    ],
)
def test_what_cannot_be_used_is_refused(unchecked_types, make, words, error):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.filterwarnings("ignore:Complex support")
def test_complex_numbers_are_refused():
    with pytest.raises(ps.DtypeError, match="real and imaginary"):
        run(lambda y, _: 1j * y, jnp.ones(2))

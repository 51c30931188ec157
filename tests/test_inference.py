"""Standard errors against the textbook of linear least squares."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.inference import standard_error


X = np.linspace(-1.0, 2.0, 12)
Y = 0.7 + 1.9 * X + 0.1 * np.sin(40.0 * X)
SIGMA = np.where(X > 0, 0.05, 0.2)
DESIGN = np.stack([np.ones_like(X), X], axis=1)
LINE = lambda a, b, x: a + b * x


def fit(problem, model, newton=0):
    """The solution, of a linear problem at once, and the residual map there."""
    bound = problem.bind(model)
    residuals = bound.residuals(jr.key(0))
    r, j = jax.jit(lambda m, t: m.linearise(t))(residuals, bound.theta)
    theta = bound.theta - jnp.linalg.lstsq(j, r)[0]
    for _ in range(newton):
        r, j = jax.jit(lambda m, t: m.linearise(t))(residuals, theta)
        theta = theta - jnp.linalg.lstsq(j, r)[0]
    return bound, residuals, theta


def std(problem, model, name):
    return standard_error(*fit(problem, model), name)


def line(**options):
    return ps.Data(LINE, ps.Points(x=X), Y, **options)


def textbook(weights):
    return np.sqrt(np.diag(np.linalg.inv(DESIGN.T @ (weights[:, None] * DESIGN))))


@pytest.mark.parametrize("weight", [1.0, 25.0])
@pytest.mark.parametrize("sigma", [SIGMA, 0.05])
def test_given_noise_propagates_as_in_the_textbook(sigma, weight):
    problem = ps.Problem(data=line(sigma=sigma, weight=weight))
    # The initial values differ in size, which must not matter.
    model = ps.Model(a=ps.Unknown(30.0), b=ps.Unknown(-1e-3))
    bound, residuals, theta = fit(problem, model)
    exact = textbook(np.broadcast_to(sigma, X.shape) ** -2.0)
    ours = [standard_error(bound, residuals, theta, name) for name in ("a", "b")]
    np.testing.assert_allclose(ours, exact, rtol=1e-9)


@pytest.mark.parametrize("weight", [1.0, 25.0])
def test_unknown_noise_is_estimated_from_the_scatter(weight):
    problem = ps.Problem(data=line(weight=weight))
    model = ps.Model(a=1.0, b=1.0)
    beta, rss, *_ = np.linalg.lstsq(DESIGN, Y)
    variance = rss[0] / (X.size - 2)
    exact = textbook(np.full(X.size, 1.0 / variance))
    ours = [std(problem, model, name) for name in ("a", "b")]
    np.testing.assert_allclose(ours, exact, rtol=1e-9)
    bound, _, theta = fit(problem, model)
    fitted = [bound.rebuild(theta).unknowns[name].value for name in ("a", "b")]
    np.testing.assert_allclose(fitted, beta, rtol=1e-9)


def test_an_array_has_an_error_for_each_entry():
    quadratic = lambda c, x: c[0] + c[1] * x
    data = ps.Data(quadratic, ps.Points(x=X), Y, sigma=SIGMA)
    ours = std(ps.Problem(data=data), ps.Model(c=ps.Unknown([1.0, 2.0])), "c")
    np.testing.assert_allclose(ours, textbook(SIGMA**-2.0), rtol=1e-9)


def test_the_transform_of_an_unknown_is_propagated_through():
    # b = exp(q): the error of b is that of q times b.
    for limits in ({"positive": True}, {"lower": 0.0, "upper": 10.0}):
        model = ps.Model(a=1.0, b=ps.Unknown(1.9, **limits))
        problem = ps.Problem(data=line(sigma=SIGMA))
        ours = standard_error(*fit(problem, model, newton=6), "b")
        assert ours == pytest.approx(textbook(SIGMA**-2.0)[1], rel=1e-9)


def test_an_exact_condition_removes_its_share_of_the_error():
    # With the intercept pinned by a heavy condition, only the slope is uncertain.
    pin = ps.Residual(lambda a, x: a - 0.7, ps.Points(x=0.0), weight=1e10)
    problem = ps.Problem(pin=pin, data=line(sigma=SIGMA))
    exact = 1.0 / np.sqrt(np.sum((X / SIGMA) ** 2))
    model = ps.Model(a=1.0, b=1.0)
    assert std(problem, model, "b") == pytest.approx(exact, rel=1e-4)
    assert std(problem, model, "a") < 1e-4


def test_degrees_of_freedom_count_what_the_data_determine():
    two = ps.Problem(
        first=ps.Data(lambda a, x: a + 0 * x, ps.Points(x=X), Y),
        second=ps.Data(lambda b, x: b * x, ps.Points(x=X), Y),
    )
    model = ps.Model(a=1.0, b=1.0)
    n = X.size
    exact = np.std(Y, ddof=1) / np.sqrt(n)
    assert std(two, model, "a") == pytest.approx(exact, rel=1e-9)


def test_what_nothing_determines_has_an_infinite_error():
    model = ps.Model(a=1.0, b=1.0, idle=1.0)
    problem = ps.Problem(data=line(sigma=SIGMA))
    assert std(problem, model, "idle") == np.inf
    assert np.isfinite(std(problem, model, "a"))

    # Only the sum of the two is measured.
    both = ps.Data(lambda a, b, x: (a + b) * x, ps.Points(x=X), Y, sigma=0.1)
    degenerate = ps.Model(a=1.0, b=1.0)
    assert std(ps.Problem(data=both), degenerate, "a") == np.inf


def test_unequal_sizes_do_not_hide_that_only_a_sum_is_measured():
    both = ps.Data(lambda a, b, x: (a + b) * x, ps.Points(x=X), Y, sigma=0.1)
    uneven = ps.Model(a=1.0, b=0.05)
    assert std(ps.Problem(data=both), uneven, "a") == np.inf
    assert std(ps.Problem(data=both), uneven, "b") == np.inf


def test_a_trace_outside_the_measured_directions_is_no_uncertainty():
    # One weight is hardly measured at all and touches `a` by a millionth.
    def rows(a, idle, x):
        return a + 3e-6 * idle + 1e-12 * idle * x

    data = ps.Data(rows, ps.Points(x=X), Y, sigma=0.1)
    ours = std(ps.Problem(data=data), ps.Model(a=1.0, idle=1.0), "a")
    assert ours == pytest.approx(0.1 / np.sqrt(X.size), rel=1e-3)


def test_as_many_values_as_unknowns_leave_no_scatter_to_estimate_noise_from():
    two, both = ps.Points(x=X[:2]), ps.Model(a=1.0, b=1.0)
    line_of_two = ps.Data(LINE, two, Y[:2])
    assert std(ps.Problem(d=line_of_two), both, "a") == np.inf
    known = ps.Problem(d=ps.Data(LINE, two, Y[:2], sigma=0.1))
    assert np.isfinite(std(known, both, "a"))
    # An unknown of other data is not touched by it.
    other = ps.Data(lambda c, x: c + 0 * x, ps.Points(x=X), Y)
    model = ps.Model(a=1.0, b=1.0, c=1.0)
    assert np.isfinite(std(ps.Problem(d=line_of_two, e=other), model, "c"))


def test_precise_data_outweigh_sloppy_ones_of_another_block():
    rng = np.random.default_rng(5)
    flat = lambda a, x: a + 0 * x
    n = X.size
    problem = ps.Problem(
        good=ps.Data(flat, ps.Points(x=X), 2.0 + 1e-3 * rng.normal(size=n), sigma=1e-3),
        poor=ps.Data(flat, ps.Points(x=X), 3.0 + rng.normal(size=n), sigma=1.0),
    )
    bound, residuals, theta = fit(problem, ps.Model(a=1.0))
    value = float(bound.rebuild(theta).unknowns["a"].value)
    error = float(standard_error(bound, residuals, theta, "a"))
    assert error == pytest.approx(1e-3 / np.sqrt(n), rel=1e-3)
    assert abs(value - 2.0) < 4 * error
    # The blocks of the user are as they were.
    assert problem.conditions["poor"].sigma_mean == pytest.approx(1e-3 * np.sqrt(2))


def test_without_data_there_is_no_noise_to_propagate():
    condition = ps.Residual(lambda a, x: a - x, ps.Points(x=X))
    with pytest.raises(ps.PinnsvenError, match=r"no condition is `ps.Data`"):
        std(ps.Problem(it=condition), ps.Model(a=1.0), "a")


def test_an_unknown_that_does_not_exist_is_named():
    with pytest.raises(ps.UnknownNameError, match="'c'.*'a', 'b'"):
        std(ps.Problem(data=line()), ps.Model(a=1.0, b=1.0), "c")


@pytest.mark.parametrize("sigma", [None, 0.1])
def test_the_error_is_the_scatter_over_repeated_measurements(sigma):
    # The claim itself: estimates from independent noise scatter by the error bar.
    truth, rng = 0.7 + 1.9 * X, np.random.default_rng(3)
    estimates, errors = [], []
    for _ in range(400):
        y = truth + 0.1 * rng.standard_normal(X.size)
        w = np.linalg.lstsq(DESIGN, y)[0]
        estimates.append(w[1])
    data = ps.Data(LINE, ps.Points(x=X), truth + 0.1 * rng.standard_normal(X.size))
    if sigma is not None:
        data = ps.Data(LINE, ps.Points(x=X), truth, sigma=sigma)
    errors = std(ps.Problem(data=data), ps.Model(a=1.0, b=1.0), "b")
    assert errors == pytest.approx(np.std(estimates), rel=0.1 if sigma else 0.6)

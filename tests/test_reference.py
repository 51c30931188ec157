"""The reference solutions against solutions found in yet another way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from pinnsven.reference import (
    cole_hopf,
    cylinder_drag,
    fit_trajectory,
    heat_mode,
    max_error,
    poisson_sine,
    poisson_sine_source,
    relative_l2,
)


SHARP = 0.01 / np.pi


def test_errors_have_their_textbook_values():
    assert relative_l2(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == pytest.approx(0.1)
    assert max_error(np.array([3.0, 4.5]), np.array([3.5, 4.5])) == 0.5
    assert relative_l2(jnp.ones((2, 3)), np.ones((2, 3))) == 0.0


def test_errors_refuse_what_would_mislead():
    with pytest.raises(ValueError, match=r"shape \(3,\).*shape \(3, 1\)"):
        relative_l2(np.ones(3), np.ones((3, 1)))
    with pytest.raises(ValueError, match="Use `max_error`"):
        relative_l2(np.ones(3), np.zeros(3))


def adaptive_quadrature(x, t, nu):
    """The Cole-Hopf integrals in the unscaled variable, by adaptive quadrature."""

    def log_weight(eta):
        return -np.cos(np.pi * (x - eta)) / (2 * np.pi * nu) - eta**2 / (4 * nu * t)

    limit = 2 + 13 * np.sqrt(4 * nu * t)
    grid = np.linspace(-limit, limit, 20_001)
    heights = log_weight(grid)
    inner = (heights[1:-1] > heights[:-2]) & (heights[1:-1] >= heights[2:])
    top, peaks = heights.max(), grid[1:-1][inner & (heights[1:-1] > heights.max() - 40)]

    def integral(g):
        return quad(
            lambda eta: g(eta) * np.exp(log_weight(eta) - top),
            -limit,
            limit,
            points=peaks,
            limit=2000,
            epsabs=1e-15,
            epsrel=1e-13,
        )[0]

    return -integral(lambda eta: np.sin(np.pi * (x - eta))) / integral(np.ones_like)


@pytest.mark.filterwarnings("ignore:The occurrence of roundoff error")
@pytest.mark.parametrize("nu", [1.0, 0.1, SHARP])
def test_cole_hopf_agrees_with_adaptive_quadrature(nu):
    x = np.array([-0.97, -0.5, -0.02, 0.001, 0.05, 0.3, 0.9])
    t = np.array([0.01, 0.2, 0.5, 1.0, 3.0])
    expected = [[adaptive_quadrature(a, b, nu) for b in t] for a in x]
    assert max_error(cole_hopf(x[:, None], t, nu), np.array(expected)) < 5e-15


def spectral(nu, modes, steps, t):
    """Burgers' equation by Fourier modes and a fourth-order integrating factor."""
    x = -1 + 2 * np.arange(modes) / modes
    k = np.pi * np.fft.rfftfreq(modes, 1 / modes)
    keep = np.arange(k.size) < modes // 3
    dt = t / steps
    half = np.exp(-nu * k**2 * dt / 2)

    def slope(v):
        return -0.5j * k * keep * np.fft.rfft(np.fft.irfft(v, modes) ** 2)

    v = np.fft.rfft(-np.sin(np.pi * x))
    for _ in range(steps):
        a = slope(v)
        b = slope(half * (v + dt / 2 * a))
        c = slope(half * v + dt / 2 * b)
        d = slope(half * (half * v + dt * c))
        v = half * (half * (v + dt / 6 * a) + dt / 3 * (b + c)) + dt / 6 * d
    return x, np.fft.irfft(v, modes)


@pytest.mark.parametrize(
    ("nu", "modes", "steps"), [(0.1, 128, 250), (SHARP, 3072, 2000)]
)
def test_cole_hopf_solves_burgers_equation(nu, modes, steps):
    x, coarse = spectral(nu, modes, steps, t=0.5)
    _, fine = spectral(nu, modes, 2 * steps, t=0.5)
    exact = cole_hopf(x, 0.5, nu)
    # What is left is the time-stepping error, which falls by 2^4 and can be removed.
    assert max_error(coarse, exact) / max_error(fine, exact) == pytest.approx(
        16, rel=0.2
    )
    assert max_error((16 * fine - coarse) / 15, exact) < 1e-9


def test_cole_hopf_shapes_start_and_symmetry():
    x = np.linspace(-1, 1, 201)
    u = cole_hopf(x[:, None], np.array([0.0, 0.3, 1.0]), SHARP)
    assert u.shape == (201, 3) and u.dtype == np.float64
    np.testing.assert_array_equal(u[:, 0], -np.sin(np.pi * x))
    np.testing.assert_allclose(u, -u[::-1], atol=1e-13)
    np.testing.assert_allclose(u[[0, 100, 200]], 0.0, atol=1e-13)
    assert cole_hopf(0.5, 0.5, SHARP).shape == ()
    assert cole_hopf(np.zeros((0, 2)), 0.5, SHARP).shape == (0, 2)
    # A start that is nearly at t = 0 joins on, and tiny viscosities do not overflow.
    np.testing.assert_allclose(cole_hopf(x, 1e-14, SHARP), u[:, 0], atol=1e-12)
    assert np.all(np.isfinite(cole_hopf(x, 1.0, 1e-4)))


def test_cole_hopf_decays_to_its_first_mode():
    # For large times phi = sum a_n cos(n pi x) keeps its first two terms, whose ratio
    # is a quotient of Bessel functions.
    nu, t, x = 0.1, 8.0, np.linspace(-1, 1, 21)
    z = 1 / (2 * np.pi * nu)
    ratio = -2 * ive(1, z) / ive(0, z) * np.exp(-nu * np.pi**2 * t)
    expected = 2 * nu * np.pi * ratio * np.sin(np.pi * x)
    np.testing.assert_allclose(
        cole_hopf(x, t, nu), expected, atol=2 * abs(ratio) * abs(expected).max()
    )


def test_cole_hopf_refuses_what_has_no_solution():
    with pytest.raises(ValueError, match="backwards in time"):
        cole_hopf(0.0, -0.1, 0.1)
    with pytest.raises(ValueError, match="viscosity must be positive"):
        cole_hopf(0.0, 0.1, 0.0)


def test_closed_forms_solve_their_equations():
    with jax.enable_x64(True):
        x, y = jnp.array(0.37), jnp.array(0.21)
        u_t = jax.grad(heat_mode, 1)(x, y, 0.25, 3)
        u_xx = jax.grad(jax.grad(heat_mode))(x, y, 0.25, 3)
        np.testing.assert_allclose(u_t, 0.25 * u_xx, rtol=1e-12)
        np.testing.assert_allclose(heat_mode(x, 0.0, 0.25), np.sin(np.pi * 0.37))
        p_xx = jax.grad(jax.grad(poisson_sine))(x, y)
        p_yy = jax.grad(jax.grad(poisson_sine, 1), 1)(x, y)
        np.testing.assert_allclose(
            -(p_xx + p_yy), poisson_sine_source(x, y), rtol=1e-12
        )


def oscillator(t, y, p):
    del t
    return jnp.stack([y[1], -p["stiffness"] * y[0] - p["damping"] * y[1]])


TRUTH = {"stiffness": 4.0, "damping": 0.3}
GUESS = {"stiffness": 3.5, "damping": 0.1}
START = np.array([1.0, 0.5])
TIMES = np.linspace(0.5, 6.5, 31)


def exact_oscillator(t):
    k, c = TRUTH["stiffness"], TRUTH["damping"]
    w, tau = np.sqrt(k - c**2 / 4), t - TIMES[0]
    decay, cos, sin = np.exp(-c / 2 * tau), np.cos(w * tau), np.sin(w * tau)
    slope = (START[1] + c / 2 * START[0]) / w
    y = decay * (START[0] * cos + slope * sin)
    dy = -c / 2 * y + w * decay * (slope * cos - START[0] * sin)
    return np.stack([y, dy], axis=-1)


def test_fit_recovers_the_truth_from_exact_data():
    data = exact_oscillator(TIMES)
    fit = fit_trajectory(oscillator, START + 0.2, GUESS, TIMES, data)
    assert list(fit.parameters) == ["stiffness", "damping"]
    for name, value in TRUTH.items():
        assert fit.parameters[name] == pytest.approx(value, abs=1e-8)
    np.testing.assert_allclose(fit.initial, START, atol=1e-8)
    assert fit.noise < 1e-8 and fit.condition < 10
    between = np.array([0.5, 1.234, 7.9])
    np.testing.assert_allclose(
        fit.trajectory(between), exact_oscillator(between), atol=1e-8
    )


def test_standard_errors_match_the_scatter_of_simulated_fits():
    rng, sigma, sets = np.random.default_rng(0), 0.05, 60
    clean, found, stated, noise = exact_oscillator(TIMES), [], [], []
    for _ in range(sets):
        data = clean + sigma * rng.normal(size=clean.shape)
        fit = fit_trajectory(oscillator, START, GUESS, TIMES, data)
        found.append([*fit.parameters.values(), *fit.initial])
        stated.append([*fit.standard_errors.values(), *fit.initial_standard_errors])
        noise.append(fit.noise)
    truth = np.array([*TRUTH.values(), *START])
    mean_stated = np.mean(stated, axis=0)
    # The scatter of 60 fits is itself known to one part in sqrt(120), the mean to one
    # in sqrt(60) of the scatter; three of either are allowed.
    np.testing.assert_allclose(np.std(found, axis=0), mean_stated, rtol=3 / 120**0.5)
    off = np.abs(np.mean(found, axis=0) - truth) / mean_stated
    assert np.all(off < 3 / sets**0.5)
    assert np.mean(noise) == pytest.approx(sigma, rel=0.05)


def test_known_noise_sets_the_scale_of_the_standard_errors():
    rng = np.random.default_rng(1)
    clean = exact_oscillator(TIMES)
    data = clean + 0.05 * rng.normal(size=clean.shape)
    free = fit_trajectory(oscillator, START, GUESS, TIMES, data)
    known = fit_trajectory(oscillator, START, GUESS, TIMES, data, 0.1)
    assert known.parameters == pytest.approx(free.parameters, rel=1e-6)
    assert known.noise == pytest.approx(free.noise / 0.1)
    for name, error in free.standard_errors.items():
        assert known.standard_errors[name] == pytest.approx(
            error / known.noise, rel=1e-6
        )


def growth(t, y, p):
    del t
    return p["rate"] * y


def test_fit_of_logarithms_is_linear_regression():
    t = np.linspace(0.0, 2.0, 12)
    rng = np.random.default_rng(2)
    data = (np.log(3.0) + 0.7 * t + 0.1 * rng.normal(size=t.size))[:, None]
    fit = fit_trajectory(
        growth, np.array([2.0]), {"rate": 1.0}, t, data, observe=jnp.log
    )
    (slope, constant), covariance = np.polyfit(t, data[:, 0], 1, cov=True)
    assert fit.parameters["rate"] == pytest.approx(slope, rel=1e-8)
    assert fit.initial[0] == pytest.approx(np.exp(constant), rel=1e-8)
    assert fit.standard_errors["rate"] == pytest.approx(
        covariance[0, 0] ** 0.5, rel=1e-6
    )


def redundant(t, y, p):
    del t
    return (p["a"] + p["b"]) * y


def test_numbers_that_the_data_cannot_tell_apart_have_infinite_standard_errors():
    t, y0, guess = np.linspace(0.0, 1.0, 5), np.array([1.0]), {"a": 0.1, "b": 0.2}
    data = np.exp(t)[:, None]
    fit = fit_trajectory(redundant, y0, guess, t, data, fit_initial=False)
    assert fit.parameters["a"] + fit.parameters["b"] == pytest.approx(1.0)
    assert np.isinf(fit.standard_errors["a"]) and np.isinf(fit.condition)
    np.testing.assert_array_equal(fit.initial_standard_errors, 0.0)


def test_fit_refuses_what_cannot_be_fitted():
    data = exact_oscillator(TIMES)
    with pytest.raises(ValueError, match="one row for each of the 31 times"):
        fit_trajectory(oscillator, START, GUESS, TIMES, data[1:])
    with pytest.raises(ValueError, match="strictly increasing"):
        fit_trajectory(oscillator, START, GUESS, TIMES[::-1], data)
    with pytest.raises(ValueError, match="more data than fitted numbers"):
        fit_trajectory(oscillator, START, GUESS, TIMES[:2], data[:2])
    with pytest.raises(ValueError, match="the model gives"):
        fit_trajectory(oscillator, START, GUESS, TIMES, data[:, :1])
    with pytest.raises(ValueError, match="cannot be integrated"):
        wild = {"stiffness": 4.0, "damping": -1e4}
        fit_trajectory(oscillator, START, wild, TIMES, data)


@pytest.mark.parametrize(
    ("re", "published"), [(10.0, 2.846), (20.0, 2.045), (40.0, 1.522)]
)
def test_the_drag_of_a_cylinder_agrees_with_published_values(re, published):
    # Dennis and Chang, J. Fluid Mech. 42 (1970) 471, which are the higher ones.
    assert cylinder_drag(re, n=24) == pytest.approx(published, rel=0.035)


@pytest.mark.slow
def test_the_drag_of_a_cylinder_does_not_depend_on_the_grid():
    drags = [cylinder_drag(20.0, *size) for size in ((6.0, 32), (6.0, 28), (7.0, 32))]
    assert max(drags) - min(drags) < 2e-3

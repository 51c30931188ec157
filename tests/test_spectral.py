"""The spectral references against exact solutions, other integrators and themselves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pinnsven import problems
from pinnsven.reference import (
    PeriodicEquation,
    cavity_errors,
    ghia,
    max_error,
    periodic_solution,
    scraper,
)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("allen_cahn", 3e-11),
        pytest.param("kdv", 1e-10, marks=pytest.mark.long),
        ("kuramoto_sivashinsky", 1e-8),
    ],
)
def test_references_are_converged_beyond_their_figures(name, bound):
    case = getattr(problems, name)
    (low, high), (_, end) = case.DOMAIN.bounds.values()
    x, t = np.linspace(low, high, 201)[:, None], np.linspace(0, end, 26)
    equation = case.EQUATION

    def solve(modes, dt):
        finer = {"modes": modes * equation.modes, "dt": dt * equation.dt}
        return periodic_solution(dataclasses.replace(equation, **finer), x, t)

    # Of fourth order: the last halving of the steps leaves a fifteenth of its change.
    in_time = max_error(solve(1, 1), solve(1, 2)) / 15
    in_space = max_error(solve(2, 4), solve(1, 4))
    assert in_time + in_space < bound < case.benchmark.target.bound / 100


def test_kdv_carries_a_soliton():
    # Of width 0.06, so that its tails are below rounding at the ends of the period.
    speed, delta = 0.5, 0.022

    def soliton(x, t):
        shift = (x - speed * t + 1) % 2 - 1
        return 3 * speed / np.cosh(np.sqrt(speed) / (2 * delta) * shift) ** 2

    kdv, errors = problems.kdv.EQUATION, []
    x, t = np.linspace(-1, 1, 101)[:, None], np.array([0.3, 1.0])
    for dt in (2e-4, 1e-4):
        start = lambda x: soliton(x, 0.0)
        equation = dataclasses.replace(kdv, start=start, dt=dt)
        errors.append(max_error(periodic_solution(equation, x, t), soliton(x, t)))
    assert errors[1] < 1e-8 and errors[0] / errors[1] == pytest.approx(16, rel=0.2)


def by_scipy(equation, x, t):
    """The same modes by an explicit method of eighth order, at a tight tolerance."""
    linear, slope = equation.linear(equation.symbol()), equation.slope()
    both = lambda _, v: linear * v + slope(v)
    found = solve_ivp(
        both, (0, t), equation.first(), method="DOP853", rtol=1e-11, atol=1e-13
    )
    waves = np.exp(np.outer(x - equation.bounds[0], equation.symbol()))
    v = found.y[:, -1] * np.where(np.arange(linear.size) == 0, 1, 2)
    return np.real(waves @ v)


@pytest.mark.parametrize(
    ("name", "modes", "t"),
    [("allen_cahn", 512, 0.4), ("kdv", 128, 0.3), ("kuramoto_sivashinsky", 160, 0.06)],
)
def test_time_steps_agree_with_another_integrator(name, modes, t):
    equation = getattr(problems, name).EQUATION
    equation = dataclasses.replace(equation, modes=modes)
    x = np.linspace(*equation.bounds, 41)
    mine = periodic_solution(equation, x, t)
    assert max_error(mine, by_scipy(equation, x, t)) < 1e-9


def burgers(nu, modes, dt):
    return PeriodicEquation(
        bounds=(-1.0, 1.0),
        start=lambda x: -np.sin(np.pi * x),
        linear=lambda d: nu * d**2,
        nonlinear=lambda u: -(u**2) / 2,
        derivative=1,
        modes=modes,
        dt=dt,
    )


def test_spectral_and_cole_hopf_solutions_of_the_smooth_burgers_problem_agree():
    case = problems.burgers_smooth
    x, t = np.linspace(-1, 1, 41)[:, None], np.array([0.02, 0.3, 0.5, 1.0])
    u = periodic_solution(burgers(case.NU, 1024, 1e-4), x, t)
    assert max_error(u, case.reference(x, t)) < 1e-12


def test_periodic_solution_takes_times_in_any_order_and_shape():
    equation = burgers(0.02, 256, 2e-3)
    x, t = np.linspace(-1, 1, 5)[:, None], np.array([1.0, 0.0, 0.25])
    u = periodic_solution(equation, x, t)
    np.testing.assert_array_equal(u[:, 1:2], -np.sin(np.pi * x))
    for j, time in enumerate(t):
        alone = periodic_solution(equation, x[:, 0], time)
        np.testing.assert_allclose(u[:, j], alone, atol=1e-7)
    assert periodic_solution(equation, 0.5, 0.5).shape == ()
    with pytest.raises(ValueError, match="at least 0"):
        periodic_solution(equation, 0.0, -0.1)


def test_cavity_tables_agree_as_far_as_is_known():
    tables = ghia()
    assert [at.shape for at, _ in tables.values()] == [(15,), (15,)]
    curves = [lambda s, k=k: np.interp(s, *tables[k]) for k in "uv"]
    # Ghia's least v is 8.5e-3 from the spectral one.
    error = cavity_errors(*curves)
    assert error["ghia"] == 0.0 and 8e-3 < error["extrema"] < 9e-3


def test_scraper_is_a_stokes_flow_along_a_sliding_wall():
    grad = jax.jit(jax.grad(scraper, (0, 1)))
    for s in (0.1, 0.7):
        np.testing.assert_allclose(grad(s, 0.0), (0.0, -1.0), atol=1e-14)
        np.testing.assert_allclose(grad(0.0, s), (0.0, 0.0), atol=1e-14)
        assert abs(scraper(0.0, s)) < 1e-15 and scraper(s, 0.0) == 0.0
    vorticity = lambda z: jnp.trace(jax.hessian(lambda z: scraper(*z))(z))
    bilaplacian = jax.jit(lambda z: jnp.trace(jax.hessian(vorticity)(z)))
    assert abs(bilaplacian(jnp.array([0.3, 0.4]))) < 1e-11

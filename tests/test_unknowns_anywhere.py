"""Unknown constants in a PDE, on a boundary, in the data, in a limit and in a shape."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from by_hand import minimise

import pinnsven as ps


RULE = ps.GaussLegendre()


def found(fit):
    bound, _, theta = fit
    return {n: float(u.value) for n, u in bound.rebuild(theta).unknowns.items()}


def test_in_the_equation_on_the_wall_and_in_the_measurement():
    # Heat in a bar over three years, whose stress is measured: D = 1e-9, E = 7.8e8.
    D, E, wall, year = 1e-9, 7.8e8, 2.0, 1e8
    bar = ps.Box(x=(0, 1), t=(0, year))
    mode = lambda t: np.exp(-D * np.pi**2 * t)
    rng = np.random.default_rng(0)
    x, t = rng.uniform(0, 1, 40), rng.uniform(0, year, 40)
    where = ps.Points(x=x, t=t)
    stress = E * mode(t) * np.pi * np.cos(np.pi * x)
    problem = ps.Problem(
        heat=ps.Residual(
            lambda u, D, x, t: year * (u.t(x, t) - D * u.xx(x, t)),
            bar.points(100, RULE),
        ),
        walls=ps.Dirichlet("u", lambda T: T, bar.boundary("x").points(20, RULE)),
        heats=ps.Data("u", where, wall + mode(t) * np.sin(np.pi * x), sigma=1e-3),
        gauges=ps.Data(lambda u, E, x, t: E * u.x(x, t), where, stress, sigma=1e6),
    )
    net = ps.MLP(bar, "u", width=16, depth=1, key=jr.key(0))
    model = ps.Model(net, D=ps.Unknown(1e-8), E=ps.Unknown(1e8), T=1.0)
    ours = found(minimise(problem, model, steps=200))
    np.testing.assert_allclose(
        [ours["D"] / D, ours["E"] / E, ours["T"] / wall], 1.0, rtol=1e-4
    )


def test_badly_scaled_ones_from_defaults():
    # Neither starts within its own size of the truth, nor near that of the other.
    A, B, x = 7.8e8, 1e-9, np.linspace(0.0, 3e9, 20)
    data = ps.Data(
        lambda A, B, x: A * jnp.exp(-B * x), ps.Points(x=x), A * np.exp(-B * x)
    )
    model = ps.Model(A=1.0, B=ps.Unknown(1e-8, positive=True))
    ours = found(minimise(ps.Problem(data=data), model, steps=100))
    np.testing.assert_allclose([ours["A"] / A, ours["B"] / B], 1.0, rtol=1e-12)


def test_from_zero_with_a_scale():
    # Without it the second does not move: its column is below the cut-off.
    a, b, x = 1e-6, 1e9, np.linspace(0.0, 1.0, 12)
    line = ps.Data(lambda a, b, x: 1e6 * a * x + 1e-9 * b, ps.Points(x=x), x + 1.0)
    model = ps.Model(a=ps.Unknown(0.0, scale=3e-6), b=ps.Unknown(0.0, scale=1e10))
    ours = found(minimise(ps.Problem(line=line), model, steps=5))
    np.testing.assert_allclose([ours["a"] / a, ours["b"] / b], 1.0, rtol=1e-13)


def test_back_from_a_bound():
    x = np.linspace(0.0, 1.0, 12)
    line = lambda slope: ps.Problem(
        line=ps.Data(lambda k, x: k * x, ps.Points(x=x), slope * x)
    )
    model = ps.Model(k=ps.Unknown(0.4, lower=0.0, upper=1.0))
    bound, _, theta = minimise(line(1.2), model, steps=40)
    pushed = bound.rebuild(theta)
    assert pushed.unknowns["k"].bounds_met() == (1.0,)
    assert abs(found(minimise(line(0.3), pushed, steps=20))["k"] - 0.3) < 1e-14


def test_in_the_shape_of_the_domain_and_in_a_limit_of_integration():
    # A sheet u'' = 8 lifts off at x = a, where it touches with slope zero: x = a s.
    line, a = ps.Box(s=(0, 1)), 0.6
    end = line.at(s=1).points(1)
    # The area under it up to x = b is known, and the whole area m is not.
    part = 8 * (a**3 - (a - 0.25) ** 3) / 6
    area = lambda u, a, b: a * ps.integral(lambda s: u(s), s=(0.0, b / a))
    problem = ps.Problem(
        load=ps.Residual(lambda u, a, s: u.ss(s) - 8 * a**2, line.points(12, RULE)),
        hold=ps.Dirichlet("u", 8 * a**2 / 2, line.at(s=0).points(1)),
        touch=ps.Residual(lambda u, s: (u(s), u.s(s)), end),
        part=ps.Residual(lambda u, a, b, s: area(u, a, b) - part, end),
        whole=ps.Residual(lambda u, a, m, s: area(u, a, a) - m, end),
    )
    net = ps.MLP(line, "u", width=6, depth=1, key=jr.key(0))
    model = ps.Model(net, a=ps.Unknown(1.0, positive=True), b=0.1, m=1.0)
    ours = found(minimise(problem, model, steps=100))
    hand = {"a": a, "b": 0.25, "m": 8 * a**3 / 6}
    for name, value in hand.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-8)

"""Equations in time as residuals, against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from by_hand import minimise, values

import pinnsven as ps


RULE = ps.GaussLegendre()


class Wave(eqx.Module):
    """A cosine and a line, with trained shares."""

    shares: jax.Array

    def __call__(self, z):
        return self.shares[0] * jnp.cos(z[0]) + self.shares[1] * z[0]


def test_an_algebraic_equation_and_a_stiff_oscillating_one_beside_a_slow_one():
    # x' = -z with 0 = z - x^3, and a fast state that follows cos(6 t).
    line, stiff = ps.Box(t=(0, 2)), 1e3

    def equations(x, y, z, t):
        slow = x.t(t) + z(t)
        algebraic = z(t) - x(t) ** 3
        return slow, algebraic, y.t(t) / stiff + y(t) - jnp.cos(6 * t)

    start, slip = line.at(t=0).points(1), stiff**2 + 36
    problem = ps.Problem(
        dae=ps.Residual(equations, line.points(30, RULE)),
        x=ps.Dirichlet("x", 1.0, start),
        y=ps.Dirichlet("y", stiff**2 / slip, start),
    )
    model = ps.Model(ps.MLP(line, "x y z", width=16, depth=1, key=jr.key(0)))
    bound, _, theta = minimise(problem, model, steps=200)
    t = np.linspace(0.0, 2.0, 41)
    x = 1 / np.sqrt(1 + 2 * t)
    y = (stiff**2 * np.cos(6 * t) + 6 * stiff * np.sin(6 * t)) / slip
    for name, exact in {"x": x, "y": y, "z": x**3}.items():
        found = values(bound.rebuild(theta), name, t=t)
        np.testing.assert_allclose(found, exact, atol=5e-6)


def test_a_delay_and_a_symmetry_relate_a_field_to_itself_elsewhere():
    # u'(t) = -u(t - pi / 2) holds for a cos(t); it is even around zero.
    line, lag = ps.Box(t=(-np.pi / 2, 3)), np.pi / 2
    wave = ps.Field(Wave(jnp.array([1.0, 0.0])), line, "u")
    skew = ps.Field(Wave(jnp.array([1.0, 0.5])), line, "u")
    later, early = ps.Box(t=(0, 3)), ps.Box(t=(0, np.pi / 2))
    problem = ps.Problem(
        delay=ps.Residual(lambda u, t: u.t(t) + u(t - lag), later.points(9, RULE)),
        even=ps.Residual(lambda u, t: u(t) - u(-t), early.points(5, RULE)),
    )
    for network, share in ((wave, 0.0), (skew, 0.5)):
        bound = problem.bind(ps.Model(network))
        batches = bound.draw(jr.key(0))
        rows = {k: bound.values(k, b, bound.theta)[:, 0] for k, b in batches.items()}
        t = {k: np.asarray(b.coordinates["t"]) for k, b in batches.items()}
        # What is added is share * t.
        delay = share * (1.0 + t["delay"] - lag)
        np.testing.assert_allclose(rows["delay"], delay, atol=1e-13)
        np.testing.assert_allclose(rows["even"], 2 * share * t["even"], atol=1e-13)

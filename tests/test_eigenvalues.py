"""Eigenvalues as unknowns: normalised by an integral, further states by deflation."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from by_hand import minimise, values

import pinnsven as ps


LINE = ps.Box(x=(-6, 6))
NODES = LINE.points(60, ps.GaussLegendre())


def oscillator(found=()):
    """-u'' / 2 + x^2 u / 2 = E u, normalised, and orthogonal to states found before."""
    energy = lambda u, E, x: -u.xx(x) / 2 + (x**2 / 2 - E) * u(x)
    others = {
        f"other{i}": ps.Integral(lambda u, x, v=v: u(x) * v(x), NODES)
        for i, v in enumerate(found)
    }
    return ps.Problem(
        law=ps.Residual(energy, NODES),
        ends=ps.Dirichlet("u", 0.0, LINE.boundary().points(2)),
        norm=ps.Integral(lambda u, x: u(x) ** 2, NODES, value=1.0),
        **others,
    )


@pytest.mark.long
def test_two_states_of_the_harmonic_oscillator():
    net = ps.MLP(LINE, "u", width=20, depth=1, key=jr.key(0))
    model = ps.Model(net, E=1.0)
    # From a rough shape of the lowest state, then from nothing: the trivial solution
    # and the free sign must not trap the steps.
    shape = ps.Dirichlet("u", lambda x: jnp.exp(-(x**2) / 3), NODES)
    bound, _, theta = minimise(ps.Problem(shape=shape), model, 30)
    bound, _, theta = minimise(oscillator(), bound.rebuild(theta), 300)
    first = bound.rebuild(theta)
    bound, _, theta = minimise(oscillator([first.field("u")]), model, 300)
    second = bound.rebuild(theta)
    energies = [float(m.unknowns["E"].value) for m in (first, second)]
    # Which of the others is found is a matter of the start of the network.
    level = round(energies[1] - 0.5)
    assert 1 <= level < 8
    np.testing.assert_allclose(energies, [0.5, level + 0.5], atol=1e-8)
    x, w = np.polynomial.legendre.leggauss(80)
    u, v = (values(m, "u", x=6 * x) for m in (first, second))
    assert w @ u**2 * 6 == pytest.approx(1.0, abs=1e-8)
    # Energies are quadratically better than the states.
    assert w @ (u * v) * 6 == pytest.approx(0.0, abs=1e-5)
    ground = np.pi**-0.25 * np.exp(-((6 * x) ** 2) / 2)
    np.testing.assert_allclose(abs(u), ground, atol=1e-6)

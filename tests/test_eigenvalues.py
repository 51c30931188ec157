"""Eigenvalues as unknowns: normalised by an integral, further states by deflation."""

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


def test_two_states_of_the_harmonic_oscillator():
    net = ps.MLP(LINE, "u", width=20, depth=1, key=jr.key(0))
    model = ps.Model(net, E=1.0)
    # The trivial solution and the free sign must not trap the default solver.
    first = ps.solve(oscillator(), model, key=jr.key(1), steps=300, progress=False)
    bound, _, theta = minimise(oscillator([first.model.field("u")]), model, 300)
    second = bound.rebuild(theta)
    energies = [float(first.E), float(second.unknowns["E"].value)]
    # Which of the two is found first is a matter of the start of the network.
    np.testing.assert_allclose(sorted(energies), [0.5, 1.5], atol=1e-8)
    x, w = np.polynomial.legendre.leggauss(80)
    u, v = (values(m, "u", x=6 * x) for m in (first.model, second))
    assert w @ u**2 * 6 == pytest.approx(1.0, abs=1e-8)
    assert w @ (u * v) * 6 == pytest.approx(0.0, abs=1e-7)
    lowest = u if energies[0] < energies[1] else v
    ground = np.pi**-0.25 * np.exp(-((6 * x) ** 2) / 2)
    np.testing.assert_allclose(abs(lowest), ground, atol=1e-6)

"""The examples on regions other than boxes run, small, and keep to their references."""

import runpy
from pathlib import Path

import numpy as np
import pytest


EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


# Steps and sizes for a test, and the error that they must reach.
SMALL = {
    "helmholtz_disc": ({"steps": 60, "width": 12, "n": 200}, 0.1),
    "l_shape": ({"steps": 60, "width": 10, "n": 200}, 0.2),
    "electrostatics": ({"steps": 60, "width": 12, "n": 250, "sigma": 0.0}, 0.05),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_example(name, tmp_path, capsys):
    options, bound = SMALL[name]
    picture = tmp_path / f"{name}.png"
    found = load(name)["main"](**options, picture=picture)
    assert found["error"] < bound
    assert picture.stat().st_size > 10_000
    assert "rank" in capsys.readouterr().out


def test_particular_solutions_hold_the_boundary_and_the_published_integral():
    u, strength = load("l_shape")["reference"]()
    edge = np.linspace(-0.97, 0.98, 40)
    assert np.abs(u(edge, np.ones(40))).max() < 1e-10
    assert abs(strength - 0.40193103) < 1e-8
    # On each of the three squares, in two triangles with their tips at the corner,
    # where u is graded as r^(2/3).
    nodes, weights = np.polynomial.legendre.leggauss(40)
    nodes, weights = (nodes + 1) / 2, weights / 2
    r, t = (a.ravel() for a in np.meshgrid(nodes**4, nodes, indexing="ij"))
    share = np.outer(weights * 4 * nodes**3, weights).ravel() * r
    total = sum(
        share @ (u(a * r, b * r * t) + u(a * r * t, b * r))
        for a, b in ((1, 1), (-1, 1), (-1, -1))
    )
    # The square of the energy norm, as estimated for tests of adaptive finite elements.
    assert abs(total - 0.214075802220546) < 1e-9


def test_the_potential_of_the_cloud_solves_poissons_equation():
    exact = load("electrostatics")["exact"]
    angle = np.linspace(0, 2 * np.pi, 50)
    assert np.abs(exact(np.cos(angle), np.sin(angle))).max() < 1e-8
    x, y, h = np.array([0.35, -0.2, 0.3]), np.array([0.3, 0.1, 0.05]), 1e-3
    around = ((h, 0), (-h, 0), (0, h), (0, -h))
    laplacian = sum(exact(x + a, y + b) - exact(x, y) for a, b in around) / h**2
    square = (x - 0.3) ** 2 + (y - 0.2) ** 2
    rho = np.exp(-square / (2 * 0.12**2)) / (2 * np.pi * 0.12**2)
    np.testing.assert_allclose(laplacian, -rho, rtol=2e-3)

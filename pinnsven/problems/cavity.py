"""The lid-driven cavity at Re = 100, as a stream function.

    Re (psi_y lap psi_x - psi_x lap psi_y) = lap lap psi,    u = psi_y,    v = -psi_x

The corner flows are added to the network, and the equation counts for less near them:
there inertia leaves a residual like 1 / r^2.
"""

import jax.numpy as jnp

from ..conditions import Dirichlet, Neumann, Residual
from ..fields import MLP, Constrained, Model, laplacian
from ..geometry import Box, GaussLegendre
from ..reference import cavity_errors, scraper
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, network_key


DOMAIN = Box(x=(0, 1), y=(0, 1))
RE = 100.0


def _navier_stokes(psi, x, y):
    vorticity = laplacian(psi)
    inertia = psi.y(x, y) * vorticity.x(x, y) - psi.x(x, y) * vorticity.y(x, y)
    friction = laplacian(vorticity)(x, y)
    left, right = x**2 + (1 - y) ** 2, (1 - x) ** 2 + (1 - y) ** 2
    calm = (left / (0.2 + left) * right / (0.2 + right)) ** 2
    return 2 * calm * (inertia - friction / RE)


def _slip(normal):
    return jnp.maximum(normal[1], 0.0)


def _corners(psi, x, y):
    return psi + scraper(x, 1 - y) + scraper(1 - x, 1 - y)


def _build(seed: int) -> tuple[Problem, Model]:
    nodes = GaussLegendre()
    walls = DOMAIN.boundary().points(80, nodes)
    problem = Problem(
        flow=Residual(_navier_stokes, DOMAIN.points(400, nodes)),
        tight=Dirichlet("psi", 0.0, walls, weight=1e3),
        slip=Neumann("psi", _slip, walls, weight=1e3),
    )
    network = MLP(DOMAIN, "psi", width=20, depth=2, key=network_key(seed))
    return problem, Model(Constrained(network, _corners))


def _errors(solution: Solution) -> dict[str, float]:
    """Largest differences on the centre lines, in units of the speed of the lid."""
    psi = solution.psi
    return cavity_errors(lambda y: psi.y(x=0.5, y=y), lambda x: -psi.x(x=x, y=0.5))


benchmark = Benchmark(
    name="cavity",
    summary="lid-driven cavity, Re = 100: extrema of a spectral method, Ghia's tables",
    build=_build,
    errors=_errors,
    target=Target("extrema", 1e-3, 300.0),
    published=(
        "1.1e-4 in 403 s on an H100, DSGNAR, with the smooth lid 4 x (1 - x); "
        "1.4e-2 in 90 s, Scale-PINN"
    ),
    reference=None,
)

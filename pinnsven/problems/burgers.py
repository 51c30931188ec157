"""Burgers' equation u_t + u u_x = nu u_xx, nu = 0.01 / pi: it forms a steep front."""

import math

import jax.numpy as jnp

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model
from ..geometry import Box
from ..reference import cole_hopf
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


DOMAIN = Box(x=(-1, 1), t=(0, 1))
NU = 0.01 / math.pi


def reference(x, t):
    """The exact solution by the Cole-Hopf transformation."""
    return cole_hopf(x, t, NU)


def burgers(nu: float) -> Problem:
    """The equation with its start and walls."""

    def equation(u, x, t):
        return u.t(x, t) + u(x, t) * u.x(x, t) - nu * u.xx(x, t)

    return Problem(
        pde=Residual(equation, DOMAIN.points(2000)),
        start=Dirichlet(
            "u", lambda x: -jnp.sin(jnp.pi * x), DOMAIN.at(t=0).points(200)
        ),
        walls=Dirichlet("u", 0.0, DOMAIN.boundary("x").points(100)),
    )


def _build(seed: int) -> tuple[Problem, Model]:
    network = MLP(DOMAIN, "u", width=20, depth=3, key=network_key(seed))
    return burgers(NU), Model(network)


def _errors(solution: Solution) -> dict[str, float]:
    # The front is about 0.006 wide: 801 points put three into it.
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 801, 51)}


benchmark = Benchmark(
    name="burgers",
    summary="Burgers, nu = 0.01 / pi: -sin(pi x) forms a steep front, soft conditions",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 1e-6, 180.0),
    published=(
        "8.3e-9, vRBA with SSBroyden and Fourier features, 2,011 weights; 4.0e-5 in "
        "179 s on a GPU, SSBroyden, 3,021 weights"
    ),
    reference=reference,
)

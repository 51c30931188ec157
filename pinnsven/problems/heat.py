"""The heat equation u_t = u_xx / 4 on x, t in [0, 1], zero at both ends."""

import jax.numpy as jnp

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model
from ..geometry import Box, GaussLegendre
from ..reference import heat_mode
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


DOMAIN = Box(x=(0, 1), t=(0, 1))
DIFFUSIVITY = 0.25


def reference(x, t):
    """The exact solution, one decaying sine."""
    return heat_mode(x, t, DIFFUSIVITY)


def _heat(u, x, t):
    return u.t(x, t) - DIFFUSIVITY * u.xx(x, t)


def _build(seed: int) -> tuple[Problem, Model]:
    nodes = GaussLegendre()
    problem = Problem(
        pde=Residual(_heat, DOMAIN.points(400, nodes)),
        start=Dirichlet(
            "u", lambda x: jnp.sin(jnp.pi * x), DOMAIN.at(t=0).points(20, nodes)
        ),
        walls=Dirichlet("u", 0.0, DOMAIN.boundary("x").points(40, nodes)),
    )
    return problem, Model(MLP(DOMAIN, "u", width=20, depth=2, key=network_key(seed)))


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 101, 101)}


benchmark = Benchmark(
    name="heat",
    summary="heat, u_t = u_xx / 4, exact exp(-pi^2 t / 4) sin(pi x), soft conditions",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 1e-13, 20.0),
    published="2.0e-8 (absolute), KFAC, 1000 s on a GPU (runs of arXiv 2405.15603)",
    reference=reference,
)

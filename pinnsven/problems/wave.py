"""The wave equation u_tt = 4 u_xx on x, t in [0, 1]: two standing modes."""

import jax.numpy as jnp

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model
from ..geometry import Box, GaussLegendre
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


DOMAIN = Box(x=(0, 1), t=(0, 1))


def reference(x, t):
    """The exact solution."""
    low = jnp.sin(jnp.pi * x) * jnp.cos(2 * jnp.pi * t)
    return low + 0.5 * jnp.sin(4 * jnp.pi * x) * jnp.cos(8 * jnp.pi * t)


def _wave(u, x, t):
    return u.tt(x, t) - 4 * u.xx(x, t)


def _build(seed: int) -> tuple[Problem, Model]:
    nodes = GaussLegendre()
    start = DOMAIN.at(t=0).points(40, nodes)
    problem = Problem(
        pde=Residual(_wave, DOMAIN.points(1600, nodes)),
        start=Dirichlet("u", lambda x: reference(x, 0.0), start),
        rest=Residual(lambda u, x, t: u.t(x, t), start),
        walls=Dirichlet("u", 0.0, DOMAIN.boundary("x").points(80, nodes)),
    )
    return problem, Model(MLP(DOMAIN, "u", width=24, depth=2, key=network_key(seed)))


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 101, 101)}


benchmark = Benchmark(
    name="wave",
    summary="wave, u_tt = 4 u_xx, two standing modes (Wave 1d-C of PINNacle)",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 1e-6, 120.0),
    published=(
        "1.2e-15 in 635 s on an H100, DSGNAR, 11,225 weights in two time slabs; 1.6e-2 "
        "by first-order methods, AdaBGDA on PINNacle"
    ),
    reference=reference,
)

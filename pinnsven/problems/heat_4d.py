"""The heat equation u_t = lap u / 4 in four dimensions, x, y, z, w and t in [0, 1]."""

import jax.numpy as jnp

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model, laplacian
from ..geometry import Box
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


SPACE = ("w", "x", "y", "z")
DOMAIN = Box(w=(0, 1), x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1))


def reference(w, x, y, z, t):
    """The exact solution, a decaying sum of sines."""
    return jnp.exp(-t) * sum(jnp.sin(2 * s) for s in (w, x, y, z))


def _heat(u, w, x, y, z, t):
    return u.t(w, x, y, z, t) - laplacian(u, *SPACE)(w, x, y, z, t) / 4


def _build(seed: int) -> tuple[Problem, Model]:
    problem = Problem(
        pde=Residual(_heat, DOMAIN.points(1500)),
        start=Dirichlet("u", reference, DOMAIN.at(t=0).points(300)),
        walls=Dirichlet("u", reference, DOMAIN.boundary(*SPACE).points(500)),
    )
    return problem, Model(MLP(DOMAIN, "u", width=64, depth=1, key=network_key(seed)))


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN)}


benchmark = Benchmark(
    name="heat_4d",
    summary="heat in 4 dimensions, u_t = lap u / 4, u = exp(-t) sum of sin(2 x_i)",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 1e-5, 180.0),
    published=(
        "7.6e-7, energy natural gradient, a network 1 x 64, 3000 s on a GPU; 1.3e-6, "
        "KFAC, 116,865 weights (runs of arXiv 2405.15603)"
    ),
    reference=reference,
)

"""Poisson's equation on the unit square: -(u_xx + u_yy) = f, u = 0 on the boundary."""

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model, laplacian
from ..geometry import Box, GaussLegendre
from ..reference import poisson_sine, poisson_sine_source
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


DOMAIN = Box(x=(0, 1), y=(0, 1))


def poisson(u, x, y):
    """The equation at one point."""
    return laplacian(u)(x, y) + poisson_sine_source(x, y)


def _build(seed: int) -> tuple[Problem, Model]:
    nodes = GaussLegendre()
    problem = Problem(
        pde=Residual(poisson, DOMAIN.points(196, nodes)),
        walls=Dirichlet("u", 0.0, DOMAIN.boundary().points(56, nodes)),
    )
    return problem, Model(MLP(DOMAIN, "u", width=64, depth=1, key=network_key(seed)))


def errors(solution: Solution) -> dict[str, float]:
    """The error on a grid."""
    return {"relative_l2": field_error(solution.u, poisson_sine, DOMAIN, 101, 101)}


benchmark = Benchmark(
    name="poisson",
    summary="Poisson on the unit square, u = sin(pi x) sin(pi y), soft boundary",
    build=_build,
    errors=errors,
    target=Target("relative_l2", 1e-13, 20.0),
    published=(
        "6.2e-8 (absolute), energy natural gradient, 1000 s on a GPU (runs of arXiv "
        "2405.15603)"
    ),
    reference=poisson_sine,
)

"""Poisson's equation as in `poisson`, with a deeper network on scattered points."""

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model
from ..reference import poisson_sine
from ..residuals import Problem
from ._benchmark import Benchmark, Target, network_key
from .poisson import DOMAIN, errors, poisson


def _build(seed: int) -> tuple[Problem, Model]:
    problem = Problem(
        pde=Residual(poisson, DOMAIN.points(800)),
        walls=Dirichlet("u", 0.0, DOMAIN.boundary().points(160)),
    )
    return problem, Model(MLP(DOMAIN, "u", width=32, depth=3, key=network_key(seed)))


benchmark = Benchmark(
    name="poisson_peers",
    summary="poisson with a network 2-32-32-32-1 and 800 + 160 scattered points",
    build=_build,
    errors=errors,
    target=Target("relative_l2", 1e-9, 30.0),
    published=(
        "7.9e-7 (absolute), KFAC, a network of four layers, 1000 s on a GPU (runs of "
        "arXiv 2405.15603)"
    ),
    reference=poisson_sine,
)

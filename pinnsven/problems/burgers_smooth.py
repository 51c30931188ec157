"""Burgers' equation with nu = 0.01: a front wide enough for many digits."""

from ..fields import MLP, Model
from ..reference import cole_hopf
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key
from .burgers import DOMAIN, burgers


NU = 0.01


def reference(x, t):
    """The exact solution by the Cole-Hopf transformation."""
    return cole_hopf(x, t, NU)


def _build(seed: int) -> tuple[Problem, Model]:
    network = MLP(DOMAIN, "u", width=20, depth=3, key=network_key(seed))
    return burgers(NU), Model(network)


def _errors(solution: Solution) -> dict[str, float]:
    # The front is about 0.02 wide: 401 points put four into it.
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 401, 51)}


benchmark = Benchmark(
    name="burgers_smooth",
    summary="Burgers, nu = 0.01: -sin(pi x) forms a front, soft conditions",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 1e-10, 180.0),
    published=(
        "8.0e-14 in 346 s on an H100, DSGNAR, 11,285 weights, periodic by "
        "construction; 4.8e-7 in 10 s"
    ),
    reference=reference,
)

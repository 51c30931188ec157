"""The heat equation u_t = D u_xx with D unknown and 50 exact values of u."""

import jax.numpy as jnp
import numpy as np

from ..conditions import Data, Dirichlet, Residual
from ..fields import MLP, Model, Unknown
from ..geometry import GaussLegendre, Points
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key
from .heat import DIFFUSIVITY, DOMAIN, reference


def _heat(u, D, x, t):
    return u.t(x, t) - D * u.xx(x, t)


def _build(seed: int) -> tuple[Problem, Model]:
    nodes = GaussLegendre()
    xs, ts = np.random.default_rng(seed).uniform(size=(2, 50))
    problem = Problem(
        pde=Residual(_heat, DOMAIN.points(324, nodes)),
        start=Dirichlet(
            "u", lambda x: jnp.sin(jnp.pi * x), DOMAIN.at(t=0).points(18, nodes)
        ),
        walls=Dirichlet("u", 0.0, DOMAIN.boundary("x").points(36, nodes)),
        probes=Data("u", Points(x=xs, t=ts), reference(xs, ts)),
    )
    network = MLP(DOMAIN, "u", width=20, depth=2, key=network_key(seed))
    return problem, Model(network, D=Unknown(1.0, positive=True))


def _errors(solution: Solution) -> dict[str, float]:
    return {
        "D_relative": abs(float(solution.D) / DIFFUSIVITY - 1.0),
        "relative_l2": field_error(solution.u, reference, DOMAIN, 101, 101),
    }


benchmark = Benchmark(
    name="inverse_heat",
    summary="heat with D unknown, started 4 times too large, 50 exact data points",
    build=_build,
    errors=_errors,
    target=Target("D_relative", 1e-11, 30.0),
    published="1.0e-9, randngd 0.1.1, 60 s on one thread (measured by us)",
    reference=reference,
)

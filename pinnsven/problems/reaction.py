"""The logistic reaction u_t = 5 u (1 - u) on x in [0, 2 pi], started from a bell."""

import math

import jax.numpy as jnp

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model
from ..geometry import Box, GaussLegendre
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


DOMAIN = Box(x=(0, 2 * math.pi), t=(0, 1))
RATE = 5.0


def _bell(x):
    return jnp.exp(-((x - jnp.pi) ** 2) / (2 * (jnp.pi / 4) ** 2))


def reference(x, t):
    """The exact solution: at each place a logistic curve."""
    growth = _bell(x) * jnp.exp(RATE * t)
    return growth / (growth + 1 - _bell(x))


def _reaction(u, x, t):
    return u.t(x, t) - RATE * u(x, t) * (1 - u(x, t))


def _build(seed: int) -> tuple[Problem, Model]:
    nodes = GaussLegendre()
    problem = Problem(
        pde=Residual(_reaction, DOMAIN.points(45 * 45, nodes)),
        start=Dirichlet("u", _bell, DOMAIN.at(t=0).points(60, nodes)),
    )
    return problem, Model(MLP(DOMAIN, "u", width=20, depth=2, key=network_key(seed)))


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 201, 101)}


benchmark = Benchmark(
    name="reaction",
    summary="logistic reaction, u_t = 5 u (1 - u), from a bell in x",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 1e-8, 60.0),
    published="2.9e-5, a network trained on derivatives of the residual, 456 points",
    reference=reference,
)

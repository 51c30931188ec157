"""Poisson's equation in a hundred dimensions: lap u = 200 on (0, 1)^100, u = |x|^2."""

import jax
import jax.numpy as jnp

from .._names import asking_for
from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model
from ..geometry import Box
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, field_error, network_key


NAMES = tuple(f"x{i}" for i in range(100))
DOMAIN = Box(**{name: (0, 1) for name in NAMES})


def reference(**point):
    """The exact solution, the square of the distance to a corner."""
    return sum(value**2 for value in point.values())


def _poisson(u, **point):
    at = lambda z: u(**dict(zip(NAMES, z, strict=True)))

    def second(direction):
        slope = lambda z: jax.jvp(at, (z,), (direction,))[1]
        return jax.jvp(slope, (here,), (direction,))[1]

    # `laplacian` would write out a hundred terms, which takes long to compile.
    here = jnp.stack([point[name] for name in NAMES])
    return jnp.sum(jax.vmap(second)(jnp.eye(len(NAMES)))) - 2.0 * len(NAMES)


def _build(seed: int) -> tuple[Problem, Model]:
    values = asking_for(NAMES, reference)
    problem = Problem(
        pde=Residual(asking_for(("u", *NAMES), _poisson), DOMAIN.points(300)),
        walls=Dirichlet("u", values, DOMAIN.boundary().points(900)),
    )
    # Tanh is odd, and so is its network at the start; softplus is a line plus an even
    # function, as the solution is about a point. Most of the 5050 second derivatives
    # are known from the walls alone, hence more points there. Both were chosen after an
    # error was seen: 3.9e-2 with tanh and 500 points each, 66 steps; now 1.6e-2, 40.
    net = MLP(
        DOMAIN,
        "u",
        width=128,
        depth=1,
        key=network_key(seed),
        activation=jax.nn.softplus,
    )
    return problem, Model(net)


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN)}


benchmark = Benchmark(
    name="poisson_100d",
    summary="Poisson in 100 dimensions, u = |x|^2, a plain network",
    build=_build,
    errors=_errors,
    target=Target("relative_l2", 3e-3, 600.0),
    published=(
        "3.6e-3, SPRING, 1.3 million weights, 150 fresh points a step, 7000 to "
        "10,000 s on a GPU"
    ),
    reference=reference,
)

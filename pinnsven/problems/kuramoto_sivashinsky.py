"""The Kuramoto-Sivashinsky equation on x in [0, 2 pi], until its waves grow.

    u_t + (100 / 16) u u_x + (100 / 16^2) u_xx + (100 / 16^4) u_xxxx = 0

From t = 0.4 on, waves of about ten periods have grown out of the first fronts.
"""

import math

import jax.numpy as jnp
import numpy as np

from ..geometry import Box
from ..reference import PeriodicEquation, periodic_solution
from ..solve import Solution
from ._benchmark import Benchmark, March, Target, field_error, periodic_window


DOMAIN = Box(x=(0, 2 * math.pi), t=(0, 0.4))
SPEED, GROWTH, DAMPING = 100 / 16, 100 / 16**2, 100 / 16**4
# With twice the modes and half the steps the values change by 1e-8 at most.
EQUATION = PeriodicEquation(
    bounds=DOMAIN.bounds["x"],
    start=lambda x: np.cos(x) * (1 + np.sin(x)),
    linear=lambda d: -GROWTH * d**2 - DAMPING * d**4,
    nonlinear=lambda u: -SPEED / 2 * u**2,
    derivative=1,
    modes=512,
    dt=1e-4,
)


def reference(x, t):
    """The solution by Fourier modes and exponential time steps."""
    return periodic_solution(EQUATION, x, t)


def _kuramoto_sivashinsky(u, x, t):
    steepening = SPEED * u(x, t) * u.x(x, t)
    linear = GROWTH * u.xx(x, t) + DAMPING * u.xxxx(x, t)
    return u.t(x, t) + steepening + linear


MARCH = March(
    window=periodic_window(_kuramoto_sivashinsky, "x", DOMAIN.bounds["x"], 1200),
    times=(0.0, 0.08, 0.16, 0.24, 0.32, 0.4),
    start={"u": lambda x: jnp.cos(x) * (1 + jnp.sin(x))},
    tolerance=1e-4,
)


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 401, 51)}


benchmark = Benchmark(
    name="kuramoto_sivashinsky",
    summary="Kuramoto-Sivashinsky to t = 0.4, before it is chaotic, periodic network",
    build=MARCH.first,
    errors=_errors,
    target=Target("relative_l2", 1e-3, 600.0),
    published=(
        "5.1e-7 to t = 1 in 5227 s on an H100, DSGNAR in eight time slabs; 2.7e-5 to "
        "t = 0.5, SSBroyden in five windows"
    ),
    reference=reference,
    march=MARCH,
)

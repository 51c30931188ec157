"""The Korteweg-de Vries equation u_t + u u_x + 0.022^2 u_xxx = 0, periodic in x."""

import jax.numpy as jnp
import numpy as np

from ..geometry import Box
from ..reference import PeriodicEquation, periodic_solution
from ..solve import Solution
from ._benchmark import Benchmark, March, Target, field_error, periodic_window


DOMAIN = Box(x=(-1, 1), t=(0, 1))
DISPERSION = 0.022**2
# With twice the modes and half the steps the values change by 1e-10 at most.
EQUATION = PeriodicEquation(
    bounds=DOMAIN.bounds["x"],
    start=lambda x: np.cos(np.pi * x),
    linear=lambda d: -DISPERSION * d**3,
    nonlinear=lambda u: -(u**2) / 2,
    derivative=1,
    modes=512,
    dt=5e-5,
)


def reference(x, t):
    """The solution by Fourier modes and exponential time steps."""
    return periodic_solution(EQUATION, x, t)


def _kdv(u, x, t):
    return u.t(x, t) + u(x, t) * u.x(x, t) + DISPERSION * u.xxx(x, t)


MARCH = March(
    window=periodic_window(_kdv, "x", DOMAIN.bounds["x"], 1200),
    times=(0.0, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0),
    start={"u": lambda x: jnp.cos(jnp.pi * x)},
    tolerance=3e-6,
)


def _errors(solution: Solution) -> dict[str, float]:
    return {"relative_l2": field_error(solution.u, reference, DOMAIN, 401, 51)}


benchmark = Benchmark(
    name="kdv",
    summary="Korteweg-de Vries: cos(pi x) breaks up into solitons, periodic network",
    build=MARCH.first,
    errors=_errors,
    target=Target("relative_l2", 1e-6, 300.0),
    published=(
        "8.2e-11 in 1210 s on an H100, DSGNAR, 11,285 weights in four time slabs; "
        "4.3e-4, PirateNet"
    ),
    reference=reference,
    march=MARCH,
)

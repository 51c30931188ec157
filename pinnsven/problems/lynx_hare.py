"""Lotka-Volterra rates from the Hudson's Bay Company's pelts of 1900 to 1920."""

import csv
import functools
import importlib.resources

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..conditions import Data, Residual
from ..fields import MLP, Model, Unknown
from ..geometry import Box, GaussLegendre, Points
from ..reference import TrajectoryFit, fit_trajectory
from ..residuals import Problem
from ..solve import Solution
from ._benchmark import Benchmark, Target, network_key


DOMAIN = Box(t=(0, 20))
START = {"alpha": 1.0, "beta": 0.05, "gamma": 1.0, "delta": 0.05}
# The equations must hold far better than the data scatter (0.24 in the logarithm), or
# they bend to it: with weight 1 the rates are 0.2 standard errors off and the standard
# errors half of what they should be; with 100, 0.06 and 5 per cent; with 10,000, 0.001
# and 0.4 per cent. But from a random network so stiff a problem runs into populations
# that stand still, which solve the equations too. So the data come first.
LOOSE, STIFF = 1.0, 1e4


def pelts() -> Float[np.ndarray, "years columns"]:
    """Years, hares and lynxes, the pelts in thousands; the file names its sources."""
    file = importlib.resources.files("pinnsven.problems") / "data" / "lynx_hare.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return np.array([[float(row[k]) for k in ("year", "hare", "lynx")] for row in rows])


def _lotka_volterra(h, l, alpha, beta, gamma, delta, t):
    hares = h.t(t) - alpha + beta * jnp.exp(l(t))
    lynxes = l.t(t) + gamma - delta * jnp.exp(h(t))
    return hares, lynxes


def _problem(weight: float) -> Problem:
    year, hare, lynx = pelts().T
    years = Points(t=year - year[0])
    nodes = DOMAIN.points(80, GaussLegendre(panels=4))
    return Problem(
        ode=Residual(_lotka_volterra, nodes, weight=weight),
        hare=Data("h", years, np.log(hare)),
        lynx=Data("l", years, np.log(lynx)),
    )


def _build(seed: int) -> tuple[Problem, Model]:
    network = MLP(DOMAIN, "h l", width=40, depth=1, key=network_key(seed))
    rates = {name: Unknown(value, positive=True) for name, value in START.items()}
    return _problem(STIFF), Model(network, **rates)


def _log_rates(t, y, p):
    del t
    hares = p["alpha"] - p["beta"] * jnp.exp(y[1])
    lynxes = p["delta"] * jnp.exp(y[0]) - p["gamma"]
    return jnp.stack([hares, lynxes])


@functools.cache
def shooting() -> TrajectoryFit:
    """The same model fitted by integrating it, without any network."""
    year, hare, lynx = pelts().T
    logs = np.log(np.stack([hare, lynx], axis=1))
    guess = {"alpha": 0.5, "beta": 0.03, "gamma": 0.8, "delta": 0.02}
    return fit_trajectory(_log_rates, logs[0], guess, year - year[0], logs)


def reference(t):
    """The logarithm of the hares on the fitted trajectory."""
    times, index = np.unique(np.asarray(t, np.float64), return_inverse=True)
    return shooting().trajectory(times)[index, 0].reshape(np.shape(t))


def _errors(solution: Solution) -> dict[str, float]:
    """Rates and their error bars against those of the shooting fit.

    `rates_off` is the largest difference of a rate in standard errors, `std_off` the
    largest relative difference of a standard error.
    """
    fit = shooting()
    off, std_off = [], []
    for name, error in fit.standard_errors.items():
        estimate = float(getattr(solution, name))
        off.append(abs(estimate - fit.parameters[name]) / error)
        std_off.append(abs(float(solution.std(name)) / error - 1.0))
    return {"rates_off": max(off), "std_off": max(std_off)}


benchmark = Benchmark(
    name="lynx_hare",
    summary="four Lotka-Volterra rates from 21 years of hare and lynx pelts",
    build=_build,
    errors=_errors,
    target=Target("rates_off", 1.0, 60.0),
    published="posterior means 0.55, 0.028, 0.80, 0.024 (Stan case studies, 2018)",
    reference=reference,
    warm_up=lambda: _problem(LOOSE),
)

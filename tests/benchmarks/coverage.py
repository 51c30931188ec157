"""Measure how often intervals of 95% hold the truth, over simulated data sets.

python tests/benchmarks/coverage.py heat --sets 200

Each data set is the exact solution with fresh noise, and each fit starts from the one
to data without noise. What is counted: the truth of each unknown inside
`solution.interval`, and of the fields inside `solution.u.band` at points. The status is
1 if the coverage of an unknown is outside of 91% to 98%.

Problems: `heat`, the heat equation with an unknown diffusivity, an unknown amplitude at
a wall and an unknown start; `heat_scatter`, the same without `sigma`; `oscillator`, an
ordinary differential equation with unknown stiffness and damping; `field`, an unknown
coefficient k(x) as a second network.
"""

import argparse
import dataclasses
import json
import sys
import time

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps


LEVEL, LOW, HIGH = 0.95, 0.91, 0.98


@dataclasses.dataclass
class Case:
    """A problem with its truth: exact values of its data, unknowns and fields."""

    problem: ps.Problem
    model: ps.Model
    clean: dict[str, np.ndarray]
    sigma: float
    truth: dict[str, float]
    where: dict[str, dict[str, np.ndarray]]
    exact: dict[str, np.ndarray]
    steps: int


def heat(sigma_known: bool = True) -> Case:
    """Diffusivity and the amplitude of a wall, of u = exp(-t) cos(2 x), D = 1/4.

    Where the heat started from is not known; 60 temperatures, noise of 0.01.
    """
    domain, nodes = ps.Box(x=(0, 1), t=(0, 1)), ps.GaussLegendre()
    exact = lambda x, t: np.exp(-t) * np.cos(2 * x)
    xs, ts = np.random.default_rng(0).uniform(size=(2, 60))
    sigma = 0.01

    def pde(u, D, x, t):
        return u.t(x, t) - D * u.xx(x, t)

    problem = ps.Problem(
        pde=ps.Residual(pde, domain.points(100, nodes), weight=100),
        middle=ps.Residual(
            lambda u, x, t: u.x(x, t), domain.at(x=0).points(12, nodes), weight=100
        ),
        wall=ps.Dirichlet(
            "u",
            lambda b, t: b * jnp.exp(-t),
            domain.at(x=1).points(12, nodes),
            weight=100,
        ),
        probes=ps.Data(
            "u",
            ps.Points(x=xs, t=ts),
            exact(xs, ts),
            sigma=sigma if sigma_known else None,
        ),
    )
    network = ps.MLP(domain, "u", width=12, depth=1, key=jr.key(0))
    model = ps.Model(network, D=ps.Unknown(0.4, positive=True), b=ps.Unknown(-0.2))
    x, t = (a.ravel() for a in np.meshgrid([0.1, 0.5, 0.9, 1.0], [0.2, 0.5, 1.0]))
    return Case(
        problem,
        model,
        {"probes": exact(xs, ts)},
        sigma,
        {"D": 0.25, "b": float(np.cos(2.0))},
        {"u": {"x": x, "t": t}},
        {"u": exact(x, t)},
        steps=40,
    )


def oscillator() -> Case:
    """Stiffness and damping of u'' + c u' + k u = 0 from 25 values."""
    time_axis, nodes = ps.Box(t=(0, 6)), ps.GaussLegendre()
    k, c, sigma = 1.0, 0.3, 0.02
    w = np.sqrt(k - c**2 / 4)
    exact = lambda t: np.exp(-c * t / 2) * (np.cos(w * t) + c / 2 / w * np.sin(w * t))
    ts = np.linspace(0.2, 6.0, 25)

    def ode(u, k, c, t):
        return u.tt(t) + c * u.t(t) + k * u(t)

    begin = time_axis.at(t=0).points(1)
    problem = ps.Problem(
        ode=ps.Residual(ode, time_axis.points(40, nodes), weight=100),
        start=ps.Dirichlet("u", 1.0, begin, weight=100),
        rest=ps.Residual(lambda u, t: u.t(t), begin, weight=100),
        probes=ps.Data("u", ps.Points(t=ts), exact(ts), sigma=sigma),
    )
    network = ps.MLP(time_axis, "u", width=16, depth=1, key=jr.key(0))
    model = ps.Model(
        network, k=ps.Unknown(0.7, positive=True), c=ps.Unknown(0.1, positive=True)
    )
    t = np.linspace(0.5, 6.0, 8)
    return Case(
        problem,
        model,
        {"probes": exact(ts)},
        sigma,
        {"k": k, "c": c},
        {"u": {"t": t}},
        {"u": exact(t)},
        steps=40,
    )


def field() -> Case:
    """A coefficient k(x) = 1 + x/2 in (k u')' = f from 40 values of u = sin x."""
    line, nodes = ps.Box(x=(0, 1)), ps.GaussLegendre()
    xs, sigma = np.linspace(0.02, 0.98, 40), 1e-3
    exact = lambda x: np.sin(x)

    def balance(u, k, x):
        source = 0.5 * jnp.cos(x) - (1 + 0.5 * x) * jnp.sin(x)
        return k.x(x) * u.x(x) + k(x) * u.xx(x) - source

    problem = ps.Problem(
        balance=ps.Residual(balance, line.points(30, nodes), weight=100),
        left=ps.Dirichlet("k", 1.0, line.at(x=0).points(1), weight=100),
        probes=ps.Data("u", ps.Points(x=xs), exact(xs), sigma=sigma),
    )
    make = lambda name, width, key: ps.MLP(line, name, width=width, depth=1, key=key)
    model = ps.Model(make("u", 10, jr.key(0)), make("k", 3, jr.key(1)))
    x = np.linspace(0.1, 0.9, 9)
    return Case(
        problem,
        model,
        {"probes": exact(xs)},
        sigma,
        {},
        {"u": {"x": x}, "k": {"x": x}},
        {"u": exact(x), "k": 1 + 0.5 * x},
        steps=60,
    )


CASES = {
    "heat": heat,
    "heat_scatter": lambda: heat(sigma_known=False),
    "oscillator": oscillator,
    "field": field,
}


def measure(case: Case, sets: int, seed: int) -> dict:
    """How often the intervals hold the truth, and errors over their standard errors."""
    rng = np.random.default_rng(seed)
    base = ps.solve(
        case.problem, case.model, key=jr.key(2), steps=300, progress=False
    ).model
    inside: dict[str, list] = {name: [] for name in [*case.truth, *case.exact]}
    scaled: dict[str, list] = {name: [] for name in case.truth}
    began = time.process_time()
    for _ in range(sets):
        noisy = {
            name: values + case.sigma * rng.normal(size=values.shape)
            for name, values in case.clean.items()
        }
        problem = case.problem.remeasured(**noisy)
        solution = ps.solve(
            problem, base, key=jr.key(2), steps=case.steps, progress=False
        )
        for name, truth in case.truth.items():
            low, high = solution.interval(name, LEVEL)
            inside[name].append(low <= truth <= high)
            off = float(getattr(solution, name)) - truth
            scaled[name].append(off / float(solution.std(name)))
        for name, truth in case.exact.items():
            low, high = getattr(solution, name).band(LEVEL, **case.where[name])
            inside[name].append((low <= truth) & (truth <= high))
    return {
        "sets": sets,
        "coverage": {k: float(np.mean(v)) for k, v in inside.items()},
        "lowest_point": {
            k: float(np.mean(inside[k], axis=0).min()) for k in case.exact
        },
        "error_over_std": {k: float(np.std(v)) for k, v in scaled.items()},
        "cpu_seconds_a_set": (time.process_time() - began) / sets,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the coverage of intervals.")
    parser.add_argument("names", nargs="*", help="all cases if none is named")
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ps.enable_x64()
    fine = True
    for name in given.names or CASES:
        case = CASES[name]()
        found = measure(case, given.sets, given.seed)
        print(json.dumps({"case": name, **found}), flush=True)
        fine &= all(LOW <= found["coverage"][k] <= HIGH for k in case.truth)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())

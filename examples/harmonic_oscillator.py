"""Quantum states of the harmonic oscillator, one after the other, with their energies.

    -psi'' / 2 + x^2 psi / 2 = E psi,    int psi^2 dx = 1,    psi(-7) = psi(7) = 0

in units of the oscillator's length and of hbar omega. The energy is an unknown beside
the weights of the network, and the search begins below all of them, at 0.1. Each state
found is taken out of the search: the next one is orthogonal to it (deflation). They may
come in any order. The n-th state has n zeros (Sturm), so that it shows if one is still
missing below those that were found. The walls at 7 shift no energy by more than 1e-17.

Reference: E = n + 1/2.

Figure: relative error 1e-15 of the energies, rounding.
About 20 CPU seconds. Run it: python examples/harmonic_oscillator.py
"""

import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

import pinnsven as ps


ps.enable_x64()


def schroedinger(psi, E, x):
    return -psi.xx(x) / 2 + x**2 * psi(x) / 2 - E * psi(x)


def zeros(solution):
    """How often the state changes its sign where it is not tiny."""
    psi = solution.psi(x=np.linspace(-7, 7, 401))
    large = psi[np.abs(psi) > 1e-3 * np.max(np.abs(psi))]
    return int(np.sum(large[1:] * large[:-1] < 0))


def main(steps=None, picture="harmonic_oscillator.png", states=3):
    line = ps.Box(x=(-7, 7))
    nodes = line.points(80, ps.GaussLegendre())
    found, levels = [], {}
    while not set(range(states)) <= set(levels):
        n = len(found)
        overlaps = {
            f"not_{i}": ps.Integral(
                lambda psi, x, other=other: psi(x) * other(x), nodes
            )
            for i, other in enumerate(found)
        }
        problem = ps.Problem(
            equation=ps.Residual(schroedinger, nodes),
            norm=ps.Integral(lambda psi, x: psi(x) ** 2, nodes, value=1.0),
            **overlaps,
        )
        network = ps.MLP(line, "psi", width=30, depth=1, key=jr.key(n))
        walls = ps.Constrained(network, lambda psi, x: (1 - (x / 7) ** 2) * psi)
        model = ps.Model(walls, E=ps.Unknown(0.1))
        solution = ps.solve(problem, model, ps.Sven(), key=jr.key(100 + n), steps=steps)
        print(solution)
        levels[zeros(solution)] = solution
        found.append(solution.model.field("psi"))

    levels = dict(sorted(levels.items()))
    error = max(abs(float(s.E) / (n + 0.5) - 1) for n, s in levels.items())
    print("energies", *[float(s.E) for s in levels.values()])
    print(f"relative error {error:.1e}")
    if picture:
        draw(levels, picture)
    return {"error": error, "result": [s.result.name for s in levels.values()]}


def draw(levels, picture):
    x = np.linspace(-5, 5, 401)
    figure = Figure(figsize=(5, 3.8), layout="constrained")
    ax = figure.subplots()
    ax.plot(x, x**2 / 2, "k", lw=1, label="potential")
    for n, s in levels.items():
        ax.axhline(float(s.E), color="0.8", lw=1)
        ax.plot(x, s.E + 0.6 * s.psi(x=x), label=f"n = {n}, E = {float(s.E):.9f}")
    ax.set(xlabel="x", ylabel="energy, and psi on it", ylim=(0, 4.5))
    ax.legend(frameon=False, loc="upper center", fontsize=8)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()

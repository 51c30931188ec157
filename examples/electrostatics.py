"""Where two charged wires run in an earthed pipe, and what they carry.

    lap phi = -q1 delta(x - x1, y - y1) - q2 delta(x - x2, y - y2)
    phi = 0 on the pipe

The potential was measured at 24 places near the wall, in one half of the pipe. The
charges q1 and q2 and the four coordinates are unknowns. The logarithms of the wires
are written down with the unknowns in them; what the wall adds to them, u, is harmonic,
and is left to a network. All are fitted in one step. Lengths are in radii of the pipe,
charges in units of a reference charge over the permittivity.

Reference: the wires with which the readings were made; in a round pipe the wall acts
like one image of each wire (W. Thomson's method of images), exact.

Figure: the six unknowns to 1.2e-7, relative (worst of three keys).
About 40 CPU seconds. Run it: python examples/electrostatics.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

import pinnsven as ps


ps.enable_x64()
TRUE = {"q1": 1.0, "x1": 0.35, "y1": 0.2, "q2": -0.6, "x2": -0.3, "y2": 0.25}


def wire(q, x, y):
    """The potential of a wire alone, at a distance x, y from it."""
    return -q / (4 * jnp.pi) * jnp.log(x**2 + y**2)


def wires(q1, x1, y1, q2, x2, y2, x, y):
    return wire(q1, x - x1, y - y1) + wire(q2, x - x2, y - y2)


def exact(x, y):
    """The potential in the earthed pipe, with the images 1 / conj(z) of the wires."""
    total = wires(**TRUE, x=x, y=y)
    for i in "12":
        q, a, b = (TRUE[name + i] for name in "qxy")
        total -= wire(q, 1 - a * x - b * y, a * y - b * x)
    return total


def main(steps=None, picture="electrostatics.png", n=200, width=16, seed=0):
    angle = np.linspace(0, np.pi, 24)
    probes = {"x": 0.9 * np.cos(angle), "y": 0.9 * np.sin(angle)}

    def potential(u, q1, x1, y1, q2, x2, y2, x, y):
        return u(x, y) + wires(q1, x1, y1, q2, x2, y2, x, y)

    pipe = ps.Disc(x=0, y=0, radius=1)
    problem = ps.Problem(
        inside=ps.Residual(lambda u, x, y: ps.laplacian(u)(x, y), pipe.points(n)),
        wall=ps.Residual(potential, pipe.boundary().points(n // 2)),
        readings=ps.Data(potential, ps.Points(**probes), exact(**probes)),
    )
    start = {"q1": 0.5, "x1": 0.2, "y1": 0.0, "q2": -0.5, "x2": -0.2, "y2": 0.0}
    model = ps.Model(
        ps.MLP(pipe, "u", width=width, depth=2, key=jr.key(2 * seed)),
        **{name: ps.Unknown(value) for name, value in start.items()},
    )
    solution = ps.solve(
        problem, model, ps.Sven(), key=jr.key(2 * seed + 1), steps=steps
    )

    print(solution)
    found = {name: float(getattr(solution, name)) for name in TRUE}
    error = max(abs(found[name] / TRUE[name] - 1) for name in TRUE)
    print(f"largest relative error of an unknown {error:.1e}")
    if picture:
        draw(solution, found, probes, picture)
    return {"error": error, "result": solution.result.name}


def draw(solution, found, probes, picture):
    r, a = np.meshgrid(np.linspace(0, 1, 121), np.linspace(0, 2 * np.pi, 241))
    x, y = r * np.cos(a), r * np.sin(a)
    phi = np.asarray(solution.u(x=x, y=y) + wires(**found, x=x, y=y))
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes = figure.subplots()
    drawn = axes.contourf(x, y, np.clip(phi, -0.25, 0.4), 26, cmap="RdBu_r")
    figure.colorbar(drawn, ax=axes)
    axes.plot(probes["x"], probes["y"], "k.", label="readings")
    for i in "12":
        axes.plot(found["x" + i], found["y" + i], "k+", ms=10)
        axes.plot(TRUE["x" + i], TRUE["y" + i], "wo", mfc="none", ms=10)
    axes.set(title="potential; + found, o true", xlabel="x", ylabel="y", aspect="equal")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()

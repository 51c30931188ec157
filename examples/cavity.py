"""Flow in a cavity that is driven by its moving lid, at Re = 100.

    Re (psi_y lap psi_x - psi_x lap psi_y) = lap lap psi,    u = psi_y,    v = -psi_x

on the unit square, with u = 1 on the lid y = 1, and no slip on the other walls. The
stream function has neither a pressure nor a continuity equation to satisfy.

In both upper corners the velocity jumps and the vorticity is infinite. The flow nearest
to them is Taylor's flow in front of a scraper, the Stokes flow between a sliding and a
fixed wall (G. I. Taylor, 1962). It is added to the network, which represents the much
smoother remainder. Inertia leaves a residual like 1 / r^2 at a distance r, so that the
equation counts for less there.

Reference: the extrema of the velocities on the centre lines from a spectral method,
-0.2140424, 0.1795728 and -0.2538030 (Botella and Peyret, Comput. Fluids 27 (1998) 421);
and the centre lines in tables I and II of Ghia, Ghia and Shin, J. Comput. Phys. 48
(1982) 387. Of these the least v, -0.24533, is 8e-3 from the spectral one.

Figure: the extrema within 8e-6 (one key), which is better than Ghia's.
About 100 CPU seconds. Run it: python examples/cavity.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

import pinnsven as ps
from pinnsven.reference import cavity_errors, ghia, scraper


ps.enable_x64()
RE = 100.0


def navier_stokes(psi, x, y):
    vorticity = ps.laplacian(psi)
    inertia = psi.y(x, y) * vorticity.x(x, y) - psi.x(x, y) * vorticity.y(x, y)
    friction = ps.laplacian(vorticity)(x, y)
    left, right = x**2 + (1 - y) ** 2, (1 - x) ** 2 + (1 - y) ** 2
    calm = (left / (0.2 + left) * right / (0.2 + right)) ** 2
    return 2 * calm * (inertia - friction / RE)


def main(steps=200, picture="cavity.png", n=20, width=20):
    cavity = ps.Box(x=(0, 1), y=(0, 1))
    nodes = ps.GaussLegendre()
    walls = cavity.boundary().points(4 * n, nodes)
    problem = ps.Problem(
        flow=ps.Residual(navier_stokes, cavity.points(n * n, nodes)),
        tight=ps.Dirichlet("psi", 0.0, walls, weight=1e3),
        slip=ps.Neumann(
            "psi", lambda normal: jnp.maximum(normal[1], 0.0), walls, weight=1e3
        ),
    )
    network = ps.MLP(cavity, "psi", width=width, depth=2, key=jr.key(0))
    corners = lambda psi, x, y: psi + scraper(x, 1 - y) + scraper(1 - x, 1 - y)
    model = ps.Model(ps.Constrained(network, corners))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    psi = solution.psi
    error = cavity_errors(lambda y: psi.y(x=0.5, y=y), lambda x: -psi.x(x=x, y=0.5))
    print(f"largest difference {error['extrema']:.1e} from the spectral extrema")
    print(f"largest difference from Ghia's tables {error['ghia']:.1e}")
    if picture:
        draw(solution, picture)
    return {
        "error": error["extrema"],
        "ghia": error["ghia"],
        "result": solution.result.name,
    }


def draw(solution, picture):
    line = np.linspace(0, 1, 201)
    x, y = np.meshgrid(line, line)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    streams, profiles = figure.subplots(1, 2)
    psi = np.asarray(solution.psi(x=x, y=y))
    # Without psi = 0, that of the walls.
    levels = np.linspace(psi.min(), 0, 22)[1:-1]
    streams.contour(x, y, psi, levels, colors="C0", linestyles="solid", linewidths=1)
    streams.set(title="streamlines", xlabel="x", ylabel="y", aspect="equal")
    profiles.plot(line, solution.psi.y(x=0.5, y=line), label="u(0.5, y)")
    profiles.plot(line, -solution.psi.x(x=line, y=0.5), label="v(x, 0.5)")
    for name, (at, of) in ghia().items():
        profiles.plot(at, of, "k.", label="Ghia et al." if name == "u" else None)
    profiles.set(title="centre lines", xlabel="y or x", ylabel="velocity")
    profiles.legend(frameon=False)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()

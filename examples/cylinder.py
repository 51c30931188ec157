"""Steady flow past a circular cylinder at Re = 20: its wake and its drag.

    psi_qq + psi_aa = -r^2 w,    w_qq + w_aa = Re / 2 (psi_a w_q - psi_q w_a)

for the stream function and the vorticity, with q = log r and the angle a from the
wake. The radius of the cylinder and the speed of the stream are 1, Re is that of the
diameter. No slip holds by construction; the lower half of the flow mirrors the upper.

At a distance r the wake takes an angle like 1 / sqrt(r). The network sees s from 0 to 1
instead of a, in which the wake is about as wide everywhere. Its fields f and g are what
is left of psi, once the stream is taken off, and r w.

The drag has slowed the wake down, so that the rest of the stream is displaced as by a
source. Far away and beyond the wake

    psi = r sin a - C_D / 2 (1 - a / pi),    w = 0

(Filon, Proc. R. Soc. A 113 (1926) 7). C_D is an unknown that stands in this condition
and is, in another, the pressure and the friction on the wall. Where the wake leaves,
nothing is prescribed.

Reference: C_D = 1.999 by Chebyshev collocation, which is good to about 1e-3. Published:
2.045 (Dennis and Chang, J. Fluid Mech. 42 (1970) 471), 2.00 (Fornberg, J. Fluid Mech.
98 (1980) 819).

Figure: C_D to 6e-4, relative (worst of four keys).
About 70 CPU seconds. Run it: python examples/cylinder.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

import pinnsven as ps
from pinnsven.reference import cylinder_drag


ps.enable_x64()
RE = 20.0
FAR = 7.0  # log r of the outer boundary


def share(q, a):
    """The angle as the network sees it, from 0 to 1."""
    return jnp.arcsinh(jnp.exp(q / 2) * a) / jnp.arcsinh(jnp.exp(q / 2) * jnp.pi)


def angle(q, s):
    return jnp.sinh(s * jnp.arcsinh(jnp.exp(q / 2) * jnp.pi)) / jnp.exp(q / 2)


def flow(f, g):
    """The stream function and the vorticity, as fields of q and a."""

    def psi(q, a):
        r, s = jnp.exp(q), share(q, a)
        return (1 - 1 / r) ** 2 * ((r + 2) * jnp.sin(a) + s * (1 - s) * f(q, s))

    def vorticity(q, a):
        s = share(q, a)
        return s * (1 - s) * g(q, s) / jnp.exp(q)

    return ps.field(psi), ps.field(vorticity)


def navier_stokes(f, g, q, s):
    a, r = angle(q, s), jnp.exp(q)
    psi, w = flow(f, g)
    spin = ps.laplacian(psi)(q, a) + r**2 * w(q, a)
    inertia = psi.a(q, a) * w.q(q, a) - psi.q(q, a) * w.a(q, a)
    # In the wake, the terms of the first equation grow like r.
    return spin / (1 + r / (1 + r * a**2)), inertia - 2 / RE * ps.laplacian(w)(q, a)


def beyond_the_wake(f, g, C_D, q, s):
    a, r = angle(q, s), jnp.exp(q)
    psi, w = flow(f, g)
    outflow = C_D / 2 * (1 - a / jnp.pi)
    return psi(q, a) - r * jnp.sin(a) + outflow, r * w(q, a)


def pressure_and_friction(f, g, a):
    """The force along the stream, of both halves."""
    _, w = flow(f, g)
    return 4 / RE * (w.q(0.0, a) - w(0.0, a)) * jnp.sin(a)


def main(steps=400, picture="cylinder.png", n=22, width=20, seed=0):
    half = ps.Box(q=(0, FAR), s=(0, 1))
    nodes = ps.GaussLegendre()
    rim = ps.Box(q=(0, FAR), s=(0.5, 1)).at(q=FAR).points(n, nodes)
    wall = ps.Box(a=(0, jnp.pi)).points(2 * n, nodes)
    problem = ps.Problem(
        flow=ps.Residual(navier_stokes, half.points(n * n, nodes)),
        far=ps.Residual(beyond_the_wake, rim),
        drag=ps.Integral(pressure_and_friction, wall, value=lambda C_D: C_D),
    )
    start, points = jr.split(jr.key(seed))
    network = ps.MLP(half, "f g", width=width, depth=2, key=start)
    model = ps.Model(network, C_D=ps.Unknown(1.0))
    solution = ps.solve(problem, model, ps.Sven(), key=points, steps=steps)

    print(solution)
    drag, true = float(solution.C_D), cylinder_drag(RE)
    error = abs(drag / true - 1)
    print(f"C_D = {drag:.4f}, the reference {true:.4f}, off by {error:.1e}")
    if picture:
        draw(solution, picture)
    return {"error": error, "drag": drag, "result": solution.result.name}


def draw(solution, picture):
    a, q = np.meshgrid(np.linspace(0, np.pi, 241), np.linspace(0, 2.2, 221))
    r, s = np.exp(q), np.asarray(share(q, a))
    # As in `flow`, for many points.
    w = s * (1 - s) * solution.g(q=q, s=s) / r
    psi = (r + 2) * np.sin(a) + s * (1 - s) * solution.f(q=q, s=s)
    psi *= (1 - 1 / r) ** 2
    x, y = r * np.cos(a), r * np.sin(a)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots()
    levels = np.linspace(-3, 3, 24)
    streams = [-0.007, -0.005, -0.003, -0.001, 0, 0.02, 0.1, *np.arange(0.3, 4, 0.3)]
    for half in (1, -1):
        at = x, half * y
        drawn = axes.contourf(*at, half * w, levels, cmap="RdBu_r", extend="both")
        axes.contour(*at, psi, streams, colors="k", linewidths=0.7, linestyles="-")
    figure.colorbar(drawn, ax=axes, ticks=range(-3, 4))
    axes.set(title="vorticity and streamlines", xlabel="x", ylabel="y", aspect="equal")
    axes.set(xlim=(-3, 7), ylim=(-2.5, 2.5))
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()

"""An L-shaped plate: the singularity of its inner corner, with its strength unknown.

    u_xx + u_yy = 0  in the L,    u given on its boundary

At a corner of 270 degrees the solution behaves like K r^(2/3) cos(2 a / 3), with the
angle a from the bisector: its gradient is infinite, and no network follows it. The
stress intensity factor K is what an engineer wants to know. It is an unknown of the
model, its singular function is added to the network, and both are fitted in one step.

Reference: u = 1.5 r^(2/3) cos(2 a / 3) + exp(x) cos(y), so that K = 1.5. Beyond the
leading singularity this solution is smooth; in general the next ones, r^(4/3) and so
on, would need an unknown each.

Figure: relative L2 error 2e-13, K to 3e-13 (worst of three keys).
About 45 CPU seconds. Run it: python examples/l_shape.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

import pinnsven as ps


ps.enable_x64()
TRUE_K = 1.5


def singular(x, y):
    """r^(2/3) cos(2 a / 3), harmonic, zero on both sides of the inner corner."""
    angle = jnp.arctan2(-x - y, y - x)
    return (x**2 + y**2) ** (1 / 3) * jnp.cos(2 * angle / 3)


def exact(x, y):
    return TRUE_K * singular(x, y) + jnp.exp(x) * jnp.cos(y)


def main(steps=None, picture="l_shape.png", n=500, width=20, seed=0):
    plate = ps.Box(x=(-1, 1), y=(-1, 1)) - ps.Box(x=(0, 1), y=(-1, 0))
    edge = plate.boundary().points(n // 3)
    problem = ps.Problem(
        # The singular function is harmonic, so that the network alone must be so too.
        inside=ps.Residual(lambda u, x, y: ps.laplacian(u)(x, y), plate.points(n)),
        edge=ps.Residual(
            lambda u, K, x, y: u(x, y) + K * singular(x, y) - exact(x, y), edge
        ),
    )
    model = ps.Model(
        ps.MLP(plate, "u", width=width, depth=2, key=jr.key(2 * seed)),
        K=ps.Unknown(0.0),
    )
    solution = ps.solve(
        problem, model, ps.Sven(), key=jr.key(2 * seed + 1), steps=steps
    )

    print(solution)
    x, y = np.meshgrid(np.linspace(-1, 1, 201), np.linspace(-1, 1, 201))
    found = np.asarray(solution.u(x=x, y=y) + solution.K * singular(x, y))
    inside = plate.contains(x=x, y=y)
    error = ps.relative_l2(found[inside], exact(x, y)[inside])
    off = abs(float(solution.K) / TRUE_K - 1)
    print(
        f"relative L2 error {error:.1e}, K = {float(solution.K):.10f}, off by {off:.1e}"
    )
    if picture:
        draw(x, y, np.where(inside, found, np.nan), exact(x, y), picture)
    return {"error": max(error, off), "result": solution.result.name}


def draw(x, y, found, true, picture):
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    lines = left.contourf(x, y, found, 24)
    figure.colorbar(lines, ax=left)
    left.set(title="u", xlabel="x", ylabel="y", aspect="equal")
    off = np.log10(np.maximum(np.abs(found - true), 1e-16))
    mesh = right.pcolormesh(x, y, off, rasterized=True)
    figure.colorbar(mesh, ax=right)
    right.set(title="log10 of the error", xlabel="x", ylabel="y", aspect="equal")
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()

"""A standing sound wave in a round room whose wall moves as cos(3 theta).

    u_xx + u_yy + k^2 u = 0 in the unit disc,    u = x^3 - 3 x y^2 on its rim,    k = 8

The equation is divided by k^2, so that both of its terms are of the size of u: lengths
are then counted in wavelengths, as one does by hand. Waves are best made of sines.

Reference: u = J_3(k r) / J_3(k) cos(3 theta), with SciPy's Bessel function.
Run it: python examples/helmholtz_disc.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.special import jv

import pinnsven as ps


ps.enable_x64()
k = 8.0


def exact(x, y):
    return jv(3, k * np.hypot(x, y)) / jv(3, k) * np.cos(3 * np.arctan2(y, x))


def wave(u, x, y):
    return ps.laplacian(u)(x, y) / k**2 + u(x, y)


def main(steps=None, picture="helmholtz_disc.png", seed=0, width=16, n=400):
    room = ps.Disc(x=0, y=0, radius=1)
    problem = ps.Problem(
        pde=ps.Residual(wave, room.points(n)),
        wall=ps.Dirichlet(
            "u", lambda x, y: x**3 - 3 * x * y**2, room.boundary().points(n // 8)
        ),
    )
    network = ps.MLP(
        room, "u", width=width, depth=2, activation=jnp.sin, key=jr.key(seed)
    )
    key = jr.key(seed + 100)
    solution = ps.solve(problem, ps.Model(network), ps.Sven(), key=key, steps=steps)

    print(solution)
    r, angle = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 2 * np.pi, 241))
    x, y = r * np.cos(angle), r * np.sin(angle)
    u = np.asarray(solution.u(x=x, y=y))
    if picture:
        draw(picture, x, y, u)
    error = ps.relative_l2(u, exact(x, y))
    print(f"relative L2 error {error:.1e}")
    return {"error": error, "result": solution.result.name}


def draw(path, x, y, u):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    span = np.abs(u).max()
    wave = left.pcolormesh(
        x, y, u, shading="gouraud", cmap="RdBu_r", vmin=-span, vmax=span
    )
    error = right.pcolormesh(
        x, y, np.abs(u - exact(x, y)), cmap="magma", shading="gouraud"
    )
    for ax, mesh, title in ((left, wave, "u"), (right, error, "|u - exact|")):
        figure.colorbar(mesh, ax=ax)
        ax.set(title=title, xlabel="x", ylabel="y", aspect="equal")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()

"""A standing wave on a round drum, from its values on the rim.

    u_xx + u_yy + k^2 u = 0  for x^2 + y^2 < 1,    u = J_2(k) cos 2a  on the rim

with k = 6, between the first two resonances of this shape, k = 5.14 and 8.42. The
equation is divided by k^2, so that it does not drown out the rim.

Reference: the mode J_2(k r) cos 2a with the Bessel function of the first kind (DLMF
10.2.2; values from scipy).

Figure: relative L2 error 7e-8 (worst of three keys).
About 50 CPU seconds. Run it: python examples/helmholtz_disc.py
"""

import jax.random as jr
import numpy as np
from matplotlib.figure import Figure
from scipy.special import jv

import pinnsven as ps


ps.enable_x64()
K = 6.0
RIM = float(jv(2, K))


def exact(x, y):
    return jv(2, K * np.hypot(x, y)) * np.cos(2 * np.arctan2(y, x))


def main(steps=None, picture="helmholtz_disc.png", n=500, width=20, seed=0):
    drum = ps.Disc(x=0, y=0, radius=1)
    problem = ps.Problem(
        wave=ps.Residual(
            lambda u, x, y: ps.laplacian(u)(x, y) / K**2 + u(x, y), drum.points(n)
        ),
        rim=ps.Dirichlet(
            "u", lambda x, y: RIM * (x**2 - y**2), drum.boundary().points(n // 5)
        ),
    )
    model = ps.Model(ps.MLP(drum, "u", width=width, depth=2, key=jr.key(2 * seed)))
    solution = ps.solve(
        problem, model, ps.Sven(), key=jr.key(2 * seed + 1), steps=steps
    )

    print(solution)
    r, a = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 2 * np.pi, 201))
    x, y = r * np.cos(a), r * np.sin(a)
    found, true = np.asarray(solution.u(x=x, y=y)), exact(x, y)
    error = ps.relative_l2(found, true)
    print(f"relative L2 error {error:.1e}")
    if picture:
        draw(x, y, found, np.abs(found - true), picture)
    return {"error": error, "result": solution.result.name}


def draw(x, y, found, off, picture):
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, values, title in zip(
        figure.subplots(1, 2),
        (found, off),
        ("u", "distance from the mode"),
        strict=True,
    ):
        mesh = axes.pcolormesh(x, y, values, shading="gouraud", rasterized=True)
        figure.colorbar(mesh, ax=axes)
        axes.set(title=title, xlabel="x", ylabel="y", aspect="equal")
    figure.savefig(picture, dpi=80)


if __name__ == "__main__":
    main()

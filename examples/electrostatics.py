"""Where is the charge? A cloud inside a grounded pipe, from potentials at 60 places.

    phi_xx + phi_yy = -rho in the unit disc,    phi = 0 on its rim
    rho = Q / (2 pi s^2) exp(-((x - a)^2 + (y - b)^2) / (2 s^2)),    Q, a, b, s = ?

The measurements are exact potentials for Q = 1, (a, b) = (0.3, 0.2), s = 0.12 with
noise of 0.002, about one per cent of the largest; the search starts at the centre.
Probes far away would not do: outside of the cloud its field is that of a point charge,
which has no width.

Reference: the four true numbers, and the closed form of phi, a cloud and its image
charge (the tail of the cloud beyond the rim is 1e-7 of it).
Run it: python examples/electrostatics.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.special import exp1

import pinnsven as ps


ps.enable_x64()
TRUE = {"Q": 1.0, "a": 0.3, "b": 0.2, "s": 0.12}


def exact(x, y, Q=1.0, a=0.3, b=0.2, s=0.12):
    z, centre = x + 1j * y, a + 1j * b
    square = np.maximum(np.abs(z - centre) ** 2, 1e-30)
    image = np.abs(1 - np.conj(centre) * z) ** 2
    return Q / (4 * np.pi) * (np.log(image / square) - exp1(square / (2 * s**2)))


def poisson(phi, Q, a, b, s, x, y):
    cloud = jnp.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * s**2))
    return ps.laplacian(phi)(x, y) + Q / (2 * jnp.pi * s**2) * cloud


def main(
    steps=None, picture="electrostatics.png", seed=0, sigma=0.002, width=20, n=600
):
    pipe = ps.Disc(x=0, y=0, radius=1)
    rng = np.random.default_rng(seed)
    radius, angle = np.sqrt(rng.uniform(size=60)), rng.uniform(0, 2 * np.pi, 60)
    xs, ys = radius * np.cos(angle), radius * np.sin(angle)
    measured = exact(xs, ys) + sigma * rng.normal(size=60)
    problem = ps.Problem(
        # The equation is exact and the data are not, so it weighs more.
        pde=ps.Residual(poisson, pipe.points(n), weight=100),
        rim=ps.Dirichlet("phi", 0.0, pipe.boundary().points(n // 12), weight=100),
        probes=ps.Data("phi", ps.Points(x=xs, y=ys), measured, sigma=sigma or None),
    )
    model = ps.Model(
        ps.MLP(pipe, "phi", width=width, depth=2, key=jr.key(seed)),
        Q=ps.Unknown(0.5, positive=True),
        a=ps.Unknown(0.0),
        b=ps.Unknown(0.0),
        s=ps.Unknown(0.2, positive=True),
    )
    key = jr.key(seed + 100)
    solution = ps.solve(problem, model, ps.Sven(), key=key, steps=steps)

    print(solution)
    found = {name: float(getattr(solution, name)) for name in TRUE}
    error = max(abs(found[name] / TRUE[name] - 1) for name in TRUE)
    out = {"error": error, "result": solution.result.name} | found
    if sigma:
        std = {name: float(solution.std(name)) for name in TRUE}
        out["pull"] = max(abs(found[n] - TRUE[n]) / std[n] for n in TRUE)
        for name, value in found.items():
            print(f"{name} = {value:.4f} +- {std[name]:.4f}, true {TRUE[name]}")
        print(f"at most {out['pull']:.1f} standard errors off")
    print(f"largest relative error {error:.1e}")
    if picture:
        draw(picture, solution, found, xs, ys)
    return out


def draw(path, solution, found, xs, ys):
    from matplotlib.figure import Figure

    r, angle = np.meshgrid(np.linspace(0, 1, 80), np.linspace(0, 2 * np.pi, 181))
    x, y = r * np.cos(angle), r * np.sin(angle)
    phi = np.asarray(solution.phi(x=x, y=y))
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    mesh = left.pcolormesh(x, y, phi, cmap="viridis", shading="gouraud")
    left.plot(xs, ys, "w.", ms=4)
    left.plot(found["a"], found["b"], "r+", ms=12)
    figure.colorbar(mesh, ax=left)
    left.set(title="phi, probes and the charge that was found", aspect="equal")
    mesh = right.pcolormesh(
        x, y, np.abs(phi - exact(x, y)), cmap="magma", shading="gouraud"
    )
    figure.colorbar(mesh, ax=right)
    right.set(title="|phi - exact|", aspect="equal")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()

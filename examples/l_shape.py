"""Torsion of an L-shaped bar: Poisson's equation at a reentrant corner.

    u_xx + u_yy = -1 in (-1, 1)^2 without its lower right quarter, u = 0 on the boundary

At the reentrant corner the stress, the gradient of u, is infinite: u goes as r^(2/3).
What is not smooth is known but for its strength: the harmonic functions r^q cos(q phi)
with q = 2/3, 10/3, 14/3, which vanish on both sides of that corner (phi is counted from
the diagonal), and the term r^2 log r of each corner under a constant load. So u is a
smooth network w plus these functions; their strengths S are unknowns of the same step.

Reference: the method of particular solutions, u as a sum of 60 harmonic functions that
is fitted to u = 0 on the boundary, which it holds to 1e-10 (Fox, Henrici and Moler,
SIAM J. Numer. Anal. 4, 1967).
Run it: python examples/l_shape.py
"""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps


ps.enable_x64()
# Each corner, the direction of its first side, and its opening over a right angle.
CORNERS = (
    (0, 1, 3),
    (1, 1j, 1),
    (1 + 1j, -1, 1),
    (-1 + 1j, -1j, 1),
    (-1 - 1j, 1, 1),
    (-1j, 1j, 1),
)
POWERS = np.array([2, 10, 14]) / 3


def singular(x, y):
    """r^q cos(q phi) at the reentrant corner; harmonic, zero on both of its sides."""
    r, phi = jnp.hypot(x, y), jnp.arctan2(x + y, y - x)
    return r**POWERS * jnp.cos(POWERS * phi)


def logarithms(x, y):
    """Im(z^2 log z) at each corner, harmonic, as strong as a load of one makes it."""
    total = 0.0
    for corner, side, opening in CORNERS:
        z = (x + 1j * y - corner) / side
        # The cut of the logarithm runs opposite to the middle of the corner.
        log = jnp.log(z * np.exp(-0.25j * np.pi * opening))
        total -= jnp.imag(z**2 * log) / (np.pi * opening)
    return total


def poisson(w, x, y):
    return ps.laplacian(w)(x, y) + 1


def edge(w, S, x, y):
    return w(x, y) + S @ singular(x, y) + logarithms(x, y)


def main(steps=None, picture="l_shape.png", seed=0, width=20, n=500):
    bar = ps.Polygon(x=[0, 1, 1, -1, -1, 0], y=[0, 0, 1, 1, -1, -1])
    problem = ps.Problem(
        pde=ps.Residual(poisson, bar.points(n)),
        edge=ps.Residual(edge, bar.boundary().points(n // 3)),
    )
    network = ps.MLP(bar, "w", width=width, depth=2, key=jr.key(seed))
    model = ps.Model(network, S=ps.Unknown(np.zeros(3)))
    key = jr.key(seed + 100)
    solution = ps.solve(problem, model, ps.Sven(), key=key, steps=steps)

    print(solution)
    known = jax.vmap(lambda x, y: solution.S @ singular(x, y) + logarithms(x, y))
    x, y = (a.ravel() for a in np.meshgrid(*[np.linspace(-0.99, 0.99, 100)] * 2))
    inside = (x < 0) | (y > 0)
    u = np.asarray(solution.w(x=x, y=y) + jax.jit(known)(x, y))
    exact, strength = reference()
    wanted = exact(x, y)
    if picture:
        draw(picture, *(np.where(inside, a, np.nan) for a in (u, u - wanted)))
    error = ps.relative_l2(u[inside], wanted[inside])
    off = abs(float(solution.S[0]) / strength - 1)
    print(f"relative L2 error {error:.1e}")
    print(f"S = {float(solution.S[0]):.9f}, relative error {off:.1e}")
    return {"error": max(error, off), "S": float(off), "result": solution.result.name}


def reference(terms=20, smooth=40, n=200):
    """Particular solutions: a function of arrays, and the strength of r^(2/3)."""
    powers = 2 / 3 * np.arange(1, 2 * terms, 2)

    def basis(x, y):
        z = (x + 1j * y)[:, None] * np.exp(-0.75j * np.pi)
        sharp = np.abs(z) ** powers * np.cos(powers * np.angle(z))
        return np.concatenate([sharp, np.real(z ** np.arange(smooth))], axis=1)

    def load(x, y):
        return np.asarray(logarithms(x, y)) - (x**2 + y**2) / 4

    # All of it is symmetric about the diagonal, so half of the boundary is enough.
    nodes = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    one = np.ones(n)
    x = np.concatenate([one, 2 * nodes - 1, nodes])
    y = np.concatenate([nodes, one, 0 * nodes])
    weights = np.linalg.lstsq(basis(x, y), -load(x, y), rcond=1e-15)[0]
    return lambda x, y: basis(x, y) @ weights + load(x, y), weights[0]


def draw(path, u, difference):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = zip(
        figure.subplots(1, 2),
        (u, np.abs(difference)),
        ("viridis", "magma"),
        ("u", "|u - reference|"),
        strict=True,
    )
    for ax, values, colours, title in panels:
        extent = (-1, 1, -1, 1)
        image = ax.imshow(
            values.reshape(100, 100), origin="lower", extent=extent, cmap=colours
        )
        figure.colorbar(image, ax=ax)
        ax.set(title=title, xlabel="x", ylabel="y")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()

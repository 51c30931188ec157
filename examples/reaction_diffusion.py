"""A population grows and spreads; how easily it moves at each place is unknown.

    u_t = (k(x) u_x)_x + u (1 - u),    u_x = 0 at both ends,    k(x) = ?

Fisher's equation with a diffusivity that is a field: it has a network of its own, is
positive by construction, and is fitted in the same step. Nobody measures k; the data
are counts of u at 15 places and 20 times, without noise.

Reference: the field with which the data were made, by Chebyshev collocation in space
and an implicit Runge-Kutta method in time (scipy), to about 1e-10.

Figure: relative L2 error 2e-5 of k (worst of three keys). At both ends u_x vanishes,
and with it what the data say about k.
About 70 CPU seconds. Run it: python examples/reaction_diffusion.py
"""

import jax
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp

import pinnsven as ps


ps.enable_x64()


def true_k(x):
    return 0.05 * (1 + 0.5 * np.cos(2 * np.pi * x) - 0.2 * np.cos(np.pi * x))


def measured(x, t, n=60):
    """The solution at the places `x` and the times `t`, of shape `(x, t)`."""
    chebyshev = np.polynomial.chebyshev
    nodes = np.cos(np.pi * np.arange(n + 1) / n)[::-1]
    values = chebyshev.chebvander(nodes, n)
    slopes = chebyshev.chebvander(nodes, n - 1) @ chebyshev.chebder(np.eye(n + 1))
    slope = 2 * slopes @ np.linalg.inv(values)
    place = (nodes + 1) / 2

    def change(t, u):
        flux = true_k(place) * (slope @ u)
        flux[[0, -1]] = 0.0
        return slope @ flux + u * (1 - u)

    start = 0.4 - 0.2 * np.cos(np.pi * place) + 0.1 * np.cos(3 * np.pi * place)
    span = (0.0, t[-1])
    u = solve_ivp(change, span, start, "Radau", t, rtol=1e-10, atol=1e-12).y
    return chebyshev.chebvander(2 * x - 1, n) @ np.linalg.solve(values, u)


def fisher(u, k, x, t):
    flux = ps.field(lambda x, t: k(x) * u.x(x, t))
    return u.t(x, t) - ps.d(flux, "x")(x, t) - u(x, t) * (1 - u(x, t))


def main(steps=None, picture="reaction_diffusion.png", n=22, width=20):
    places, times = np.linspace(0, 1, 15), np.linspace(0, 2, 20)
    x, t = (a.ravel() for a in np.meshgrid(places, times, indexing="ij"))
    data = measured(places, times).ravel()

    domain, line = ps.Box(x=(0, 1), t=(0, 2)), ps.Box(x=(0, 1))
    nodes = ps.GaussLegendre()
    k1, k2 = jr.split(jr.key(0))
    movement = ps.MLP(line, "k", width=16, depth=1, key=k2)
    model = ps.Model(
        ps.MLP(domain, "u", width=width, depth=2, key=k1),
        ps.Constrained(movement, lambda k: 0.1 * jax.nn.softplus(k)),
    )
    problem = ps.Problem(
        growth=ps.Residual(fisher, domain.points(n * n, nodes)),
        walls=ps.Neumann("u", 0.0, domain.boundary("x").points(2 * n, nodes)),
        counts=ps.Data("u", ps.Points(x=x, t=t), data, sigma=1e-5),
    )
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        draw(solution, picture)
    x = np.linspace(0, 1, 201)
    error = ps.relative_l2(solution.k(x=x), true_k(x))
    print(f"relative L2 error of k {error:.1e}")
    return {"error": error, "result": solution.result.name}


def draw(solution, picture):
    x, t = np.linspace(0, 1, 201), np.linspace(0, 2, 101)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    population, movement = figure.subplots(1, 2)
    values = solution.u(x=x[:, None], t=t[None])
    mesh = population.pcolormesh(t, x, values, rasterized=True)
    figure.colorbar(mesh, ax=population)
    population.set(title="u", xlabel="t", ylabel="x")
    movement.plot(x, solution.k(x=x), label="found")
    movement.plot(x, true_k(x), "k--", lw=1, label="true")
    movement.set(title="k", xlabel="x", ylim=(0, None))
    movement.legend(frameon=False)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()

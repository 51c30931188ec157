"""Poisson's equation on the unit square, down to rounding error.

    u_xx + u_yy = -2 pi^2 sin(pi x) sin(pi y),    u = 0 on the boundary

Reference: the exact solution u = sin(pi x) sin(pi y).
About 20 CPU seconds. Run it: python examples/poisson.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps


ps.enable_x64()


def exact(x, y):
    return np.sin(np.pi * x) * np.sin(np.pi * y)


def poisson(u, x, y):
    source = 2 * jnp.pi**2 * jnp.sin(jnp.pi * x) * jnp.sin(jnp.pi * y)
    return ps.laplacian(u)(x, y) + source


def main(steps=None, picture="poisson.png"):
    domain = ps.Box(x=(0, 1), y=(0, 1))
    # For a smooth solution on a box, Gauss-Legendre nodes need the fewest rows.
    nodes = ps.GaussLegendre()
    problem = ps.Problem(
        pde=ps.Residual(poisson, domain.points(14 * 14, nodes)),
        walls=ps.Dirichlet("u", 0.0, domain.boundary().points(4 * 14, nodes)),
    )
    model = ps.Model(ps.MLP(domain, "u", width=64, depth=1, key=jr.key(0)))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        solution.plot(picture, reference=exact)
    x, y = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101))
    error = ps.relative_l2(solution.u(x=x, y=y), exact(x, y))
    print(f"relative L2 error {error:.1e}")
    return {"error": error, "result": solution.result.name}


if __name__ == "__main__":
    main()

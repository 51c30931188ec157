"""The heat equation, with conditions on the start and on both ends.

    u_t = u_xx / 4,    u(x, 0) = sin(pi x),    u(0, t) = u(1, t) = 0

Reference: the exact solution u = exp(-pi^2 t / 4) sin(pi x).
About 30 CPU seconds. Run it: python examples/heat.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps


ps.enable_x64()


def exact(x, t):
    return np.exp(-(np.pi**2) * t / 4) * np.sin(np.pi * x)


def heat(u, x, t):
    return u.t(x, t) - u.xx(x, t) / 4


def main(steps=None, picture="heat.png"):
    domain = ps.Box(x=(0, 1), t=(0, 1))
    nodes = ps.GaussLegendre()
    problem = ps.Problem(
        pde=ps.Residual(heat, domain.points(18 * 18, nodes)),
        start=ps.Dirichlet(
            "u", lambda x: jnp.sin(jnp.pi * x), domain.at(t=0).points(18, nodes)
        ),
        walls=ps.Dirichlet("u", 0.0, domain.boundary("x").points(2 * 18, nodes)),
    )
    model = ps.Model(ps.MLP(domain, "u", width=20, depth=2, key=jr.key(0)))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        solution.plot(picture, reference=exact)
    x, t = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101))
    error = ps.relative_l2(solution.u(x=x, t=t), exact(x, t))
    print(f"relative L2 error {error:.1e}")
    return {"error": error, "result": solution.result.name}


if __name__ == "__main__":
    main()

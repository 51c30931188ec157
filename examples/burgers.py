"""Burgers' equation: a sine steepens into a front 0.006 wide.

    u_t + u u_x = nu u_xx,    u(x, 0) = -sin(pi x),    u(-1, t) = u(1, t) = 0

with nu = 0.01 / pi. The points follow the front by themselves: `ps.solve` draws them
anew where the residual is large.

Reference: the exact solution by the Cole-Hopf transformation, two integrals.
About 2 CPU minutes. Run it: python examples/burgers.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps
from pinnsven.reference import cole_hopf


ps.enable_x64()
nu = 0.01 / jnp.pi
domain = ps.Box(x=(-1, 1), t=(0, 1))


def burgers(u, x, t):
    return u.t(x, t) + u(x, t) * u.x(x, t) - nu * u.xx(x, t)


def main(steps=None, n=2000, width=20, picture="burgers.png"):
    problem = ps.Problem(
        pde=ps.Residual(burgers, domain.points(n)),
        start=ps.Dirichlet(
            "u", lambda x: -jnp.sin(jnp.pi * x), domain.at(t=0).points(n // 10)
        ),
        walls=ps.Dirichlet("u", 0.0, domain.boundary("x").points(n // 20)),
    )
    model = ps.Model(ps.MLP(domain, "u", width=width, depth=3, key=jr.key(0)))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        solution.plot(picture, reference=lambda x, t: cole_hopf(x, t, nu))
    x, t = np.meshgrid(np.linspace(-1, 1, 401), np.linspace(0, 1, 51))
    error = ps.relative_l2(solution.u(x=x, t=t), cole_hopf(x, t, nu))
    print(f"relative L2 error {error:.1e}")
    return {"error": error, "result": solution.result.name}


if __name__ == "__main__":
    main()

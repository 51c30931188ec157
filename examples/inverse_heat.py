"""How well does a material conduct heat? Its diffusivity from 50 temperatures.

    u_t = D u_xx,    u(x, 0) = sin(pi x),    u(0, t) = u(1, t) = 0,    D = ?

The measurements are exact values of u = exp(-pi^2 D t) sin(pi x) with D = 1/4, at
random places and times; the search starts at D = 1. D is one more unknown beside the
weights of the network, and the same step fits all of them.

Reference: D = 1/4 and the exact solution.
About 30 CPU seconds. Run it: python examples/inverse_heat.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps


ps.enable_x64()


def exact(x, t):
    return np.exp(-(np.pi**2) * t / 4) * np.sin(np.pi * x)


def heat(u, D, x, t):
    return u.t(x, t) - D * u.xx(x, t)


def main(steps=None, picture="inverse_heat.png"):
    domain = ps.Box(x=(0, 1), t=(0, 1))
    nodes = ps.GaussLegendre()
    xs, ts = np.random.default_rng(0).uniform(size=(2, 50))
    problem = ps.Problem(
        pde=ps.Residual(heat, domain.points(18 * 18, nodes)),
        start=ps.Dirichlet(
            "u", lambda x: jnp.sin(jnp.pi * x), domain.at(t=0).points(18, nodes)
        ),
        walls=ps.Dirichlet("u", 0.0, domain.boundary("x").points(2 * 18, nodes)),
        probes=ps.Data("u", ps.Points(x=xs, t=ts), exact(xs, ts)),
    )
    network = ps.MLP(domain, "u", width=20, depth=2, key=jr.key(0))
    model = ps.Model(network, D=ps.Unknown(1.0, positive=True))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        solution.plot(picture, reference=exact)
    D = float(solution.D)
    print(f"D = {D:.12f}, relative error {abs(4 * D - 1):.1e}")
    return {"D": D, "error": abs(4 * D - 1), "result": solution.result.name}


if __name__ == "__main__":
    main()

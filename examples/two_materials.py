"""Heat leaves a wall of two materials, brick and insulation.

    u_t = a1 u_xx  for 0 < x < 1,    v_t = a2 v_xx  for 1 < x < 2
    u = v and k1 u_x = k2 v_x at x = 1,    u(0, t) = v(2, t) = 0

Lengths are in units of a layer's thickness and times in units of its diffusion time in
brick: a1 = k1 = 1, a2 = 2, k2 = 0.2. The slope jumps where the materials meet, so that
each has a network of its own, and one condition joins them. The outer faces hold by
construction.

Reference: the slowest mode of the wall, exp(-w^2 t) times sin(w x) in the brick and
b sin(w (2 - x) / sqrt(a2)) in the insulation, exact.

Figure: relative L2 error 1e-8 (worst of three keys).
About 26 CPU seconds. Run it: python examples/two_materials.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.optimize import root_scalar

import pinnsven as ps


ps.enable_x64()
A2, K2 = 2.0, 0.2
S = A2**0.5


def mismatch(w):
    """Of the flux, once both sides agree in the value."""
    return np.cos(w) * np.sin(w / S) + K2 / S * np.sin(w) * np.cos(w / S)


W = root_scalar(mismatch, bracket=(1.0, 3.0), xtol=1e-15).root
B = np.sin(W) / np.sin(W / S)


def brick(x, t):
    return jnp.exp(-(W**2) * t) * jnp.sin(W * x)


def insulation(x, t):
    return jnp.exp(-(W**2) * t) * B * jnp.sin(W * (2 - x) / S)


def main(steps=None, picture="two_materials.png", n=14, width=24):
    left, right = ps.Box(x=(0, 1), t=(0, 1)), ps.Box(x=(1, 2), t=(0, 1))
    nodes = ps.GaussLegendre()
    problem = ps.Problem(
        brick=ps.Residual(
            lambda u, x, t: u.t(x, t) - u.xx(x, t), left.points(n * n, nodes)
        ),
        insulation=ps.Residual(
            lambda v, x, t: v.t(x, t) - A2 * v.xx(x, t), right.points(n * n, nodes)
        ),
        contact=ps.Interface(
            "u", "v", left.at(x=1).points(n, nodes), conductivity=(1.0, K2)
        ),
        start_u=ps.Dirichlet("u", brick, left.at(t=0).points(n, nodes)),
        start_v=ps.Dirichlet("v", insulation, right.at(t=0).points(n, nodes)),
    )
    k1, k2 = jr.split(jr.key(0))
    one = ps.MLP(left, "u", width=width, depth=1, key=k1)
    two = ps.MLP(right, "v", width=width, depth=1, key=k2)
    model = ps.Model(
        ps.Constrained(one, lambda u, x: x * u),
        ps.Constrained(two, lambda v, x: (2 - x) * v),
    )
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        solution.plot(picture, reference=brick)
    x, t = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101))
    found = np.stack([solution.u(x=x, t=t), solution.v(x=x + 1, t=t)])
    error = ps.relative_l2(found, np.stack([brick(x, t), insulation(x + 1, t)]))
    print(f"relative L2 error {error:.1e}")
    return {"error": error, "result": solution.result.name}


if __name__ == "__main__":
    main()

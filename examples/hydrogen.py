"""The hydrogen atom: the radial states 1s, 2s and 2p with their energies.

    -u'' / 2 + (l (l + 1) / (2 r^2) - 1 / r) u = E u,    int u^2 dr = 1

for u = r R(r), in atomic units. With r = q^2 (Levi-Civita's regularisation) the cusp at
the nucleus is gone and the long tail is short:

    -(u_qq - u_q / q) / 8 + (l (l + 1) / (2 q^2) - 1) u = E q^2 u,    0 < q < 6.5

By construction u vanishes like r at the nucleus and is zero at r = 42. The energy is an
unknown; 2s is told from 1s by being orthogonal to it.

Reference: E = -1 / (2 n^2).
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps


ps.enable_x64()
END = 6.5
DOMAIN = ps.Box(q=(0, END))
NODES = DOMAIN.points(60, ps.GaussLegendre())


def state(l, lower, key, steps):
    def schroedinger(u, E, q):
        kinetic = -(u.qq(q) - u.q(q) / q) / 8
        return kinetic + (l * (l + 1) / (2 * q**2) - 1 - E * q**2) * u(q)

    overlaps = {
        f"not_{i}": ps.Integral(lambda u, q, v=v: u(q) * v(q) * 2 * q, NODES)
        for i, v in enumerate(lower)
    }
    problem = ps.Problem(
        equation=ps.Residual(schroedinger, NODES),
        norm=ps.Integral(lambda u, q: u(q) ** 2 * 2 * q, NODES, value=1.0),
        **overlaps,
    )
    network = ps.MLP(DOMAIN, "u", width=30, depth=1, key=jr.key(key))
    decay = lambda u, q: q**2 * (1 - q / END) * jnp.exp(-(q**2) / 4) * u
    ends = ps.Constrained(network, decay)
    model = ps.Model(ends, E=ps.Unknown(-0.4))
    return ps.solve(problem, model, ps.Sven(), key=jr.key(100 + key), steps=steps)


def main(steps=None, picture="hydrogen.png"):
    s1 = state(0, [], 0, steps)
    print(s1)
    s2 = state(0, [s1.model.field("u")], 1, steps)
    print(s2)
    p2 = state(1, [], 2, steps)
    print(p2)
    states = [*sorted([s1, s2], key=lambda s: s.E), p2]
    exact = np.array([-1 / 2, -1 / 8, -1 / 8])
    energies = np.array([float(s.E) for s in states])
    print(energies)
    error = float(max(abs(energies / exact - 1)))
    print(f"relative error {error:.1e}")
    if picture:
        p2.plot(picture)
    return {"error": error, "result": [s.result.name for s in states]}


if __name__ == "__main__":
    main()

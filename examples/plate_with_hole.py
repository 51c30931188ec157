"""A wide plate with a round hole is pulled: how it deforms, and where it would break.

    r R_r + T_a - H = 0,    r T_r + H_a + T = 0

are the balances of force in polar coordinates r and a. R, H and T are r times the
radial, the hoop and the shear stress, which Hooke's law for plane stress gives from the
radial and circumferential displacements u and v. The radius of the hole, the pull along
x and Young's modulus are 1, Poisson's ratio is 0.3.

The coordinate is q = 1 / r instead of r, so that r d/dr = -q d/dq: it maps one quarter
of the infinite plate to a rectangle, on which everything is smooth. The fields are what
the hole adds to uniform tension. That vanishes far away, at q = 0, and v does so on the
axes of symmetry, both by construction. At the edge of the hole nothing pulls: there the
hole adds the opposite of the uniform tension.

Reference: Kirsch's solution (Z. VDI 42 (1898) 797), exact; the greatest stress is three
times the pull.

Figure: displacements to 3e-12, the greatest stress to 6e-12 (worst of three keys).
About 70 CPU seconds, half of them compiling.
Run it: python examples/plate_with_hole.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

import pinnsven as ps


ps.enable_x64()
NU = 0.3


def stresses(u, v, q, a):
    """The radial, the hoop and the shear stress times r, by Hooke's law."""
    radial, hoop = -q * u.q(q, a), u(q, a) + v.a(q, a)
    shear = u.a(q, a) - q * v.q(q, a) - v(q, a)
    return (
        (radial + NU * hoop) / (1 - NU**2),
        (hoop + NU * radial) / (1 - NU**2),
        shear / (2 * (1 + NU)),
    )


def balance(u, v, q, a):
    R, H, T = (ps.field(lambda q, a, i=i: stresses(u, v, q, a)[i]) for i in range(3))
    return (
        -q * R.q(q, a) + T.a(q, a) - H(q, a),
        -q * T.q(q, a) + H.a(q, a) + T(q, a),
    )


def free(u, v, q, a):
    radial, _, shear = stresses(u, v, q, a)
    return radial + (1 + jnp.cos(2 * a)) / 2, shear - jnp.sin(2 * a) / 2


def kirsch(q, a):
    """What the hole adds to u and to v."""
    k = (3 - NU) / (1 + NU)
    u = q + ((k + 1) * q - q**3) * np.cos(2 * a)
    v = -((k - 1) * q + q**3) * np.sin(2 * a)
    return (1 + NU) / 2 * u, (1 + NU) / 2 * v


def main(steps=None, picture="plate_with_hole.png", n=16, width=16):
    plate = ps.Box(q=(0, 1), a=(0, jnp.pi / 2))
    nodes = ps.GaussLegendre()
    axes = plate.boundary("a").points(2 * n, nodes)
    problem = ps.Problem(
        balance=ps.Residual(balance, plate.points(n * n, nodes)),
        free=ps.Residual(free, plate.at(q=1).points(n, nodes)),
        symmetry=ps.Neumann("u", 0.0, axes),
    )
    network = ps.MLP(plate, "u v", width=width, depth=2, key=jr.key(0))
    fading = lambda u, q: q * u
    symmetric = lambda v, q, a: q * a * (jnp.pi / 2 - a) * v
    model = ps.Model(ps.Constrained(network, u=fading, v=symmetric))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    q, a = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, np.pi / 2, 101))
    found = np.stack([solution.u(q=q, a=a), solution.v(q=q, a=a)])
    error = ps.relative_l2(found, np.stack(kirsch(q, a)))
    hoop = np.asarray(total_hoop(solution, q, a))
    print(
        f"displacements to {error:.1e}, the greatest stress is 3{hoop.max() - 3:+.0e}"
    )
    if picture:
        draw(hoop, q, a, picture)
    error = max(error, abs(hoop.max() / 3 - 1))
    return {"error": error, "result": solution.result.name}


def total_hoop(solution, q, a):
    """That of uniform tension and of the hole together."""
    return (1 - np.cos(2 * a)) / 2 + q * stresses(solution.u, solution.v, q, a)[1]


def draw(hoop, q, a, picture):
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    plate, edge = figure.subplots(1, 2)
    r, near = 1 / np.maximum(q, 0.1), q[0] > 0.225
    x, y = (r * np.cos(a))[:, near], (r * np.sin(a))[:, near]
    levels = np.linspace(-1, 3, 17)
    for side in (1, -1):
        for half in (1, -1):
            drawn = plate.contourf(side * x, half * y, hoop[:, near], levels)
    figure.colorbar(drawn, ax=plate)
    plate.set(title="hoop stress / pull along x", xlabel="x", ylabel="y")
    plate.set(aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
    angle = np.degrees(a[:, -1])
    edge.plot(angle, hoop[:, -1], label="edge of the hole")
    edge.plot(angle[::10], 1 - 2 * np.cos(2 * a[::10, -1]), "k.", label="Kirsch")
    edge.set(title="at the edge", xlabel="angle from the pull", ylabel="stress / pull")
    edge.legend(frameon=False)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()

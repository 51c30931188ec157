"""A cantilever beam under its own weight and a load at its tip (Euler and Bernoulli).

    w'''' = q,    w(0) = w'(0) = 0,    w''(1) = 0,    w'''(1) = -F

Lengths are in units of the beam's length L, the deflection w in units of L, the weight
q per length in units of EI / L^3 and the load F in units of EI / L^2. The clamped end
holds by construction; moment and shear force at the tip are conditions.

Reference: w = q x^2 (6 - 4 x + x^2) / 24 + F x^2 (3 - x) / 6, exact.

Figure: relative L2 error 4e-15 (worst of three keys).
About 13 CPU seconds. Run it: python examples/beam.py
"""

import jax.random as jr
import numpy as np

import pinnsven as ps


ps.enable_x64()
q, F = 0.4, 0.1


def exact(x):
    return q * x**2 * (6 - 4 * x + x**2) / 24 + F * x**2 * (3 - x) / 6


def main(steps=None, picture="beam.png"):
    beam = ps.Box(x=(0, 1))
    tip = beam.at(x=1).points(1)
    problem = ps.Problem(
        bending=ps.Residual(
            lambda w, x: w.xxxx(x) - q, beam.points(20, ps.GaussLegendre())
        ),
        moment=ps.Residual(lambda w, x: w.xx(x), tip),
        shear=ps.Residual(lambda w, x: w.xxx(x) + F, tip),
    )
    network = ps.MLP(beam, "w", width=16, depth=1, key=jr.key(0))
    model = ps.Model(ps.Constrained(network, lambda w, x: x**2 * w))
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    if picture:
        solution.plot(picture, reference=exact)
    x = np.linspace(0, 1, 201)
    error = ps.relative_l2(solution.w(x=x), exact(x))
    print(f"the tip is {float(solution.w(x=1.0)):.10f} lengths lower")
    print(f"relative L2 error {error:.1e}")
    return {"error": error, "result": solution.result.name}


if __name__ == "__main__":
    main()

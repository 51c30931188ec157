"""Newton's law of cooling: how fast, and to what temperature, does a cup of tea cool?

    T' = -k (T - T_air)

A thermometer that scatters by 0.3 degrees is read every two minutes for an hour. The
rate k and the temperature of the air are unknown, and so is the first temperature. The
readings are simulated, with k = 0.045 per minute and T_air = 21.

Reference: the exact solution fitted to the same readings (`scipy.optimize.curve_fit`),
with its standard errors.

Figure: both agree with it within 4e-5 standard errors, and the standard errors to 1 %
(worst of three keys).
About 11 CPU seconds. Run it: python examples/cooling.py
"""

import jax.random as jr
import numpy as np
from scipy.optimize import curve_fit

import pinnsven as ps


ps.enable_x64()
SIGMA = 0.3


def exact(t, k, air, first):
    return air + (first - air) * np.exp(-k * t)


def main(steps=None, picture="cooling.png"):
    t = np.arange(0.0, 61.0, 2.0)
    readings = exact(t, 0.045, 21.0, 88.0)
    readings += SIGMA * np.random.default_rng(0).normal(size=t.size)

    hour = ps.Box(t=(0, 60))
    problem = ps.Problem(
        # The law must hold far better than the readings scatter.
        newton=ps.Residual(
            lambda T, k, air, t: T.t(t) + k * (T(t) - air),
            hour.points(20, ps.GaussLegendre()),
            weight=1e6,
        ),
        readings=ps.Data("T", ps.Points(t=t), readings, sigma=SIGMA),
    )
    network = ps.MLP(hour, "T", width=16, depth=1, key=jr.key(0))
    model = ps.Model(
        ps.Constrained(network, lambda T: 50 + 40 * T),
        k=ps.Unknown(0.1, positive=True),
        air=ps.Unknown(10.0),
    )
    solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)

    print(solution)
    best, covariance = curve_fit(exact, t, readings, (0.1, 10.0, 90.0), SIGMA, True)
    off, std_off = [], []
    for i, name in enumerate(("k", "air")):
        value, std = float(getattr(solution, name)), float(solution.std(name))
        error = covariance[i, i] ** 0.5
        off.append(abs(value - best[i]) / error)
        std_off.append(abs(std / error - 1))
        print(
            f"{name} = {value:.5f} +- {std:.5f}, curve_fit {best[i]:.5f} +- {error:.5f}"
        )
    print(
        f"they agree within {max(off):.1e} standard errors, those to {max(std_off):.1e}"
    )
    if picture:
        solution.plot(picture, reference=lambda t: exact(t, *best))
    return {
        "error": float(max(off)),
        "std_off": float(max(std_off)),
        "result": solution.result.name,
    }


if __name__ == "__main__":
    main()

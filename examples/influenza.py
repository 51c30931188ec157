"""Influenza in a boarding school: how fast it spread, from 14 daily counts.

The susceptible share s and the infected share i of the boys follow Kermack and
McKendrick's SIR model; their logarithms, ls and li, are smooth and their exponentials
positive:

    li' = beta s - gamma,    ls' = -beta i,    s(0) + i(0) = 1

The data are the boys confined to bed each day from 22 January to 4 February 1978, of
763 (Anonymous, "Influenza in a boarding school", BMJ 1 (1978) 587). The rates beta and
gamma, per day, and i(0) are unknown; standard errors come from the scatter.

Reference: the same model integrated and fitted with scipy (`solve_ivp`, `curve_fit`),
with its standard errors.

Figure: both rates agree with it within 2e-3 standard errors, and the standard errors to
1e-4 (worst of three keys).
About 24 CPU seconds. Run it: python examples/influenza.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit

import pinnsven as ps


ps.enable_x64()
BOYS = 763
IN_BED = np.array([3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4.0])


def sir(li, ls, beta, gamma, t):
    infected = li.t(t) - beta * jnp.exp(ls(t)) + gamma
    susceptible = ls.t(t) + beta * jnp.exp(li(t))
    return infected, susceptible


def integrated(t, beta, gamma, first):
    def slopes(t, y):
        return beta * y[0] * y[1] - gamma * y[0], -beta * y[0] * y[1]

    start, span = (first, 1 - first), (0, max(t[-1], 1.0))
    found = solve_ivp(slopes, span, start, "DOP853", t, rtol=1e-11, atol=1e-13)
    return BOYS * found.y[0]


def main(steps=None, picture="influenza.png"):
    day = np.arange(14.0)
    domain = ps.Box(t=(0, 13))
    first = domain.at(t=0).points(1)
    nodes = domain.points(80, ps.GaussLegendre(panels=4))
    model = ps.Model(
        ps.MLP(domain, "li ls", width=40, depth=1, key=jr.key(0)),
        beta=ps.Unknown(1.0, positive=True),
        gamma=ps.Unknown(1.0, positive=True),
    )
    for weight in (1.0, 1e5):
        problem = ps.Problem(
            sir=ps.Residual(sir, nodes, weight=weight),
            start=ps.Residual(
                lambda li, ls, t: jnp.exp(li(t)) + jnp.exp(ls(t)) - 1,
                first,
                weight=weight,
            ),
            counts=ps.Data(
                lambda li, t: jnp.exp(li(t)), ps.Points(t=day), IN_BED / BOYS
            ),
        )
        solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)
        model = solution.model
    print(solution)

    best, covariance = curve_fit(integrated, day, IN_BED, (1.5, 0.5, 0.003))
    off, std_off = [], []
    for i, name in enumerate(("beta", "gamma")):
        value, std = float(getattr(solution, name)), float(solution.std(name))
        error = covariance[i, i] ** 0.5
        off.append(abs(value - best[i]) / error)
        std_off.append(abs(std / error - 1))
        print(
            f"{name:5} = {value:.5f} +- {std:.5f}, scipy {best[i]:.5f} +- {error:.5f}"
        )
    print(
        f"they agree within {max(off):.1e} standard errors, those to {max(std_off):.1e}"
    )
    if picture:
        solution.plot(picture, reference=lambda t: np.log(integrated(t, *best) / BOYS))
    return {
        "error": float(max(off)),
        "std_off": float(max(std_off)),
        "result": solution.result.name,
    }


if __name__ == "__main__":
    main()

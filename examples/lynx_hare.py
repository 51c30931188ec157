"""Predator and prey: four rates from 21 years of the fur trade.

Hares multiply and are eaten, lynxes starve and eat hares (Lotka and Volterra). For the
logarithms of their numbers, h and l,

    h' = alpha - beta exp(l),    l' = -gamma + delta exp(h).

The data are pelts that the Hudson's Bay Company collected from 1900 to 1920, in
thousands. Both populations and the four rates are unknown. Counts scatter by a factor,
so the misfit is that of the logarithms; standard errors come from its size.

Reference: the same model integrated and fitted by nonlinear least squares (diffrax),
with its standard errors.
About 20 CPU seconds, and 10 for the reference. Run it: python examples/lynx_hare.py
"""

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps
from pinnsven.problems.lynx_hare import pelts
from pinnsven.reference import fit_trajectory


ps.enable_x64()
RATES = ("alpha", "beta", "gamma", "delta")


def lotka_volterra(h, l, alpha, beta, gamma, delta, t):
    hares = h.t(t) - alpha + beta * jnp.exp(l(t))
    lynxes = l.t(t) + gamma - delta * jnp.exp(h(t))
    return hares, lynxes


def slopes(t, y, p):
    hares = p["alpha"] - p["beta"] * jnp.exp(y[1])
    lynxes = -p["gamma"] + p["delta"] * jnp.exp(y[0])
    return jnp.stack([hares, lynxes])


def main(steps=None, picture="lynx_hare.png"):
    year, hare, lynx = pelts().T
    t, logs = year - year[0], np.log([hare, lynx])
    domain = ps.Box(t=(0, 20))
    nodes = domain.points(80, ps.GaussLegendre(panels=4))
    start = dict(zip(RATES, (1.0, 0.05, 1.0, 0.05), strict=True))
    model = ps.Model(
        ps.MLP(domain, "h l", width=40, depth=1, key=jr.key(0)),
        **{name: ps.Unknown(value, positive=True) for name, value in start.items()},
    )
    # In the end the equations must hold far better than the data scatter. But so stiff
    # a problem, from a random network, settles for populations that stand still: first
    # let the data draw the curves, then tighten the equations.
    for weight in (1.0, 1e4):
        problem = ps.Problem(
            ode=ps.Residual(lotka_volterra, nodes, weight=weight),
            hare=ps.Data("h", ps.Points(t=t), logs[0]),
            lynx=ps.Data("l", ps.Points(t=t), logs[1]),
        )
        solution = ps.solve(problem, model, ps.Sven(), key=jr.key(1), steps=steps)
        model = solution.model
    print(solution)

    guess = dict(zip(RATES, (0.5, 0.03, 0.8, 0.02), strict=True))
    fit = fit_trajectory(slopes, logs[:, 0], guess, t, logs.T)
    off = []
    for name in RATES:
        rate, std = float(getattr(solution, name)), float(solution.std(name))
        other, error = fit.parameters[name], fit.standard_errors[name]
        off.append(abs(rate - other) / error)
        print(f"{name:5} {rate:.4f} +- {std:.4f}, reference {other:.4f} +- {error:.4f}")
    print(f"the rates agree within {max(off):.2g} standard errors")
    if picture:
        solution.plot(picture, reference=lambda t: fit.trajectory(t)[:, 0])
    return {"off": max(off), "result": solution.result.name}


if __name__ == "__main__":
    main()

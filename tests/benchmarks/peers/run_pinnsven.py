"""pinnsven: `ps.solve` with its defaults and its own sampler, without any option.

With `--own` it takes the network and the points that the package registers for the
problem (`pinnsven.problems`) in place of those that all packages share.

Documentation: docs/getting-started.md.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from common import CASES, GUESS, NU, decay, measured, start

import pinnsven as ps
from pinnsven import problems
from pinnsven.problems.burgers import DOMAIN as CHANNEL
from pinnsven.problems.heat import DIFFUSIVITY, DOMAIN as ROD
from pinnsven.problems.poisson import DOMAIN as SQUARE, poisson


def diffusion(u, D, x, t):
    return u.t(x, t) - D * u.xx(x, t)


def heat(u, x, t):
    return diffusion(u, DIFFUSIVITY, x, t)


def burgers(u, x, t):
    return u.t(x, t) + u(x, t) * u.x(x, t) - NU * u.xx(x, t)


def rise(x):
    return jnp.sin(jnp.pi * x)


def fall(x):
    return -rise(x)


EQUATIONS = {
    "poisson": (SQUARE, poisson, None),
    "heat": (ROD, heat, rise),
    "burgers": (CHANNEL, burgers, fall),
    "inverse_heat": (ROD, diffusion, rise),
}


def shared(name: str, seed: int) -> tuple[ps.Problem, ps.Model]:
    """The problem with the network and the counts of points of all packages."""
    case, (domain, equation, first) = CASES[name], EQUATIONS[name]
    walls = domain.boundary("x") if case.in_time else domain.boundary()
    conditions = {
        "pde": ps.Residual(equation, domain.points(case.interior)),
        "walls": ps.Dirichlet("u", 0.0, walls.points(case.walls)),
    }
    if first is not None:
        line = domain.at(t=0).points(case.start)
        conditions["start"] = ps.Dirichlet("u", first, line)
    unknowns = {}
    if case.inverse:
        where = measured(seed)
        points = ps.Points(x=where[:, 0], t=where[:, 1])
        conditions["probes"] = ps.Data("u", points, decay(where))
        unknowns["D"] = ps.Unknown(GUESS, positive=True)
    network = ps.MLP(domain, "u", width=32, depth=3, key=jr.key(2 * seed))
    return ps.Problem(**conditions), ps.Model(network, **unknowns)


@eqx.filter_jit
def values(model, *coordinates):
    """The field at many points."""
    return jax.vmap(model.field("u"))(*coordinates)


def main() -> None:
    ps.enable_x64()
    given, recorder = start("pinnsven", "pinnsven")
    if given.own:
        problem, model = problems.get(given.problem).build(given.seed)
    else:
        problem, model = shared(given.problem, given.seed)
    bound = problem.bind(model)

    def record(fitted):
        unknown = fitted.unknowns["D"].value if recorder.case.inverse else None
        recorder.record(lambda points: values(fitted, *points.T), unknown)

    def watch(run):
        if recorder.due:
            with recorder.uncounted():
                fitted = bound.rebuild(run.theta)
            record(fitted)
        return recorder.over

    # Network and points take different keys, as in `pinnsven.problems`.
    key = jr.key(2 * given.seed + 1)
    record(ps.solve(problem, model, key=key, callbacks=[watch]).model)


if __name__ == "__main__":
    main()

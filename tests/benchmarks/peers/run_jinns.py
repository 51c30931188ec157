"""jinns: its natural gradient `vanilla_ngd`, on uniform points of its own sampler.

Its pages recommend second-order optimisers as the default ("We recommend testing them
as default optimizers") with small networks and float64, and for inverse problems
`solve_alternate`, which goes to and fro between the network and the coefficients:
https://mia_jinns.gitlab.io/jinns/index.html. `vanilla_ngd` has its defaults, a ridge of
1e-5 and a backtracking line search. The coefficient takes steps of Adam, 1e-2 long.
"""

import equinox as eqx
import jax


jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import jax.random as jr  # noqa: E402
import jinns  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from common import (  # noqa: E402
    CASES,
    DIFFUSIVITY,
    GUESS,
    LAYERS,
    NU,
    decay,
    measured,
    network,
    start,
)
from jax.experimental import io_callback  # noqa: E402


# More than any run can take in its time: the arrays for the losses have this length.
ITERATIONS = 100_000
# One cycle for an unknown: so many natural steps, then so many of Adam.
CYCLE = (5, 50)


def pure(u, x, axis):
    """The second derivative along one coordinate."""
    return jax.hessian(lambda x: u(x)[0])(x)[axis, axis]


class Laplace(jinns.loss.PDEStatio):
    def equation(self, x, u, params):
        value = lambda x: u(x, params)
        source = 2 * jnp.pi**2 * jnp.sin(jnp.pi * x[0]) * jnp.sin(jnp.pi * x[1])
        return jnp.array([pure(value, x, 0) + pure(value, x, 1) + source])


class Heat(jinns.loss.PDENonStatio):
    def equation(self, t_x, u, params):
        value = lambda t_x: u(t_x, params)
        rate = jax.grad(lambda t_x: value(t_x)[0])(t_x)[0]
        return jnp.array([rate - params.eq_params.D[0] * pure(value, t_x, 1)])


class Burgers(jinns.loss.PDENonStatio):
    def equation(self, t_x, u, params):
        value = lambda t_x: u(t_x, params)
        rate, slope = jax.grad(lambda t_x: value(t_x)[0])(t_x)
        return jnp.array([rate + value(t_x)[0] * slope - NU * pure(value, t_x, 1)])


class TimeIsUp(Exception):
    """Leaves the compiled loop of jinns, which has no limit of its own on the time."""


def watched(optimizer, look):
    """The same optimiser, which shows its parameters to `look` at every step."""

    def update(updates, state, params=None, **extra):
        io_callback(look, None, params)
        return optimizer.update(updates, state, params, **extra)

    return optax.GradientTransformationExtraArgs(optimizer.init, update)


def sampled(case, seed):
    """The points, as many as the others have."""
    common = {"key": jr.key(seed), "n": case.interior, "nb": case.walls}
    if not case.in_time:
        box = {"dim": 2, "min_pts": case.low, "max_pts": case.high}
        return jinns.data.CubicMeshPDEStatio(**common, **box)
    box = {"dim": 1, "min_pts": case.low[:1], "max_pts": case.high[:1]}
    times = {"ni": case.start, "tmin": case.low[1], "tmax": case.high[1]}
    return jinns.data.CubicMeshPDENonStatio(**common, **box, **times)


def built(problem, case, seed):
    """The loss and the parameters at the start."""
    layers = []
    for into, out in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        layers += [(eqx.nn.Linear, into, out), (jnp.tanh,)]
    kind = "PDENonStatio" if case.in_time else "PDEStatio"
    u, net = jinns.nn.PINN_MLP.create(
        key=jr.key(seed + 1000), eqx_list=tuple(layers[:-1]), eq_type=kind
    )
    D = GUESS if case.inverse else DIFFUSIVITY
    params = jinns.parameters.Params(nn_params=net, eq_params={"D": jnp.array([D])})
    common = {"u": u, "boundary_condition": jinns.loss.Dirichlet(), "params": params}
    ones = {"dyn_loss": 1.0, "boundary_loss": 1.0}
    if not case.in_time:
        weights = jinns.loss.LossWeightsPDEStatio(**ones)
        common |= {"dynamic_loss": Laplace(), "loss_weights": weights}
        return jinns.loss.LossPDEStatio(**common), params
    ones |= {"initial_condition": 1.0} | ({"observations": 1.0} if case.inverse else {})
    sign = -1.0 if problem == "burgers" else 1.0
    rise = lambda x: sign * jnp.sin(jnp.pi * x)
    equation = Burgers() if problem == "burgers" else Heat()
    weights = jinns.loss.LossWeightsPDENonStatio(**ones)
    common |= {"dynamic_loss": equation, "loss_weights": weights}
    return jinns.loss.LossPDENonStatio(initial_condition_fun=rise, **common), params


def main() -> None:
    given, recorder = start("jinns", "jinns")
    case = CASES[given.problem]
    loss, params = built(given.problem, case, given.seed)

    def look(params):
        if not (recorder.due or recorder.over):
            return
        flat = [np.asarray(leaf) for leaf in jax.tree.leaves(params.nn_params)]
        field = network(list(zip(flat[::2], flat[1::2], strict=True)))
        # jinns has time first.
        values = lambda points: field(points[:, ::-1] if case.in_time else points)
        unknown = params.eq_params.D.item() if case.inverse else None
        recorder.record(values, unknown)
        if recorder.over:
            raise TimeIsUp

    search = optax.scale_by_backtracking_linesearch(max_backtracking_steps=15)
    natural = watched(jinns.optimizers.vanilla_ngd(linesearch=search), look)
    common = {"init_params": params, "data": sampled(case, given.seed), "loss": loss}
    common |= {"n_iter": ITERATIONS, "verbose": False}
    try:
        if not case.inverse:
            jinns.solve(optimizer=natural, **common)
            return
        where = measured(given.seed)
        known = jinns.data.DataGeneratorObservations(
            key=jr.key(given.seed + 2000),
            observed_pinn_in=jnp.asarray(where[:, ::-1]),
            observed_values=jnp.asarray(decay(where)[:, None]),
        )
        pair = lambda net, D: jinns.parameters.Params(net, {"D": D})
        jinns.solve_alternate(
            optimizers=pair(natural, optax.adam(1e-2)),
            n_iter_by_solver=pair(*CYCLE),
            obs_data=known,
            **common,
        )
    except Exception:
        # What a callback raises arrives as an error of the compiled program.
        if not recorder.over:
            raise


if __name__ == "__main__":
    main()

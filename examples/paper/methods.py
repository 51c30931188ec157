"""The methods that are compared, each with eight trials to choose from.

Sven is the step of the paper on a Gram matrix, `default` is `ps.Sven()` without any
setting. HIG, the half-inverse gradient of P. Schnell, P. Holl and N. Thuerey
(arXiv 2203.10131), takes the singular values of the Jacobian of all outputs to the
power -1/2. The others are those of optax, on the mean loss of the batch.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from study import Task, Trainer

import pinnsven as ps
from pinnsven.sven import AbstractStepRule


class HalfInverse(AbstractStepRule):
    r"""A step along $V S^{-1/2} U^T r$."""

    lr: float

    def init(self, dtype):
        del dtype
        return ()

    def step(self, model, state):
        spectrum = model.spectrum
        roots = jnp.sqrt(jnp.where(model.kept, spectrum.s, 1.0))
        coefficients = jnp.where(model.kept, self.lr * spectrum.c / roots, 0.0)
        theta = model.move(coefficients)
        norm = jnp.linalg.norm(coefficients)
        info = model.info(model.shares_at(theta), jnp.zeros_like(norm), norm)
        return theta, state, info


def by_residuals(task: Task, solver, row: Callable) -> Trainer:
    """A solver of pinnsven on rows of single samples."""
    static = task.network(0)[1]
    transform = ps.as_optax(solver)
    rows = lambda params, x, y: row(eqx.combine(params, static), x, y)

    def step(params, state, x, y):
        updates, state = transform.update(
            None, state, params, residual_fn=rows, batch=(x, y)
        )
        return optax.apply_updates(params, updates), state

    return Trainer(transform.init, step)


def sven(task: Task, lr, rtol, k=None, kappa=1.0) -> Trainer:
    solver = ps.Sven(lr=lr, rtol=rtol, k=k, factorisation=ps.Gram())
    return by_residuals(task, solver, partial(task.row, kappa=kappa))


def default(task: Task) -> Trainer:
    return by_residuals(task, ps.Sven(), partial(task.row, kappa=1.0))


def hig(task: Task, lr, rtol) -> Trainer:
    solver = ps.Sven(step_rule=HalfInverse(lr), rtol=rtol, factorisation=ps.Gram())
    return by_residuals(task, solver, task.off)


def by_gradient(task: Task, transform) -> Trainer:
    """A transformation of optax on the mean loss of the batch."""
    static = task.network(0)[1]
    transform = optax.with_extra_args_support(transform)

    def step(params, state, x, y):
        def mean(params):
            network = eqx.combine(params, static)
            return jnp.mean(jax.vmap(partial(task.loss, network))(x, y))

        value, grad = jax.value_and_grad(mean)(params)
        updates, state = transform.update(
            grad, state, params, value=value, grad=grad, value_fn=mean
        )
        return optax.apply_updates(params, updates), state

    return Trainer(transform.init, step)


def first_order(make: Callable) -> Callable:
    return lambda task, lr: by_gradient(task, make(lr))


def lbfgs(task: Task, memory, lr) -> Trainer:
    """With a line search on each batch, or with a fixed rate."""
    if lr is None:
        return by_gradient(task, optax.lbfgs(memory_size=memory))
    fixed = optax.lbfgs(lr, memory_size=memory, linesearch=None)
    return by_gradient(task, fixed)


@dataclass(frozen=True)
class Method:
    """A name, how it is made from its settings, and the settings to try."""

    name: str
    make: Callable
    trials: tuple[dict, ...]


def grid(**axes) -> tuple[dict, ...]:
    return tuple(
        dict(zip(axes, values, strict=True))
        for values in itertools.product(*axes.values())
    )


RATES = (1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 3e-2, 1e-1)
LARGE_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 2e-1, 5e-1, 1.0)
# Learning rates and relative cut-offs: the steeper the spectrum, the smaller both.
SVEN = {
    "regression": grid(lr=(0.01, 0.03), rtol=(3e-4, 1e-3), kappa=(1.0, 2.0)),
    "polynomial": grid(lr=(0.1, 0.2, 0.3, 0.5), rtol=(1e-2, 3e-2)),
    "additive-cubic": grid(lr=(0.1, 0.2, 0.3, 0.5), rtol=(1e-3, 1e-2)),
    "regression of labels": grid(lr=(0.1, 0.25, 0.5, 1.0), rtol=(1e-3, 1e-1)),
    "classes": grid(lr=(0.1, 0.25, 0.5, 1.0), rtol=(1e-1, 0.3)),
}
HIG = {
    "regression": grid(lr=(0.005, 0.01, 0.02, 0.05), rtol=(1e-6, 1e-4)),
    "polynomial": grid(lr=(0.05, 0.1, 0.2, 0.3), rtol=(1e-6, 1e-3)),
    "additive-cubic": grid(lr=(0.05, 0.1, 0.2, 0.3), rtol=(1e-6, 1e-3)),
}


def methods(task: Task) -> list[Method]:
    """Those that are compared on a task, in the order of the legend."""
    small = task.outputs == "scalar"
    found = [Method("Sven", sven, SVEN[task.kind])]
    if small:
        found += [Method("Sven, default", default, ({},))]
        found += [Method("HIG", hig, HIG[task.kind])]
    return found + [
        Method("Adam", first_order(optax.adam), grid(lr=RATES)),
        Method(
            "RMSprop", first_order(partial(optax.rmsprop, decay=0.99)), grid(lr=RATES)
        ),
        Method("SGD", first_order(optax.sgd), grid(lr=LARGE_RATES)),
        # A line search on each batch costs some hundred Adam steps on MNIST.
        Method(
            "L-BFGS",
            lbfgs,
            grid(memory=(2, 10), lr=(None if small else 0.03, 1.0, 0.5, 0.1)),
        ),
    ]

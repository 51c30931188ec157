"""DeepXDE on PyTorch: Adam, then L-BFGS, in float64, on its own Hammersley points.

Adam followed by L-BFGS is how its pages solve Burgers' equation and inverse problems:
https://deepxde.readthedocs.io/en/latest/demos/pinn_forward/burgers.html. They give Adam
15,000 steps of 1e-3, which alone would fill the time on one thread; here it takes
2,000. Float64 is what the page on L-BFGS advises:
https://deepxde.readthedocs.io/en/latest/modules/deepxde.optimizers.html.
"""

import os


os.environ["DDE_BACKEND"] = "pytorch"
import deepxde as dde  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from common import (  # noqa: E402
    CASES,
    DIFFUSIVITY,
    GUESS,
    LAYERS,
    NU,
    Case,
    decay,
    measured,
    network,
    start,
)


WARM_UP = 2000
# L-BFGS hands control back after so many iterations, for the clock to be read.
LEG = 50


def laplace(x, u):
    xx, yy = (dde.grad.hessian(u, x, i=i, j=i) for i in (0, 1))
    return xx + yy + 2 * np.pi**2 * torch.prod(torch.sin(np.pi * x), 1, keepdim=True)


def diffusion(D):
    def equation(x, u):
        return dde.grad.jacobian(u, x, j=1) - D * dde.grad.hessian(u, x, i=0, j=0)

    return equation


def burgers(x, u):
    dx, dt = (dde.grad.jacobian(u, x, j=j) for j in (0, 1))
    return dt + u * dx - NU * dde.grad.hessian(u, x, i=0, j=0)


def zero(x):
    return np.zeros((len(x), 1))


def built(problem: str, case: Case, seed: int, unknown):
    """The equation and its conditions, on as many points as the others have."""
    if not case.in_time:
        square = dde.geometry.Rectangle(case.low, case.high)
        wall = dde.icbc.DirichletBC(square, zero, lambda _, edge: edge)
        return dde.data.PDE(square, laplace, wall, case.interior, case.walls)
    line = dde.geometry.Interval(case.low[0], case.high[0])
    domain = dde.geometry.GeometryXTime(line, dde.geometry.TimeDomain(0, case.high[1]))
    sign = -1 if problem == "burgers" else 1
    first = lambda x: sign * np.sin(np.pi * x[:, :1])
    conditions = [
        dde.icbc.DirichletBC(domain, zero, lambda _, edge: edge),
        dde.icbc.IC(domain, first, lambda _, at_start: at_start),
    ]
    if case.inverse:
        where = measured(seed)
        conditions.append(dde.icbc.PointSetBC(where, decay(where)[:, None]))
    equation = diffusion(DIFFUSIVITY if unknown is None else unknown)
    equation = burgers if problem == "burgers" else equation
    counts = case.interior, case.walls, case.start
    return dde.data.TimePDE(domain, equation, conditions, *counts)


class Watch(dde.callbacks.Callback):
    """Records the error and ends the training when the time is up."""

    def __init__(self, recorder, unknown):
        super().__init__()
        self.recorder, self.unknown = recorder, unknown

    def on_epoch_end(self):
        if self.recorder.due:
            self.record()
        if self.recorder.over:
            self.model.stop_training = True

    def record(self):
        pairs = [(l.weight, l.bias) for l in self.model.net.linears]
        layers = [(w.detach().numpy(), b.detach().numpy()) for w, b in pairs]
        unknown = None if self.unknown is None else self.unknown.item()
        self.recorder.record(network(layers), unknown)


def main() -> None:
    given, recorder = start("DeepXDE", "DeepXDE")
    case = CASES[given.problem]
    torch.set_num_threads(1)
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(given.seed)
    unknown = dde.Variable(GUESS, dtype=torch.float64) if case.inverse else None
    data = built(given.problem, case, given.seed, unknown)
    net = dde.nn.FNN(list(LAYERS), "tanh", "Glorot normal")
    model, watch = dde.Model(data, net), Watch(recorder, unknown)
    learned = {} if unknown is None else {"external_trainable_variables": unknown}
    # The losses are not printed: a test on all points would cost as much as a step.
    quiet = {"callbacks": [watch], "verbose": 0}
    model.compile("adam", lr=1e-3, verbose=0, **learned)
    model.train(iterations=WARM_UP, display_every=WARM_UP, **quiet)
    dde.optimizers.set_LBFGS_options(maxiter=10**9)
    dde.optimizers.config.LBFGS_options |= {
        "iter_per_step": LEG,
        "fun_per_step": 2 * LEG,
    }
    model.compile("L-BFGS", verbose=0, **learned)
    if not recorder.over:
        model.train(display_every=10**9, **quiet)
    watch.record()


if __name__ == "__main__":
    main()

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

from ..conditions import Dirichlet, Residual
from ..fields import MLP, Model, PeriodicEmbedding
from ..geometry import Box
from ..reference import relative_l2
from ..residuals import Problem
from ..solve import Result, Solution, Windows, solve, solve_windows


@dataclasses.dataclass(frozen=True)
class Target:
    """The figure that a benchmark is held to.

    `figure` names an entry of `Benchmark.errors`, which must not exceed `bound`: that
    of the running state for the first time within `seconds` process CPU seconds on one
    thread, start-up and compilation included, and that of the solution in the end.
    """

    figure: str
    bound: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class March:
    """Windows of time, as `ps.solve_windows` takes them."""

    window: Callable[..., tuple[Problem, Model]]
    times: tuple[float, ...]
    start: Mapping[str, Callable]
    tolerance: float

    def first(self, seed: int) -> tuple[Problem, Model]:
        """The problem and a model of the first window."""
        return self.window(*self.times[:2], self.start, network_key(seed))


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A problem whose solution is known from elsewhere.

    - `name`, `summary`: what it is called and what it is, one line each.
    - `build(seed)`: the problem and a fresh model.
    - `warm_up()`: an easier problem that is solved first, if the model needs a start.
    - `march`: the windows of time, if one network over all of it is not enough; `build`
      then makes the first of them.
    - `errors(solution)`: how far a solution is from the reference, by name.
    - `target`: the figure that it must reach. `published`: the best that others report.
    - `reference`: the first field as a function of its coordinates by keyword;
      `None` if only tables are known.

    **Example:** `problems.get("poisson").solve(seed=0)`.
    """

    name: str
    summary: str
    build: Callable[[int], tuple[Problem, Model]]
    errors: Callable[[Any], dict[str, float]]
    target: Target
    published: str
    reference: Callable[..., Any] | None
    warm_up: Callable[[], Problem] | None = None
    march: March | None = None

    def solve(self, seed: int = 0, **options: Any) -> Solution | Windows:
        """Build and solve with the defaults; `options` are those of `ps.solve`."""
        return list(self.stages(seed, **options))[-1]

    def stages(self, seed: int = 0, **options: Any) -> Iterator[Solution | Windows]:
        """The solution of the warm-up, if there is one, then that of the problem.

        Limits among the `options` are those of each stage, or of each window.
        """
        key = jr.key(2 * seed + 1)
        if self.march is not None:
            window, times = self.march.window, self.march.times
            options = {"tolerance": self.march.tolerance} | options
            start = self.march.start
            yield solve_windows(window, times, start=start, key=key, **options)
            return
        problem, model = self.build(seed)
        if self.warm_up is not None:
            # What is called back waits for the problem itself.
            alone = {k: v for k, v in options.items() if k != "callbacks"}
            start = solve(self.warm_up(), model, key=key, **alone)
            yield start
            if start.result is Result.interrupted:
                return
            model = start.model
        yield solve(problem, model, key=key, **options)

    def met(self, errors: dict[str, float]) -> bool:
        """Whether these errors reach the figure."""
        return errors[self.target.figure] <= self.target.bound


def network_key(seed: int) -> PRNGKeyArray:
    """The key of the network; `solve` uses the next one, so that they differ."""
    return jr.key(2 * seed)


def field_error(
    field: Callable[..., Any], reference: Callable[..., Any], domain: Box, *sides: int
) -> float:
    """The relative L2 error on a uniform grid with `sides` points along each axis.

    Without `sides` it is taken on 10,000 scattered points: a grid of many coordinates
    would have too many.
    """
    if not sides:
        points = domain.points(10_000).draw(jr.key(0)).coordinates
        grid = {name: np.asarray(points[name]) for name in domain.names}
    else:
        lines = [
            np.linspace(*bounds, side)
            for bounds, side in zip(domain.bounds.values(), sides, strict=True)
        ]
        mesh = np.meshgrid(*lines, indexing="ij")
        grid = dict(zip(domain.names, mesh, strict=True))
    return relative_l2(np.asarray(field(**grid)), np.asarray(reference(**grid)))


def periodic_window(
    residual: Callable, name: str, bounds: tuple[float, float], n: int
) -> Callable[..., tuple[Problem, Model]]:
    """Windows of an equation for `u` that is periodic in one coordinate.

    A network of three layers of 20, `n` points and a tenth as many at the start.
    """

    def window(t0: float, t1: float, start, key):
        domain = Box(**{name: bounds}, t=(t0, t1))
        problem = Problem(
            pde=Residual(residual, domain.points(n)),
            start=Dirichlet("u", start["u"], domain.at(t=t0).points(n // 10)),
        )
        periodic = PeriodicEmbedding(name)
        net = MLP(domain, "u", width=20, depth=3, embedding=periodic, key=key)
        return problem, Model(net)

    return window

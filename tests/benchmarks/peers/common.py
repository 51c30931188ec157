"""What all packages share: the problems, their exact solutions, the clock, the output.

NumPy and SciPy only, since each package runs in an environment of its own.
"""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import qmc


# The unknown diffusivity and its first guess, and the viscosity of Burgers' equation.
DIFFUSIVITY, GUESS = 0.25, 1.0
NU = 0.01 / np.pi
LAYERS = (2, 32, 32, 32, 1)
MEASUREMENTS = 50


def sine(points: np.ndarray) -> np.ndarray:
    """The solution of -(u_xx + u_yy) = 2 pi^2 sin(pi x) sin(pi y)."""
    return np.sin(np.pi * points[:, 0]) * np.sin(np.pi * points[:, 1])


def decay(points: np.ndarray) -> np.ndarray:
    """The solution of the heat equation that starts from sin(pi x)."""
    rate = np.pi**2 * DIFFUSIVITY
    return np.exp(-rate * points[:, 1]) * np.sin(np.pi * points[:, 0])


def front(points: np.ndarray) -> np.ndarray:
    """The solution of Burgers' equation from -sin(pi x), by Cole and Hopf.

    With z the place that a path of heat comes from, u is the mean of -sin(pi z) under
    the weight exp(-cos(pi z) / (2 pi nu) - s^2); the trapezoid rule is exact here.
    """
    s = np.linspace(-14.0, 14.0, 1501)
    values = np.empty(len(points))
    for first in range(0, len(points), 2000):
        part = slice(first, first + 2000)
        x, t = points[part, :1], points[part, 1:]
        z = np.pi * (x - np.sqrt(4 * NU * t) * s)
        exponent = -np.cos(z) / (2 * np.pi * NU) - s**2
        weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        values[part] = -np.sum(np.sin(z) * weight, axis=1) / np.sum(weight, axis=1)
    return values


@dataclasses.dataclass(frozen=True)
class Case:
    """A problem on a rectangle of x and either y or t (`in_time`).

    `interior`, `start` and `walls` count its points, of which `walls` are those of all
    walls together; the grid of the error has `sides` points along each axis.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    exact: Callable[[np.ndarray], np.ndarray]
    interior: int
    start: int
    walls: int
    sides: tuple[int, int] = (101, 101)
    inverse: bool = False

    @property
    def in_time(self) -> bool:
        """Whether the second coordinate is a time, with a start but no upper wall."""
        return self.start > 0

    def grid(self) -> np.ndarray:
        """The points on which the error is taken."""
        lines = map(np.linspace, self.low, self.high, self.sides)
        return np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 2)

    def points(self, seed: int) -> dict[str, np.ndarray]:
        """Scattered points for packages without a sampler: a scrambled Halton set."""
        low, high = np.array(self.low), np.array(self.high)
        halton = qmc.Halton(2, seed=seed)
        scatter = lambda n: low + (high - low) * halton.random(n)
        found = {"pde": scatter(self.interior)}
        if self.in_time:
            found["start"] = scatter(self.start)
            found["start"][:, 1] = low[1]
        sides = [(0, low), (0, high)]
        if not self.in_time:
            sides += [(1, low), (1, high)]
        walls = [scatter(self.walls // len(sides)) for _ in sides]
        for wall, (axis, corner) in zip(walls, sides, strict=True):
            wall[:, axis] = corner[axis]
        found["walls"] = np.concatenate(walls)
        if self.inverse:
            found["data"] = measured(seed)
        return found


def measured(seed: int) -> np.ndarray:
    """Where the temperature is known, as in the problem `inverse_heat` of pinnsven."""
    return np.random.default_rng(seed).uniform(size=(2, MEASUREMENTS)).T


UNIT = ((0.0, 0.0), (1.0, 1.0))
CASES = {
    "poisson": Case(*UNIT, sine, 800, 0, 160),
    "heat": Case(*UNIT, decay, 800, 80, 80),
    "burgers": Case((-1.0, 0.0), (1.0, 1.0), front, 2000, 160, 80, (801, 51)),
    "inverse_heat": Case(*UNIT, decay, 800, 80, 80, inverse=True),
}


def network(layers: list[tuple[np.ndarray, np.ndarray]]) -> Callable:
    """A tanh network from matrices (out, in) and biases, as a function of points."""

    def values(points):
        hidden = points
        for matrix, bias in layers[:-1]:
            hidden = np.tanh(hidden @ matrix.T + bias)
        return (hidden @ layers[-1][0].T + layers[-1][1])[:, 0]

    return values


class Recorder:
    """Prints the error at geometrically spaced process CPU seconds.

    The time that it spends on the error itself is not counted.
    """

    MARKS, FIRST = 40, 1.0

    def __init__(self, given: argparse.Namespace, package: str, version: str, stream):
        self.head = {"package": package, "version": version}
        self.head |= {"problem": given.problem, "seed": given.seed}
        self.case, self.limit, self.stream = CASES[given.problem], given.seconds, stream
        self.spent, self.mark = 0.0, 0.0
        with self.uncounted():
            self.points = self.case.grid()
            self.exact = self.case.exact(self.points)

    @property
    def seconds(self) -> float:
        """Process CPU seconds so far, start-up and compilation included."""
        return time.process_time() - self.spent

    @property
    def due(self) -> bool:
        """Whether it is time for another point of the curve."""
        return self.seconds >= self.mark

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.seconds >= self.limit

    @contextlib.contextmanager
    def uncounted(self) -> Iterator[None]:
        """Work that belongs to the measurement and not to the package."""
        began = time.process_time()
        yield
        self.spent += time.process_time() - began

    def record(self, values: Callable, unknown: float | None = None) -> None:
        """Print the error of a field, which maps points (n, 2) to values (n,)."""
        seconds = self.seconds
        factor = (self.limit / self.FIRST) ** (1 / self.MARKS)
        self.mark = max(seconds, self.FIRST) * factor
        with self.uncounted():
            difference = np.asarray(values(self.points)) - self.exact
            error = np.linalg.norm(difference) / np.linalg.norm(self.exact)
            line = self.head | {"cpu_seconds": seconds, "error": float(error)}
            if unknown is not None:
                line["unknown_error"] = abs(float(unknown) / DIFFUSIVITY - 1)
            print(json.dumps(line), file=self.stream, flush=True)


def start(package: str, distribution: str) -> tuple[argparse.Namespace, Recorder]:
    """Read the command line; what the package prints itself goes to stderr."""
    parser = argparse.ArgumentParser(description=f"One benchmark with {package}.")
    parser.add_argument("problem", choices=CASES)
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own", action="store_true", help="pinnsven: its own network")
    given = parser.parse_args()
    stream, sys.stdout = sys.stdout, sys.stderr
    version = importlib.metadata.version(distribution)
    label = f"{package}, own network" if given.own else package
    return given, Recorder(given, label, version, stream)

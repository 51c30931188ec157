"""Many steps: the driver, its sampling and stopping rules, and the solution."""

from ._causal import Causal as Causal
from ._driver import Run as Run
from ._ensemble import Ensemble as Ensemble, solve_ensemble as solve_ensemble
from ._history import History as History
from ._march import solve_windows as solve_windows
from ._refine import refine as refine
from ._result import End as End, Result as Result
from ._sampling import (
    AbstractSampling as AbstractSampling,
    Adaptive as Adaptive,
    Fixed as Fixed,
)
from ._solution import Solution as Solution, load as load
from ._solve import solve as solve
from ._windows import Windows as Windows

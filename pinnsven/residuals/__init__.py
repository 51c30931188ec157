"""From named conditions to one residual vector and its Jacobian."""

from ._bound import BoundProblem as BoundProblem
from ._map import (
    AbstractResiduals as AbstractResiduals,
    Block as Block,
    FunctionResiduals as FunctionResiduals,
    ResidualMap as ResidualMap,
)
from ._problem import Problem as Problem

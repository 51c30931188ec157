"""From named conditions to one residual vector and its Jacobian."""

from ._map import Block as Block, ResidualMap as ResidualMap
from ._problem import BoundProblem as BoundProblem, Problem as Problem

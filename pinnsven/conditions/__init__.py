"""What must hold: the condition blocks of a problem."""

from ._balanced import Balanced as Balanced
from ._boundary import (
    Dirichlet as Dirichlet,
    Neumann as Neumann,
    Periodic as Periodic,
)
from ._condition import AbstractCondition as AbstractCondition, Point as Point
from ._data import Data as Data
from ._residual import Residual as Residual

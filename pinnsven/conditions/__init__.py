"""What must hold: the condition blocks of a problem."""

from ._balanced import Balanced as Balanced
from ._boundary import (
    Dirichlet as Dirichlet,
    Neumann as Neumann,
    Periodic as Periodic,
)
from ._condition import AbstractCondition as AbstractCondition, Point as Point
from ._data import AbstractData as AbstractData, Data as Data
from ._flux import Flux as Flux, Interface as Interface, Robin as Robin
from ._inequality import Inequality as Inequality
from ._integral import Integral as Integral
from ._quadrature import integral as integral
from ._residual import Residual as Residual
from ._trajectory import Trajectory as Trajectory

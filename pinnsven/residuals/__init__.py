"""From named conditions to one residual vector and its Jacobian."""

from ._bound import BoundProblem as BoundProblem
from ._map import (
    CHUNK_ENTRIES as CHUNK_ENTRIES,
    AbstractResiduals as AbstractResiduals,
    Block as Block,
    FunctionResiduals as FunctionResiduals,
    ResidualMap as ResidualMap,
    sample_residuals as sample_residuals,
)
from ._nondimensional import nondimensionalise as nondimensionalise
from ._problem import Problem as Problem
from ._rows import (
    loss_rows as loss_rows,
    microbatches as microbatches,
    signed_rows as signed_rows,
)
from ._scales import Scales as Scales, scales as scales
from ._units import Units as Units

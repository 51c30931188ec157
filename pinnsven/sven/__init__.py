"""One step: the truncated pseudoinverse, its factorisations and its step control."""

from ._as_optax import as_optax as as_optax
from ._as_optimistix import as_optimistix as as_optimistix
from ._factorisations import (
    SVD as SVD,
    AbstractFactorisation as AbstractFactorisation,
    Gram as Gram,
    Spectrum as Spectrum,
)
from ._matrix_free import GolubKahan as GolubKahan, RandomisedSVD as RandomisedSVD
from ._optax import Optax as Optax
from ._parameter_batch import (
    ParameterBatch as ParameterBatch,
    by_element as by_element,
    by_row as by_row,
    by_tensor as by_tensor,
    sees_part as sees_part,
)
from ._solver import AbstractSolver as AbstractSolver, Info as Info
from ._steps import (
    AbstractStepRule as AbstractStepRule,
    FixedStep as FixedStep,
    Linearised as Linearised,
)
from ._sven import LevenbergMarquardt as LevenbergMarquardt, Sven as Sven
from ._trust_region import TrustRegion as TrustRegion

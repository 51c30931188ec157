"""Physics-informed networks by singular value descent."""

from importlib.metadata import version as _version

from ._errors import (
    BoundsError as BoundsError,
    CheckpointError as CheckpointError,
    DtypeError as DtypeError,
    EmptyRegionError as EmptyRegionError,
    KeyReuseError as KeyReuseError,
    NonFiniteError as NonFiniteError,
    PinnsvenError as PinnsvenError,
    ShapeError as ShapeError,
    SolveError as SolveError,
    UnknownNameError as UnknownNameError,
)
from ._precision import enable_x64 as enable_x64
from .conditions import (
    Data as Data,
    Dirichlet as Dirichlet,
    Neumann as Neumann,
    Periodic as Periodic,
    Residual as Residual,
)
from .fields import (
    MLP as MLP,
    Constrained as Constrained,
    Field as Field,
    Model as Model,
    Unknown as Unknown,
    d as d,
    divergence as divergence,
    field as field,
    grad as grad,
    laplacian as laplacian,
)
from .geometry import (
    Ball as Ball,
    Box as Box,
    Disc as Disc,
    Ellipse as Ellipse,
    GaussLegendre as GaussLegendre,
    Grid as Grid,
    Mesh as Mesh,
    Points as Points,
    Polygon as Polygon,
    Simplex as Simplex,
    Sobol as Sobol,
    Triangle as Triangle,
    Uniform as Uniform,
)
from .reference import max_error as max_error, relative_l2 as relative_l2
from .residuals import (
    Problem as Problem,
    ResidualMap as ResidualMap,
    loss_rows as loss_rows,
    microbatches as microbatches,
    signed_rows as signed_rows,
)
from .solve import (
    Adaptive as Adaptive,
    Fixed as Fixed,
    History as History,
    Result as Result,
    Solution as Solution,
    load as load,
    solve as solve,
)
from .sven import (
    SVD as SVD,
    AbstractSolver as AbstractSolver,
    FixedStep as FixedStep,
    GolubKahan as GolubKahan,
    Gram as Gram,
    Info as Info,
    LevenbergMarquardt as LevenbergMarquardt,
    Optax as Optax,
    ParameterBatch as ParameterBatch,
    RandomisedSVD as RandomisedSVD,
    Sven as Sven,
    TrustRegion as TrustRegion,
    as_optax as as_optax,
    as_optimistix as as_optimistix,
    by_element as by_element,
    by_row as by_row,
    by_tensor as by_tensor,
)


__version__ = _version("pinnsven")

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
from ._quantities import SI as SI, si as si
from .conditions import (
    Data as Data,
    Dirichlet as Dirichlet,
    Flux as Flux,
    Inequality as Inequality,
    Integral as Integral,
    Interface as Interface,
    Neumann as Neumann,
    Periodic as Periodic,
    Residual as Residual,
    Robin as Robin,
    Trajectory as Trajectory,
    integral as integral,
)
from .fields import (
    MLP as MLP,
    SIREN as SIREN,
    Constrained as Constrained,
    Field as Field,
    FourierFeatures as FourierFeatures,
    Model as Model,
    ModifiedMLP as ModifiedMLP,
    PeriodicEmbedding as PeriodicEmbedding,
    RandomFeatures as RandomFeatures,
    SeparableMLP as SeparableMLP,
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
from .inference import (
    Combination as Combination,
    Covariance as Covariance,
    Identifiability as Identifiability,
)
from .reference import max_error as max_error, relative_l2 as relative_l2
from .residuals import (
    Problem as Problem,
    ResidualMap as ResidualMap,
    Scales as Scales,
    Units as Units,
    loss_rows as loss_rows,
    microbatches as microbatches,
    nondimensionalise as nondimensionalise,
    scales as scales,
    signed_rows as signed_rows,
)
from .solve import (
    Adaptive as Adaptive,
    Causal as Causal,
    Ensemble as Ensemble,
    Fixed as Fixed,
    History as History,
    Result as Result,
    Solution as Solution,
    Windows as Windows,
    load as load,
    refine as refine,
    solve as solve,
    solve_ensemble as solve_ensemble,
    solve_windows as solve_windows,
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

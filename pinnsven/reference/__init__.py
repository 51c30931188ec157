"""Solutions that do not come from a neural network, to judge those that do."""

from .burgers import cole_hopf as cole_hopf
from .cavity import cavity_errors as cavity_errors, ghia as ghia, scraper as scraper
from .cylinder import cylinder_drag as cylinder_drag
from .errors import max_error as max_error, relative_l2 as relative_l2
from .flow import kovasznay as kovasznay
from .heat import heat_mode as heat_mode
from .poisson import (
    poisson_sine as poisson_sine,
    poisson_sine_source as poisson_sine_source,
)
from .spectral import (
    PeriodicEquation as PeriodicEquation,
    periodic_solution as periodic_solution,
)
from .trajectories import (
    TrajectoryFit as TrajectoryFit,
    fit_trajectory as fit_trajectory,
)

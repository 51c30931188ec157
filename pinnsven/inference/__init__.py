"""How far an estimate can be trusted, from the spectrum of the Jacobian."""

from ._covariance import Covariance as Covariance, covariance as covariance
from ._identifiability import (
    Combination as Combination,
    Identifiability as Identifiability,
    identifiability as identifiability,
)
from ._propagation import Propagation as Propagation, Spread as Spread
from ._standard_errors import (
    check_level as check_level,
    interval as interval,
    standard_error as standard_error,
    std as std,
    student as student,
)

"""Where a condition holds: regions, their samplers, and the user's own points."""

from ._box import (
    AbstractRegion as AbstractRegion,
    Boundary as Boundary,
    Box as Box,
    Patch as Patch,
)
from ._points import (
    AbstractPoints as AbstractPoints,
    Batch as Batch,
    Points as Points,
    RegionPoints as RegionPoints,
    check_coordinates as check_coordinates,
)
from ._samplers import (
    AbstractSampler as AbstractSampler,
    GaussLegendre as GaussLegendre,
    Grid as Grid,
    Sobol as Sobol,
    Uniform as Uniform,
    host_generator as host_generator,
    is_count as is_count,
)
from ._single import Single as Single

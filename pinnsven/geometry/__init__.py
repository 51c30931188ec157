"""Where a condition holds: regions, their samplers, and the user's own points."""

from ._ball import Ball as Ball, Disc as Disc, Ellipse as Ellipse
from ._box import Box as Box, Patch as Patch
from ._combine import (
    CombinedShape as CombinedShape,
    Product as Product,
    opposite as opposite,
)
from ._mesh import Mesh as Mesh
from ._points import (
    AbstractPoints as AbstractPoints,
    Batch as Batch,
    Points as Points,
    RegionPoints as RegionPoints,
    check_coordinates as check_coordinates,
)
from ._polygon import Polygon as Polygon
from ._region import AbstractRegion as AbstractRegion, Boundary as Boundary
from ._samplers import (
    AbstractSampler as AbstractSampler,
    GaussLegendre as GaussLegendre,
    Grid as Grid,
    Sobol as Sobol,
    Uniform as Uniform,
    host_generator as host_generator,
    is_count as is_count,
)
from ._shape import AbstractShape as AbstractShape
from ._simplex import Simplex as Simplex, Triangle as Triangle
from ._single import Single as Single

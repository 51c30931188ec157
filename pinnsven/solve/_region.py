from collections.abc import Callable, Sequence

import numpy as np

from .._names import parameters
from ..geometry import AbstractShape, RegionPoints
from ..residuals import BoundProblem


def region_of(
    bounds: Sequence[BoundProblem], field: str
) -> Callable[..., np.ndarray] | None:
    """Whether points lie in a region on which conditions on a field hold.

    `None` where conditions hold at single points, or on a part without a test.
    """
    names = set(bounds[0].model.field(field).names)
    regions = []
    for condition in (c for bound in bounds for c in bound.conditions.values()):
        used = {n for fn in condition.functions() for n in parameters(fn)}
        if field not in used | set(condition.uses()):
            continue
        if not isinstance(condition.points, RegionPoints):
            continue
        region = condition.points.region
        if set(region.names) != names or region.axes:
            continue
        if isinstance(region, AbstractShape):
            regions.append(region)
        elif getattr(region, "dim", 0) == len(names):
            return None
    if not regions:
        return None

    def inside(**coordinates) -> np.ndarray:
        return np.any([r.contains(**coordinates) for r in regions], axis=0)

    return inside

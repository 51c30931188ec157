import equinox as eqx
import numpy as np

from .._errors import PinnsvenError, ShapeError, listing
from .._names import shown
from .._precision import full_precision
from ..fields import AbstractNetwork, Model, Refined
from ._solution import Solution


# Far below the fields, far above the rounding of a residual.
_PROBE = 1e-4


def refine(solution: Solution, *networks: AbstractNetwork) -> Model:
    r"""A model whose new networks fit what those of a solution have left.

    A network of some size reaches the residual that its weights allow, and then crawls.
    What is left is a small and wavy function, which another network is to fit:

    $$ u = u_1 + \epsilon\,u_2, \qquad
       \epsilon = \frac{|r(u_1)|}{|\partial_\epsilon r(u_1 + \epsilon\,u_2)|} $$

    with $u_1$ kept as it is. By that $\epsilon$ the new conditions are about $u_2$ of
    order one, whatever the size of what is left. Refine again for a third stage.
    Unknown constants stay in the model, and start from their values.

    **Arguments:**

    - `solution`: what `ps.solve` returned.
    - `networks`: one for each network of its model, of the same fields, with fresh
      weights; larger ones than the first.

    **Returns:** the `ps.Model` to solve the same problem with.

    **Raises:** `ShapeError` for another number of networks, `UnknownNameError` where
    fields differ, `PinnsvenError` for what is no `Solution`.

    **Example:**

    ```python
    net = ps.MLP(domain, "u", width=20, depth=3, key=jr.key(2))
    finer = ps.solve(problem, ps.refine(solution, net), key=jr.key(3))
    ```

    Source: Wang and Lai, J. Comput. Phys. 504 (2024), multi-stage neural networks.
    """
    if not isinstance(solution, Solution):
        raise PinnsvenError(
            f"`refine` needs a solution of `ps.solve` first; got {shown(solution)}."
        )
    old = solution.model.networks
    if len(networks) != len(old):
        groups = [f"({', '.join(network.fields)})" for network in old]
        raise ShapeError(
            f"`refine` got {len(networks)} networks for a model that has {len(old)}, "
            f"of the fields {listing(groups)}; give one for each."
        )
    bound, run = solution._bound, solution._run
    left = _evaluated(bound.map(run.draw.train), run.theta)
    # All at once: they share one residual, and so one scale.
    other = bound.beside(_joined(solution.model, networks, _PROBE))
    moved = _evaluated(other.map(run.draw.train), other.theta)
    slope = np.linalg.norm(moved - left) / _PROBE
    scale = float(np.linalg.norm(left) / slope)
    if not 0.0 < scale < np.inf:
        raise PinnsvenError(
            f"`refine` found a scale of {scale:g}: the solution has nothing left, or "
            "the new networks do not enter its conditions."
        )
    return _joined(solution.model, networks, scale)


@full_precision
@eqx.filter_jit
def _evaluated(residuals, theta):
    return residuals(theta)


def _joined(model: Model, networks, scale: float) -> Model:
    pairs = zip(model.networks, networks, strict=True)
    parts = [Refined(first, second, scale) for first, second in pairs]
    return Model(*parts, **model.unknowns)

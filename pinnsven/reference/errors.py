"""How far an approximation is from the exact solution."""

import numpy as np
from jaxtyping import ArrayLike, Shaped


def relative_l2(
    approx: Shaped[ArrayLike, "..."], exact: Shaped[ArrayLike, "..."]
) -> float:
    r"""The relative $L^2$ error $\|a - e\|_2 / \|e\|_2$ over all entries.

    Computed in float64 on the host.

    **Arguments:**

    - `approx`: the values to be judged.
    - `exact`: the true values at the same points, in an array of the same shape.

    **Returns:**

    The error, a Python float.

    **Raises:**

    `ValueError` if the shapes differ, for `(n,)` against `(n, 1)` would silently
    broadcast to `(n, n)`; and if `exact` is zero everywhere.
    """
    a, e = _pair(approx, exact)
    scale = np.linalg.norm(e)
    if scale == 0.0:
        raise ValueError(
            "`exact` is zero everywhere, so that a relative error is not defined. "
            "Use `max_error`."
        )
    return float(np.linalg.norm(a - e) / scale)


def max_error(
    approx: Shaped[ArrayLike, "..."], exact: Shaped[ArrayLike, "..."]
) -> float:
    r"""The largest error $\max_i |a_i - e_i|$ over all entries.

    Computed in float64 on the host.

    **Arguments:**

    - `approx`: the values to be judged.
    - `exact`: the true values at the same points, in an array of the same shape.

    **Returns:**

    The error, a Python float.

    **Raises:**

    `ValueError` if the shapes differ.
    """
    a, e = _pair(approx, exact)
    return float(np.max(np.abs(a - e)))


def _pair(approx, exact):
    a, e = np.asarray(approx, np.float64), np.asarray(exact, np.float64)
    if a.shape != e.shape:
        raise ValueError(
            f"`approx` has shape {a.shape} and `exact` has shape {e.shape}. They must "
            "be equal: reshape one of them."
        )
    return a.ravel(), e.ravel()

"""The exact solution of Burgers' equation that starts from a sine."""

import numpy as np
from jaxtyping import ArrayLike, Float, Shaped


def cole_hopf(
    x: Shaped[ArrayLike, "..."], t: Shaped[ArrayLike, "..."], nu: float
) -> Float[np.ndarray, "..."]:
    r"""The solution of $u_t + u u_x = \nu u_{xx}$, $u(x, 0) = -\sin \pi x$.

    The solution is odd and has period 2 in $x$, so that $u(\pm 1, t) = 0$. The
    Cole-Hopf transformation gives it as a quotient of two integrals; with
    $\eta = \sqrt{4 \nu t}\, s$ and up to a factor common to both,

    $$u(x, t) = -\frac{\int \sin(\pi y)\, e^{E(s)} \,\mathrm{d}s}
                      {\int e^{E(s)} \,\mathrm{d}s}, \qquad
      y = x - \eta, \quad E(s) = -\frac{\cos^2(\pi y / 2)}{\pi \nu} - s^2.$$

    The integrands are entire and decay like a Gaussian, so the trapezoid rule converges
    faster than any power of its step and is exact to rounding here.

    **Arguments:**

    - `x`, `t`: where to evaluate. They are broadcast against each other, so
      `x[:, None]` and `t[None, :]` give a grid. `t` must not be negative.
    - `nu`: the viscosity, positive.

    **Returns:**

    The values, a float64 NumPy array of the broadcast shape.

    **Raises:**

    `ValueError` if a time is negative or the viscosity not positive.

    **Reference:** J. D. Cole, On a quasi-linear parabolic equation occurring in
    aerodynamics, Quarterly of Applied Mathematics 9 (1951); E. Hopf, The partial
    differential equation $u_t + u u_x = \mu u_{xx}$, Communications on Pure and Applied
    Mathematics 3 (1950).
    """
    if not nu > 0:
        raise ValueError(f"`nu` is {nu}, but the viscosity must be positive.")
    x, t = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(t, np.float64))
    if not np.all(t >= 0):
        raise ValueError(
            f"`t` goes down to {np.min(t)}, but Burgers' equation cannot be solved "
            "backwards in time: all times must be at least 0."
        )
    s = _nodes(nu, np.max(t, initial=0.0))
    # Chunks bound the memory: every point needs a row of nodes.
    rows = max(1, 2**20 // s.size)
    flat_x, flat_t = x.ravel(), t.ravel()
    u = np.empty(flat_x.size)
    for start in range(0, flat_x.size, rows):
        part = slice(start, start + rows)
        u[part] = _quotient(flat_x[part], flat_t[part], nu, s)
    return np.where(t == 0, -np.sin(np.pi * x), u.reshape(x.shape))


def _nodes(nu, t_max):
    # The exponent varies by at most 1 / (pi nu) besides -s^2, so that beyond this limit
    # the integrand is below e^-40 of its maximum.
    limit = np.sqrt(1 / (np.pi * nu) + 40)
    # -E'' is at most 2 + 2 pi t: no peak is narrower than a Gaussian of that curvature.
    step = 0.1 / np.sqrt(1 + np.pi * t_max)
    n = int(np.ceil(limit / step))
    return step * np.arange(-n, n + 1)


def _quotient(x, t, nu, s):
    y = x[:, None] - np.sqrt(4 * nu * t)[:, None] * s
    # cos^2 rather than the textbook's cosine: where the weight is large the exponent is
    # then small, and so is its rounding error.
    exponent = -(np.cos(np.pi / 2 * y) ** 2) / (np.pi * nu) - s**2
    weight = np.exp(exponent - np.max(exponent, axis=1, keepdims=True))
    return -np.sum(np.sin(np.pi * y) * weight, axis=1) / np.sum(weight, axis=1)

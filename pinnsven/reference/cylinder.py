"""The drag of a circular cylinder in a steady stream, by Chebyshev collocation."""

import numpy as np
from jaxtyping import Float
from scipy.special import erf


def cylinder_drag(re: float, far: float = 6.0, n: int = 32) -> float:
    r"""The drag coefficient of a cylinder at the Reynolds number `re` of its diameter.

    Newton's method on the stream function and the vorticity of one half of the flow,

    $$\psi_{qq} + \psi_{aa} = -r^2 w, \qquad
      w_{qq} + w_{aa} = \tfrac{re}{2} (\psi_a w_q - \psi_q w_a), \qquad q = \log r,$$

    which are collocated at Chebyshev nodes of $\sinh^{-1} q$ and $\sinh^{-1} c a$. At
    $q$ = `far` both are those of Imai,

    $$\psi = r \sin a + \tfrac{C_D}{2} \Bigl(\frac{a}{\pi} - \mathrm{erf}
      \bigl(\sqrt{r\,re/2}\, \sin \tfrac{a}{2}\bigr)\Bigr),$$

    where $C_D$ is the sum of pressure and friction on the wall. What `far` leaves is
    7e-3 at 4 and 1e-4 at 6, for `re` = 20.

    **Arguments:**

    - `re`: up to about 40, beyond which the flow is no longer steady.
    - `far`: $\log r$ of the outer boundary; the cylinder has the radius 1.
    - `n`: nodes along each coordinate; the time grows like `n**6`.

    **Returns:** the force, over density, radius and the squared speed of the stream.

    **Raises:** `ValueError` if Newton's method does not converge.

    **Reference:** I. Imai, Proc. R. Soc. A 208 (1951) 487.
    """
    q, dq, _ = _nodes(n, far, 1.0)
    a, da, weights = _nodes(n, np.pi, np.exp(far / 2) / 2)
    size, eye = n * n, np.eye(n)
    along, around = np.kron(dq, eye), np.kron(eye, da)
    laplace = np.kron(dq @ dq, eye) + np.kron(eye, da @ da)
    radius, angle = np.repeat(np.exp(q), n), np.tile(a, n)
    linear = np.zeros((2 * size + 1, 2 * size + 1))
    linear[:size, :size] = laplace
    linear[:size, size:-1] = np.diag(radius**2)
    linear[size:-1, size:-1] = laplace
    right = np.zeros(2 * size + 1)

    grid = np.arange(size).reshape(n, n)
    axis, wall, rim = np.ravel(grid[:, [0, -1]]), grid[0], grid[-1, 1:-1]
    bounds = np.concatenate([axis, size + axis, wall, size + wall, rim, size + rim])
    inside = np.setdiff1d(size + grid, bounds)
    linear[bounds] = np.eye(2 * size + 1)[bounds]
    linear[size + wall[1:-1], :] = 0.0
    linear[size + wall[1:-1], :size] = along[wall[1:-1]]
    wake = np.sqrt(radius * re / 2) * np.sin(angle / 2)
    linear[rim, -1] = -(angle / np.pi - erf(wake))[rim] / 2
    linear[size + rim, -1] = (re * wake * np.exp(-(wake**2)) / radius)[rim] / (
        4 * np.sqrt(np.pi)
    )
    right[rim] = (radius * np.sin(angle))[rim]
    force = 4 / re * weights * np.sin(a)
    linear[-1, size:-1] = force @ along[wall]
    linear[-1, size + wall] -= force
    linear[-1, -1] = -1.0

    x = np.zeros(2 * size + 1)
    x[:size] = (radius - 1 / radius) * np.sin(angle)
    for _ in range(30):
        psi, w = x[:size], x[size:-1]
        psi_q, psi_a, w_q, w_a = along @ psi, around @ psi, along @ w, around @ w
        jacobian, rest = linear.copy(), linear @ x - right
        rows = inside - size
        rest[inside] -= re / 2 * (psi_a * w_q - psi_q * w_a)[rows]
        by_psi = w_q[:, None] * around - w_a[:, None] * along
        by_w = psi_a[:, None] * along - psi_q[:, None] * around
        jacobian[inside, :size] -= re / 2 * by_psi[rows]
        jacobian[inside, size:-1] -= re / 2 * by_w[rows]
        step = np.linalg.solve(jacobian, rest)
        x -= step
        if np.max(np.abs(step)) < 1e-8 * np.max(np.abs(x)):
            return float(x[-1])
    raise ValueError(f"The flow at re = {re} was not found in 30 steps of Newton.")


def _nodes(n, end, c) -> tuple[Float[np.ndarray, "..."], ...]:
    """Nodes on [0, end], the matrix of the derivative and the weights of a rule."""
    theta = np.pi * np.arange(n)[::-1] / (n - 1)
    values = np.cos(np.outer(theta, np.arange(n)))
    slopes = np.polynomial.chebyshev.chebval(
        np.cos(theta), np.polynomial.chebyshev.chebder(np.eye(n))
    ).T
    integrals = [0.0 if k % 2 else 2 / (1 - k * k) for k in range(n)]
    half = np.arcsinh(c * end) / 2
    z = half * (np.cos(theta) + 1)
    slope = half * np.cosh(z) / c
    derivative = slopes @ np.linalg.inv(values) / slope[:, None]
    return np.sinh(z) / c, derivative, np.linalg.solve(values.T, integrals) * slope

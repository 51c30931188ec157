"""Viscous flows with a known solution."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Shaped


def kovasznay(
    x: Shaped[ArrayLike, "..."], y: Shaped[ArrayLike, "..."], re: float
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    r"""Kovasznay's flow behind a grid, $(u, v, p)$.

    $$ u = 1 - e^{\lambda x} \cos 2\pi y, \quad
       v = \frac{\lambda}{2\pi} e^{\lambda x} \sin 2\pi y, \quad
       p = \frac{1 - e^{2 \lambda x}}{2}, \quad
       \lambda = \frac{Re}{2} - \sqrt{\frac{Re^2}{4} + 4\pi^2} $$

    It satisfies the stationary Navier-Stokes equations with a viscosity of $1 / Re$.

    **Arguments:**

    - `x`, `y`: where to evaluate; they are broadcast against each other.
    - `re`: the Reynolds number.

    **Returns:**

    Both velocities and the pressure, arrays of the broadcast shape.

    **Reference:** L. I. G. Kovasznay, Laminar flow behind a two-dimensional grid, Proc.
    Cambridge Philos. Soc. 44 (1948) 58.
    """
    rate = re / 2 - jnp.sqrt(re**2 / 4 + 4 * jnp.pi**2)
    decay, angle = jnp.exp(rate * x), 2 * jnp.pi * y
    u = 1 - decay * jnp.cos(angle)
    v = rate / (2 * jnp.pi) * decay * jnp.sin(angle)
    return u, v, jnp.broadcast_to((1 - decay**2) / 2, u.shape)

"""A manufactured solution of the Poisson equation in the plane."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Shaped


def poisson_sine(
    x: Shaped[ArrayLike, "..."], y: Shaped[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The solution $u = \sin(\pi x) \sin(\pi y)$ of $-\Delta u = f$.

    It vanishes on the boundary of the unit square; `poisson_sine_source` is its $f$.

    **Arguments:**

    - `x`, `y`: where to evaluate; they are broadcast against each other.

    **Returns:**

    The values, an array of the broadcast shape.
    """
    return jnp.sin(jnp.pi * x) * jnp.sin(jnp.pi * y)


def poisson_sine_source(
    x: Shaped[ArrayLike, "..."], y: Shaped[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The source $f = -\Delta u = 2 \pi^2 \sin(\pi x) \sin(\pi y)$ of `poisson_sine`.

    **Arguments:**

    - `x`, `y`: where to evaluate; they are broadcast against each other.

    **Returns:**

    The values, an array of the broadcast shape.
    """
    return 2 * jnp.pi**2 * poisson_sine(x, y)

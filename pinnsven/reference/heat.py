"""Closed forms for the heat equation."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Shaped


def heat_mode(
    x: Shaped[ArrayLike, "..."],
    t: Shaped[ArrayLike, "..."],
    diffusivity: float | Shaped[ArrayLike, ""],
    mode: int = 1,
) -> Float[Array, "..."]:
    r"""One decaying mode of $u_t = D u_{xx}$ on $[0, 1]$ or $[-1, 1]$.

    $$u(x, t) = e^{-D (m \pi)^2 t} \sin(m \pi x)$$

    It vanishes where $x$ is an integer. Written in `jax.numpy`, so that it may also
    serve as an initial condition.

    **Arguments:**

    - `x`, `t`: where to evaluate; they are broadcast against each other.
    - `diffusivity`: the constant $D$.
    - `mode`: the number $m$ of half waves on $[0, 1]$.

    **Returns:**

    The values, an array of the broadcast shape.
    """
    k = mode * jnp.pi
    return jnp.exp(-(k**2) * diffusivity * t) * jnp.sin(k * x)

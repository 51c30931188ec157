"""The lid-driven cavity at Re = 100: tables, and the flow in its corners."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Shaped

from .errors import max_error


# Least u on x = 1/2, greatest and least v on y = 1/2, by a spectral method: O. Botella
# and R. Peyret, Comput. Fluids 27 (1998) 421.
CAVITY_EXTREMA = (-0.2140424, 0.1795728, -0.2538030)
# U. Ghia, K. N. Ghia and C. T. Shin, J. Comput. Phys. 48 (1982) 387, tables I and II,
# without the walls: places on a centre line, and u or v there.
_Y = """0.0547 0.0625 0.0703 0.1016 0.1719 0.2813 0.4531 0.5000 0.6172 0.7344 0.8516
    0.9531 0.9609 0.9688 0.9766"""
_U = """-0.03717 -0.04192 -0.04775 -0.06434 -0.10150 -0.15662 -0.21090 -0.20581
    -0.13641 0.00332 0.23151 0.68717 0.73722 0.78871 0.84123"""
_X = """0.0625 0.0703 0.0781 0.0938 0.1563 0.2266 0.2344 0.5000 0.8047 0.8594 0.9063
    0.9453 0.9531 0.9609 0.9688"""
_V = """0.09233 0.10091 0.10890 0.12317 0.16077 0.17507 0.17527 0.05454 -0.24533
    -0.22445 -0.16914 -0.10313 -0.08864 -0.07391 -0.05906"""


def ghia() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Places and values of `u` on x = 1/2 and of `v` on y = 1/2 at Re = 100."""
    columns = {"u": (_Y, _U), "v": (_X, _V)}
    read = lambda text: np.array(text.split(), np.float64)
    return {name: (read(at), read(of)) for name, (at, of) in columns.items()}


def cavity_errors(u: Callable[..., Any], v: Callable[..., Any]) -> dict[str, float]:
    """How far velocities on the centre lines are from those of the cavity at Re = 100.

    **Arguments:**

    - `u`: the velocity along the lid on x = 1/2, as a function of an array of y.
    - `v`: the other velocity on y = 1/2, as a function of an array of x.

    **Returns:**

    The largest difference from the spectral `extrema` and from the tables of `ghia`, in
    units of the speed of the lid. The tables are 8e-3 from the spectral method.
    """
    line = np.linspace(0, 1, 2001)
    up, across = np.asarray(u(line)), np.asarray(v(line))
    extrema = np.array([up.min(), across.max(), across.min()])
    (y, u_there), (x, v_there) = ghia().values()
    return {
        "extrema": max_error(extrema, np.array(CAVITY_EXTREMA)),
        "ghia": max(max_error(u(y), u_there), max_error(v(x), v_there)),
    }


def scraper(
    x: Shaped[ArrayLike, "..."], y: Shaped[ArrayLike, "..."]
) -> Float[Array, "..."]:
    """Taylor's stream function of a lid y = 0 of speed 1 that scrapes a wall x = 0.

    The Stokes flow nearest to an upper corner of the cavity, where the velocity jumps.

    **Reference:** G. I. Taylor, in Miszellaneen der Angewandten Mechanik (1962) 313.
    """
    angle = jnp.arctan2(y, x)
    return (4 * angle * x + 2 * jnp.pi * angle * y - jnp.pi**2 * y) / (jnp.pi**2 - 4)

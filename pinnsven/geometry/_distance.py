"""Implicit functions of shapes: zero on the boundary, of unit slope, positive inside.

Source: V. L. Rvachev and T. I. Sheiko, Appl. Mech. Rev. 48 (1995); N. Sukumar and
A. Srivastava, Comput. Methods Appl. Mech. Engrg. 389 (2022) 114333.
"""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def interval(x: Array, low: float, high: float) -> Array:
    """Of an interval: a parabola."""
    return (x - low) * (high - x) / (high - low)


def ball(x: list[Array], centre, radius: float) -> Any:
    """Of a ball: a paraboloid."""
    square: Any = sum((a - c) ** 2 for a, c in zip(x, centre, strict=True))
    return (radius**2 - square) / (2.0 * radius)


def ellipsoid(x: list[Array], centre, semi) -> Array:
    r"""Of an ellipsoid: $f / \sqrt{f^2 + |\nabla f|^2}$, times a length."""
    z = [(a - c) / s for a, c, s in zip(x, centre, semi, strict=True)]
    f = 1.0 - sum(v**2 for v in z)
    scale = min(semi)
    slope = sum((2.0 * v * scale / s) ** 2 for v, s in zip(z, semi, strict=True))
    # The square of f keeps the root away from zero at the centre.
    return scale * f / jnp.sqrt(slope + f**2)


def both(*values: Array) -> Array:
    r"""The R-conjunction $a + b - \sqrt{a^2 + b^2}$: positive where all are."""
    return functools.reduce(_both, values)


def either(*values: Array) -> Array:
    """The R-disjunction: positive where one is."""
    return -both(*[-v for v in values])


def _both(a: Array, b: Array) -> Array:
    square = a**2 + b**2
    # At a corner the root has no derivative; zero is one of its one-sided ones.
    corner = square == 0
    root = jnp.sqrt(jnp.where(corner, 1.0, square))
    total = a + b
    # Where a + b > 0 the difference would lose digits near the boundary.
    stable = total > 0
    safe = jnp.where(stable, total + root, 1.0)
    value = jnp.where(stable, 2.0 * a * b / safe, total - root)
    return jnp.where(corner, total, value)


def polygon(x: Array, y: Array, starts: np.ndarray, ends: np.ndarray) -> Array:
    r"""Of a polygon with the given edges, its inside on their left.

    Each segment of length $L$ has $\sqrt{f^2 + ((\varphi - t)/2)^2}$ with $f$ the
    signed distance to its line, $t$ positive within the circle over it, and
    $\varphi = \sqrt{t^2 + f^4}$. They are joined by
    $1/\omega = \sum_i 1/\omega_i$, which is zero on every segment.
    """
    x, y = x[..., None], y[..., None]
    edge = ends - starts
    length = np.hypot(edge[:, 0], edge[:, 1])
    dx, dy = x - starts[:, 0], y - starts[:, 1]
    f = (edge[:, 0] * dy - edge[:, 1] * dx) / length
    middle = (starts + ends) / 2
    t = length / 4 - ((x - middle[:, 0]) ** 2 + (y - middle[:, 1]) ** 2) / length
    total = _segment(f, t)
    while (pairs := total.shape[-1] // 2) > 0:
        joined = _parallel(total[..., :pairs], total[..., pairs : 2 * pairs])
        total = jnp.concatenate([joined, total[..., 2 * pairs :]], axis=-1)
    total = total[..., 0]
    # Even and odd crossings of a ray to the right.
    above = (starts[:, 1] > y) != (ends[:, 1] > y)
    rise = np.where(edge[:, 1] == 0, 1.0, edge[:, 1])
    crossed = above & (dx < edge[:, 0] * dy / rise)
    inside = jnp.sum(crossed, axis=-1) % 2 == 1
    near = total <= 1e-12 * np.max(length)
    return jnp.where(inside | near, total, -total)


def _segment(f: Any, t: Any) -> Array:
    f = jnp.where(f >= 0, f, -f)
    end = (t == 0) & (f == 0)
    root = jnp.sqrt(jnp.where(end, 1.0, t**2 + f**4))
    # Beside the segment the difference of root and t is written without digits lost.
    beside = t > 0
    ratio = f**3 / (2.0 * jnp.where(beside, root + t, 1.0))
    near = f * jnp.sqrt(1.0 + ratio**2)
    gap = jnp.where(beside | end, 1.0, (root - t) / 2)
    far = jnp.sqrt(f**2 + gap**2)
    return jnp.where(end, 0.0, jnp.where(beside, near, far))


def _parallel(a: Array, b: Array) -> Array:
    total = a + b
    corner = total == 0
    return jnp.where(corner, 0.0, a * b / jnp.where(corner, 1.0, total))

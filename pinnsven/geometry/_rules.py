"""Uniform charts of the sphere and the simplex, and Gauss rules on them."""

import itertools
import math

import numpy as np
from jaxtyping import Float
from scipy.special import betaincinv, ellipe, ellipeinc, roots_gegenbauer, roots_jacobi

from ._samplers import GaussLegendre


def radial(sampler: GaussLegendre, m: int, power: int):
    """About `m` nodes on [0, 1] for the weight `s**power`, which is normalised.

    One panel takes the Gauss-Jacobi rule, exact to degree `2m - 1`.
    """
    if sampler.panels == 1:
        x, w = roots_jacobi(max(1, m), 0.0, power)
        s = (x + 1.0) / 2.0
    else:
        nodes, w = sampler.nodes(max(1, m), 1)
        s = nodes[:, 0]
        w = w * s**power
    return s, w / np.sum(w)


def direction(unit: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n d"]:
    """Uniform unit vectors of `k + 1` components from points of the unit cube.

    The first component of a uniform vector has a beta distribution; the others are a
    uniform vector of one dimension less.
    """
    if unit.shape[1] == 1:
        angle = 2.0 * math.pi * unit[:, 0]
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    a = unit.shape[1] / 2.0
    first = 2.0 * betaincinv(a, a, unit[:, 0]) - 1.0
    rest = np.sqrt(np.maximum(0.0, 1.0 - first**2))
    return np.column_stack([first, rest[:, None] * direction(unit[:, 1:])])


def direction_rule(m: int, dim: int):
    """Product rule on the unit sphere, exact to degree `2m - 1`; weights add to one.

    Source: A. H. Stroud, Approximate Calculation of Multiple Integrals (1971).
    """
    if dim == 2:
        unit = (np.arange(2 * m) + 0.5) / (2 * m)
        return direction(unit[:, None]), np.full(2 * m, 0.5 / m)
    t, w = roots_gegenbauer(m, (dim - 2) / 2.0)
    inner, v = direction_rule(m, dim - 1)
    rest = np.sqrt(1.0 - t**2)
    points = np.concatenate(
        [
            np.column_stack([np.full(len(inner), a), r * inner])
            for a, r in zip(t, rest, strict=True)
        ]
    )
    return points, np.outer(w / np.sum(w), v).ravel()


def ball_rule(sampler: GaussLegendre, n: int, dim: int):
    """About `n` nodes in the unit ball: a radial rule times one of directions."""
    m = max(1, round((n / 2.0) ** (1.0 / dim)))
    s, w = radial(sampler, m, dim - 1)
    points, v = direction_rule(m, dim)
    return (s[:, None, None] * points).reshape(-1, dim), np.outer(w, v).ravel()


def ellipse_length(a: float, b: float) -> float:
    """The circumference of an ellipse."""
    return 4.0 * b * float(ellipe(1.0 - (a / b) ** 2))


def ellipse_angle(s: np.ndarray, a: float, b: float) -> np.ndarray:
    """The angle of `(a cos, b sin)` at a fraction `s` of the arc length."""
    m = 1.0 - (a / b) ** 2
    table = np.linspace(0.0, 2.0 * math.pi, 1025)
    lengths = ellipeinc(table, m)
    goal = s * lengths[-1]
    angle = np.interp(goal, lengths, table)
    for _ in range(3):
        slope = np.sqrt(1.0 - m * np.sin(angle) ** 2)
        angle = angle - (ellipeinc(angle, m) - goal) / slope
    return angle


def barycentric(unit: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n v"]:
    """Uniform barycentric coordinates from points of the unit cube."""
    dim = unit.shape[1]
    powers = 1.0 / np.arange(dim, 0, -1)
    return _collapse(unit**powers)


def barycentric_rule(sampler: GaussLegendre, m: int, dim: int):
    """About `m` nodes for each collapsed coordinate of a simplex, and weights.

    Exact to total degree `2m - 1`. Source: the conical products of A. H. Stroud,
    Approximate Calculation of Multiple Integrals (1971).
    """
    lines = [radial(sampler, m, power) for power in range(dim - 1, -1, -1)]
    nodes = np.array(list(itertools.product(*(s for s, _ in lines))))
    weights = np.array(list(itertools.product(*(w for _, w in lines))))
    return _collapse(nodes), np.prod(weights, axis=1)


def _collapse(s: np.ndarray) -> np.ndarray:
    left = np.cumprod(np.column_stack([np.ones(len(s)), s]), axis=1)
    return np.column_stack([left[:, :-1] * (1.0 - s), left[:, -1]])

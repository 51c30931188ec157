from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from ..geometry import AbstractPoints
from ._condition import AbstractCondition


class Balanced(AbstractCondition):
    """A condition of several components, each multiplied by a factor of its own.

    Made by `ps.nondimensionalise` where the components have different units: a sum of
    their squares then has a meaning, in the units of the first one.
    """

    inner: AbstractCondition
    factors: tuple[float, ...]
    points: AbstractPoints
    weight: float

    def __init__(self, inner: AbstractCondition, factors, weight: float):
        self.inner, self.factors = inner, tuple(factors)
        self.points, self.weight = inner.points, weight

    def row(self, scope, point):
        raw = self.inner.row(scope, point)
        parts = list(raw) if isinstance(raw, tuple | list) else [raw]
        vector = jnp.concatenate([jnp.atleast_1d(part) for part in parts])
        return vector * jnp.asarray(self.factors, vector.dtype)

    def functions(self) -> tuple[Callable, ...]:
        return self.inner.functions()

    def places(self) -> tuple[AbstractPoints, ...]:
        return self.inner.places()

    def uses(self) -> tuple[str, ...]:
        return self.inner.uses()

    def data(self) -> dict[str, np.ndarray]:
        return self.inner.data()

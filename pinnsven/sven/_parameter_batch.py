import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._errors import BoundsError, PinnsvenError, ShapeError
from .._names import shown
from .._precision import full_precision
from ..residuals import AbstractResiduals
from ._matrix_free import GolubKahan, RandomisedSVD
from ._solver import AbstractSolver
from ._sven import LevenbergMarquardt, Sven


def by_element(shapes: list[tuple[int, ...]]) -> Int[np.ndarray, " p"]:
    """Single weights, for `ParameterBatch`: exactly `round(fraction * p)` each step."""
    return np.arange(sum(math.prod(shape) for shape in shapes))


def by_row(shapes: list[tuple[int, ...]]) -> Int[np.ndarray, " p"]:
    """Slices along the first axis of an array, for `ParameterBatch`.

    In a layer with weights of shape (outputs, inputs), as in Equinox, they are those
    that lead to one neuron; its bias is a group of its own.
    """
    return _numbered(shapes, [shape[0] if shape else 1 for shape in shapes])


def by_tensor(shapes: list[tuple[int, ...]]) -> Int[np.ndarray, " p"]:
    """Whole arrays, for `ParameterBatch`."""
    return _numbered(shapes, [1 for _ in shapes])


def _numbered(shapes, counts) -> Int[np.ndarray, " p"]:
    """The number of the group of each weight, with so many groups in each array."""
    starts = np.cumsum([0, *counts])
    return np.concatenate(
        [
            first + np.repeat(np.arange(count), math.prod(shape) // max(count, 1))
            for shape, count, first in zip(shapes, counts, starts, strict=False)
        ]
    )


class ParameterBatchState(eqx.Module):
    """The state of the solver, and the number of steps taken."""

    solver: Any
    steps: Int[Array, ""]


class ParameterBatch(AbstractSolver):
    r"""Steps on a fresh random subset of the weights, all others held.

    Each step sees the columns of $J$ that belong to at most `fraction` of the weights,
    so that Jacobian and factorisation shrink by that factor. The gradient of a row
    still runs through the whole network, some rows at a time: a large Jacobian needs
    less memory, a small one as much as before, and time is saved only where the
    factorisation costs it.

    **Arguments:**

    - `solver`: `Sven(...)` or `LevenbergMarquardt(...)`; the trust region of `Sven()`
      keeps its radius from one subset to the next.
    - `fraction`: of the weights, above 0 and at most 1.
    - `groups`: what is drawn whole: `by_element`, `by_row`, `by_tensor`, or a function
      of your own from the shapes of the arrays to the number of the group of each
      weight, a NumPy array. Groups come in random order, and are taken if they still
      fit.
    - `seed`: of the draws.

    **Raises:** `BoundsError` for a `fraction` outside (0, 1], and, at the first step,
    where a group is larger than the fraction allows: its weights would never move.
    `ShapeError` if `groups` does not number every weight.

    **Example:** `ps.ParameterBatch(ps.Sven(lr=0.5), 0.25, groups=ps.by_row)`.

    Source: arXiv 2604.01279, parameter batching.
    """

    solver: Sven | LevenbergMarquardt
    fraction: float
    groups: Callable = eqx.field(static=True, default=by_element)
    seed: int = 0

    def __check_init__(self):
        if not isinstance(self.solver, Sven | LevenbergMarquardt):
            raise PinnsvenError(
                f"`ParameterBatch` got {shown(self.solver)}; give `ps.Sven()` or "
                "`ps.LevenbergMarquardt()`, with its brackets."
            )
        if not 0.0 < self.fraction <= 1.0:
            raise BoundsError(
                f"`fraction` is {self.fraction!r}; it must lie above 0 and at most 1."
            )
        if not callable(self.groups):
            raise PinnsvenError(
                f"`groups` is {shown(self.groups)}; give `ps.by_element`, `ps.by_row`, "
                "`ps.by_tensor` or a function of the shapes of the arrays."
            )

    def init(self, residuals, theta):
        return ParameterBatchState(
            self.solver.init(residuals, theta), jnp.zeros((), jnp.int32)
        )

    @full_precision
    def step(self, residuals, theta, state):
        key = jr.fold_in(jr.key(self.seed), state.steps)
        chosen = self._draw(residuals, theta, key)
        subset = _Subset(residuals, theta, chosen)
        part, inner, info = self.solver.step(subset, subset.part, state.solver)
        return subset.whole(part), ParameterBatchState(inner, state.steps + 1), info

    def advice(self, dtype) -> str | None:
        """A warning where the precision cannot honour the cut-off; see `Sven`."""
        return self.solver.advice(dtype)

    def _draw(self, residuals, theta, key) -> Int[Array, " m"]:
        """Indices of the weights of this step; `p` where fewer were found."""
        p = theta.size
        most = max(1, round(self.fraction * p))
        with jax.ensure_compile_time_eval():
            groups = np.asarray(self.groups(residuals.shapes(theta)))
        whole = groups.dtype.kind in "iu"
        if groups.shape != (p,) or not whole or groups.min() < 0:
            raise ShapeError(
                f"`groups` returned {groups.dtype} of shape {groups.shape}; it must "
                f"give a number of a group, from 0 on, for each of {p} weights."
            )
        sizes = np.bincount(groups)
        if sizes.max() > most:
            raise BoundsError(
                f"`fraction={self.fraction:g}` allows {most} of {p} weights in a step, "
                f"but one group has {sizes.max()}, which would never be trained. Take "
                "a larger fraction or smaller groups, such as `ps.by_element`."
            )
        if sizes.max() == 1:
            return jr.permutation(key, p)[:most]
        taken = _fill(jnp.asarray(sizes), most, key)
        return jnp.nonzero(taken[groups], size=most, fill_value=p)[0]


class _Subset(AbstractResiduals):
    """The residuals as a function of some of the weights."""

    residuals: AbstractResiduals
    theta: Float[Array, " p"]
    chosen: Int[Array, " m"]

    @property
    def part(self) -> Float[Array, " m"]:
        return self.theta.at[self.chosen].get(mode="fill", fill_value=0.0)

    def whole(self, part: Float[Array, " m"]) -> Float[Array, " p"]:
        return self.theta.at[self.chosen].set(part, mode="drop")

    def __call__(self, theta):
        return self.residuals(self.whole(theta))

    def linearise(self, theta, columns=None):
        columns = self.chosen if columns is None else self.chosen[columns]
        return self.residuals.linearise(self.whole(theta), columns)

    def shapes(self, theta):
        return [theta.shape]

    def shares(self, r):
        return self.residuals.shares(r)


def _fill(sizes: Int[Array, " g"], most: int, key) -> Bool[Array, " g"]:
    """Groups in random order, each taken if it still fits."""
    order = jr.permutation(key, sizes.size)

    def take(room, group):
        fits = sizes[group] <= room
        return room - jnp.where(fits, sizes[group], 0), fits

    _, fits = jax.lax.scan(take, jnp.asarray(most, sizes.dtype), order)
    return jnp.zeros(sizes.size, bool).at[order].set(fits)


def sees_part(solver: AbstractSolver) -> bool:
    """Whether the steps of a solver see only a part of the Jacobian."""
    if isinstance(solver, ParameterBatch):
        return True
    sven = solver.sven if isinstance(solver, LevenbergMarquardt) else solver
    if not isinstance(sven, Sven):
        return False
    partial = isinstance(sven.factorisation, RandomisedSVD | GolubKahan)
    return partial or sven.k is not None

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._errors import BoundsError, PinnsvenError
from .._names import shown
from ..residuals import AbstractResiduals
from ._solver import AbstractSolver
from ._sven import LevenbergMarquardt, Sven


_KINDS = ("element", "row", "tensor")


class ParameterBatchState(eqx.Module):
    """The state of the solver, and the number of steps taken."""

    solver: Any
    steps: Int[Array, ""]


class ParameterBatch(AbstractSolver):
    r"""Steps on a fresh random subset of the weights, all others held.

    Each step sees the columns of $J$ that belong to at most `fraction` of the weights,
    so that Jacobian and factorisation shrink by that factor. The gradient of a row
    still runs through the whole network, some rows at a time: memory is saved, time
    only in the factorisation.

    **Arguments:**

    - `solver`: `Sven(...)` or `LevenbergMarquardt(...)`; the trust region of `Sven()`
      keeps its radius from one subset to the next.
    - `fraction`: of the weights, above 0 and at most 1.
    - `by`: what is drawn whole. `"element"`: single weights, exactly
      `round(fraction * p)`. `"row"`: slices along the first axis of an array, in a
      dense layer the weights that lead to one neuron. `"tensor"`: whole arrays. The
      last two are drawn in random order, and taken if they still fit.
    - `seed`: of the draws.

    **Raises:** `BoundsError` for a `fraction` outside (0, 1] or another `by`, and, at
    the first step, where an array or a row is larger than the fraction allows: its
    weights would never move.

    **Example:** `ps.ParameterBatch(ps.Sven(lr=0.5), fraction=0.25, by="row")`.

    Source: arXiv 2604.01279, parameter batching.
    """

    solver: Sven | LevenbergMarquardt
    fraction: float
    by: Literal["element", "row", "tensor"] = "element"
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
        if self.by not in _KINDS:
            raise BoundsError(f"`by` is {self.by!r}; it is one of {_KINDS}.")

    def init(self, residuals, theta):
        return ParameterBatchState(
            self.solver.init(residuals, theta), jnp.zeros((), jnp.int32)
        )

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
        if self.by == "element":
            return jr.permutation(key, p)[:most]
        groups = _groups(residuals.shapes(theta), self.by)
        sizes = np.bincount(groups)
        if sizes.max() > most:
            raise BoundsError(
                f"`fraction={self.fraction:g}` allows {most} of {p} weights in a "
                f"step, but the largest {self.by} has {sizes.max()}, which would "
                "never be trained. Take a larger fraction or a finer `by`."
            )
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


def _groups(shapes: list[tuple[int, ...]], by: str) -> Int[np.ndarray, " p"]:
    """The number of the group that each weight belongs to."""
    numbers, first = [], 0
    for shape in shapes:
        size = int(np.prod(shape, dtype=int))
        count = shape[0] if by == "row" and shape else 1
        numbers.append(first + np.repeat(np.arange(count), size // count))
        first += count
    return np.concatenate(numbers)


def _fill(sizes: Int[Array, " g"], most: int, key) -> Bool[Array, " g"]:
    """Groups in random order, each taken if it still fits."""
    order = jr.permutation(key, sizes.size)

    def take(room, group):
        fits = sizes[group] <= room
        return room - jnp.where(fits, sizes[group], 0), fits

    _, fits = jax.lax.scan(take, jnp.asarray(most, sizes.dtype), order)
    return jnp.zeros(sizes.size, bool).at[order].set(fits)

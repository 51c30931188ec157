from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import (
    BoundsError,
    DtypeError,
    NonFiniteError,
    PinnsvenError,
    ShapeError,
    listing,
)
from .._names import check_key, parameters, traced
from .._precision import default_dtype, full_precision
from ..conditions import AbstractCondition, Point
from ..fields import Model
from ..geometry import Batch
from ._map import Block, ResidualMap


class Layout:
    """What of a bound problem depends on the structure of a model, not its numbers.

    Compiled code is found again by the identity of the functions in here.
    """

    def __init__(self, conditions: dict[str, AbstractCondition], model: Model):
        trained, static = eqx.partition(model, eqx.is_inexact_array)
        self.unravel: Callable = ravel_pytree(trained)[1]
        self.combine: Callable = lambda tree: eqx.combine(tree, static)
        self.rows = {name: self._row(c) for name, c in conditions.items()}

    def _row(self, condition: AbstractCondition) -> Callable[..., Float[Array, " m"]]:
        def row(trained, point):
            return _vector(condition.row(self.combine(trained).scope(), point))

        return row


class BoundProblem:
    """A problem and a model: draws points and hands residual maps to a solver.

    `theta` is the model as a flat vector, `rebuild(theta)` the way back. All maps of
    one problem and one structure of models share their compiled code.

    **Example:** a solver stepped by hand.

    ```python
    bound = problem.bind(model)
    residuals, theta = bound.residuals(jr.key(1)), bound.theta
    state = solver.init(residuals, theta)
    theta, state, info = solver.step(residuals, theta, state)
    model = bound.rebuild(theta)
    ```
    """

    def __init__(
        self, conditions: dict[str, AbstractCondition], layout: Layout, model: Model
    ):
        self.conditions = conditions
        self.model = model
        self.theta = ravel_pytree(eqx.filter(model, eqx.is_inexact_array))[0]
        if not self.theta.size:
            raise PinnsvenError(
                "The model holds no floating array that can be trained."
            )
        for name, condition in self.conditions.items():
            condition.check(name, model)
            self._check_inside(name, condition)
        self._layout = layout
        self._components = {
            name: self._count(name, condition)
            for name, condition in self.conditions.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.conditions)

    def rebuild(self, theta: Float[Array, " p"]) -> Model:
        """The model whose trained numbers are `theta`."""
        static = eqx.partition(self.model, eqx.is_inexact_array)[1]
        return eqx.combine(self._layout.unravel(theta), static)

    def beside(self, model: Model) -> "BoundProblem":
        """The same conditions for another model."""
        return BoundProblem(self.conditions, Layout(self.conditions, model), model)

    def draw(self, key: PRNGKeyArray) -> dict[str, Batch]:
        """The points of every condition."""
        check_key(key, "the points")
        return {
            name: condition.points.draw(self._key(key, name))
            for name, condition in self.conditions.items()
        }

    def unseen(self, key: PRNGKeyArray) -> dict[str, Batch]:
        """As many other points, for the conditions that have a region to take them."""
        batches = {
            name: condition.points.unseen(self._key(key, name), condition.points.n)
            for name, condition in self.conditions.items()
        }
        return {name: batch for name, batch in batches.items() if batch is not None}

    def residuals(self, key: PRNGKeyArray) -> ResidualMap:
        """The residual map on freshly drawn points."""
        return self.map(self.draw(key))

    def map(self, batches: dict[str, Batch]) -> ResidualMap:
        """The residual map on given points of some or all conditions."""
        blocks = []
        for name, batch in batches.items():
            condition = self.conditions[name]
            points = Point(batch.coordinates, batch.normals, condition.data())
            scale = np.sqrt(condition.weight * np.asarray(batch.weights))
            blocks.append(
                Block(
                    jax.tree.map(jnp.asarray, points),
                    jnp.asarray(scale, self.theta.dtype),
                    self._layout.rows[name],
                    self._components[name],
                )
            )
        return ResidualMap(tuple(blocks), tuple(batches), self._layout.unravel)

    def values(self, name: str, batch: Batch, theta) -> Float[np.ndarray, "n m"]:
        """The residual of one condition at the given points, without any weight."""
        block = self.map({name: batch}).blocks[0]
        return np.asarray(_values(block, self._layout.unravel(theta)))

    def check_finite(self, batches: dict[str, Batch], theta) -> None:
        """Name the condition and the first point whose row is NaN or infinite.

        **Raises:** `NonFiniteError`.
        """
        for name, batch in batches.items():
            values = self.values(name, batch, theta)
            bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
            if bad.size:
                raise NonFiniteError(
                    f"Condition {name!r} is not finite at {_where(batch, bad)} before "
                    f"the first step. Look for {_SUSPECTS[bool(batch.coordinates)]}."
                )

    def infinite_slope(self, batches: dict[str, Batch], theta) -> str | None:
        """The first condition and point whose row has a derivative that is not finite.

        A sentence, or `None` if all derivatives with respect to `theta` are finite.
        """
        for name, batch in batches.items():
            values = self.values(name, batch, theta)
            rows = np.asarray(_jacobian(self.map({name: batch}), theta))
            # A value that is not finite is another story, and no derivative's.
            rows = np.where(np.isfinite(values).reshape(-1, 1), rows, 0.0)
            fine = np.isfinite(rows).reshape(*values.shape, -1).all(axis=(1, 2))
            if not fine.all():
                where = _where(batch, np.flatnonzero(~fine))
                return (
                    f"Condition {name!r} has no finite derivative with respect to the "
                    f"weights at {where}, although its value is finite. Look for a "
                    "root, an absolute value or a power at zero, or for the unused "
                    "branch of a `jnp.where`."
                )
        return None

    def _key(self, key: PRNGKeyArray, name: str) -> PRNGKeyArray:
        return jr.fold_in(key, self.names.index(name))

    def _count(self, name: str, condition: AbstractCondition) -> int:
        batch = condition.points.draw(jr.key(0))
        whole = Point(batch.coordinates, batch.normals, condition.data())
        kinds = {str(a.dtype) for a in jax.tree.leaves((whole, self.theta))}
        if kinds != {str(default_dtype())}:
            raise DtypeError(
                f"Condition {name!r} and the model hold {', '.join(sorted(kinds))}; "
                f"pinnsven computes in {default_dtype()}. Call `ps.enable_x64()` "
                "before anything is built."
            )
        one = jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape[1:], self.theta.dtype), whole
        )
        raw = traced(
            lambda tree, p: condition.row(self._layout.combine(tree).scope(), p),
            self._layout.unravel(self.theta),
            one,
            where=f"Condition {name!r}",
        )
        _check_returned(f"Condition {name!r}", raw, self.theta.dtype)
        return jax.eval_shape(_vector, raw).shape[0]

    def _check_inside(self, name: str, condition: AbstractCondition) -> None:
        # Points outside every field that is used are swapped arrays or other units.
        named = {n for fn in condition.functions() for n in parameters(fn)}
        used = [f for f in self.model.fields if f in named | set(condition.uses())]
        batches = [place.draw(jr.key(0)) for place in condition.places()]
        for key, values in (z for b in batches for z in b.coordinates.items()):
            pairs = [b[key] for b in map(self.model.bounds, used) if key in b]
            if not pairs:
                continue
            low, high = min(a for a, _ in pairs), max(b for _, b in pairs)
            slack = 1e-6 * (high - low)
            outside = (values < low - slack) | (values > high + slack)
            if np.any(outside):
                raise BoundsError(
                    f"Condition {name!r} has {int(np.sum(outside))} points outside the "
                    f"domain of {listing(used)}, where {key!r} runs from {low:g} to "
                    f"{high:g}; theirs runs from {np.min(values):g} to "
                    f"{np.max(values):g}. Are the coordinates in the right order and "
                    "units? Else build the network on a larger `Box`."
                )


# Of a row that belongs to no point, and of one that does.
_SUSPECTS = (
    "a division by zero or a log; in a trajectory, for an integration that fails: "
    "start from other values, allow more `max_steps`, or take an implicit `solver`",
    "a division by zero, a log or a root at the edge of the region",
)


def _where(batch: Batch, bad: np.ndarray) -> str:
    """How many points are bad, and the first of them if it has a place."""
    count = f"{bad.size} of {batch.size} points"
    first = {k: float(v[bad[0]]) for k, v in batch.coordinates.items()}
    return f"{count}, e.g. at {first}" if first else count


def _check_returned(where: str, raw: Any, dtype) -> None:
    parts = list(raw) if isinstance(raw, tuple | list) else [raw]
    strange = [type(part).__name__ for part in parts if not hasattr(part, "shape")]
    shapes = [tuple(part.shape) for part in parts if hasattr(part, "shape")]
    ranks = {len(shape) for shape in shapes}
    vector = len(parts) == 1 and ranks == {1} and shapes[0] != (0,)
    if strange or not (ranks == {0} or vector):
        given = strange or [f"shape {shape}" for shape in shapes] or ["nothing"]
        raise ShapeError(
            f"{where} returns {', '.join(given)} at one point; it must `return` a "
            "scalar, a vector of shape (m,) or a tuple of scalars. A residual sees ONE "
            "point: `x` is a number there."
        )
    if wrong := {str(part.dtype) for part in parts} - {str(dtype)}:
        raise DtypeError(
            f"{where} returns {', '.join(sorted(wrong))}, but pinnsven computes in "
            f"{dtype}. Split a complex equation into its two parts; leave out casts "
            "such as `astype`."
        )


def _vector(raw: Any) -> Float[Array, " m"]:
    if isinstance(raw, tuple | list):
        return jnp.concatenate([jnp.atleast_1d(part) for part in raw])
    return jnp.atleast_1d(raw)


@full_precision
@eqx.filter_jit
def _jacobian(residuals: ResidualMap, theta) -> Float[Array, "n p"]:
    return residuals.linearise(theta)[1]


@full_precision
@eqx.filter_jit
def _values(block: Block, trained) -> Float[Array, "n m"]:
    return block.values(trained)

import abc
import keyword
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import EmptyRegionError, PinnsvenError, ShapeError, UnknownNameError
from .._precision import user_array
from ._samplers import AbstractSampler, Sobol


class Batch(eqx.Module):
    """Points as they enter the rows of one condition.

    `coordinates` and `normals` map names to arrays of shape `(n,)`; `normals` is empty
    away from a boundary. `weights` add up to one: a weighted sum of squares is a mean.
    """

    coordinates: Mapping[str, Float[Array | np.ndarray, " n"]]
    weights: Float[Array | np.ndarray, " n"]
    normals: Mapping[str, Float[Array | np.ndarray, " n"]]

    @property
    def size(self) -> int:
        return self.weights.shape[0]

    def take(self, index: np.ndarray, weights: np.ndarray | None = None) -> "Batch":
        """The points at `index`, with new weights or their own."""
        pick = lambda values: {k: np.asarray(v)[index] for k, v in values.items()}
        own = np.asarray(self.weights)
        new = own[index] if weights is None else weights.astype(own.dtype)
        return Batch(pick(self.coordinates), new, pick(self.normals))

    def normalised(self) -> "Batch":
        """The same points, with weights that add up to one again."""
        return self.take(np.arange(self.size), self.weights / np.sum(self.weights))

    def join(self, other: "Batch") -> "Batch":
        """These points followed by those of another batch of the same region."""
        return jax.tree.map(lambda a, b: np.concatenate([a, b]), self, other)


def check_coordinates(names) -> None:
    """Refuse coordinate names that mean something else in a residual."""
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UnknownNameError(
                f"The coordinate {name!r} can be no argument of a Python function; use "
                "letters and digits."
            )
        if name in ("d", "normal") or name.startswith("_"):
            raise UnknownNameError(
                f"A coordinate cannot be called {name!r}: `u.d` is a derivative by "
                "name, `normal` the outward normal, and `_` begins private names."
            )


class AbstractPoints(eqx.Module):
    """Where a condition holds: a declaration that is drawn when a run starts."""

    n: eqx.AbstractVar[int]

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The coordinates of every point."""

    @property
    @abc.abstractmethod
    def axes(self) -> tuple[str, ...]:
        """The coordinates along which outward normals have components, in order."""

    @property
    @abc.abstractmethod
    def redrawable(self) -> bool:
        """Whether the driver may choose other points of the same region."""

    @abc.abstractmethod
    def draw(self, key: PRNGKeyArray) -> Batch:
        """The points that the rows use."""

    @abc.abstractmethod
    def unseen(self, key: PRNGKeyArray, n: int) -> Batch | None:
        """`n` other points of the same region; `None` where there are none."""


class RegionPoints(AbstractPoints):
    """A budget of `n` points of a region, placed by a sampler.

    Made by `region.points(n, sampler=...)`, with scrambled Sobol points by default.
    The sampling policy of `solve` may replace points of a random sampler, and add to
    those of any.
    """

    region: Any
    n: int
    sampler: AbstractSampler | None

    @property
    def names(self) -> tuple[str, ...]:
        return self.region.names

    @property
    def redrawable(self) -> bool:
        return not self.region.isolated and (
            self.sampler is None or self.sampler.random
        )

    @property
    def axes(self) -> tuple[str, ...]:
        return self.region.axes

    def draw(self, key: PRNGKeyArray) -> Batch:
        sampler = Sobol() if self.sampler is None else self.sampler
        return self.region.sample(sampler, self.n, key)

    def unseen(self, key: PRNGKeyArray, n: int) -> Batch | None:
        return None if self.region.isolated else self.region.sample(Sobol(), n, key)


class Points(AbstractPoints):
    """The user's own points, one array of shape `(n,)` per coordinate.

    **Example:** `ps.Points(x=[0.1, 0.5], t=[0.0, 1.0])`. A number is repeated for
    every point: `ps.Points(x=xs, t=0.0)`.

    **Raises:** `ShapeError` for unequal lengths, `EmptyRegionError` for none,
    `DtypeError` and `NonFiniteError` as `pinnsven` does for every array.
    """

    coordinates: dict[str, np.ndarray]

    def __init__(self, *unnamed, **coordinates):
        if unnamed:
            raise PinnsvenError(
                "`Points` needs the name of every coordinate: `ps.Points(x=xs, t=ts)`."
            )
        if not coordinates:
            raise EmptyRegionError(
                "`Points` needs at least one coordinate, e.g. `ps.Points(x=xs, t=ts)`."
            )
        check_coordinates(coordinates)
        arrays = {k: user_array(v, f"Coordinate {k!r}") for k, v in coordinates.items()}
        lengths = {k: a.shape for k, a in arrays.items() if a.ndim != 0}
        if any(len(shape) != 1 for shape in lengths.values()):
            raise ShapeError(
                f"Coordinates of `Points` must be one-dimensional; got {lengths}. "
                "Flatten a mesh first: `x.ravel()`."
            )
        if len({shape[0] for shape in lengths.values()}) > 1:
            raise ShapeError(
                f"Coordinates of `Points` have different lengths: {lengths}."
            )
        n = next((shape[0] for shape in lengths.values()), 1)
        if n == 0:
            raise EmptyRegionError("`Points` holds no point: its arrays are empty.")
        self.coordinates = {
            k: np.broadcast_to(a, (n,), subok=True) for k, a in arrays.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.coordinates)

    @property
    def axes(self) -> tuple[str, ...]:
        return ()

    @property
    def n(self) -> int:
        """How many points there are."""
        return next(iter(self.coordinates.values())).shape[0]

    @property
    def redrawable(self) -> bool:
        return False

    def draw(self, key: PRNGKeyArray) -> Batch:
        del key
        return Batch(dict(self.coordinates), np.full(self.n, 1.0 / self.n), {})

    def unseen(self, key: PRNGKeyArray, n: int) -> Batch | None:
        del key, n
        return None

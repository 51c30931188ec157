import abc
import math

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import (
    BoundsError,
    EmptyRegionError,
    PinnsvenError,
    UnknownNameError,
    listing,
)
from .._precision import default_dtype
from .._quantities import number
from ._points import Batch, RegionPoints, check_coordinates
from ._samplers import AbstractSampler, is_count, split_key


class AbstractRegion(eqx.Module):
    """A set of points with named coordinates that can be sampled."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The coordinates of every point."""

    @property
    @abc.abstractmethod
    def axes(self) -> tuple[str, ...]:
        """The coordinates along which outward normals have components; often none."""

    @property
    @abc.abstractmethod
    def measure(self) -> float:
        """Length, area or volume; one for a single point."""

    @property
    @abc.abstractmethod
    def isolated(self) -> bool:
        """Whether it consists of single points: there are no others to take."""

    @abc.abstractmethod
    def sample(self, sampler: AbstractSampler, n: int, key: PRNGKeyArray) -> Batch:
        """Points of the region by a sampler, as arrays on the host."""

    def points(self, n: int, sampler: AbstractSampler | None = None) -> RegionPoints:
        """Declare about `n` points of this region.

        **Arguments:**

        - `n`: how many points; tensor rules round it to the nearest product.
        - `sampler`: `ps.Sobol()`, `ps.Uniform()`, `ps.Grid()`, `ps.GaussLegendre()`;
          by default Sobol points that `solve` may move to where they are needed.

        **Raises:** `EmptyRegionError` if `n < 1`.
        """
        if not is_count(n):
            raise EmptyRegionError(
                f"`points({n!r})` asks for no number of points; give a whole number of "
                "at least 1."
            )
        if sampler is not None and not isinstance(sampler, AbstractSampler):
            raise PinnsvenError(
                f"`sampler` is {sampler!r}; give one of `ps.Sobol()`, `ps.Uniform()`, "
                "`ps.Grid()`, `ps.GaussLegendre()`."
            )
        return RegionPoints(region=self, n=int(n), sampler=sampler)


class Patch(AbstractRegion):
    """An axis-parallel box of which some coordinates may be fixed.

    `normal` is the outward unit normal of a face: empty for anything else.
    """

    bounds: dict[str, tuple[float, float]]
    fixed: dict[str, float]
    normal: dict[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.bounds, *self.fixed)

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(self.normal)

    @property
    def measure(self) -> float:
        return math.prod((high - low for low, high in self.bounds.values()), start=1.0)

    @property
    def isolated(self) -> bool:
        return not self.bounds

    def sample(self, sampler, n, key):
        dtype = default_dtype()
        if self.bounds:
            unit, weights = sampler.sample(n, len(self.bounds), key)
        else:
            # A single point; repeating it would only add equal rows.
            unit, weights = np.zeros((1, 0)), np.ones(1)
        coordinates = {
            name: (low + (high - low) * unit[:, i]).astype(dtype)
            for i, (name, (low, high)) in enumerate(self.bounds.items())
        }
        count = weights.shape[0]
        fill = lambda values: {k: np.full(count, v, dtype) for k, v in values.items()}
        return Batch(
            coordinates | fill(self.fixed), weights.astype(dtype), fill(self.normal)
        )


class Boundary(AbstractRegion):
    """Faces of a box, each with its outward normal and its share of the measure."""

    faces: tuple[Patch, ...]
    bounds: dict[str, tuple[float, float]]

    @property
    def axes(self) -> tuple[str, ...]:
        return self.faces[0].axes

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.bounds)

    @property
    def measure(self) -> float:
        return sum(face.measure for face in self.faces)

    @property
    def isolated(self) -> bool:
        return all(face.isolated for face in self.faces)

    def sample(self, sampler, n, key):
        shares = [face.measure / self.measure for face in self.faces]
        keys = split_key(key, len(self.faces))
        parts = [
            face.sample(sampler, max(1, round(share * n)), k)
            for face, share, k in zip(self.faces, shares, keys, strict=True)
        ]
        join = lambda dicts, names: {
            name: np.concatenate([d[name] for d in dicts]) for name in names
        }
        weights = [p.weights * s for p, s in zip(parts, shares, strict=True)]
        return Batch(
            join([p.coordinates for p in parts], self.names),
            np.concatenate(weights),
            join([p.normals for p in parts], self.axes),
        )


class Box(AbstractRegion):
    """An axis-parallel box with named coordinates, in space, time or parameters.

    **Example:** `domain = ps.Box(x=(-1, 1), t=(0, 1))`.

    **Raises:** `EmptyRegionError` without coordinates, `BoundsError` unless every
    coordinate has two finite bounds, the lower below the upper.
    """

    bounds: dict[str, tuple[float, float]]

    def __init__(self, *unnamed, **bounds):
        if unnamed or not bounds:
            raise EmptyRegionError(
                "`Box` needs named coordinates, e.g. `ps.Box(x=(-1, 1), t=(0, 1))`."
            )
        check_coordinates(bounds)
        self.bounds = {name: _interval(name, pair) for name, pair in bounds.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.bounds)

    @property
    def axes(self) -> tuple[str, ...]:
        return ()

    @property
    def measure(self) -> float:
        return self._patch().measure

    @property
    def isolated(self) -> bool:
        return False

    def sample(self, sampler, n, key):
        return self._patch().sample(sampler, n, key)

    def at(self, **fixed: float | int) -> Patch:
        """The slice on which the named coordinates have the given values.

        **Example:** `domain.at(t=0)` is where an initial condition holds.

        **Raises:** `UnknownNameError`, or `BoundsError` for a value outside the box.
        """
        self._known(fixed)
        values = {name: self._inside(name, value) for name, value in fixed.items()}
        return Patch(self._free(values), values, {})

    def boundary(self, *names: str) -> Boundary:
        """The faces of the named coordinates, all faces if none is named.

        Each point carries the outward unit normal of its face.

        **Example:** `domain.boundary("x")` are the walls of a space-time box.
        """
        self._known(names)
        axes = tuple(dict.fromkeys(names)) or self.names
        faces = []
        for axis in axes:
            for value, side in zip(self.bounds[axis], (-1.0, 1.0), strict=True):
                normal = {name: side * (name == axis) for name in axes}
                faces.append(Patch(self._free((axis,)), {axis: value}, normal))
        return Boundary(tuple(faces), self.bounds)

    def _patch(self) -> Patch:
        return Patch(self.bounds, {}, {})

    def _free(self, fixed) -> dict[str, tuple[float, float]]:
        return {name: pair for name, pair in self.bounds.items() if name not in fixed}

    def _known(self, names) -> None:
        for name in names:
            if not isinstance(name, str) or name not in self.bounds:
                raise UnknownNameError(
                    f"This box has no coordinate {name!r}; it has "
                    f"{listing(self.bounds)}."
                )

    def _inside(self, name: str, given) -> float:
        low, high = self.bounds[name]
        try:
            value = number(given)
        except (TypeError, ValueError) as err:
            raise BoundsError(
                f"`at({name}={given!r})` is not at a number; {name} runs from {low} to "
                f"{high}."
            ) from err
        if not low <= value <= high:
            raise BoundsError(
                f"`at({name}={value})` lies outside the box, where {name} runs from "
                f"{low} to {high}."
            )
        return value


def _interval(name: str, pair) -> tuple[float, float]:
    try:
        low, high = (number(value) for value in pair)
    except (TypeError, ValueError) as err:
        raise BoundsError(
            f"Coordinate {name!r} of `Box` is {pair!r}; give a pair of numbers, "
            f"{name}=(low, high)."
        ) from err
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BoundsError(
            f"Coordinate {name!r} of `Box` runs from {low} to {high}; both must be "
            "finite and the first below the second."
        )
    return low, high

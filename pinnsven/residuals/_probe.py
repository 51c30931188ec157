from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from ..conditions import AbstractCondition, Point
from ..fields import AbstractNetwork, Constrained, Model, ScalarField


# Points of a condition, and waves, that show the size of its rows.
_POINTS, WAVES = 64, 8
# Fields sway by one characteristic scale over the length of the domain; where only a
# source drives them, this wave number sits between the answers of the usual supports.
FREE, DRIVEN = 1.0, 2.0

# Offset and amplitude of each field.
Sizes = Mapping[str, tuple[float, float]]


class Waves(eqx.Module):
    r"""Test states $u_f = a_f + b_f \cos(\sum_i k_{fi} \zeta_i + \phi_f)$.

    $\zeta_i$ runs from 0 to 1 along coordinate $i$ of the domain of the field.

    Each entry maps a field to one number, or one for each coordinate.
    """

    offset: dict[str, Float[Array, "..."]]
    amplitude: dict[str, Float[Array, "..."]]
    number: dict[str, Float[Array, "... d"]]
    phase: dict[str, Float[Array, "..."]]

    def field(self, name: str, bounds: Mapping[str, Any], unit=1.0) -> ScalarField:
        """One field of the given bounds, in other units by a factor."""
        low, high = jnp.asarray(list(bounds.values())).T

        def value(*z):
            along = (jnp.stack(z) - low) / (high - low)
            angle = jnp.sum(self.number[name] * along) + self.phase[name]
            size = self.amplitude[name] * jnp.cos(angle)
            return unit * (self.offset[name] + size)

        return ScalarField(tuple(bounds), value)


class Probe:
    """The rows of one condition on test states in place of the networks."""

    def __init__(self, condition: AbstractCondition, model: Model):
        batch = condition.points.draw(jr.key(0))
        point = Point(batch.coordinates, batch.normals, condition.data())
        step = -(-batch.size // _POINTS)
        some = lambda a: jnp.asarray(a[::step])
        self.points = jax.tree.map(some, point)
        self.coordinates = self.points.coordinates
        self._model, self._bounds = model, {n: model.bounds(n) for n in model.fields}
        unknowns = {n: u.value for n, u in model.unknowns.items()}

        def one(waves: Waves, point: Point):
            fields = {n: waves.field(n, b) for n, b in self._bounds.items()}
            return vector(condition.row(fields | unknowns, point))

        self.count = len(range(0, batch.size, step))
        points = jax.vmap(one, in_axes=(None, 0), axis_size=self.count)
        self._rows = jax.jit(jax.vmap(points, (0, None), axis_size=WAVES))

    def __call__(self, sizes: Sizes, driven: str = "") -> np.ndarray:
        """Rows of shape `(WAVES, points, components)`."""
        return np.asarray(self._rows(self.waves(sizes, driven), self.points))

    def moved_by(self, name: str) -> bool:
        """Whether the rows depend on this field and on no other."""
        rest = {n: (0.0, 0.0) for n in self._bounds}
        zero = self(rest)
        moving = [n for n in rest if np.any(self(rest | {n: (0.0, 1.0)}) != zero)]
        return moving == [name]

    def holds(self, name: str) -> bool:
        """Whether the points of the condition are points of the field `name`."""
        return set(self._bounds[name]) <= set(self.coordinates)

    def cosine(self, name: str) -> np.ndarray:
        """What the field `name` adds at its own points with unit amplitude."""
        waves = self.waves({n: (0.0, 1.0) for n in self._bounds}, "")
        u = lambda w, *z: w.field(name, self._bounds[name]).fn(*z)
        z = [self.coordinates[n] for n in self._bounds[name]]
        points = jax.vmap(u, in_axes=(None, *[0] * len(z)))
        return np.asarray(jax.vmap(points, in_axes=(0, *[None] * len(z)))(waves, *z))

    def waves(self, sizes: Sizes, driven: str = "") -> Waves:
        """Test states of the given offsets and amplitudes."""
        # One set of directions and phases for all calls: their difference is then
        # that of the sizes alone.
        rng = np.random.default_rng(0)
        full = lambda value: jnp.full(WAVES, value, float)
        return Waves(
            {n: full(sizes[n][0]) for n in self._bounds},
            {n: full(sizes[n][1]) for n in self._bounds},
            {
                n: jnp.asarray(rng.choice([-1.0, 1.0], (WAVES, len(b))))
                * (DRIVEN if n == driven else FREE)
                for n, b in self._bounds.items()
            },
            {n: jnp.asarray(rng.uniform(0, 2 * np.pi, WAVES)) for n in self._bounds},
        )


def vector(raw: Any) -> Float[Array, " m"]:
    """What a row returns, as one array."""
    parts = list(raw) if isinstance(raw, tuple | list) else [raw]
    return jnp.concatenate([jnp.atleast_1d(jnp.asarray(part)) for part in parts])


def rms(rows: np.ndarray) -> np.ndarray:
    """The root mean square of each component, of the entries that are finite."""
    rows = rows.reshape(-1, rows.shape[-1])
    finite = np.isfinite(rows)
    # Scaled, so that the square of a large row does not overflow.
    largest = np.max(np.abs(rows), axis=0, initial=0.0, where=finite)
    largest = np.where(largest > 0, largest, 1.0)
    square = np.sum((rows / largest) ** 2, axis=0, where=finite)
    return largest * np.sqrt(square / np.maximum(finite.sum(axis=0), 1))


def lift(network: AbstractNetwork, raw: float) -> np.ndarray:
    """The fields of a hard-constrained network whose raw fields are all `raw`.

    Shape `(points, fields)`; on points inside the domain, where nothing is built in.
    """
    rng = np.random.default_rng(0)
    low, high = np.asarray(network.bounds).T
    z = jnp.asarray(low + (high - low) * rng.uniform(size=(_POINTS, low.size)))
    constant = lambda z: jnp.full(len(network.fields), raw, z.dtype)
    return np.asarray(jax.vmap(innermost(network, constant))(z))


def innermost(network: Any, new: Any) -> Any:
    """The same hard constraints around another network."""
    if not isinstance(network, Constrained):
        return new
    inner = innermost(network.network, new)
    return eqx.tree_at(lambda c: c.network, network, inner)

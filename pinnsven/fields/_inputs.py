import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import (
    KeyReuseError,
    PinnsvenError,
    ShapeError,
    UnknownNameError,
    listing,
)
from .._names import check_key, shown
from .._precision import default_dtype
from ._embeddings import AbstractEmbedding, is_size
from ._fixed import FixedArray
from ._keys import KeyMark


class Inputs(eqx.Module):
    """What a network sees of a point: coordinates scaled to $[-1, 1]$, and waves.

    `kept` are the indices of the coordinates that no embedding replaces.
    """

    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)
    kept: tuple[int, ...] = eqx.field(static=True)
    cycles: FixedArray | None
    keys: tuple[KeyMark, ...] = eqx.field(static=True)

    def __init__(
        self,
        bounds: dict[str, tuple[float, float]],
        embedding: Any,
        key: PRNGKeyArray,
        what: str,
    ):
        check_key(key, what)
        parts = _embeddings(embedding, what)
        names = tuple(bounds)
        self.bounds = tuple(bounds.values())
        self.keys = (KeyMark(key), *(mark for part in parts for mark in part.keys))
        data = [mark.data for mark in self.keys]
        if len(set(data)) < len(data):
            raise KeyReuseError(
                f"{what} and its embedding were given one random key, so weights and "
                "waves would be correlated. Split it: `k1, k2 = jr.split(key)`."
            )
        owned = [_owned(part, names, what) for part in parts]
        used = [name for own in owned for name in own]
        if len(set(used)) < len(used):
            raise UnknownNameError(
                f"{what} got embeddings that share a coordinate, {listing(used)}; each "
                "coordinate goes through one: name those that an embedding replaces."
            )
        self.kept = tuple(i for i, name in enumerate(names) if name not in used)
        rows = []
        for part, own in zip(parts, owned, strict=True):
            columns = [names.index(name) for name in own]
            some = part.cycles([bounds[name][1] - bounds[name][0] for name in own])
            whole = np.zeros((some.shape[0], len(names)))
            whole[:, columns] = some
            rows.append(whole)
        self.cycles = FixedArray(np.concatenate(rows)) if rows else None

    @property
    def count(self) -> int:
        """How many numbers the network sees."""
        waves = 0 if self.cycles is None else 2 * self.cycles.shape[0]
        return len(self.kept) + waves

    def __call__(self, z: Float[Array, " d"]) -> Float[Array, " count"]:
        low, high = jnp.asarray(self.bounds, z.dtype).T
        z = (2.0 * z - (low + high)) / (high - low)
        if self.cycles is None:
            return z
        angles = jnp.pi * (self.cycles(z.dtype) @ z)
        kept = [z[i] for i in self.kept]
        return jnp.concatenate(
            [jnp.stack(kept) if kept else z[:0], jnp.cos(angles), jnp.sin(angles)]
        )


def _embeddings(given: Any, what: str) -> tuple[AbstractEmbedding, ...]:
    if given is None:
        return ()
    parts = tuple(given) if isinstance(given, tuple | list) else (given,)
    for part in parts:
        if not isinstance(part, AbstractEmbedding):
            raise PinnsvenError(
                f"The embedding of {what} is {shown(part)}; give "
                '`ps.PeriodicEmbedding("x")`, `ps.FourierFeatures(count, scale, '
                "key=key)`, or a tuple of such."
            )
    return parts


def _owned(
    part: AbstractEmbedding, names: tuple[str, ...], what: str
) -> tuple[str, ...]:
    if wrong := [name for name in part.names if name not in names]:
        raise UnknownNameError(
            f"The embedding of {what} names the coordinates {listing(wrong)}; the "
            f"domain has {listing(names)}."
        )
    return part.names or names


def check_sizes(what: str, **sizes: Any) -> None:
    """Refuse anything but whole numbers of at least 1."""
    if not all(is_size(n) for n in sizes.values()):
        given = " and ".join(f"{name}={n!r}" for name, n in sizes.items())
        raise ShapeError(
            f"{what} was given {given}; each must be a whole number of at least 1"
            f"{' (depth counts the hidden layers)' if 'depth' in sizes else ''}."
        )


def check_activation(activation: Any, width: int) -> None:
    """Refuse what is no function of each entry of an array."""
    layer = jax.ShapeDtypeStruct((width,), default_dtype())
    if (
        not callable(activation)
        or eqx.filter_eval_shape(activation, layer).shape != layer.shape
    ):
        raise PinnsvenError(
            f"`activation` is {shown(activation)}; give a smooth function "
            "of each entry of an array, such as `jnp.tanh`."
        )


def uniform(
    rng: np.random.Generator, shape: tuple[int, ...], limit: float
) -> Float[Array, "..."]:
    """Weights uniform in +-limit, in the precision in force."""
    # On the host: compiling a generator for each shape would take seconds.
    return jnp.asarray(rng.uniform(-1.0, 1.0, shape) * limit, default_dtype())


def dense(
    rng: np.random.Generator,
    sizes: Sequence[int],
    limit: Callable[[int, int], float],
    lead: tuple[int, ...] = (),
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Weights and zero biases of dense layers of these sizes."""
    pairs = list(itertools.pairwise(sizes))
    weights = tuple(uniform(rng, (*lead, o, i), limit(i, o)) for i, o in pairs)
    return weights, tuple(jnp.zeros((*lead, o), default_dtype()) for _, o in pairs)


def glorot(n_in: int, n_out: int) -> float:
    """The limit that keeps the variance of a layer's input; Glorot and Bengio, 2010."""
    return (6.0 / (n_in + n_out)) ** 0.5

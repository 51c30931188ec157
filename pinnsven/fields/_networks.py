import abc
import itertools
import keyword
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import (
    EmptyRegionError,
    PinnsvenError,
    ShapeError,
    UnknownNameError,
    listing,
)
from .._names import check_key, shown
from .._precision import default_dtype
from ..geometry import AbstractRegion, host_generator


class AbstractNetwork(eqx.Module):
    """Named fields of named coordinates, computed together from one input vector."""

    fields: eqx.AbstractVar[tuple[str, ...]]
    coordinates: eqx.AbstractVar[tuple[str, ...]]
    bounds: eqx.AbstractVar[tuple[tuple[float, float], ...]]

    @property
    @abc.abstractmethod
    def keys(self) -> tuple["KeyMark", ...]:
        """The random keys that the initial weights came from."""

    @abc.abstractmethod
    def __call__(self, z: Float[Array, " d"]) -> Float[Array, " m"]:
        """The field values at one point `z`, in the order of `fields`."""


class KeyMark:
    """Remembers a random key without being part of what a compiled function sees.

    All marks are equal, so that models which differ in their seed share one trace.
    """

    def __init__(self, key: PRNGKeyArray):
        self.data = tuple(np.asarray(jr.key_data(key)).ravel().tolist())

    def __eq__(self, other):
        return isinstance(other, KeyMark)

    def __hash__(self):
        return hash(KeyMark)


class MLP(AbstractNetwork):
    r"""A dense network on coordinates scaled from the domain to $[-1, 1]$.

    $$ z_0 = (x - \text{centre}) / \text{half width}, \quad
       z_{l+1} = \sigma(W_l z_l + b_l), \quad u = W_L z_L + b_L $$

    **Arguments:**

    - `domain`: the region whose coordinates are the inputs; its bounding box scales
      them.
    - `fields`: the names of the outputs, separated by spaces: `"u"`, `"u v p"`.
    - `width`, `depth`: neurons of a hidden layer, and number of hidden layers.
    - `activation`: a smooth function, `jnp.tanh` (default), `jnp.sin`, `jax.nn.gelu`.
    - `key`: a random key, used for the initial weights only.

    The initial $W_l$ are uniform in $\pm\sqrt{6 / (n_{in} + n_{out})}$ (Glorot and
    Bengio, AISTATS 2010), so that each layer keeps the variance of its input; the
    biases are zero.

    **Example:** `ps.MLP(domain, "u", width=20, depth=3, key=jr.key(0))`.
    """

    weights: tuple[Float[Array, "out in"], ...]
    biases: tuple[Float[Array, " out"], ...]
    activation: Callable
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)
    key_mark: KeyMark = eqx.field(static=True)

    def __init__(
        self,
        domain: AbstractRegion,
        fields: str,
        *,
        width: int,
        depth: int,
        key: PRNGKeyArray,
        activation: Callable = jnp.tanh,
    ):
        if not all(isinstance(n, int) and n >= 1 for n in (width, depth)):
            raise ShapeError(
                f"`MLP` was given width={width!r} and depth={depth!r}; both must be "
                "whole numbers of at least 1 (depth counts the hidden layers)."
            )
        check_domain(domain, "`MLP`")
        check_key(key, "`MLP`")
        layer = jax.ShapeDtypeStruct((width,), default_dtype())
        if (
            not callable(activation)
            or eqx.filter_eval_shape(activation, layer).shape != layer.shape
        ):
            raise PinnsvenError(
                f"`activation` is {shown(activation)}; give a smooth function "
                "of each entry of an array, such as `jnp.tanh`."
            )
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        sizes = [len(self.coordinates), *[width] * depth, len(self.fields)]
        dtype = default_dtype()
        # On the host: compiling a generator for each shape would take seconds.
        rng = host_generator(key)
        limit = lambda n_in, n_out: math.sqrt(6.0 / (n_in + n_out))
        self.weights = tuple(
            jnp.asarray(
                rng.uniform(-1.0, 1.0, (n_out, n_in)) * limit(n_in, n_out), dtype
            )
            for n_in, n_out in itertools.pairwise(sizes)
        )
        self.biases = tuple(jnp.zeros(n, dtype) for n in sizes[1:])
        self.activation = activation
        self.key_mark = KeyMark(key)

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return (self.key_mark,)

    def __call__(self, z):
        low, high = jnp.asarray(self.bounds, z.dtype).T
        z = (2.0 * z - (low + high)) / (high - low)
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for w, b in hidden:
            z = self.activation(w @ z + b)
        return last[0] @ z + last[1]


class Field(AbstractNetwork):
    """Fields computed by any module that the user brings.

    **Arguments:**

    - `module`: an Equinox module or other callable pytree. It gets the vector of raw
      coordinates in the order of the domain and returns the field values, shape
      `(m,)`, or a scalar if there is one field. All its floating arrays are trained.
    - `domain`: the region whose coordinates are the inputs.
    - `fields`: the names of its outputs, separated by spaces.

    **Example:** `ps.Field(eqx.nn.MLP(2, 1, 20, 3, jnp.tanh, key=key), domain, "u")`.

    **Raises:** `ShapeError` if the module returns another number of values.
    """

    module: Any
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(self, module: Any, domain: AbstractRegion, fields: str):
        if not callable(module) or isinstance(module, type):
            raise PinnsvenError(
                "`Field` wraps a module that can be called with a vector, got "
                f"{module!r}."
            )
        check_domain(domain, "`Field`")
        self.module = module
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        point = jax.ShapeDtypeStruct((len(self.coordinates),), default_dtype())
        try:
            out = eqx.filter_eval_shape(self.module, point)
        except Exception as err:
            raise ShapeError(
                f"The module of `Field` fails on one point, a vector of shape "
                f"{point.shape} that holds {listing(self.coordinates)}, with `{err}`."
            ) from err
        shape = getattr(out, "shape", None)
        if (
            shape is None
            or shape not in ((len(self.fields),), ())
            or (shape == () and len(self.fields) != 1)
        ):
            raise ShapeError(
                f"The module of `Field` returns shape {shape} at one point of "
                f"{listing(self.coordinates)}; {listing(self.fields)} need "
                f"({len(self.fields)},)."
            )

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return ()

    def __call__(self, z):
        return jnp.atleast_1d(self.module(z))


def check_domain(domain: Any, what: str) -> None:
    """Refuse a name or an array where a region belongs, and one without extent."""
    if isinstance(domain, AbstractRegion):
        flat = [name for name, (low, high) in domain.bounds.items() if low >= high]
        if not flat:
            return
        raise EmptyRegionError(
            f"{what} cannot scale {listing(flat)}, along which its domain has no "
            "extent; give the region around it."
        )
    else:
        raise PinnsvenError(
            f"{what} needs a domain such as `ps.Box(x=(-1, 1), t=(0, 1))` to scale its "
            f"coordinates; got {domain!r} in its place."
        )


def split_names(names: str) -> tuple[str, ...]:
    """`"u v p"` to a tuple, refusing duplicates, blanks and what is no identifier."""
    parts = tuple(names.replace(",", " ").split()) if isinstance(names, str) else ()
    if (
        not parts
        or len(set(parts)) < len(parts)
        or not all(p.isidentifier() and not keyword.iskeyword(p) for p in parts)
    ):
        raise UnknownNameError(
            f"Field names are {names!r}; give distinct names in one string, "
            'e.g. `"u"` or `"u v p"`.'
        )
    return parts

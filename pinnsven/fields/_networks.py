import abc
import keyword
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import PinnsvenError, ShapeError, UnknownNameError, listing
from .._precision import default_dtype
from ..geometry import AbstractRegion, host_generator
from ._embeddings import AbstractEmbedding
from ._inputs import Inputs, check_activation, check_sizes, dense, glorot
from ._keys import KeyMark


# What an argument `embedding` may be.
Embedding = AbstractEmbedding | Sequence[AbstractEmbedding] | None


class AbstractNetwork(eqx.Module):
    """Named fields of named coordinates, computed together from one input vector."""

    fields: eqx.AbstractVar[tuple[str, ...]]
    coordinates: eqx.AbstractVar[tuple[str, ...]]
    bounds: eqx.AbstractVar[tuple[tuple[float, float], ...]]

    @property
    @abc.abstractmethod
    def keys(self) -> tuple[KeyMark, ...]:
        """The random keys that the initial weights came from."""

    @abc.abstractmethod
    def __call__(self, z: Float[Array, " d"]) -> Float[Array, " m"]:
        """The field values at one point `z`, in the order of `fields`."""


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
    - `embedding`: what the network sees in the place of some coordinates,
      `PeriodicEmbedding`, `FourierFeatures` or a tuple of them.
    - `key`: a random key, used for the initial weights only.

    The initial $W_l$ are uniform in $\pm\sqrt{6 / (n_{in} + n_{out})}$ (Glorot and
    Bengio, AISTATS 2010), so that each layer keeps the variance of its input; the
    biases are zero.

    **Example:** `ps.MLP(domain, "u", width=20, depth=3, key=jr.key(0))`.
    """

    weights: tuple[Float[Array, "out in"], ...]
    biases: tuple[Float[Array, " out"], ...]
    activation: Callable
    inputs: Inputs
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(
        self,
        domain: AbstractRegion,
        fields: str,
        *,
        width: int,
        depth: int,
        key: PRNGKeyArray,
        activation: Callable = jnp.tanh,
        embedding: Embedding = None,
    ):
        check_sizes("`MLP`", width=width, depth=depth)
        check_domain(domain, "`MLP`")
        self.inputs = Inputs(domain.bounds, embedding, key, "`MLP`")
        check_activation(activation, width)
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        sizes = [self.inputs.count, *[width] * depth, len(self.fields)]
        self.weights, self.biases = dense(host_generator(key), sizes, glorot)
        self.activation = activation

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.inputs.keys

    def __call__(self, z):
        z = self.inputs(z)
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
    """Refuse a name or an array where a region belongs."""
    if not isinstance(domain, AbstractRegion):
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

import abc
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import PinnsvenError, ShapeError, UnknownNameError, listing
from .._names import bind, parameters
from .._precision import default_dtype


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

    - `domain`: the `Box` whose coordinates are the inputs.
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
        domain: Any,
        fields: str,
        *,
        width: int,
        depth: int,
        key: PRNGKeyArray,
        activation: Callable = jnp.tanh,
    ):
        if width < 1 or depth < 1:
            raise ShapeError(
                f"`MLP` was given width={width} and depth={depth}; both must be at "
                "least 1 (depth counts the hidden layers)."
            )
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        sizes = [len(self.coordinates), *[width] * depth, len(self.fields)]
        dtype = default_dtype()
        self.weights = tuple(
            jr.uniform(k, (n_out, n_in), dtype, -1.0, 1.0)
            * math.sqrt(6.0 / (n_in + n_out))
            for k, n_in, n_out in zip(
                jr.split(key, depth + 1), sizes[:-1], sizes[1:], strict=True
            )
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
    - `domain`: the `Box` whose coordinates are the inputs.
    - `fields`: the names of its outputs, separated by spaces.

    **Example:** `ps.Field(eqx.nn.MLP(2, 1, 20, 3, jnp.tanh, key=key), domain, "u")`.

    **Raises:** `ShapeError` if the module returns another number of values.
    """

    module: Any
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(self, module: Any, domain: Any, fields: str):
        self.module = module
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        point = jax.ShapeDtypeStruct((len(self.coordinates),), default_dtype())
        out = eqx.filter_eval_shape(self.module, point)
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


class Constrained(AbstractNetwork):
    """Fields that satisfy conditions exactly, by construction (hard conditions).

    Each transform names what it needs, as a residual does: raw field values of the
    network and coordinates.

    **Arguments:**

    - `network`: `MLP`, `Field` or another `Constrained`.
    - `transform`: for a network of one field; else one keyword per field to transform.

    **Example:** zero on both walls and `sin(pi x)` at `t = 0`:

    ```python
    net = ps.Constrained(net, lambda u, x, t: jnp.sin(jnp.pi * x) + t * x * (1 - x) * u)
    ```

    **Raises:** `UnknownNameError` for a field or argument that does not exist.

    Source: Lagaris, Likas and Fotiadis, IEEE Trans. Neural Networks 9 (1998).
    """

    network: AbstractNetwork
    transforms: dict[str, Callable]
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(
        self,
        network: AbstractNetwork,
        transform: Callable | None = None,
        **transforms: Callable,
    ):
        self.network = network
        self.fields = network.fields
        self.coordinates = network.coordinates
        self.bounds = network.bounds
        if transform is not None:
            if len(self.fields) != 1:
                raise PinnsvenError(
                    f"This network has the fields {listing(self.fields)}: name the one "
                    "that a transform belongs to, `Constrained(net, u=..., v=...)`."
                )
            transforms = {self.fields[0]: transform} | transforms
        known = (*self.fields, *self.coordinates)
        for name, fn in transforms.items():
            wrong = [p for p in parameters(fn) if p not in known]
            if name not in self.fields or wrong:
                raise UnknownNameError(
                    f"`Constrained` transform of {name!r} needs {listing(wrong)}; there "
                    f"are the fields {listing(self.fields)} and the coordinates "
                    f"{listing(self.coordinates)}."
                )
        self.transforms = transforms

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.network.keys

    def __call__(self, z):
        raw = dict(zip(self.fields, self.network(z), strict=True))
        scope = raw | dict(zip(self.coordinates, z, strict=True))
        return jnp.stack(
            [
                bind(self.transforms[name], scope) if name in self.transforms else value
                for name, value in raw.items()
            ]
        )


def split_names(names: str) -> tuple[str, ...]:
    """`"u v p"` to a tuple, refusing duplicates, blanks and what is no identifier."""
    parts = tuple(names.replace(",", " ").split()) if isinstance(names, str) else ()
    if (
        not parts
        or len(set(parts)) < len(parts)
        or not all(map(str.isidentifier, parts))
    ):
        raise UnknownNameError(
            f"Field names are {names!r}; give distinct names in one string, "
            'e.g. `"u"` or `"u v p"`.'
        )
    return parts

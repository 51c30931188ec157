import functools
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..geometry import AbstractRegion, host_generator
from ._inputs import Inputs, check_activation, check_sizes, dense, glorot
from ._keys import KeyMark
from ._networks import AbstractNetwork, check_domain, split_names


class SeparableMLP(AbstractNetwork):
    r"""A sum of products of dense networks of one coordinate each.

    $$ u(x_1, \dots, x_d) = \sum_{r=1}^{\text{rank}} \prod_{i=1}^{d} f_{ir}(x_i) $$

    where $f_{i1}, f_{i2}, \dots$ are the outputs of one network of the coordinate
    $x_i$, scaled to $[-1, 1]$; a separate rank for each field. For many coordinates,
    where the solution is nearly a short sum of products.

    **Arguments:**

    - `domain`, `fields`, `activation`, `key`: as of `MLP`.
    - `rank`: the number of products.
    - `width`, `depth`: of the network of each coordinate.

    The initial weights are those of `MLP`.

    **Example:** `ps.SeparableMLP(domain, "u", rank=4, width=10, depth=1, key=key)`.

    **Raises:** as `MLP`.

    Source: J. Cho et al., Separable physics-informed neural networks, NeurIPS 2023.
    """

    weights: tuple[Float[Array, "d out in"], ...]
    biases: tuple[Float[Array, "d out"], ...]
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
        rank: int,
        width: int,
        depth: int,
        key: PRNGKeyArray,
        activation: Callable = jnp.tanh,
    ):
        check_sizes("`SeparableMLP`", rank=rank, width=width, depth=depth)
        check_domain(domain, "`SeparableMLP`")
        self.inputs = Inputs(domain.bounds, None, key, "`SeparableMLP`")
        check_activation(activation, width)
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        self.activation = activation
        sizes = [1, *[width] * depth, rank * len(self.fields)]
        lead = (len(self.coordinates),)
        self.weights, self.biases = dense(host_generator(key), sizes, glorot, lead)

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.inputs.keys

    def __call__(self, z):
        # One row for each coordinate; the networks are evaluated side by side.
        h = self.inputs(z)[:, None]
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for w, b in hidden:
            h = self.activation(jnp.einsum("doi,di->do", w, h) + b)
        factors = jnp.einsum("doi,di->do", last[0], h) + last[1]
        products = functools.reduce(jnp.multiply, list(factors))
        return jnp.sum(products.reshape(len(self.fields), -1), axis=1)

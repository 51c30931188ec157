from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._errors import UnknownNameError, listing
from ._fixed import FixedArray
from ._keys import KeyMark
from ._networks import AbstractNetwork


class Refined(AbstractNetwork):
    r"""A finished network, which is not trained any more, and a small correction.

    $$ u(x) = u_1(x) + \epsilon\,u_2(x) $$

    Made by `ps.refine`.

    **Arguments:**

    - `first`: the network to keep. `second`: the one to train, of the same fields.
    - `scale`: $\epsilon$, the size of what the first one has left.

    **Raises:** `UnknownNameError` where fields or coordinates differ.
    """

    second: AbstractNetwork
    kept: tuple[FixedArray, ...]
    rest: Any
    structure: Any = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(self, first: AbstractNetwork, second: AbstractNetwork, scale: float):
        own, other = [(n.fields, n.coordinates) for n in (first, second)]
        if own != other:
            raise UnknownNameError(
                f"A network of {listing(own[0])} over {listing(own[1])} is refined by "
                f"one of the same fields and coordinates; got {listing(other[0])} over "
                f"{listing(other[1])}."
            )
        trained, self.rest = eqx.partition(first, eqx.is_inexact_array)
        leaves, self.structure = jax.tree.flatten(trained)
        self.kept = tuple(FixedArray(np.asarray(leaf)) for leaf in leaves)
        self.second, self.scale = second, scale
        self.fields, self.coordinates = own
        self.bounds = first.bounds

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.second.keys

    def __call__(self, z):
        leaves = [array(z.dtype) for array in self.kept]
        first = eqx.combine(jax.tree.unflatten(self.structure, leaves), self.rest)
        return first(z) + self.scale * self.second(z)

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp

from .._errors import PinnsvenError, UnknownNameError, listing
from ._keys import KeyMark
from ._networks import AbstractNetwork


class Joined(AbstractNetwork):
    r"""Networks of neighbouring intervals of one coordinate, as one network.

    $$ u(x, t) = u_k(x, t) \quad\text{for}\quad t_{k-1} < t \le t_k , $$

    with the first and the last one beyond both ends. Made by `ps.solve_windows`.

    **Arguments:**

    - `networks`: in order, of the same fields and coordinates.
    - `along`: the coordinate that tells which one applies.

    **Raises:** `PinnsvenError` where fields or coordinates differ, `UnknownNameError`
    for networks that do not depend on `along`.
    """

    networks: tuple[AbstractNetwork, ...]
    along: str = eqx.field(static=True)
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(self, networks: Sequence[AbstractNetwork], along: str):
        self.networks, self.along = tuple(networks), along
        first = self.networks[0]
        self.fields, self.coordinates = first.fields, first.coordinates
        for other in self.networks[1:]:
            if (other.fields, other.coordinates) != (self.fields, self.coordinates):
                raise PinnsvenError(
                    "The windows have different networks: one has the fields "
                    f"{listing(self.fields)} of {listing(self.coordinates)}, another "
                    f"{listing(other.fields)} of {listing(other.coordinates)}."
                )
        if along not in self.coordinates:
            raise UnknownNameError(
                f"The fields {listing(self.fields)} do not depend on {along!r}; they "
                f"are functions of {listing(self.coordinates)}."
            )
        pairs = zip(*(network.bounds for network in self.networks), strict=True)
        self.bounds = tuple((each[0][0], each[-1][1]) for each in pairs)

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        # Windows are trained one by one: equal keys in two of them do no harm.
        return self.networks[0].keys

    def __call__(self, z):
        index = self.coordinates.index(self.along)
        value = self.networks[0](z)
        for network in self.networks[1:]:
            later = z[index] > network.bounds[index][0]
            value = jnp.where(later, network(z), value)
        return value

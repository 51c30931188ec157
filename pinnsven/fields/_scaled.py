import equinox as eqx
import jax.numpy as jnp

from ._networks import AbstractNetwork


class Scaled(AbstractNetwork):
    r"""A network whose outputs are offset + scale times those of another.

    So what is trained stays of order one while the fields are in the user's units.
    Made by `ps.nondimensionalise`.

    **Arguments:** `network`; `offsets` and `scales`, one number for each field.
    """

    network: AbstractNetwork
    offsets: tuple[float, ...] = eqx.field(static=True)
    scales: tuple[float, ...] = eqx.field(static=True)
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(self, network: AbstractNetwork, offsets, scales):
        self.network = network
        self.offsets, self.scales = tuple(offsets), tuple(scales)
        self.fields = network.fields
        self.coordinates = network.coordinates
        self.bounds = network.bounds

    @property
    def keys(self):
        return self.network.keys

    def __call__(self, z):
        raw = self.network(z)
        return jnp.asarray(self.offsets, raw.dtype) + raw * jnp.asarray(
            self.scales, raw.dtype
        )

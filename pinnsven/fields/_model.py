from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import (
    DtypeError,
    KeyReuseError,
    PinnsvenError,
    UnknownNameError,
    listing,
)
from .._names import check_key, shown
from .._precision import default_dtype
from ._networks import AbstractNetwork
from ._scalar_field import ScalarField
from ._unknown import Unknown


# What a solution calls its own parts, and a boundary its normal.
RESERVED = frozenset(
    "covariance has_data history identifiability in_units interval left_out members "
    "model normal plot reason result save seconds solver spectrum std steps times "
    "to_pandas to_xarray training unseen write".split()
)


class Model(eqx.Module):
    """Everything that is learned: networks with named fields, and unknown constants.

    **Arguments:** any number of networks (`MLP`, `Field`, `Constrained`), then the
    unknowns by keyword; a bare number means `Unknown(number)`.

    **Example:** `ps.Model(net, nu=ps.Unknown(0.1, positive=True))`.

    **Raises:** `UnknownNameError` if two things share a name, `KeyReuseError` if two
    networks were made from one random key (they would start equal), `DtypeError` if
    weights are not in the precision in force.
    """

    networks: tuple[AbstractNetwork, ...]
    unknowns: dict[str, Unknown]

    def __init__(self, *networks: AbstractNetwork, **unknowns: Any):
        for network in networks:
            if not isinstance(network, AbstractNetwork):
                raise PinnsvenError(
                    f"`Model` got {shown(network)} where a network belongs. "
                    'Wrap your own module, `ps.Field(module, domain, "u")`; unknowns '
                    "have a name, `ps.Model(net, k=ps.Unknown(1.0))`."
                )
        self.networks = networks
        self.unknowns = {
            name: value if isinstance(value, Unknown) else Unknown(value)
            for name, value in unknowns.items()
        }
        fields = [name for network in networks for name in network.fields]
        inputs = {name for network in networks for name in network.coordinates}
        _check_names(fields, list(self.unknowns), sorted(inputs))
        # Networks may share an embedding, which then is one object with one mark.
        found = {id(mark): mark for network in networks for mark in network.keys}
        marks = [mark.data for mark in found.values()]
        if len(set(marks)) < len(marks):
            raise KeyReuseError(
                "Two networks of this `Model` were made from the same random key and "
                "would start with equal weights. Split it: `k1, k2 = jr.split(key)`."
            )
        for leaf in jax.tree.leaves(eqx.filter(self, eqx.is_inexact_array)):
            if leaf.dtype != default_dtype():
                raise DtypeError(
                    f"The model holds {leaf.dtype} weights, but pinnsven computes in "
                    f"{default_dtype()}. Call `ps.enable_x64()` before you build it."
                )

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all fields, network by network."""
        return tuple(name for network in self.networks for name in network.fields)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of all coordinates that a network depends on."""
        names = (name for network in self.networks for name in network.coordinates)
        return tuple(dict.fromkeys(names))

    def field(self, name: str) -> ScalarField:
        """The named field as a function of its coordinates."""
        for network in self.networks:
            if name in network.fields:
                return _component(network, network.fields.index(name))
        raise UnknownNameError(
            f"The model has no field {name!r}; it has {listing(self.fields)}."
        )

    def bounds(self, name: str) -> dict[str, tuple[float, float]]:
        """The interval of each coordinate of the named field."""
        for network in self.networks:
            if name in network.fields:
                return dict(zip(network.coordinates, network.bounds, strict=True))
        raise UnknownNameError(
            f"The model has no field {name!r}; it has {listing(self.fields)}."
        )

    def scope(self) -> dict[str, Any]:
        """What functions may name: every field, and the value of every unknown."""
        fields = {name: self.field(name) for name in self.fields}
        return fields | {name: u.value for name, u in self.unknowns.items()}

    def refuse_key(self, key) -> None:
        """Refuse a key that already made the weights of a network."""
        check_key(key, "`solve`")
        data = tuple(np.asarray(jax.random.key_data(key)).ravel().tolist())
        if any(data == mark.data for net in self.networks for mark in net.keys):
            raise KeyReuseError(
                "The key of `solve` is the one that made the weights of a network, so "
                "points and weights would be correlated. Give each its own: "
                "`jr.key(0)`, `jr.key(1)`."
            )


def _check_names(fields: list[str], unknowns: list[str], inputs: list[str]) -> None:
    everything = [*fields, *unknowns, *inputs]
    if not fields + unknowns:
        raise PinnsvenError(
            "`Model` holds nothing to learn; give it a network or an unknown, "
            '`ps.Model(ps.MLP(domain, "u", ...), k=ps.Unknown(1.0))`.'
        )
    if twice := sorted({name for name in everything if everything.count(name) > 1}):
        raise UnknownNameError(
            f"`Model` uses the names {listing(twice)} more than once among its fields "
            f"{listing(fields)}, unknowns {listing(unknowns)} and coordinates "
            f"{listing(inputs)}; each needs its own."
        )
    taken = [n for n in fields + unknowns if n in RESERVED or n.startswith("_")]
    if taken:
        raise UnknownNameError(
            f"A field or unknown cannot be called {listing(taken)}: a solution uses "
            "that name for a part of its own, or a boundary for its normal. Rename it."
        )


def _component(network: AbstractNetwork, index: int) -> ScalarField:
    def value(*z):
        return network(jnp.stack(z))[index]

    return ScalarField(network.coordinates, value)

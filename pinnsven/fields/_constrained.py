from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from .._errors import PinnsvenError, UnknownNameError, listing
from .._names import bind, check_callable, check_names, check_scalar, traced
from .._precision import default_dtype
from ._keys import KeyMark
from ._networks import AbstractNetwork


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
        if not isinstance(network, AbstractNetwork):
            raise PinnsvenError(
                "`Constrained` needs a network first, `ps.MLP` or `ps.Field`, got "
                f"{type(network).__name__}."
            )
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
            if transforms:
                raise PinnsvenError(
                    f"`Constrained` got a transform without a name besides those of "
                    f"{listing(transforms)}; this network has one field, so give one."
                )
            transforms = {self.fields[0]: transform}
        if not transforms:
            raise PinnsvenError(
                "`Constrained` got no transform, e.g. `lambda u, x: x * (1 - x) * u`."
            )
        self.transforms = transforms
        for name, fn in transforms.items():
            self._check(name, fn)

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

    def _check(self, name: str, fn: Callable) -> None:
        where = f"The `Constrained` transform of {name!r}"
        if name not in self.fields:
            raise UnknownNameError(
                f"{where} belongs to no field; there are {listing(self.fields)}."
            )
        check_callable(fn, where, "lambda u, x: x * (1 - x) * u")
        groups = {"raw fields": self.fields, "coordinates": self.coordinates}
        check_names(fn, groups, where)
        number = jax.ShapeDtypeStruct((), default_dtype())
        scope = {known: number for names in groups.values() for known in names}
        check_scalar(traced(lambda s: bind(fn, s), scope, where=where), where)

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import UnknownNameError, listing
from .._precision import default_dtype
from ..fields import Model


# Points evaluated at one time, so that a fine grid needs no more memory than this.
_CHUNK = 2**14


class Evaluated:
    """A field of a solution: arrays in, arrays out; its derivatives likewise.

    Coordinates are given by keyword, or by position in the order of the field, and
    broadcast against each other: `solution.u(x=jnp.linspace(-1, 1, 101), t=0.5)`.
    `solution.u.xx` is the second derivative, as in a residual.
    """

    def __init__(self, model: Model, name: str, along: tuple[str, ...] = ()):
        self._model, self._name, self._along = model, name, along
        self.names = model.field(name).names

    def __call__(self, *args, **kwargs) -> Float[Array, "..."]:
        values = dict(zip(self.names, args, strict=False)) | kwargs
        if set(values) != set(self.names) or len(args) + len(kwargs) != len(self.names):
            raise UnknownNameError(
                f"`{self._name}` is a field of {listing(self.names)}; it was called "
                f"with {len(args)} positional arguments and {listing(kwargs)}."
            )
        dtype = default_dtype()
        arrays = [np.asarray(values[name], dtype) for name in self.names]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        self._warn_outside(arrays)
        flat = jnp.stack([np.broadcast_to(a, shape).ravel() for a in arrays], axis=1)
        return _evaluate(self._model, flat, self._name, self._along).reshape(shape)

    def _warn_outside(self, arrays: list[np.ndarray]) -> None:
        bounds = self._model.bounds(self._name)
        for name, values in zip(self.names, arrays, strict=True):
            low, high = bounds[name]
            # A difference quotient at the edge is no extrapolation to speak of.
            slack = 0.01 * (high - low)
            if np.any((values < low - slack) | (values > high + slack)):
                warnings.warn(
                    f"{self._name!r} is evaluated outside its domain, where {name!r} "
                    f"runs from {low:g} to {high:g}. No condition holds it there.",
                    stacklevel=3,
                )

    def d(self, *names: str) -> "Evaluated":
        """The mixed derivative along the named coordinates."""
        self._model.field(self._name).d(*names)
        return Evaluated(self._model, self._name, (*self._along, *names))

    def __getattr__(self, name: str) -> "Evaluated":
        letters = tuple(name)
        # Copying and unpickling ask for attributes before there are any.
        if name.startswith("_") or name == "names":
            raise AttributeError(name)
        if set(letters) <= set(self.names):
            return self.d(*letters)
        raise AttributeError(
            f"`{self._name}` has no derivative {name!r}; its coordinates are "
            f"{listing(self.names)}."
        )


@eqx.filter_jit
def _evaluate(model: Model, z: Float[Array, "n d"], name: str, along: tuple[str, ...]):
    u = model.field(name).d(*along)
    return jax.lax.map(lambda point: u.fn(*point), z, batch_size=_CHUNK)

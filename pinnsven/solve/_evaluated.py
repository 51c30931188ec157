import warnings
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import PinnsvenError, UnknownNameError, listing
from .._precision import default_dtype, full_precision
from ..fields import Model
from ..inference import Propagation, check_level, student


# Points evaluated at one time, so that a fine grid needs no more memory than this.
_CHUNK = 2**14


class Evaluated:
    """A field of a solution: arrays in, arrays out; its derivatives likewise.

    Coordinates are given by keyword, or by position in the order of the field, and
    broadcast against each other: `solution.u(x=jnp.linspace(-1, 1, 101), t=0.5)`.
    `solution.u.xx` is the second derivative, as in a residual. `solution.u.std(...)`
    are standard errors, `solution.u.band(0.95, ...)` the ends of intervals.
    """

    def __init__(
        self,
        model: Model,
        name: str,
        along: tuple[str, ...] = (),
        noise: Callable[[], Propagation] | None = None,
    ):
        self._model, self._name, self._along = model, name, along
        self._noise = noise
        self.names = model.field(name).names

    def __call__(self, *args, **kwargs) -> Float[Array, "..."]:
        points, shape = self._points(args, kwargs)
        flat = jnp.asarray(points)
        return _evaluate(self._model, flat, self._name, self._along).reshape(shape)

    def std(self, *args, **kwargs) -> Float[np.ndarray, "..."]:
        """Standard errors at the given coordinates, of the shape of the values.

        Of a derivative likewise, `solution.u.x.std(x=..., t=...)`. Infinite where the
        conditions do not determine the field.

        **Raises:** `PinnsvenError` if there are no `Data`.
        """
        points, shape = self._points(args, kwargs)
        return self._errors(points)[0].reshape(shape)

    def band(
        self, level: float, *args, **kwargs
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """A confidence interval at each point: its lower and its upper ends.

        For each point by itself: one whole curve leaves its band somewhere more often.

        **Raises:** `BoundsError` for a `level` outside of (0, 1); as `std`.

        **Example:** `low, high = solution.u.band(0.95, x=xs, t=0.5)`.
        """
        check_level(level)
        points, shape = self._points(args, kwargs)
        std, freedom = self._errors(points)
        half = (student(level, freedom) * std).reshape(shape)
        flat = jnp.asarray(points)
        values = _evaluate(self._model, flat, self._name, self._along)
        values = np.asarray(values).reshape(shape)
        return np.asarray(values - half), np.asarray(values + half)

    def _errors(self, points):
        if self._noise is None:
            raise PinnsvenError(
                f"`{self._name}` does not come from a `Solution`, so there is no noise "
                "to give it an error bar; use `solution.u.std(...)`."
            )
        return self._noise().field(self._name, self._along, points)

    def _points(self, args, kwargs) -> tuple[np.ndarray, tuple[int, ...]]:
        """The points, one in a row, and the shape that was asked for."""
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
        flat = np.stack([np.broadcast_to(a, shape).ravel() for a in arrays], axis=1)
        return flat, shape

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
                    stacklevel=4,
                )

    def d(self, *names: str) -> "Evaluated":
        """The mixed derivative along the named coordinates."""
        self._model.field(self._name).d(*names)
        along = (*self._along, *names)
        return Evaluated(self._model, self._name, along, self._noise)

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


@full_precision
@eqx.filter_jit
def _evaluate(model: Model, z: Float[Array, "n d"], name: str, along: tuple[str, ...]):
    u = model.field(name).d(*along)
    return jax.lax.map(lambda point: u.fn(*point), z, batch_size=_CHUNK)

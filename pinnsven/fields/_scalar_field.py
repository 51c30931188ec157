import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import (
    PinnsvenError,
    ShapeError,
    UnknownDerivativeError,
    UnknownNameError,
    listing,
)
from .._names import check_callable, check_scalar, parameters
from .._precision import default_dtype


@dataclasses.dataclass(frozen=True)
class ScalarField:
    """A scalar function of named coordinates, at one point; its derivatives are fields.

    This is what a residual receives under the name of a field. `u(x, t)` evaluates,
    by position or by keyword; `u.t`, `u.xx`, `u.xt` are derivative fields wherever
    every letter is a coordinate; `u.d("theta", "theta")` works for any names.

    Derivatives are exact, by nested forward-mode differentiation; the compiler merges
    what several of them share.
    """

    # No pytree: a field that is used without a call then meets an error that names it.

    names: tuple[str, ...]
    fn: Callable[..., Float[Array, ""]]

    def __call__(self, *args, **kwargs) -> Float[Array, ""]:
        values = dict(zip(self.names, args, strict=False))
        if len(args) > len(self.names) or kwargs.keys() & values.keys():
            raise ShapeError(
                f"A field of ({', '.join(self.names)}) was called with {len(args)} "
                f"positional and the keyword arguments {listing(kwargs)}."
            )
        values |= kwargs
        if values.keys() != set(self.names):
            raise UnknownNameError(
                f"A field of ({', '.join(self.names)}) was called with "
                f"{listing(values)}; it needs exactly its own coordinates."
            )
        ordered = [_real(name, values[name]) for name in self.names]
        if any(value.ndim for value in ordered):
            raise ShapeError(
                "A residual is written for ONE point: its field was called with arrays "
                f"of shapes {[v.shape for v in ordered]}. pinnsven maps it over points."
            )
        value = self.fn(*ordered)
        check_scalar(value, f"A field of ({', '.join(self.names)})")
        return value

    def d(self, *names: str) -> "ScalarField":
        """The mixed derivative with respect to the named coordinates."""
        fn = self.fn
        # One order for equal mixtures, so that u.xt and u.tx compile to one thing.
        for index in sorted(self._index(name) for name in names):
            fn = _partial(fn, index)
        return ScalarField(self.names, fn)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if set(name) <= set(self.names):
            return self.d(*name)
        raise UnknownDerivativeError(
            f"A field of ({', '.join(self.names)}) has no derivative {name!r}. "
            "Letters must be coordinates; for longer names write "
            '`u.d("theta", "theta")`.'
        )

    def _index(self, name: str) -> int:
        if not isinstance(name, str):
            raise UnknownNameError(
                f'A derivative is taken along a name, in quotes: `u.d("x")`; got a '
                f"{type(name).__name__}."
            )
        if name not in self.names:
            raise UnknownNameError(
                f"A field of ({', '.join(self.names)}) has no coordinate {name!r}."
            )
        return self.names.index(name)


def _partial(fn: Callable, index: int) -> Callable:
    def derivative(*args):
        def along(value):
            return fn(*args[:index], value, *args[index + 1 :])

        return jax.jvp(along, (args[index],), (jnp.ones_like(args[index]),))[1]

    return derivative


def field(fn: Callable) -> ScalarField:
    """Make a field of an expression; its parameter names are its coordinates.

    **Example:** the flux `k(u) u_x` and its divergence in one dimension:

    ```python
    flux = ps.field(lambda x, t: (1 + u(x, t) ** 2) * u.x(x, t))
    return u.t(x, t) - ps.d(flux, "x")(x, t)
    ```
    """
    check_callable(fn, "`field`", "lambda x, t: u(x, t) ** 2")
    names = parameters(fn)
    return ScalarField(names, lambda *z: fn(**dict(zip(names, z, strict=True))))


def d(u: ScalarField, *names: str) -> ScalarField:
    """The mixed derivative of `u` with respect to the named coordinates, a field."""
    return _checked(u, "d").d(*names)


def grad(u: ScalarField, *names: str) -> tuple[ScalarField, ...]:
    """The partial derivatives of `u` along the named coordinates, all if none is."""
    return tuple(_checked(u, "grad").d(name) for name in names or u.names)


def laplacian(u: ScalarField, *names: str) -> ScalarField:
    r"""$\sum_i \partial^2 u / \partial x_i^2$ over the named coordinates, a field.

    Name the space coordinates of a time-dependent field; without names the sum runs
    over all of them.
    """
    names = names or _checked(u, "laplacian").names
    return _sum([_checked(u, "laplacian").d(name, name) for name in names])


def divergence(
    components: Iterable[ScalarField] | ScalarField, *names: str
) -> ScalarField:
    r"""$\sum_i \partial v_i / \partial x_i$ of fields over the same coordinates.

    **Arguments:** `components`, one field for each name; without names the field's own
    coordinates are used in their order.

    **Example:** `ps.divergence((u, v), "x", "y")(x, y)`.
    """
    if isinstance(components, ScalarField):
        components = (components,)
    components = tuple(_checked(v, "divergence") for v in components)
    if not components:
        raise ShapeError("`divergence` needs one field for each coordinate, got none.")
    names = names or components[0].names
    if len(names) != len(components):
        raise ShapeError(
            f"`divergence` got {len(components)} components for {len(names)} "
            f"coordinates {listing(names)}."
        )
    return _sum([v.d(name) for v, name in zip(components, names, strict=True)])


def _sum(parts: list[ScalarField]) -> ScalarField:
    names = parts[0].names
    for part in parts:
        if set(part.names) != set(names):
            raise UnknownNameError(
                f"Fields of {listing(names)} and of {listing(part.names)} cannot be "
                "added; write each as a field of the same coordinates."
            )

    def total(*z):
        values = dict(zip(names, z, strict=True))
        return jnp.sum(jnp.stack([p.fn(*map(values.get, p.names)) for p in parts]))

    return ScalarField(names, total)


def _checked(u: Any, what: str) -> ScalarField:
    if not isinstance(u, ScalarField):
        raise PinnsvenError(
            f"`{what}` takes a field and gives a field; it got a {type(u).__name__}. "
            f'Pass the field itself and call the outcome: `ps.{what}(u, "x")(x, t)`; '
            "`ps.field(lambda x, t: ...)` makes a field of an expression."
        )
    return u


def _real(name: str, value: Any) -> Array:
    # `u.t(x, 0)` must be differentiable, so whole numbers become floating ones.
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise ShapeError(f"A field was called with a complex {name!r}.")
    real = jnp.issubdtype(array.dtype, jnp.floating)
    return array if real else array.astype(default_dtype())

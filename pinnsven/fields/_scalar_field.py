import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import ShapeError, UnknownNameError, listing


class ScalarField(eqx.Module):
    """A scalar function of named coordinates, at one point; its derivatives are fields.

    This is what a residual receives under the name of a field. `u(x, t)` evaluates,
    by position or by keyword; `u.t`, `u.xx`, `u.xt` are derivative fields wherever
    every letter is a coordinate; `u.d("theta", "theta")` works for any names.

    Derivatives are exact, by nested forward-mode differentiation; the compiler merges
    what several of them share.
    """

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
        ordered = [jnp.asarray(values[name]) for name in self.names]
        if any(value.ndim for value in ordered):
            raise ShapeError(
                "A residual is written for ONE point: its field was called with arrays "
                f"of shapes {[v.shape for v in ordered]}. pinnsven maps it over points."
            )
        return self.fn(*ordered)

    def d(self, *names: str) -> "ScalarField":
        """The mixed derivative with respect to the named coordinates."""
        fn = self.fn
        # One order for equal mixtures, so that u.xt and u.tx compile to one thing.
        for index in sorted(self._index(name) for name in names):
            fn = _partial(fn, index)
        return ScalarField(self.names, fn)

    def __getattr__(self, name: str) -> Any:
        letters = tuple(name)
        if letters and not name.startswith("_") and set(letters) <= set(self.names):
            return self.d(*letters)
        raise AttributeError(
            f"A field of ({', '.join(self.names)}) has no derivative {name!r}. "
            "Letters must be coordinates; for longer names write "
            '`u.d("theta", "theta")`.'
        )

    def _index(self, name: str) -> int:
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
    return ScalarField(tuple(inspect.signature(fn).parameters), fn)


def d(u: ScalarField, *names: str) -> ScalarField:
    """The mixed derivative of `u` with respect to the named coordinates, a field."""
    return u.d(*names)


def grad(u: ScalarField, *names: str) -> tuple[ScalarField, ...]:
    """The partial derivatives of `u` along the named coordinates, all if none is."""
    return tuple(u.d(name) for name in names or u.names)


def laplacian(u: ScalarField, *names: str) -> ScalarField:
    r"""$\sum_i \partial^2 u / \partial x_i^2$ over the named coordinates, a field.

    Name the space coordinates of a time-dependent field; without names the sum runs
    over all of them.
    """
    parts = [u.d(name, name) for name in names or u.names]
    return ScalarField(
        u.names, lambda *z: sum((p.fn(*z) for p in parts), jnp.zeros(()))
    )


def divergence(components, *names: str) -> ScalarField:
    r"""$\sum_i \partial v_i / \partial x_i$ of fields over the same coordinates.

    **Arguments:** `components`, one field for each name; without names the field's own
    coordinates are used in their order.

    **Example:** `ps.divergence((u, v), "x", "y")(x, y)`.
    """
    components = tuple(components)
    names = names or components[0].names
    if len(names) != len(components):
        raise ShapeError(
            f"`divergence` got {len(components)} components for {len(names)} "
            f"coordinates {listing(names)}."
        )
    parts = [v.d(name) for v, name in zip(components, names, strict=True)]
    return ScalarField(
        components[0].names, lambda *z: sum((p.fn(*z) for p in parts), jnp.zeros(()))
    )

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError, PinnsvenError, UnknownNameError, listing
from .._names import check_callable, parameters
from ..geometry import is_count


# Nodes that are evaluated at one time, for each row.
_NODES = 32


def integral(fn: Callable, *unnamed, nodes: int = 20, **limits) -> Any:
    r"""$\int_a^b f(s)\,ds$ inside a residual, by Gauss-Legendre quadrature.

    Limits may be numbers, coordinates, unknowns or expressions of them, and the
    integral can be differentiated with respect to all of these: Volterra and Fredholm
    terms, mean values and memory are one line. With `nodes` the rule is exact for
    polynomials up to degree `2 nodes - 1` in each variable; for a kink or a singularity
    cut the interval there and add the parts.

    **Arguments:**

    - `fn`: a function of the variables of integration, of ONE point. It returns a
      scalar, an array or a tuple of them.
    - `nodes`: for each variable; a tensor product for several.
    - `limits`: a pair for each variable, under its name. Where one limit depends on
      another variable, nest two integrals.

    **Returns:** what `fn` returns, integrated.

    **Raises:** `UnknownNameError` if the variables of `fn` are not those of the limits;
    `BoundsError` for limits that are no pair, or `nodes` below 1.

    **Example:** $u'(t) = -\int_0^t e^{-(t-s)} u(s)\,ds$.

    ```python
    def volterra(u, t):
        memory = ps.integral(lambda s: jnp.exp(s - t) * u(s), s=(0.0, t))
        return u.t(t) + memory
    ```
    """
    if unnamed or not limits:
        raise PinnsvenError(
            "`integral` needs limits under the names of its variables: "
            "`ps.integral(lambda s: u(s), s=(0.0, t))`."
        )
    check_callable(fn, "`integral`", "lambda s: u(s)")
    if set(parameters(fn)) != set(limits):
        raise UnknownNameError(
            f"The function of `integral` takes {listing(parameters(fn))}, but there "
            f"are limits for {listing(limits)}; each variable needs its own."
        )
    if not is_count(nodes):
        raise BoundsError(
            f"`integral` got nodes={nodes!r}; give a whole number of at least 1."
        )
    x, w = np.polynomial.legendre.leggauss(nodes)
    names = tuple(limits)
    pairs = [_pair(name, limits[name]) for name in names]
    mesh = np.meshgrid(*[x] * len(names), indexing="ij")
    weights = np.prod(np.meshgrid(*[w] * len(names), indexing="ij"), axis=0).ravel()
    half = [(high - low) / 2.0 for low, high in pairs]
    places = {
        name: low + h * (1.0 + jnp.asarray(unit.ravel(), h.dtype))
        for name, (low, _), h, unit in zip(names, pairs, half, mesh, strict=True)
    }
    total = weighted_sum(lambda z: fn(**z), places, weights)
    size = jnp.prod(jnp.stack(half))
    return jax.tree.map(lambda value: size * value, total)


def weighted_sum(
    fn: Callable,
    places: Any,
    weights: Float[np.ndarray | Array, " n"],
    least: int = _NODES,
) -> Any:
    """$\\sum_i w_i f(z_i)$ over arrays `places` with one entry for each node in front.

    Derivatives of any kind hold the intermediate values of `least` nodes at one time,
    whatever the number of nodes: the others are computed again.
    """
    n = weights.size
    first = jax.tree.leaves(places)[0]
    w = jnp.asarray(weights, first.dtype)

    def some(part, share):
        values = jax.vmap(fn)(part)
        return jax.tree.map(lambda v: jnp.tensordot(share, v, axes=1), values)

    if n <= least:
        return some(places, w)
    # The last group is filled up with nodes that count for nothing.
    groups = -(-n // least)
    index = np.minimum(np.arange(groups * least), n - 1).reshape(groups, least)
    shares = jnp.where(np.arange(groups * least) < n, w[index.ravel()], 0.0)
    parts = jax.tree.map(lambda a: a[index], places), shares.reshape(index.shape)
    blank = jax.eval_shape(some, *jax.tree.map(lambda a: a[0], parts))
    zero = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), blank)

    def add(total, group):
        return jax.tree.map(jnp.add, total, some(*group)), None

    return jax.lax.scan(jax.checkpoint(add), zero, parts)[0]


def _pair(name: str, given) -> tuple[Float[Array, ""], Float[Array, ""]]:
    try:
        low, high = given
    except (TypeError, ValueError) as err:
        raise BoundsError(
            f"The limits of {name!r} in `integral` are {given!r}; give a pair, "
            f"`{name}=(0.0, t)`."
        ) from err
    low, high = jnp.asarray(low, float), jnp.asarray(high, float)
    if low.ndim or high.ndim:
        raise BoundsError(
            f"The limits of {name!r} in `integral` have shapes {low.shape} and "
            f"{high.shape}; each must be one number. A residual sees ONE point."
        )
    return low, high

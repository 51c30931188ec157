import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import BoundsError, ShapeError
from .._precision import user_array
from .._quantities import number


# Of the range between its bounds: an unknown that is so near to one has met it.
_NEAR = 1e-3


class Unknown(eqx.Module):
    r"""A constant that is fitted together with the networks, in the same step.

    What is trained is a dimensionless number $q$:

    - plain: value $= s\,q$ with $s$ = `scale`, by default $|\text{initial}|$, or 1
      where that is zero;
    - `positive`: value $= \text{initial}\cdot e^{q}$;
    - `lower`, `upper`: value $= a + (b - a) \sin^2(q/2)$, between them. Steps across a
      bound come back from it, as $q$ has no limits there; of a logistic function they
      would stay where its slope is zero.

    So an unknown of size 1e9 and one of size 1e-9 are equally well scaled. One that
    starts at zero does not tell its size: give `scale`, its order of magnitude.

    **Arguments:** `initial`, a number or an array; `positive`; or both bounds; `scale`,
    a number or the shape of `initial`, for a plain one only.

    **Example:** `ps.Model(net, nu=ps.Unknown(0.1, positive=True))`.

    **Raises:** `BoundsError` if the initial value does not lie strictly inside, or if
    the bounds contradict each other.

    Source of the transform by a sine: F. James and M. Roos, Comput. Phys. Commun. 10
    (1975).
    """

    raw: Float[Array, "..."]
    scale: tuple[float, ...] = eqx.field(static=True)
    lower: float | None = eqx.field(static=True)
    upper: float | None = eqx.field(static=True)
    positive: bool = eqx.field(static=True)
    guessed: bool = eqx.field(static=True)

    def __init__(
        self,
        initial,
        *,
        positive: bool = False,
        lower: float | int | None = None,
        upper: float | int | None = None,
        scale=None,
    ):
        if isinstance(initial, eqx.Module):
            raise ShapeError(
                f"`Unknown` needs a number or an array, got {type(initial).__name__}. "
                "Networks stand first in a model, unnamed: `ps.Model(net, k=1.0)`."
            )
        value = user_array(initial, "The initial value of `Unknown`")
        if value.size == 0:
            raise ShapeError(
                f"`Unknown` was given no number, an array of shape {value.shape}; give "
                "the value to start from."
            )
        if (lower is None) != (upper is None) or (positive and lower is not None):
            raise BoundsError(
                "`Unknown` takes `positive=True`, or both of `lower` and `upper`, or "
                f"neither; got positive={positive}, lower={lower}, upper={upper}."
            )
        low, high = (0.0, math.inf) if positive else (-math.inf, math.inf)
        if lower is not None and upper is not None:
            low, high = _bound("lower", lower), _bound("upper", upper)
        if not low < high or not ((value > low) & (value < high)).all():
            raise BoundsError(
                f"`Unknown({initial})` must start strictly between {low} and {high}, "
                "and the lower bound must be below the upper one."
            )
        size = np.where(value == 0, 1.0, np.abs(value))
        if scale is not None:
            size = _scale(scale, value.shape, positive or lower is not None)
        # Of those that are scaled by nothing, as they start at zero.
        self.guessed = scale is None and lower is None and not np.all(value)
        self.scale = tuple(size.ravel().tolist())
        self.lower, self.upper, self.positive = None, None, positive
        if lower is not None:
            self.lower, self.upper = low, high
            raw = 2.0 * np.arctan2(np.sqrt(value - low), np.sqrt(high - value))
        else:
            raw = np.zeros(value.shape) if positive else value / size
        self.raw = jnp.asarray(raw, value.dtype)

    @property
    def value(self) -> Float[Array, "..."]:
        """The constant itself, in the user's units."""
        scale = jnp.asarray(self.scale, self.raw.dtype).reshape(self.raw.shape)
        if self.positive:
            return scale * jnp.exp(self.raw)
        if self.lower is not None and self.upper is not None:
            return self.lower + (self.upper - self.lower) * jnp.sin(self.raw / 2) ** 2
        return scale * self.raw

    def around(self, half: Float[np.ndarray, "..."]) -> tuple[np.ndarray, np.ndarray]:
        """Its values where the trained number is `half` less and `half` more."""
        raw, least, most = np.asarray(self.raw), -np.inf, np.inf
        if self.lower is not None:
            # The same value, on the branch that runs from the lower to the upper bound.
            raw = np.abs((raw + np.pi) % (2.0 * np.pi) - np.pi)
            least, most = 0.0, np.pi
        ends = (np.clip(raw - half, least, most), np.clip(raw + half, least, most))
        there = lambda q: eqx.tree_at(lambda u: u.raw, self, jnp.asarray(q)).value
        return np.asarray(there(ends[0])), np.asarray(there(ends[1]))

    def bounds_met(self) -> tuple[float, ...]:
        """The bounds that it, or an entry of it, is at within 0.1% of its range."""
        if self.lower is None or self.upper is None:
            return ()
        value, near = np.asarray(self.value), _NEAR * (self.upper - self.lower)
        pair = (self.lower, self.upper)
        return tuple(b for b in pair if np.any(np.abs(value - b) <= near))


def _scale(given, shape: tuple[int, ...], bounded: bool) -> np.ndarray:
    if bounded:
        raise BoundsError(
            "`Unknown` takes `scale` only without bounds: a positive one is scaled by "
            "its initial value, one between bounds by their distance."
        )
    size = user_array(given, "`scale` of `Unknown`")
    if size.shape not in ((), shape) or not (size > 0).all():
        raise BoundsError(
            f"`scale` of `Unknown` is {given!r}; give its order of magnitude, one "
            f"positive number or an array of shape {shape}."
        )
    return np.broadcast_to(size, shape)


def _bound(name: str, given) -> float:
    try:
        value = float(number(given))
    except (TypeError, ValueError) as err:
        raise BoundsError(
            f"`{name}` of `Unknown` is {given!r}; give a number."
        ) from err
    if not math.isfinite(value):
        raise BoundsError(
            f"`{name}` of `Unknown` is {value}; both bounds must be finite. For half a "
            "line use `positive=True` and add the offset in the residual."
        )
    return value

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import BoundsError
from .._precision import user_array


class Unknown(eqx.Module):
    r"""A constant that is fitted together with the networks, in the same step.

    What is trained is a dimensionless number $q$:

    - plain: value $= s\,q$ with $s = |\text{initial}|$ (1 if that is zero);
    - `positive`: value $= \text{initial}\cdot e^{q}$;
    - `lower`, `upper`: value $= a + (b - a)/(1 + e^{-q})$, strictly inside.

    So an unknown of size 1e9 and one of size 1e-9 are equally well scaled.

    **Arguments:** `initial`, a number or an array; `positive`; or both bounds.

    **Example:** `ps.Model(net, nu=ps.Unknown(0.1, positive=True))`.

    **Raises:** `BoundsError` if the initial value does not lie strictly inside, or if
    the bounds contradict each other.
    """

    raw: Float[Array, "..."]
    scale: tuple[float, ...] = eqx.field(static=True)
    lower: float | None = eqx.field(static=True)
    upper: float | None = eqx.field(static=True)
    positive: bool = eqx.field(static=True)

    def __init__(
        self,
        initial,
        *,
        positive: bool = False,
        lower: float | None = None,
        upper: float | None = None,
    ):
        value = user_array(initial, "The initial value of `Unknown`")
        if (lower is None) != (upper is None) or (positive and lower is not None):
            raise BoundsError(
                "`Unknown` takes `positive=True`, or both of `lower` and `upper`, or "
                f"neither; got positive={positive}, lower={lower}, upper={upper}."
            )
        low, high = (0.0, math.inf) if positive else (-math.inf, math.inf)
        if lower is not None and upper is not None:
            low, high = float(lower), float(upper)
        if not low < high or not ((value > low) & (value < high)).all():
            raise BoundsError(
                f"`Unknown({initial})` must start strictly between {low} and {high}, "
                "and the lower bound must be below the upper one."
            )
        size = abs(value)
        size[size == 0] = 1.0
        self.scale = tuple(size.ravel().tolist())
        self.lower, self.upper, self.positive = lower, upper, positive
        if lower is not None:
            share = (value - low) / (high - low)
            self.raw = jnp.log(share) - jnp.log1p(-share)
        else:
            self.raw = jnp.zeros(value.shape) if positive else jnp.asarray(value / size)

    @property
    def value(self) -> Float[Array, "..."]:
        """The constant itself, in the user's units."""
        scale = jnp.asarray(self.scale, self.raw.dtype).reshape(self.raw.shape)
        if self.positive:
            return scale * jnp.exp(self.raw)
        if self.lower is not None and self.upper is not None:
            return self.lower + (self.upper - self.lower) * jax.nn.sigmoid(self.raw)
        return scale * self.raw

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import BoundsError
from ..geometry import AbstractRegion, host_generator
from ._embeddings import is_positive
from ._inputs import Inputs, check_activation, check_sizes, dense, glorot, uniform
from ._keys import KeyMark
from ._networks import AbstractNetwork, Embedding, check_domain, split_names


class SIREN(AbstractNetwork):
    r"""A dense network of sines that starts with many waves across the domain.

    $$ z_{l+1} = \sin\bigl(\omega_0 (W_l z_l + b_l)\bigr), \qquad u = W_L z_L + b_L $$

    on coordinates $z_0$ scaled to $[-1, 1]$. The initial $W_0$ are uniform in
    $\pm 1/n_{in}$, so that the first layer has waves of up to $\omega_0$ radians for
    each unit of $z_0$; the others are uniform in $\pm\sqrt{6/n_{in}}/\omega_0$ and keep
    the distribution from layer to layer; biases are uniform in $\pm 1/\sqrt{n_{in}}$,
    the last one zero.

    **Arguments:**

    - `domain`, `fields`, `width`, `depth`, `embedding`, `key`: as of `MLP`.
    - `omega_0`: $\omega_0$. The 30 of the paper is for images; about
      $\pi$ times the number of waves across the domain suits a solution.

    **Example:** `ps.SIREN(domain, "u", width=20, depth=2, omega_0=10.0, key=key)`.

    **Raises:** as `MLP`; `BoundsError` for an `omega_0` that is not positive.

    Source: V. Sitzmann et al., Implicit neural representations with periodic
    activation functions, NeurIPS 2020.
    """

    weights: tuple[Float[Array, "out in"], ...]
    biases: tuple[Float[Array, " out"], ...]
    inputs: Inputs
    omega_0: float = eqx.field(static=True)
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(
        self,
        domain: AbstractRegion,
        fields: str,
        *,
        width: int,
        depth: int,
        key: PRNGKeyArray,
        omega_0: float | int = 30.0,
        embedding: Embedding = None,
    ):
        check_sizes("`SIREN`", width=width, depth=depth)
        check_domain(domain, "`SIREN`")
        if not is_positive(omega_0):
            raise BoundsError(
                f"`SIREN` got omega_0={omega_0!r}; give a positive number of radians, "
                "about pi times the number of waves across the domain."
            )
        self.inputs = Inputs(domain.bounds, embedding, key, "`SIREN`")
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        self.omega_0 = float(omega_0)
        rng = host_generator(key)
        first, later = [self.inputs.count, width], [*[width] * depth, len(self.fields)]
        hidden = lambda n_in, _: math.sqrt(6.0 / n_in) / self.omega_0
        weights, _ = dense(rng, first, lambda n_in, _: 1.0 / n_in)
        more, zeros = dense(rng, later, hidden)
        self.weights = (*weights, *more)
        sizes = [first[0], *later[:-2]]
        biases = (uniform(rng, (width,), 1.0 / math.sqrt(n_in)) for n_in in sizes)
        self.biases = (*biases, zeros[-1])

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.inputs.keys

    def __call__(self, z):
        z = self.inputs(z)
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for w, b in hidden:
            z = jnp.sin(self.omega_0 * (w @ z + b))
        return last[0] @ z + last[1]


class ModifiedMLP(AbstractNetwork):
    r"""A dense network whose hidden layers are gates between two encoders.

    $$ U = \sigma(W_U z_0 + b_U), \quad V = \sigma(W_V z_0 + b_V), \quad
       g_l = \sigma(W_l z_l + b_l), \quad z_{l+1} = (1 - g_l)\,U + g_l\,V $$

    on coordinates $z_0$ scaled to $[-1, 1]$, and $u = W_L z_L + b_L$. The initial
    weights are those of `MLP`.

    **Arguments:** `domain`, `fields`, `width`, `depth`, `activation`, `embedding`,
    `key`: as of `MLP`.

    **Example:** `ps.ModifiedMLP(domain, "u", width=20, depth=3, key=key)`.

    **Raises:** as `MLP`.

    Source: S. Wang, Y. Teng and P. Perdikaris, SIAM J. Sci. Comput. 43 (2021)
    A3055; here every hidden layer is a gate, the first one too.
    """

    weights: tuple[Float[Array, "out in"], ...]
    biases: tuple[Float[Array, " out"], ...]
    encoders: Float[Array, "2 out in"]
    encoder_biases: Float[Array, "2 out"]
    activation: Callable
    inputs: Inputs
    fields: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[str, ...] = eqx.field(static=True)
    bounds: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def __init__(
        self,
        domain: AbstractRegion,
        fields: str,
        *,
        width: int,
        depth: int,
        key: PRNGKeyArray,
        activation: Callable = jnp.tanh,
        embedding: Embedding = None,
    ):
        check_sizes("`ModifiedMLP`", width=width, depth=depth)
        check_domain(domain, "`ModifiedMLP`")
        self.inputs = Inputs(domain.bounds, embedding, key, "`ModifiedMLP`")
        check_activation(activation, width)
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        self.activation = activation
        rng = host_generator(key)
        first = [self.inputs.count, width]
        sizes = [*first, *[width] * (depth - 1), len(self.fields)]
        self.weights, self.biases = dense(rng, sizes, glorot)
        (self.encoders,), (self.encoder_biases,) = dense(rng, first, glorot, (2,))

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.inputs.keys

    def __call__(self, z):
        z = self.inputs(z)
        u, v = self.activation(self.encoders @ z + self.encoder_biases)
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for w, b in hidden:
            gate = self.activation(w @ z + b)
            z = (1.0 - gate) * u + gate * v
        return last[0] @ z + last[1]

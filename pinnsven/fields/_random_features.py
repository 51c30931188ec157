from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import BoundsError
from .._precision import default_dtype
from ..geometry import AbstractRegion, host_generator
from ._embeddings import is_positive
from ._fixed import FixedArray
from ._inputs import Inputs, check_activation, check_sizes
from ._keys import KeyMark
from ._networks import AbstractNetwork, Embedding, check_domain, split_names


class RandomFeatures(AbstractNetwork):
    r"""A sum of fixed random functions, of which only the coefficients are trained.

    $$ u = W\,\sigma(A s + b) + c $$

    on coordinates $s$ scaled to $[-1, 1]$. $A$ and $b$ are drawn once, uniform in
    $\pm$`scale`, and never trained; $W$ and $c$ start at zero. Fields are linear in
    what is trained, so if the conditions are linear in the fields one full step,
    `ps.Sven(lr=1.0)`, is the least-squares solution in this basis (extreme learning
    machine). If they are not, each step costs as much as one of an `MLP` with as many
    weights; ten of them are enough for Kovasznay's flow.

    **Arguments:**

    - `domain`, `fields`, `activation`, `embedding`: as of `MLP`.
    - `count`: the number of random functions.
    - `scale`: how steep they are; too small a scale cannot make the solution, too
      large a one needs more functions and points. For sines take a little more than
      the largest wave number of the solution in $s$.
    - `key`: a random key, for $A$ and $b$.

    **Example:** `ps.RandomFeatures(domain, "u", count=200, scale=3.0, key=key)`.

    **Raises:** as `MLP`; `BoundsError` for a scale that is not positive.

    Sources: G.-B. Huang, Q.-Y. Zhu and C.-K. Siew, Neurocomputing 70 (2006) 489;
    S. Dong and Z. Li, Comput. Methods Appl. Mech. Eng. 387 (2021) 114129.
    """

    weights: Float[Array, "m count"]
    biases: Float[Array, " m"]
    hidden: FixedArray
    hidden_biases: FixedArray
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
        count: int,
        scale: float | int,
        key: PRNGKeyArray,
        activation: Callable = jnp.tanh,
        embedding: Embedding = None,
    ):
        check_sizes("`RandomFeatures`", count=count)
        check_domain(domain, "`RandomFeatures`")
        if not is_positive(scale):
            raise BoundsError(
                f"`RandomFeatures` got scale={scale!r}; give a positive number, such "
                "as 3.0 for a solution without fine detail."
            )
        self.inputs = Inputs(domain.bounds, embedding, key, "`RandomFeatures`")
        check_activation(activation, count)
        self.fields = split_names(fields)
        self.coordinates = tuple(domain.bounds)
        self.bounds = tuple(domain.bounds.values())
        self.activation = activation
        rng = host_generator(key)
        self.hidden = FixedArray(rng.uniform(-scale, scale, (count, self.inputs.count)))
        self.hidden_biases = FixedArray(rng.uniform(-scale, scale, count))
        self.weights = jnp.zeros((len(self.fields), count), default_dtype())
        self.biases = jnp.zeros(len(self.fields), default_dtype())

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return self.inputs.keys

    def __call__(self, z):
        s = self.inputs(z)
        features = self.hidden(s.dtype) @ s + self.hidden_biases(s.dtype)
        return self.weights @ self.activation(features) + self.biases

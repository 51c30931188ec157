import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray


class KeyMark:
    """Remembers a random key without being part of what a compiled function sees.

    All marks are equal, so that models which differ in their seed share one trace.
    """

    def __init__(self, key: PRNGKeyArray):
        self.data = tuple(np.asarray(jr.key_data(key)).ravel().tolist())

    def generator(self) -> np.random.Generator:
        """The generator on the host that belongs to the key, at its beginning."""
        return np.random.default_rng(self.data)

    def __eq__(self, other):
        return isinstance(other, KeyMark)

    def __hash__(self):
        return hash(KeyMark)

import hashlib
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array


class FixedArray(eqx.Module):
    """An array that is part of what a model is, and not of what is trained.

    It has no leaves, so that no flat vector, gradient or step ever holds it. Two of
    them are equal if their entries are: models that differ in one are compiled apart.
    """

    # Bytes compare and hash fast, and remember their hash.
    content: bytes = eqx.field(static=True, repr=False)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, array):
        array = np.ascontiguousarray(array, np.float64)
        self.content, self.shape = array.tobytes(), array.shape

    @property
    def array(self) -> np.ndarray:
        """The entries, which cannot be written to."""
        return np.frombuffer(self.content, np.float64).reshape(self.shape)

    def __call__(self, dtype) -> Array:
        """The entries as a constant of the function that is being compiled."""
        return jax.numpy.asarray(self.array, dtype)

    @property
    def digest(self) -> str:
        """A short text that is the same for equal arrays only."""
        text = repr(self.shape).encode() + self.content
        return hashlib.sha256(text).hexdigest()[:16]


def fixed_arrays(tree: Any) -> dict[str, FixedArray]:
    """The fixed arrays in a model, by the place where each stands."""
    is_fixed = lambda node: isinstance(node, FixedArray)
    found = jax.tree_util.tree_leaves_with_path(tree, is_leaf=is_fixed)
    return {jax.tree_util.keystr(path): x for path, x in found if is_fixed(x)}

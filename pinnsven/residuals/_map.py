import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float


# Entries of J formed at one time: 32 MiB in float64, beside J itself.
CHUNK_ENTRIES = 2**22


class AbstractResiduals(eqx.Module):
    """What a solver steps on: $r(\\theta)$, its Jacobian, and its blocks.

    $\\theta$ is a flat vector of shape `(p,)`.
    """

    @abc.abstractmethod
    def __call__(self, theta: Float[Array, " p"]) -> Float[Array, " n"]:
        """The residual vector $r(\\theta)$."""

    @abc.abstractmethod
    def linearise(
        self, theta: Float[Array, " p"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n p"]]:
        """$r$ and $J = \\partial r/\\partial\\theta$."""

    @abc.abstractmethod
    def shares(self, r: Float[Array, " n"]) -> Float[Array, " blocks"]:
        """The part of $|r|^2$ that each block contributes."""


class FunctionResiduals(AbstractResiduals):
    """One block from a function of a pytree that returns a pytree of residuals."""

    fn: Callable = eqx.field(static=True)
    unravel: Callable = eqx.field(static=True)

    def __call__(self, theta):
        return ravel_pytree(self.fn(self.unravel(theta)))[0]

    def linearise(self, theta):
        # One pass for each weight or one for each row, whichever are fewer.
        rows = jax.eval_shape(self, theta).size
        jacobian = jax.jacfwd if theta.size <= rows else jax.jacrev
        twice = lambda vector: (self(vector),) * 2
        j, r = jacobian(twice, has_aux=True)(theta)
        return r, j

    def shares(self, r):
        return jnp.sum(r**2)[None]


class Block(eqx.Module):
    """The rows of one condition: points, their scales, the residual at one point."""

    points: Any
    scale: Float[Array, " n"]
    row: Callable = eqx.field(static=True)
    components: int = eqx.field(static=True)

    def values(self, trained) -> Float[Array, "n m"]:
        """The unscaled residual at each point, one column for each component."""
        return jax.vmap(self.row, in_axes=(None, 0))(trained, self.points)

    def linearise(self, trained, width: int):
        """Residuals and their gradients, formed row by row in chunks."""

        def one(entry):
            scale, point = entry
            value, pull = jax.vjp(lambda tree: scale * self.row(tree, point), trained)
            return value, jax.vmap(pull)(jnp.eye(self.components, dtype=value.dtype))[0]

        n = self.scale.shape[0]
        chunk = max(1, CHUNK_ENTRIES // (width * self.components))
        entries = (self.scale, self.points)
        if n <= chunk:
            value, gradient = jax.vmap(one)(entries)
        else:
            value, gradient = jax.lax.map(one, entries, batch_size=chunk)
        rows = n * self.components
        leaves = [leaf.reshape(rows, -1) for leaf in jax.tree.leaves(gradient)]
        return value.reshape(rows), jnp.concatenate(leaves, axis=1)


class ResidualMap(AbstractResiduals):
    r"""The stacked residual $r(\theta)$ of all blocks, and its derivatives.

    Row $i$ of block $b$ is $\sqrt{\lambda_b w_i}\,f_b(x_i; \theta)$ with quadrature
    weights $w_i$ that add up to one, so that
    $|r|^2 = \sum_b \lambda_b\,\overline{f_b^2}$ whatever the numbers of points.

    This is all that a solver sees, with a flat vector $\theta$ of shape `(p,)`.
    """

    blocks: tuple[Block, ...]
    names: tuple[str, ...] = eqx.field(static=True)
    unravel: Callable = eqx.field(static=True)

    def __call__(self, theta: Float[Array, " p"]) -> Float[Array, " n"]:
        """The residual vector $r(\\theta)$."""
        trained = self.unravel(theta)
        rows = [(b.scale[:, None] * b.values(trained)).ravel() for b in self.blocks]
        return jnp.concatenate(rows)

    def linearise(
        self, theta: Float[Array, " p"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n p"]]:
        r"""$r$ and the Jacobian $J = \partial r/\partial\theta$, formed per row.

        Differentiating the stacked vector instead would cost a factor of the number of
        rows more.
        """
        trained = self.unravel(theta)
        parts = [b.linearise(trained, theta.shape[0]) for b in self.blocks]
        values, jacobians = zip(*parts, strict=True)
        return jnp.concatenate(values), jnp.concatenate(jacobians)

    def jvp(
        self, theta: Float[Array, " p"], v: Float[Array, " p"]
    ) -> Float[Array, " n"]:
        """$J v$, without forming $J$."""
        return jax.jvp(self, (theta,), (v,))[1]

    def vjp(
        self, theta: Float[Array, " p"], w: Float[Array, " n"]
    ) -> Float[Array, " p"]:
        """$J^T w$, without forming $J$."""
        return jax.vjp(self, theta)[1](w)[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of rows of each block."""
        return tuple(b.scale.shape[0] * b.components for b in self.blocks)

    def shares(self, r: Float[Array, " n"]) -> Float[Array, " blocks"]:
        """The part of $|r|^2$ that each block contributes."""
        ends = [sum(self.sizes[: i + 1]) for i in range(len(self.sizes))]
        starts = [0, *ends[:-1]]
        return jnp.stack(
            [jnp.sum(r[a:b] ** 2) for a, b in zip(starts, ends, strict=True)]
        )

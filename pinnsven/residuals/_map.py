import abc
import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int


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
        self, theta: Float[Array, " p"], columns: Int[Array, " m"] | None = None
    ) -> tuple[Float[Array, " n"], Float[Array, "n m"]]:
        """$r$ and $J = \\partial r/\\partial\\theta$, or some columns of $J$ alone.

        Columns that do not exist are zero.
        """

    @abc.abstractmethod
    def shapes(self, theta: Float[Array, " p"]) -> list[tuple[int, ...]]:
        """The shapes of the arrays that $\\theta$ is made of, in their order."""

    @abc.abstractmethod
    def shares(self, r: Float[Array, " n"]) -> Float[Array, " blocks"]:
        """The part of $|r|^2$ that each block contributes."""


class FunctionResiduals(AbstractResiduals):
    """One block from a function of a pytree that returns a pytree of residuals."""

    fn: Callable = eqx.field(static=True)
    unravel: Callable = eqx.field(static=True)

    def __call__(self, theta):
        return ravel_pytree(self.fn(self.unravel(theta)))[0]

    def linearise(self, theta, columns=None):
        rows = jax.eval_shape(self, theta).size
        part, whole = theta, lambda part: part
        if columns is not None:
            part = _take(theta, columns)
            whole = lambda part: theta.at[columns].set(part, mode="drop")
        # One pass for each weight or one for each row, whichever are fewer.
        if part.size <= rows or columns is None:
            jacobian = jax.jacfwd if part.size <= rows else jax.jacrev
            twice = lambda part: (self(whole(part)),) * 2
            j, r = jacobian(twice, has_aux=True)(part)
            return r, j
        r, pull = jax.vjp(self, theta)
        one = lambda i: _take(pull(jnp.zeros_like(r).at[i].set(1.0))[0], columns)
        return r, jax.lax.map(one, jnp.arange(rows), batch_size=_chunk(theta.size))

    def shapes(self, theta):
        return _shapes(self.unravel, theta)

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
        return _each(lambda point: self.row(trained, point), self.points, self.scale)

    def linearise(self, trained, width: int, columns=None):
        """Residuals and their gradients, of some weights if `columns` are given."""
        keep = lambda gradient: (
            gradient if columns is None else _take(gradient, columns)
        )
        value, gradient = self.by_point(trained, width, keep)
        rows = value.size
        return value.reshape(rows), gradient.reshape(rows, -1)

    def by_point(self, trained, width: int, of: Callable):
        """Residuals, and a function of the gradients of each point, in chunks."""

        def one(entry):
            scale, point = entry
            value, pull = jax.vjp(lambda tree: scale * self.row(tree, point), trained)
            tree = jax.vmap(pull)(jnp.eye(self.components, dtype=value.dtype))[0]
            leaves = [a.reshape(self.components, -1) for a in jax.tree.leaves(tree)]
            gradient = jnp.concatenate(leaves, axis=1)
            return value, of(gradient)

        chunk = _chunk(width * self.components)
        entries = (self.scale, self.points)
        if self.scale.shape[0] <= chunk:
            return _each(one, entries, self.scale)
        return jax.lax.map(one, entries, batch_size=chunk)


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
        self, theta: Float[Array, " p"], columns: Int[Array, " m"] | None = None
    ) -> tuple[Float[Array, " n"], Float[Array, "n m"]]:
        r"""$r$ and the Jacobian $J = \partial r/\partial\theta$, formed per row.

        Differentiating the stacked vector instead would cost a factor of the number of
        rows more. With `columns` only these weights are looked at; those that do not
        exist give zeros.
        """
        trained = self.unravel(theta)
        parts = [b.linearise(trained, theta.shape[0], columns) for b in self.blocks]
        values, jacobians = zip(*parts, strict=True)
        return jnp.concatenate(values), jnp.concatenate(jacobians)

    def shapes(self, theta: Float[Array, " p"]) -> list[tuple[int, ...]]:
        """The shapes of the arrays that $\\theta$ is made of, in their order."""
        return _shapes(self.unravel, theta)

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
        return jnp.stack([jnp.sum(part**2) for part in self.parts(r)])

    def parts(self, r: Float[Array, " n"]) -> list[Float[Array, " rows"]]:
        """The rows of each block."""
        ends = itertools.accumulate(self.sizes)
        pairs = itertools.pairwise([0, *ends])
        return [r[start:end] for start, end in pairs]


def sample_residuals(
    fn: Callable, unravel: Callable, batch: tuple, theta: Float[Array, " p"]
) -> ResidualMap:
    """One block of rows `fn(tree, *sample)`, an array for each sample of a batch.

    `batch` is a tuple of pytrees whose arrays have one entry for each sample in front.
    """
    row = lambda tree, sample: ravel_pytree(fn(tree, *sample))[0]
    first = jax.tree.map(lambda a: a[0], batch)
    one = jax.eval_shape(lambda vector: row(unravel(vector), first), theta)
    n = jax.tree.leaves(batch)[0].shape[0]
    block = Block(batch, jnp.ones(n, one.dtype), row, one.size)
    return ResidualMap((block,), ("batch",), unravel)


def _each(fn: Callable, entries: Any, scale: Float[Array, " n"]):
    n = scale.shape[0]
    if n > 1:
        return jax.vmap(fn, axis_size=n)(entries)
    # A loop inside a row, of an integration say, compiles faster without a batch.
    alone = fn(jax.tree.map(lambda a: a[0], entries))
    return jax.tree.map(lambda a: a[None], alone)


def _chunk(width: int) -> int:
    """Rows of that many entries that are formed at one time."""
    return max(1, CHUNK_ENTRIES // width)


def _take(gradient: Float[Array, "*m p"], columns: Int[Array, " q"]):
    return gradient.at[..., columns].get(mode="fill", fill_value=0.0)


def _shapes(unravel: Callable, theta: Float[Array, " p"]) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(unravel, theta))]

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._steps import Linearised


# Directions this many times above the square root of the damping are held to what the
# linear model promised; nearer ones would be corrected by as much as they are stepped.
_STRONG = 100.0
_CORRECTIONS = 15
# The deviation may rise once on its way down; twice in a row, and it stays up.
_RISES = 2


class Followed(eqx.Module):
    """Where a step led: coefficients, the residual, its blocks' shares, the ratio.

    `excess` is the part of the coefficients that corrections have added.
    """

    coefficients: Float[Array, " q"]
    excess: Float[Array, " q"]
    r: Float[Array, " n"]
    shares: Float[Array, " blocks"]
    ratio: Float[Array, ""]

    @staticmethod
    def blank(model: Linearised) -> "Followed":
        """Any step is better."""
        return Followed(
            jnp.zeros_like(model.spectrum.c),
            jnp.zeros_like(model.spectrum.c),
            jnp.zeros_like(jax.eval_shape(model.residuals, model.theta)),
            jnp.full_like(model.shares, jnp.inf),
            jnp.full_like(model.loss, -jnp.inf),
        )


def follow(
    model: Linearised,
    damping: Float[Array, ""],
    target: Float[Array, ""],
    corrected: Bool[Array, ""],
    guess: Float[Array, " q"],
) -> Followed:
    r"""Where a damped step leads; `corrected` for the curvature if it is asked for.

    The linear model leaves $\lambda c_i/(\sigma_i^2 + \lambda)$ of the component
    $u_i^T r$. A long step along weak directions brings second-order terms into the
    strong ones, many times what it gains. Simplified Newton steps with the same
    decomposition take them out,

    $$ a_i \leftarrow a_i + \frac{1}{\sigma_i}\left(u_i^T r(\theta - V a)
       - \frac{\lambda\,c_i}{\sigma_i^2 + \lambda}\right), \qquad
       \sigma_i > 100\sqrt\lambda , $$

    each for one more residual, from the `guess` on, what they are expected to add. They
    end once the gain ratio reaches the target, or rises no more.

    Sources: R. Fletcher, Second order corrections for non-differentiable optimization
    (1982); P. Deuflhard, Newton Methods for Nonlinear Problems (2004), section 2.1.
    """
    spectrum = model.spectrum
    strong = model.kept & (spectrum.s > _STRONG * jnp.sqrt(damping))
    divisor = jnp.where(strong, spectrum.s, 1.0)
    promised = model.unmet(damping) * spectrum.c
    predicted = model.predicted(damping)
    most = jnp.where(corrected, _CORRECTIONS, 0)
    linear = model.coefficients(damping)

    def going(carry):
        return carry[2] > 0

    def body(carry):
        count, excess, rises, best = carry
        coefficients = linear + excess
        r = model.residuals(model.move(coefficients))
        shares = model.finite(model.residuals.shares(r))
        ratio = (model.loss - jnp.sum(shares)) / predicted
        better = ratio > best.ratio
        here = Followed(coefficients, excess, r, shares, ratio)
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), here, best)
        rises = jnp.where(better, _RISES, rises - 1)

        def correct():
            deviation = jnp.where(strong, spectrum.components(r) - promised, 0.0)
            return excess + deviation / divisor

        # The products with U are a good part of a trial: none that is not used.
        again = (rises > 0) & (count < most) & (best.ratio < target)
        excess = jax.lax.cond(again, correct, lambda: excess)
        return count + 1, excess, jnp.where(again, rises, 0), best

    start = (0, guess, _RISES, Followed.blank(model))
    return jax.lax.while_loop(going, body, jax.tree.map(jnp.asarray, start))[-1]

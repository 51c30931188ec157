import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._errors import BoundsError
from ._corrections import Followed, follow
from ._steps import AbstractStepRule, Linearised


_WINDOW = 30
_SLOW = 0.1
# From there on steps are corrected however fast the loss falls. Begun at once,
# corrections end easy problems orders of magnitude higher.
_CLOSE = 1e-10
_BISECTIONS = 60
_PATIENCE = 8
# Where they are not asked for: so many chords if a decomposition is that large.
_CHORDS, _LARGE = 3, 512
# Chords end once the loss is so far below its first value: they cost digits at the end.
_SEARCHED = 1e-3


class TrustRegionState(eqx.Module):
    """The radius, the failures in a row, the first and the last losses, the stage."""

    radius: Float[Array, ""]
    collapses: Int[Array, ""]
    first: Float[Array, ""]
    losses: Float[Array, " window"]
    second: Bool[Array, ""]

    def below(self, part: float) -> Bool[Array, ""]:
        """Whether the last loss was below this part of the first."""
        return self.losses[-1] < part * self.first


class _Trial(eqx.Module):
    """A candidate step: its radius, its damping, and where it led."""

    radius: Float[Array, ""]
    damping: Float[Array, ""]
    end: Followed


class _Walk(eqx.Module):
    r"""A step and its chords so far: where they are, $U^T r$ there, what the step was.

    `met`: whether the step met the target. `over`: whether the next round is none.
    """

    theta: Float[Array, " p"]
    shares: Float[Array, " blocks"]
    c: Float[Array, " q"]
    radius: Float[Array, ""]
    damping: Float[Array, ""]
    met: Bool[Array, ""]
    count: Int[Array, ""]
    over: Bool[Array, ""]

    @staticmethod
    def start(model: Linearised) -> "_Walk":
        no, zero = jnp.zeros((), bool), jnp.zeros_like(model.loss)
        here = model.theta, model.shares, model.spectrum.c
        return _Walk(*here, zero, zero, no, jnp.zeros((), jnp.int32), no)

    def here(self, model: Linearised) -> Linearised:
        """The model with the same singular vectors and the present residual."""
        spectrum = dataclasses.replace(model.spectrum, c=self.c)
        return Linearised(
            model.residuals, self.theta, self.shares, spectrum, model.kept
        )

    def onwards(
        self, here: Linearised, best: _Trial, met: Bool[Array, ""], most: Int[Array, ""]
    ) -> "_Walk":
        """After one more round, whose best trial met the target or not."""
        first = self.count == 0
        taken = (jnp.sum(best.end.shares) < here.loss) & (met | first)
        over = ~(taken & met) | (self.count >= most)
        components = lambda: here.spectrum.components(best.end.r)
        return _Walk(
            # Where nothing is taken the singular vectors may be NaN; theta must stay.
            jnp.where(taken, here.move(best.end.coefficients), self.theta),
            jnp.where(taken, best.end.shares, self.shares),
            jax.lax.cond(over, lambda: self.c, components),
            jnp.where(first, best.radius, self.radius),
            jnp.where(first, best.damping, self.damping),
            jnp.where(first, met, self.met),
            self.count + 1,
            over,
        )


class TrustRegion(AbstractStepRule):
    r"""The boldest damped step that the linear model still vouches for.

    From one decomposition $J = U S V^T$, $c = U^T r$, every damped step
    $d(\lambda) = -V\,\frac{S c}{S^2 + \lambda}$ is available without another
    factorisation. On a ladder of radii around the last one, $\lambda$ is chosen so that
    $|d(\lambda)|$ is the radius, and the gain ratio

    $$ \rho = \frac{|r(\theta)|^2 - |r(\theta + d)|^2}
                   {|r|^2 - |r + J d|^2} $$

    is measured on the residuals alone, from the shortest step up. The step taken is the
    longest one whose ratio, and that of all shorter ones, is at least $\rho^*$, moved
    towards the point where the interpolated ratio crosses $\rho^*$. With small $\rho^*$
    this is far bolder than a classical trust region; choosing the greatest decrease
    instead ends many orders of magnitude higher.

    Once the loss has fallen by less than ten in 30 steps, or by $10^{10}$ in all, every
    candidate is corrected for the curvature of the residual, see `follow`, before it is
    judged.

    Before that, and while the loss is above a thousandth of its first value, a step
    that met the target is followed by up to `chords` further ones: the same singular
    vectors and a new residual, which costs a hundredth of a large decomposition.

    The loss never increases: if no candidate qualifies, the shortest one is taken if it
    lowers the loss, and the radius shrinks; after eight such steps it starts afresh.

    **Arguments:**

    - `ratio`: $\rho^*$.
    - `radii`, `span`: the ladder runs from radius/`span` to radius x `span`.
    - `chords`: the most further steps with one decomposition. By default three where
      there are 512 singular values or more, else none.

    Sources: J. J. More, The Levenberg-Marquardt algorithm (1978), for the damping at a
    given radius; Webb, Jerad and Cartis, arXiv 2607.02194, for the target ratio;
    V. E. Shamanskii, A modification of Newton's method (1967), for the chords.
    """

    ratio: float = 0.02
    radii: int = 9
    span: float = 3.0
    chords: int | None = None

    def __check_init__(self):
        if not 0 < self.ratio < 1:
            raise BoundsError(
                f"`TrustRegion` got the target ratio {self.ratio!r}; it must lie "
                "between 0 and 1."
            )
        if not (isinstance(self.radii, int) and self.radii >= 2 and self.span > 1):
            raise BoundsError(
                f"`TrustRegion` got a ladder of radii={self.radii!r} with "
                f"span={self.span!r}; it needs at least 2 radii and a span above 1."
            )
        asked = self.chords
        if asked is not None and not (isinstance(asked, int) and asked >= 0):
            raise BoundsError(
                f"`TrustRegion` got chords={asked!r}; give the number of further "
                "steps with one decomposition, such as 0 or 3."
            )

    def init(self, dtype):
        return TrustRegionState(
            radius=jnp.ones((), dtype),
            collapses=jnp.zeros((), jnp.int32),
            first=jnp.full((), jnp.inf, dtype),
            losses=jnp.full(_WINDOW, jnp.inf, dtype),
            second=jnp.zeros((), bool),
        )

    def step(self, model, state):
        target = jnp.asarray(self.ratio, model.loss.dtype)
        losses = jnp.append(state.losses[1:], model.loss)
        first = jnp.where(jnp.isinf(state.first), model.loss, state.first)
        slow = losses[-1] > _SLOW * losses[0]
        second = state.second | slow | (model.loss < _CLOSE * first)
        chords = self._most_chords(model)
        searching = ~second & (model.loss > _SEARCHED * first)
        most = jnp.where(searching, chords, 0).astype(jnp.int32)
        lows = jnp.asarray([-1.0, -2.0], target.dtype)
        ladders = self.span ** jnp.linspace(lows, 1.0, self.radii, axis=1)

        def body(walk):
            # The first round is the step, any other one a chord.
            first, here = walk.count == 0, walk.here(model)
            radius = jnp.where(first, state.radius, walk.radius)
            radii = radius * ladders[jnp.minimum(walk.count, 1)]
            best, met = _climb(here, radii, target, second & first)
            return walk.onwards(here, best, met, most)

        walk = _Walk.start(model)
        going = lambda walk: ~walk.over
        walk = jax.lax.while_loop(going, body, walk) if chords else body(walk)
        radius, collapses = self._next_radius(state, walk)
        state = TrustRegionState(radius, collapses, first, losses, second)
        norm = jnp.linalg.norm(walk.theta - model.theta)
        return walk.theta, state, model.info(walk.shares, walk.damping, norm)

    def _next_radius(
        self, state: TrustRegionState, walk: _Walk
    ) -> tuple[Float[Array, ""], Int[Array, ""]]:
        """The radius and the failures in a row after a step."""
        collapses = jnp.where(walk.met, 0, state.collapses + 1).astype(jnp.int32)
        reset = collapses >= _PATIENCE
        shorter = jnp.minimum(state.radius / self.span, walk.radius)
        radius = jnp.where(walk.met, walk.radius, shorter)
        radius = jnp.where(reset, jnp.ones_like(radius), radius)
        return radius, jnp.where(reset, jnp.zeros_like(collapses), collapses)

    def _most_chords(self, model: Linearised) -> int:
        if self.chords is not None:
            return self.chords
        return _CHORDS if model.spectrum.s.size >= _LARGE else 0


def _climb(
    model: Linearised,
    radii: Float[Array, " m"],
    target: Float[Array, ""],
    corrected: Bool[Array, ""],
) -> tuple[_Trial, Bool[Array, ""]]:
    """Try the radii from below until a ratio misses the target, then interpolate once.

    Returns the chosen trial and whether it met the target. Every residual evaluation
    happens at one place, so that the compiled step holds the residual only once.
    """
    count = radii.shape[0]

    def evaluate(radius, goal, best):
        damping = _damping(model, radius)
        # An undamped step is shorter than the radius that allowed it; remembering the
        # radius instead would take many rejected steps to come back from.
        length = jnp.linalg.norm(model.coefficients(damping))
        radius = jnp.where(length > 0, jnp.minimum(radius, length), radius)
        # To second order what a step needs of corrections grows with its square.
        guess = best.end.excess * (radius / best.radius) ** 2
        return _Trial(radius, damping, follow(model, damping, goal, corrected, guess))

    def more(carry):
        return carry[0] <= count

    def body(carry):
        # `i` counts the ladder; `count` itself stands for the interpolated trial.
        i, radius, best, _ = carry
        last = i == count
        goal = jnp.where(last, target / 2, target)
        trial = evaluate(radius, goal, best)
        met = trial.end.ratio >= goal
        first = i == 0
        keep = met | first
        chosen = jax.tree.map(lambda new, old: jnp.where(keep, new, old), trial, best)
        following = jnp.minimum(i + 1, count - 1)
        at_end = i + 1 == count
        missed = ~met & ~last
        # Met: the next radius, or done at the end, or at the undamped step, which no
        # larger radius changes. Missed: interpolate, unless first.
        longer = met & ~at_end & ~last & (trial.damping > 0)
        i = jnp.where(longer, i + 1, count + 1)
        i = jnp.where(missed & ~first, count, i)
        between = _between(best, trial, target)
        radius = jnp.where(missed, between, radii[following])
        found = carry[-1] | (met & ~last)
        return i.astype(jnp.int32), radius, chosen, found

    blank = _Trial(radii[0], jnp.zeros_like(target), Followed.blank(model))
    start = (jnp.zeros((), jnp.int32), radii[0], blank, jnp.zeros((), bool))
    *_, best, found = jax.lax.while_loop(more, body, start)
    return best, found


def _between(
    below: _Trial, above: _Trial, target: Float[Array, ""]
) -> Float[Array, ""]:
    """Nine tenths of the way to where the ratio crosses the target, in log radius."""
    low, high = below.end.ratio, jnp.maximum(above.end.ratio, -1e3)
    fall = jnp.maximum(low - high, 1e-30)
    share = jnp.clip(0.9 * (low - target) / fall, 0.0, 1.0)
    return below.radius * (above.radius / below.radius) ** share


def _damping(model: Linearised, radius: Float[Array, ""]) -> Float[Array, ""]:
    r"""The $\lambda$ at which a damped step has this length; zero if none is needed."""
    gradient = jnp.linalg.norm(
        jnp.where(model.kept, model.spectrum.s * model.spectrum.c, 0.0)
    )
    tiny = jnp.finfo(radius.dtype).tiny
    # |d(lambda)| <= |S c| / lambda bounds the answer from above.
    top = jnp.log(jnp.maximum(gradient, tiny)) - jnp.log(jnp.maximum(radius, tiny))
    length = lambda damping: jnp.linalg.norm(model.coefficients(damping))

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        longer = length(jnp.exp(middle)) > radius
        return jnp.where(longer, middle, low), jnp.where(longer, high, middle)

    _, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (top - 100.0, top))
    return jnp.where(length(0.0) <= radius, 0.0, jnp.exp(high))

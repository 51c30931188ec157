import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ._solver import Info
from ._steps import AbstractStepRule, Linearised


_WINDOW = 30
_BISECTIONS = 60


class TrustRegionState(eqx.Module):
    """The radius and the memory that switches the second stage on."""

    radius: Float[Array, ""]
    collapses: Int[Array, ""]
    steps: Int[Array, ""]
    second: Bool[Array, ""]
    log_damping: Float[Array, " window"]


class TrustRegion(AbstractStepRule):
    r"""The boldest damped step that the linear model still vouches for.

    From one decomposition $J = U S V^T$, $c = U^T r$, every damped step
    $d(\lambda) = -V\,\frac{S c}{S^2 + \lambda}$ is available without another
    factorisation. On a ladder of radii around the last one, $\lambda$ is chosen so that
    $|d(\lambda)|$ is the radius, and the gain ratio

    $$ \rho = \frac{|r(\theta)|^2 - |r(\theta + d)|^2}
                   {|r|^2 - |r + J d|^2} $$

    is measured on the residuals alone. The step taken is the longest one whose ratio,
    and that of all shorter ones, is at least $\rho^*$, moved towards the point where
    the interpolated ratio crosses $\rho^*$. With small $\rho^*$ this is far bolder than
    a classical trust region; choosing the greatest decrease instead ends many orders
    of magnitude higher. Once the damping, which falls while the fit improves, rises
    again, $\rho^*$ is raised to its second value.

    **Arguments:**

    - `ratio`, `second_ratio`: $\rho^*$ before and after the switch.
    - `radii`, `span`: the ladder runs from radius/`span` to radius x `span`.
    - `grace`: the switch is not considered before this step.

    Sources: More, The Levenberg-Marquardt algorithm (1978), for the damping at a given
    radius; Webb, Jerad and Cartis, arXiv 2607.02194, for the target ratio.
    """

    ratio: float = 0.02
    second_ratio: float = 0.1
    radii: int = 9
    span: float = 3.0
    grace: int = 80

    def init(self, dtype):
        return TrustRegionState(
            radius=jnp.ones((), dtype),
            collapses=jnp.zeros((), jnp.int32),
            steps=jnp.zeros((), jnp.int32),
            second=jnp.zeros((), bool),
            log_damping=jnp.zeros(_WINDOW, dtype),
        )

    def step(self, model, state):
        target = jnp.where(state.second, self.second_ratio, self.ratio)
        target = target.astype(model.loss.dtype)
        exponents = jnp.linspace(-1.0, 1.0, self.radii, dtype=model.loss.dtype)
        radii = state.radius * self.span**exponents
        damping = _damping(model, radii)
        trial = jax.vmap(lambda lam: _coefficients(model, lam))(damping)
        predicted = jax.vmap(lambda lam: _predicted(model, lam))(damping)
        losses = _ladder(model, trial, predicted, target)
        ratios = (model.loss - losses) / predicted

        best = jnp.sum(jnp.cumprod(ratios >= target)) - 1
        radius, lam, loss = self._refine(
            model, best, radii, damping, losses, ratios, target
        )
        none = best < 0
        collapses = jnp.where(none, state.collapses + 1, 0).astype(jnp.int32)
        reset = collapses >= 8
        radius = jnp.where(none, state.radius / self.span, radius)
        radius = jnp.where(reset, jnp.ones_like(radius), radius)
        taken = loss < model.loss
        coefficients = jnp.where(taken, _coefficients(model, lam), 0.0)
        theta = model.move(coefficients)
        state = self._remember(
            state, lam, radius, jnp.where(reset, 0, collapses), model.spectrum.s[0]
        )
        info = Info(
            loss=model.loss,
            loss_after=jnp.where(taken, loss, model.loss),
            predicted=_predicted(model, lam),
            resolved=model.resolved(),
            step_norm=jnp.linalg.norm(coefficients),
            cutoff=jnp.sqrt(lam),
            rank=jnp.sum(model.kept & (model.spectrum.s**2 > lam), dtype=jnp.int32),
            sigma_max=model.spectrum.s[0],
        )
        return theta, state, info

    def _refine(self, model, best, radii, damping, losses, ratios, target):
        """Move the chosen radius towards the crossing of the ratio with its target."""
        i = jnp.clip(best, 0, self.radii - 1)
        j = jnp.clip(best + 1, 0, self.radii - 1)
        upper = jnp.maximum(ratios[j], -1e3)
        share = 0.9 * (ratios[i] - target) / jnp.maximum(ratios[i] - upper, 1e-30)
        inside = (best >= 0) & (best < self.radii - 1)
        share = jnp.where(inside, jnp.clip(share, 0.0, 1.0), 0.0)
        radius = radii[i] * (radii[j] / radii[i]) ** share
        lam = _damping(model, radius[None])[0]

        def evaluate(_):
            return model.loss_at(model.move(_coefficients(model, lam)))

        loss = jax.lax.cond(inside, evaluate, lambda _: jnp.inf * model.loss, None)
        ratio = (model.loss - loss) / _predicted(model, lam)
        better = inside & (ratio >= target / 2)
        pick = lambda new, old: jnp.where(better, new, old)
        return pick(radius, radii[i]), pick(lam, damping[i]), pick(loss, losses[i])

    def _remember(self, state, lam, radius, collapses, sigma_max):
        tiny = sigma_max**2 * 1e-40
        new = jnp.log10(jnp.maximum(lam, tiny))
        window = jnp.append(state.log_damping[1:], new)
        x = jnp.arange(_WINDOW, dtype=window.dtype) - (_WINDOW - 1) / 2
        y = window - jnp.mean(window)
        slope = jnp.sum(x * y) / jnp.sum(x**2)
        spread = jnp.sqrt(jnp.sum(x**2) * jnp.sum(y**2))
        rising = (slope > 1e-4) & (jnp.sum(x * y) > 0.1 * spread)
        steps = state.steps + 1
        full = steps >= max(self.grace, _WINDOW)
        return TrustRegionState(
            radius, collapses, steps, state.second | (rising & full), window
        )


def _coefficients(model: Linearised, lam: Float[Array, ""]) -> Float[Array, " q"]:
    s = model.spectrum.s
    denominator = jnp.where(model.kept, s**2 + lam, 1.0)
    return jnp.where(model.kept, s * model.spectrum.c / denominator, 0.0)


def _predicted(model: Linearised, lam: Float[Array, ""]) -> Float[Array, ""]:
    """$|r|^2 - |r + J d|^2$ of the damped step, in a form free of cancellation."""
    s2 = model.spectrum.s**2
    left = jnp.where(model.kept, lam / jnp.where(model.kept, s2 + lam, 1.0), 1.0)
    gain = jnp.sum(model.spectrum.c**2 * (1.0 - left) * (1.0 + left))
    return jnp.maximum(gain, jnp.finfo(gain.dtype).tiny)


def _damping(model: Linearised, radii: Float[Array, " m"]) -> Float[Array, " m"]:
    """The $\\lambda$ at which the damped step has each length; zero if none is needed."""
    gradient = jnp.linalg.norm(
        jnp.where(model.kept, model.spectrum.s * model.spectrum.c, 0.0)
    )
    # |d(lambda)| <= |S c| / lambda bounds the answer from above.
    top = jnp.log(jnp.maximum(gradient, jnp.finfo(radii.dtype).tiny)) - jnp.log(radii)
    length = jax.vmap(lambda lam: jnp.linalg.norm(_coefficients(model, lam)))

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        longer = length(jnp.exp(middle)) > radii
        return jnp.where(longer, middle, low), jnp.where(longer, high, middle)

    _, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (top - 100.0, top))
    free = jnp.linalg.norm(model.newton()) <= radii
    return jnp.where(free, 0.0, jnp.exp(high))


def _ladder(
    model: Linearised,
    trial: Float[Array, "m q"],
    predicted: Float[Array, " m"],
    target: Float[Array, ""],
) -> Float[Array, " m"]:
    """Losses of the candidates from the shortest up, until one misses the target."""
    count = predicted.shape[0]
    directions = model.spectrum.direction(trial.T).T

    def more(carry):
        i, going, _ = carry
        return going & (i < count)

    def body(carry):
        i, _, losses = carry
        loss = model.loss_at(model.theta - directions[i])
        return (
            i + 1,
            (model.loss - loss) >= target * predicted[i],
            losses.at[i].set(loss),
        )

    start = (
        jnp.zeros((), jnp.int32),
        jnp.ones((), bool),
        jnp.full(count, jnp.inf, model.loss.dtype),
    )
    return jax.lax.while_loop(more, body, start)[2]

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float


class Settings(NamedTuple):
    """How an equation is integrated."""

    method: Any
    rtol: float
    atol: float
    max_steps: int


def integrate(
    slope: Callable,
    y0: Float[Array, " d"],
    start: float,
    instants: Float[Array, " n"],
    settings: Settings,
) -> Float[Array, "n d"]:
    """The solution of `y' = slope(t, y)` at increasing times; infinite if that fails.

    Derivatives of all orders and both kinds are those of the integration in forward
    mode, with one tangent for each number that `y0` and `slope` depend on.
    """
    first = jnp.asarray(start, y0.dtype)
    # What is differentiated must be an argument, not hidden in a closure.
    pure, constants = jax.closure_convert(slope, first, y0)
    flat, unravel = ravel_pytree((y0, constants))

    def states(flat):
        y0, constants = unravel(flat)
        field = lambda t, y, args: pure(t, y, *args)
        return _solve(field, y0, constants, first, instants, settings)

    return _in_forward_mode(states, flat)


def _in_forward_mode(fn: Callable, flat: Float[Array, " p"]) -> Float[Array, "n d"]:
    """`fn(flat)`, with a tangent map that is a matrix and so can be transposed.

    Reverse mode would integrate once for each row.
    """

    @jax.custom_jvp
    def values(flat):
        return fn(flat)

    @values.defjvp
    def _(primals, tangents):
        twice = lambda flat: (fn(flat),) * 2
        jacobian, value = jax.jacfwd(twice, has_aux=True)(*primals)
        return value, jacobian @ tangents[0]

    return values(flat)


def _solve(field, y0, args, first, instants, settings: Settings):
    # Only who integrates waits for it.
    import diffrax as dfx

    least = 10 * float(jnp.finfo(y0.dtype).eps)
    control = dfx.PIDController(
        rtol=max(settings.rtol, least), atol=max(settings.atol, least)
    )
    solution = dfx.diffeqsolve(
        dfx.ODETerm(field),
        settings.method,
        t0=first,
        t1=instants[-1],
        dt0=None,
        y0=y0,
        args=args,
        saveat=dfx.SaveAt(ts=instants),
        # Interpolation between steps would be of lower order than the steps.
        stepsize_controller=dfx.ClipStepSizeController(control, step_ts=instants),
        adjoint=dfx.ForwardMode(),
        max_steps=settings.max_steps,
        throw=False,
    )
    assert solution.ys is not None
    worked = solution.result == dfx.RESULTS.successful
    return jnp.where(worked & jnp.isfinite(solution.ys), solution.ys, jnp.inf)

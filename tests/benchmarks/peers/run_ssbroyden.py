"""ssbroyden-optimistix: self-scaled Broyden steps after a warm start by Adam.

`SSBroyden` with its default Zoom line search, driven by `contrib.run`, as its page
shows: https://pypi.org/project/ssbroyden-optimistix/. The page does not speak of Adam;
the technical note, arXiv 2603.10599, and those who proposed the method for such
networks (arXiv 2405.04230) begin with it. Here it takes 1,000 steps of 1e-3.
"""

import jax
import optax
import ssbroyden_optimistix as sso
from common import start
from ssbroyden_optimistix import contrib
from with_jax import first, loss, record, terms


WARM_UP, LEG = 1000, 50


def warmed(whole, params, recorder):
    """The parameters after Adam."""
    adam = optax.adam(1e-3)

    def step(carry, _):
        params, state = carry
        updates, state = adam.update(jax.grad(whole)(params), state)
        return (optax.apply_updates(params, updates), state), None

    leg = jax.jit(lambda carry: jax.lax.scan(step, carry, length=LEG)[0])
    carry = params, adam.init(params)
    for _ in range(WARM_UP // LEG):
        carry = jax.block_until_ready(leg(carry))
        if recorder.due:
            record(recorder, carry[0])
    return carry[0]


def main() -> None:
    given, recorder = start("ssbroyden-optimistix", "ssbroyden-optimistix")
    whole = jax.jit(loss(terms(recorder, given.problem, given.seed)))
    params = warmed(whole, first(recorder, given.seed), recorder)

    def watch(iteration, params, state, value):
        if recorder.due:
            record(recorder, params)
        return recorder.over

    solver = sso.SSBroyden(rtol=0.0, atol=0.0)
    record(recorder, contrib.run(solver, whole, params, 10**9, watch).params)


if __name__ == "__main__":
    main()

"""The precision of matrix products, as far as it shows without an accelerator."""

import jax
import jax.numpy as jnp
import numpy as np

import pinnsven as ps


SEEN = []


def noted(x):
    """A smooth function that notes the precision of products where it is traced."""
    SEEN.append(jax.config.jax_default_matmul_precision)
    return jnp.tanh(x)


def solved(getkey):
    domain = ps.Box(t=(0, 1))
    problem = ps.Problem(
        ode=ps.Residual(lambda u, t: u.t(t) + u(t), domain.points(16)),
        start=ps.Dirichlet("u", 1.0, domain.at(t=0).points(1)),
    )
    net = ps.MLP(domain, "u", width=8, depth=1, activation=noted, key=getkey())
    SEEN.clear()
    problem.bind(ps.Model(net))
    # To bind counts rows, and computes nothing.
    counted = len(SEEN)
    SEEN.clear()
    solution = ps.solve(problem, ps.Model(net), key=getkey(), steps=2, progress=False)
    del SEEN[:counted]
    return solution


def test_solve_rounds_no_products(getkey):
    solution = solved(getkey)
    assert {"highest"} == set(SEEN)
    SEEN.clear()
    solution.u(t=np.linspace(0, 1, 5))
    solution.spectrum()
    assert {"highest"} == set(SEEN)
    assert jax.config.jax_default_matmul_precision is None


def test_a_precision_that_was_chosen_stays(getkey):
    with jax.default_matmul_precision("tensorfloat32"):
        solved(getkey)
    assert {"tensorfloat32"} == set(SEEN)


def test_bridges_round_no_products():
    rows = lambda y, _=None: noted(y) - 0.5
    start = jnp.zeros(3)
    SEEN.clear()
    transform = ps.as_optax()
    transform.update(start, transform.init(start), start, residual_fn=rows)
    assert {"highest"} == set(SEEN)

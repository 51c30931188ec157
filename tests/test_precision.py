"""The precision of matrix products, as far as it shows without an accelerator."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.lax.linalg import SvdAlgorithm

import pinnsven as ps


SEEN = []


@pytest.fixture(autouse=True)
def _nothing_chosen():
    # `JAX_DEFAULT_MATMUL_PRECISION` may be set around the tests.
    with jax.default_matmul_precision(None):
        yield


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


@pytest.mark.parametrize(
    "solver", [ps.Sven(lr=0.1), ps.ParameterBatch(ps.Sven(lr=0.1), 0.5)]
)
def test_a_step_of_ones_own_rounds_no_products(solver):
    transform, start = ps.as_optax(solver), jnp.zeros(4)
    SEEN.clear()
    transform.update(
        start, transform.init(start), start, residual_fn=lambda y: noted(y) - 0.5
    )
    # What is traced before the step only asks for shapes.
    assert SEEN[-1] == "highest"


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
@pytest.mark.parametrize(
    ("device", "algorithm"), [("cpu", SvdAlgorithm.DEFAULT), ("gpu", SvdAlgorithm.QR)]
)
def test_a_gpu_decomposes_by_qr_iterations(monkeypatch, shape, device, algorithm):
    monkeypatch.setattr(jax, "default_backend", lambda: device)
    j, r = jr.normal(jr.key(0), shape), jnp.ones(shape[0])
    found = jax.make_jaxpr(ps.sven.SVD())(r, j)
    chosen = [e.params["algorithm"] for e in found.eqns if e.primitive.name == "svd"]
    assert chosen == [algorithm]
    np.testing.assert_allclose(
        ps.sven.SVD()(r, j).s, np.linalg.svd(j, compute_uv=False), rtol=1e-13
    )

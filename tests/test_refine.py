"""Refinement: a second network fits what the first has left."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused

import pinnsven as ps


DOMAIN = ps.Box(x=(0, 1))
NODES = DOMAIN.points(40, ps.GaussLegendre())
X = np.linspace(0, 1, 101)
EXACT = np.sin(9 * X) + X


def forcing(x):
    return -81 * jnp.sin(9 * x)


PROBLEM = ps.Problem(
    ode=ps.Residual(lambda u, x: u.xx(x) - forcing(x), NODES),
    left=ps.Dirichlet("u", 0.0, DOMAIN.at(x=0).points(1)),
    right=ps.Dirichlet("u", np.sin(9.0) + 1.0, DOMAIN.at(x=1).points(1)),
)


def net(seed, width=6, fields="u"):
    return ps.MLP(DOMAIN, fields, width=width, depth=1, key=jr.key(seed))


def solve(model, steps=150, seed=5, problem=PROBLEM):
    return ps.solve(problem, model, key=jr.key(seed), steps=steps, progress=False)


def error(solution):
    return ps.relative_l2(np.asarray(solution.u(x=X)), EXACT)


@pytest.fixture(scope="module")
def coarse():
    return solve(ps.Model(net(0)))


@pytest.fixture(scope="module")
def fine(coarse):
    return solve(ps.refine(coarse, net(1, width=16)), seed=6)


def test_the_second_network_gains_digits(coarse, fine):
    assert error(coarse) > 1e-7
    assert error(fine) < 1e-2 * error(coarse)
    assert fine.unseen["ode"] < 1e-2 * coarse.unseen["ode"]


def test_the_first_network_stays_and_the_second_begins_small(coarse):
    model = ps.refine(coarse, net(1, width=16))
    assert PROBLEM.bind(model).theta.size == 3 * 16 + 1
    start = np.asarray([model.field("u")(x) for x in X[::10]])
    first = np.asarray(coarse.u(x=X[::10]))
    assert 0 < np.abs(start - first).max() < 10 * coarse.unseen["ode"]
    # By its scale the correction is of the order of what is left.
    bound = PROBLEM.bind(model)
    r = np.linalg.norm(bound.residuals(jr.key(0))(bound.theta))
    old = PROBLEM.bind(coarse.model)
    r1 = np.linalg.norm(old.residuals(jr.key(0))(old.theta))
    assert 0.3 * r1 < r < 3 * r1


@pytest.mark.long
def test_a_third_stage_and_a_file(fine, tmp_path):
    model = ps.refine(fine, net(2, width=20))
    third = solve(model, steps=40, seed=7)
    assert third.unseen["ode"] < 2 * fine.unseen["ode"]
    third.save(tmp_path / "third.npz")
    again = ps.load(tmp_path / "third.npz", PROBLEM, model)
    np.testing.assert_array_equal(again.u(x=X), third.u(x=X))


def test_derivatives_are_those_of_the_sum(fine):
    slope = jax.vmap(jax.grad(lambda x: fine.model.field("u").fn(x)))(jnp.asarray(X))
    np.testing.assert_allclose(fine.u.x(x=X), slope, rtol=1e-12, atol=1e-12)


def test_unknown_constants_go_on_from_their_values():
    problem = ps.Problem(
        ode=ps.Residual(lambda u, k, x: u.x(x) - k * u(x), NODES),
        data=ps.Data("u", ps.Points(x=X), np.exp(2 * X), sigma=1e-9),
    )
    first = solve(ps.Model(net(0, width=2), k=1.0), steps=60, problem=problem)
    model = ps.refine(first, net(1))
    assert model.unknowns["k"].value == first.k
    second = solve(model, steps=60, seed=6, problem=problem)
    assert abs(second.k - 2) < 0.1 * abs(first.k - 2)


def exact():
    class Zero(eqx.Module):
        slope: jnp.ndarray

        def __call__(self, z):
            return self.slope * z[0]

    problem = ps.Problem(wall=ps.Dirichlet("u", 0.0, DOMAIN.at(x=0).points(1)))
    field = ps.Field(Zero(jnp.ones(())), DOMAIN, "u")
    return solve(ps.Model(field), steps=1, problem=problem)


@cases(
    (ps.PinnsvenError, ["`ps.solve` first"], lambda: ps.refine(3, net(1))),
    (ps.ShapeError, ["2 networks", "has 1"], lambda: _refine(net(1), net(2))),
    (ps.UnknownNameError, ["'v'", "same fields"], lambda: _refine(net(1, fields="v"))),
    (ps.PinnsvenError, ["scale"], lambda: ps.refine(exact(), net(1))),
)
def test_bad_input_is_refused(unchecked_types, error, words, make):
    refused(error, words, make)


def _refine(*networks):
    return ps.refine(solve(ps.Model(net(0)), steps=1), *networks)

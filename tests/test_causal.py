"""Causal weights: what counts, until when, and that they leave no trace at the end."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused

import pinnsven as ps


DOMAIN = ps.Box(x=(-1, 1), t=(0, 2))


def problem(points):
    return ps.Problem(
        pde=ps.Residual(lambda u, x, t: u.t(x, t) + u(x, t), points),
        start=ps.Dirichlet("u", lambda x: jnp.cos(x), DOMAIN.at(t=0).points(20)),
    )


def model(seed=0):
    return ps.Model(ps.MLP(DOMAIN, "u", width=16, depth=1, key=jr.key(seed)))


class Constant(eqx.Module):
    """u is the same everywhere, and the residual as large."""

    value: jnp.ndarray

    def __call__(self, z):
        return self.value


def solve(sampling, points=None, **options):
    options = {"key": jr.key(5), "steps": 60, "progress": False} | options
    points = DOMAIN.points(200) if points is None else points
    return ps.solve(problem(points), model(), sampling=sampling, **options)


@pytest.mark.parametrize("sampler", [None, ps.GaussLegendre(), ps.Grid()])
def test_the_weight_falls_with_what_came_before(sampler):
    causal = ps.Causal(tolerance=0.5)
    net = ps.Field(Constant(jnp.ones(1)), DOMAIN, "u")
    bound = problem(DOMAIN.points(4096, sampler)).bind(ps.Model(net))
    draw = causal.start(bound, jr.key(0))
    gate = causal.gate(bound, bound.theta, draw, {"pde": 1.0, "start": 1.0})
    # The mean square before t is t / 2, and C_0 is one: w = exp(-t / 2 / 0.5).
    times = np.linspace(0, 2, 64)
    np.testing.assert_allclose(gate.weights, np.exp(-times), atol=0.03)
    gated = gate.on(draw.train)
    assert gated["start"] is draw.train["start"]
    ratio = gated["pde"].weights / draw.train["pde"].weights
    np.testing.assert_allclose(
        ratio, np.exp(-draw.train["pde"].coordinates["t"]), atol=0.03
    )
    assert gate.share == pytest.approx((1 - np.exp(-2)) / 2, abs=0.02)


def test_where_all_is_small_every_time_counts():
    causal = ps.Causal(tolerance=0.5)
    net = ps.Field(Constant(jnp.full(1, 1e-2)), DOMAIN, "u")
    bound = problem(DOMAIN.points(64)).bind(ps.Model(net))
    draw = causal.start(bound, jr.key(0))
    first = {"pde": 1.0, "start": 1.0}
    assert causal.gate(bound, bound.theta, draw, first) is None


@pytest.mark.parametrize("sampler", [None, ps.GaussLegendre()])
def test_the_solution_is_reached_and_no_weight_is_left(sampler):
    shares = []

    def watch(run):
        shares.append(1.0 if run.gate is None else run.gate.share)

    causal = ps.Causal(tolerance=1e-3)
    points = DOMAIN.points(200, sampler)
    found = solve(causal, points, steps=150, callbacks=[watch])
    assert shares[0] < 0.7 and shares[-1] == 1.0
    x, t = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(0, 2, 21))
    exact = np.cos(x) * np.exp(-t)
    assert ps.relative_l2(np.asarray(found.u(x=x, t=t)), exact) < 1e-4
    # Unseen points never had a weight: the two residuals agree.
    assert found.unseen["pde"] < 10 * found.training["pde"]


def test_a_resumed_run_agrees_bit_for_bit(tmp_path):
    causal = ps.Causal(tolerance=1e-4)
    whole = solve(causal, steps=25)
    solve(causal, steps=13, checkpoint=tmp_path / "run.npz")
    resumed = solve(causal, steps=12, resume=tmp_path / "run.npz")
    np.testing.assert_array_equal(resumed.u(x=0.5, t=1.0), whole.u(x=0.5, t=1.0))
    np.testing.assert_array_equal(resumed.history.loss, whole.history.loss)


@cases(
    (ps.BoundsError, ["tolerance=0"], lambda: ps.Causal(tolerance=0)),
    (ps.PinnsvenError, ["then", "ps.Adaptive()"], lambda: ps.Causal(then=3)),
    (ps.UnknownNameError, ["'tau'", "'x', 't'"], lambda: solve(ps.Causal("tau"))),
)
def test_bad_input_is_refused(unchecked_types, error, words, make):
    refused(error, words, make)


def test_a_policy_may_be_wrapped():
    found = solve(ps.Causal(then=ps.Fixed()), steps=20)
    assert found.history.redraws == []

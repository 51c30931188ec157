"""Fields and their derivatives, networks, unknowns and models."""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.fields import ScalarField


BOX = ps.Box(x=(-1, 3), t=(0, 0.5))
X, T = 0.7, 0.3

u = ps.field(lambda x, t: jnp.sin(2.0 * x) * jnp.exp(-3.0 * t))


def closed_form(nx, nt, x=X, t=T):
    return (
        2.0**nx * math.sin(2 * x + nx * math.pi / 2) * (-3.0) ** nt * math.exp(-3 * t)
    )


@pytest.mark.parametrize("nx", range(5))
@pytest.mark.parametrize("nt", range(4))
def test_derivatives_of_any_order_and_mixture(nx, nt):
    names = "x" * nx + "t" * nt
    assert u.d(*names)(X, T) == pytest.approx(closed_form(nx, nt), rel=1e-12)
    if names:
        for spelling in {"".join(p) for p in itertools.permutations(names)}:
            value = getattr(u, spelling)(x=X, t=T)
            assert value == pytest.approx(closed_form(nx, nt), rel=1e-12)


def test_a_derivative_of_a_derivative_is_the_mixed_derivative():
    assert u.x.t.x(X, T) == u.xxt(X, T) == u.d("x").d("t", "x")(X, T)
    assert ps.d(u, "t", "x")(X, T) == u.xt(X, T)


def test_derivatives_agree_with_the_hessian_of_a_network(getkey):
    model = ps.Model(ps.MLP(BOX, "u v", width=7, depth=2, key=getkey()))

    @jax.jit
    def both(z):
        u, v = (model.field(name) for name in ("u", "v"))
        ours = [[[f.xx(*z), f.xt(*z)], [f.tx(*z), f.tt(*z)]] for f in (u, v)]
        theirs = jax.hessian(lambda z: jnp.array([u(*z), v(*z)]))(z)
        return jnp.array(ours), theirs

    ours, theirs = both(jnp.array([X, T]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    assert jnp.abs(theirs).min() > 1e-6


def test_longer_names_are_differentiated_by_name():
    v = ps.field(lambda theta, r: r**3 * jnp.cos(theta))
    value = v.d("theta", "r")(theta=0.4, r=2.0)
    assert value == pytest.approx(-math.sin(0.4) * 12.0)
    with pytest.raises(AttributeError, match="'theta'"):
        _ = v.theta


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f(X, T),
        lambda f: f(x=X, t=T),
        lambda f: f(t=T, x=X),
        lambda f: f(X, t=T),
    ],
)
def test_calls_by_position_and_keyword(call):
    assert call(u) == pytest.approx(closed_form(0, 0))


def test_whole_numbers_may_be_coordinates():
    assert u.t(X, 0) == pytest.approx(closed_form(0, 1, X, 0.0))
    assert u.xx(1, 0) == pytest.approx(closed_form(2, 0, 1.0, 0.0))


def test_differentiation_passes_through_a_field():
    slope = jax.grad(lambda x: u.x(x, T))(X)
    assert slope == pytest.approx(closed_form(2, 0))


def test_operators_against_closed_forms():
    f = ps.field(lambda x, y, z: x**2 * y + jnp.sin(y) * z**3)
    at = (0.4, 1.3, -0.6)
    x, y, z = at
    full = 2 * y - math.sin(y) * z**3 + 6 * math.sin(y) * z
    assert ps.laplacian(f)(*at) == pytest.approx(full, rel=1e-12)
    assert ps.laplacian(f, "x", "z")(*at) == pytest.approx(2 * y + 6 * math.sin(y) * z)
    slopes = [g(*at) for g in ps.grad(f)]
    exact = [2 * x * y, x**2 + math.cos(y) * z**3, 3 * math.sin(y) * z**2]
    np.testing.assert_allclose(slopes, exact, rtol=1e-12)
    assert [g(*at) for g in ps.grad(f, "z")] == [slopes[2]]
    assert ps.divergence(ps.grad(f))(*at) == pytest.approx(full, rel=1e-12)
    assert ps.laplacian(ps.laplacian(f))(*at) == pytest.approx(
        math.sin(y) * z**3 - 12 * math.sin(y) * z, rel=1e-12
    )


def test_divergence_binds_coordinates_by_name():
    v = ps.field(lambda x, y: x * y**2)
    w = ps.field(lambda y, x: x**3 * y)
    assert ps.divergence((v, w), "x", "y")(2.0, 3.0) == pytest.approx(9.0 + 8.0)
    assert ps.divergence([v, w])(2.0, 3.0) == pytest.approx(9.0 + 8.0)
    assert ps.divergence(v, "y")(2.0, 3.0) == pytest.approx(12.0)


def test_a_nonlinear_flux_is_a_field():
    flux = ps.field(lambda x, t: (1 + u(x, t) ** 2) * u.x(x, t))
    exact = 2 * u(X, T) * u.x(X, T) ** 2 + (1 + u(X, T) ** 2) * u.xx(X, T)
    assert ps.d(flux, "x")(X, T) == pytest.approx(float(exact), rel=1e-12)


def test_a_default_in_a_field_expression_stays_the_callers():
    f = ps.field(lambda x, scale=3.0: scale * x**2)
    assert f.names == ("x",)
    assert f.x(2.0) == pytest.approx(12.0)


def test_mlp_scales_the_domain_to_the_unit_interval(getkey):
    seen = []

    def spy(z):
        seen.append(z)
        return z

    net = ps.MLP(BOX, "u", width=2, depth=1, activation=spy, key=getkey())
    net = eqx.tree_at(lambda n: n.weights[0], net, jnp.eye(2))
    seen.clear()
    for z in ([-1.0, 0.0], [3.0, 0.5], [1.0, 0.25]):
        net(jnp.array(z))
    np.testing.assert_allclose(seen, [[-1, -1], [1, 1], [0, 0]], atol=1e-15)


def test_mlp_starts_with_the_documented_scale(getkey):
    net = ps.MLP(BOX, "u v", width=200, depth=3, key=getkey())
    weights = [np.asarray(w) for w in net.weights]
    assert [w.shape for w in weights] == [(200, 2), (200, 200), (200, 200), (2, 200)]
    for w in weights:
        limit = math.sqrt(6.0 / sum(w.shape))
        assert 0.95 * limit < np.max(np.abs(w)) <= limit
        assert np.std(w) == pytest.approx(limit / math.sqrt(3.0), rel=0.1)
    assert not any(np.asarray(b).any() for b in net.biases)
    assert not np.array_equal(weights[1], weights[2])


@pytest.mark.parametrize("activation", [jnp.tanh, jnp.sin, jax.nn.gelu])
def test_mlp_is_the_formula_that_it_prints(activation, getkey):
    net = ps.MLP(BOX, "u v", width=5, depth=2, activation=activation, key=getkey())
    net = eqx.tree_at(
        lambda n: n.biases, net, tuple(jr.normal(getkey(), b.shape) for b in net.biases)
    )
    (w1, w2, w3), (b1, b2, b3) = net.weights, net.biases
    z = jnp.array([(X - 1.0) / 2.0, (T - 0.25) / 0.25])
    out = w3 @ activation(w2 @ activation(w1 @ z + b1) + b2) + b3
    model = ps.Model(net)
    assert model.field("u")(X, T) == pytest.approx(float(out[0]), rel=1e-12)
    assert model.field("v")(t=T, x=X) == pytest.approx(float(out[1]), rel=1e-12)


def test_mlp_on_a_slice_has_the_free_coordinates(getkey):
    net = ps.MLP(BOX.at(t=0), "u", width=3, depth=1, key=getkey())
    assert net.coordinates == ("x",)


class Wave(eqx.Module):
    amplitude: jax.Array
    label: str = "not a number"

    def __call__(self, z) -> Any:
        return self.amplitude * jnp.sin(z[0]) * z[1]


def test_field_wraps_what_the_user_brings(getkey):
    net = eqx.nn.MLP(2, 2, 8, 2, jnp.tanh, key=getkey())
    model = ps.Model(ps.Field(net, BOX, "u v"))
    z = jnp.array([X, T])
    assert model.field("v")(X, T) == net(z)[1]
    ours, theirs = jax.jit(lambda z: (model.field("u").x(*z), jax.jacfwd(net)(z)))(z)
    assert ours == pytest.approx(float(theirs[0, 0]))

    scalar = eqx.nn.MLP(2, "scalar", 8, 2, jnp.tanh, key=getkey())
    assert ps.Model(ps.Field(scalar, BOX, "u")).field("u")(X, T) == scalar(z)

    wave = ps.Model(ps.Field(Wave(jnp.array(2.0)), BOX, "w")).field("w")
    assert wave.xt(X, T) == pytest.approx(2.0 * math.cos(X))


def test_constrained_conditions_hold_exactly(getkey):
    net = ps.MLP(BOX, "u", width=6, depth=2, key=getkey())
    hard = ps.Constrained(
        net, lambda u, x, t: jnp.cos(x) + t * (x + 1.0) * (3.0 - x) * u
    )
    field = ps.Model(hard).field("u")
    value, slope = jax.jit(field), jax.jit(field.t)
    for x in (-1.0, 0.3, 3.0):
        assert value(x, 0.0) == pytest.approx(math.cos(x), abs=1e-15)
    for t in (0.0, 0.2, 0.5):
        assert value(3.0, t) == pytest.approx(math.cos(3.0), abs=1e-15)
        assert slope(-1.0, t) == pytest.approx(0.0, abs=1e-15)
    assert value(0.3, 0.2) != pytest.approx(math.cos(0.3), abs=1e-6)


def test_constrained_transforms_fields_by_name(getkey):
    net = ps.MLP(BOX, "u v", width=6, depth=1, key=getkey())
    hard = ps.Constrained(net, v=lambda u, v, t: 10.0 * u + t * v)
    raw = net(jnp.array([X, T]))
    np.testing.assert_allclose(
        hard(jnp.array([X, T])), [raw[0], 10.0 * raw[0] + T * raw[1]], rtol=1e-14
    )
    twice = ps.Constrained(hard, u=lambda u, x: u + x)
    assert twice(jnp.array([X, T]))[0] == pytest.approx(float(raw[0]) + X)
    assert hard.keys == net.keys


ROUND_TRIPS = [
    ({}, 0.1),
    ({}, -3.0e9),
    ({}, 0.0),
    ({}, [1.0, -2.0, 0.0]),
    ({"scale": 1e-6}, [3.0e-7, 0.0]),
    ({"positive": True}, 1.0e-9),
    ({"positive": True}, [[1.0, 2.0], [3.0, 4.0]]),
    ({"lower": -1.0, "upper": 5.0}, 0.3),
    ({"lower": 0, "upper": 1}, [0.001, 0.999]),
]


@pytest.mark.parametrize(("limits", "initial"), ROUND_TRIPS)
def test_an_unknown_starts_at_its_value(limits, initial):
    unknown = ps.Unknown(initial, **limits)
    np.testing.assert_allclose(unknown.value, initial, rtol=1e-14)
    assert unknown.value.shape == np.shape(initial)
    assert unknown.value.dtype == jnp.float64


@pytest.mark.parametrize("raw", [-30.0, 0.0, np.pi, 30.0])
def test_bounds_hold_wherever_the_step_goes(raw):
    at = lambda unknown: eqx.tree_at(lambda q: q.raw, unknown, jnp.array(raw)).value
    assert at(ps.Unknown(0.1, positive=True)) > 0.0
    assert -2.0 <= at(ps.Unknown(0.1, lower=-2, upper=3)) <= 3.0
    assert at(ps.Unknown(-4.0)) == pytest.approx(4.0 * raw)


def test_an_interval_of_a_bounded_unknown_ends_at_its_bounds():
    start = ps.Unknown([0.5, 4.0], lower=0.0, upper=5.0)
    for raw in (start.raw, 2 * np.pi - start.raw, start.raw + 4 * np.pi):
        unknown = eqx.tree_at(lambda q: q.raw, start, raw)
        np.testing.assert_allclose(unknown.value, start.value, rtol=1e-13)
        for half, low, high in [(0.0, [0.5, 4.0], [0.5, 4.0]), (np.inf, 0.0, 5.0)]:
            ends = unknown.around(np.full(2, half))
            np.testing.assert_allclose(ends[0], low, rtol=1e-13)
            np.testing.assert_allclose(ends[1], high, rtol=1e-13)
    assert start.bounds_met() == ()
    assert ps.Unknown([0.004, 4.999], lower=0, upper=5).bounds_met() == (0.0, 5.0)


def test_an_unknown_is_scaled_by_its_size():
    for size in (1e-9, 1.0, 1e9):
        slope = jax.grad(
            lambda q, s=size: eqx.tree_at(lambda k: k.raw, ps.Unknown(s), q).value
        )(jnp.array(1.0))
        assert slope == pytest.approx(size)


def test_a_model_gathers_fields_unknowns_and_coordinates(getkey):
    flow = ps.MLP(BOX, "u v", width=3, depth=1, key=getkey())
    time = ps.MLP(ps.Box(t=(0, 1)), "s", width=3, depth=1, key=getkey())
    model = ps.Model(flow, time, nu=ps.Unknown(0.1, positive=True), k=2)
    assert model.fields == ("u", "v", "s")
    assert model.coordinates == ("x", "t")
    assert model.bounds("s") == {"t": (0.0, 1.0)}
    scope = model.scope()
    assert set(scope) == {"u", "v", "s", "nu", "k"}
    assert isinstance(scope["s"], ScalarField)
    assert scope["s"].names == ("t",)
    assert float(scope["k"]) == 2.0


def test_equal_models_of_other_seeds_share_one_trace(getkey):
    traces = []

    @eqx.filter_jit
    def evaluate(model):
        traces.append(None)
        return model.field("u")(X, T)

    values = {
        float(evaluate(ps.Model(ps.MLP(BOX, "u", width=3, depth=1, key=getkey()))))
        for _ in range(3)
    }
    assert len(values) == 3
    assert len(traces) == 1


def test_a_key_is_used_once(getkey):
    key, other = getkey(), getkey()
    net = lambda name, key: ps.MLP(BOX, name, width=3, depth=1, key=key)
    with pytest.raises(ps.KeyReuseError, match="jr.split"):
        ps.Model(net("u", key), ps.Constrained(net("v", key), lambda v, x: x * v))
    model = ps.Model(net("u", key), net("v", other))
    with pytest.raises(ps.KeyReuseError, match="key of `solve`"):
        model.refuse_key(other)
    model.refuse_key(getkey())

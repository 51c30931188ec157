"""Integrals inside a residual and as conditions, against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused
from by_hand import linearise

import pinnsven as ps
from pinnsven.conditions._quadrature import weighted_sum


BOX = ps.Box(x=(0, 1), t=(0, 2))
LINE = ps.Box(x=(0, 1))


class Exact(eqx.Module):
    """One trained number that scales a known function."""

    scale: jax.Array

    def __call__(self, z):
        return self.scale * jnp.exp(z[0]) * (1.0 + z[1] ** 2)


MODEL = ps.Model(ps.Field(Exact(jnp.array(1.0)), BOX, "u"), k=ps.Unknown(2.0))


def linearised(condition, model=MODEL):
    """Points of a condition, its rows, and their Jacobian."""
    bound = ps.Problem(it=condition).bind(model)
    batch = bound.draw(jr.key(0))["it"]
    residuals = bound.map({"it": batch})
    r, j = linearise(residuals, bound.theta)
    return batch, np.asarray(r), np.asarray(j)


def test_integral_has_traced_limits_and_their_derivative():
    value = lambda t: ps.integral(lambda s: jnp.exp(s - t) * s, s=(0.0, t))
    np.testing.assert_allclose(value(1.5), 0.5 + np.exp(-1.5), rtol=1e-14)
    np.testing.assert_allclose(jax.grad(value)(1.5), 1.0 - np.exp(-1.5), rtol=1e-13)


def test_integral_in_two_variables_and_over_a_triangle():
    plane = ps.integral(lambda y, x: x * y**2, x=(0.0, 2.0), y=(1.0, 3.0), nodes=2)
    np.testing.assert_allclose(plane, 2.0 * 26.0 / 3.0, rtol=1e-14)
    inner = lambda s: ps.integral(lambda r: r * s, r=(0.0, s), nodes=3)
    triangle = ps.integral(inner, s=(0.0, 1.0), nodes=3)
    np.testing.assert_allclose(triangle, 1.0 / 8.0, rtol=1e-14)


def test_integral_of_a_tuple_and_a_vector():
    pair = ps.integral(lambda s: (s, jnp.stack([s**2, 1.0 + 0.0 * s])), s=(0.0, 1.0))
    np.testing.assert_allclose(pair[0], 0.5, rtol=1e-14)
    np.testing.assert_allclose(pair[1], [1.0 / 3.0, 1.0], rtol=1e-14)


def test_many_nodes_in_groups_give_the_same_sum_and_gradient():
    x, w = np.linspace(0.0, 1.0, 45), np.linspace(1.0, 2.0, 45)
    for least in (45, 7):
        total = lambda a, least=least: weighted_sum(
            lambda z: jnp.sin(a * z), jnp.asarray(x), w, least
        )
        value, slope = jax.value_and_grad(total)(3.0)
        np.testing.assert_allclose(value, w @ np.sin(3 * x), rtol=1e-14)
        np.testing.assert_allclose(slope, w @ (x * np.cos(3 * x)), rtol=1e-13)
        again = jax.jvp(jax.grad(total), (3.0,), (1.0,))[1]
        np.testing.assert_allclose(again, -w @ (x**2 * np.sin(3 * x)), rtol=1e-13)


def test_the_gradient_of_an_integral_needs_no_memory_per_node():
    def peak(n):
        x = jnp.linspace(0.0, 1.0, n)

        def total(w):
            return weighted_sum(lambda z: jnp.sum(jnp.tanh(w * z)), x, np.ones(n))

        low = jax.jit(jax.grad(total)).lower(jnp.ones(64))
        return low.compile().memory_analysis().temp_size_in_bytes

    # Sixteen times the nodes: without groups sixteen times the intermediate values.
    assert peak(16384) < 2 * peak(1024) + 40 * 16384


def test_integral_condition_is_one_row_with_its_gradient():
    plain = ps.Integral(lambda k, u, x, t: k * u(x, t), BOX.points(64), value=3.0)
    _, r, j = linearised(plain)
    exact = 2.0 * (np.e - 1.0) * (2.0 + 8.0 / 3.0)
    np.testing.assert_allclose(r, [exact - 3.0], rtol=1e-13)
    # The scale of the field, then the unknown, which is 2 q with q = 1.
    np.testing.assert_allclose(j, [[exact, exact]], rtol=1e-13)


def test_integral_at_each_outer_point_may_equal_an_unknown():
    mass = ps.Integral(
        lambda u, x, t: u(x, t),
        LINE.points(8),
        value=lambda k, t: k * t,
        points=ps.Box(t=(0, 2)).points(5),
    )
    batch, r, j = linearised(mass)
    t = batch.coordinates["t"]
    exact = (np.e - 1.0) * (1.0 + t**2)
    np.testing.assert_allclose(r * np.sqrt(5), exact - 2 * t, atol=1e-12)
    np.testing.assert_allclose(j[:, 0] * np.sqrt(5), exact, rtol=1e-12)
    np.testing.assert_allclose(j[:, 1] * np.sqrt(5), -2 * t, rtol=1e-12)
    own = ps.Points(t=[0.0, 1.0])
    _, r, _ = linearised(
        ps.Integral(lambda u, x, t: u(x, t), LINE.points(8), [1.0, 2.0], own)
    )
    exact = (np.e - 1.0) * np.array([1.0, 2.0]) - [1.0, 2.0]
    np.testing.assert_allclose(r * np.sqrt(2), exact, rtol=1e-12)


def test_integral_over_a_boundary_and_by_other_samplers():
    # The divergence theorem for the field (u, u).
    out = lambda u, x, t, normal: u(x, t) * (normal[0] + normal[1])
    inside = lambda u, x, t: u.x(x, t) + u.t(x, t)
    _, net, _ = linearised(ps.Integral(out, BOX.boundary().points(60)))
    _, volume, _ = linearised(ps.Integral(inside, BOX.points(64)))
    np.testing.assert_allclose(net, volume, rtol=1e-12)
    some = ps.Integral(inside, BOX.points(4096, ps.Sobol()))
    np.testing.assert_allclose(linearised(some)[1], volume, rtol=1e-4)


def test_nodes_outside_the_field_are_found():
    wide = ps.Integral(lambda u, x, t: u(x, t), ps.Box(x=(0, 3), t=(0, 2)).points(9))
    with pytest.raises(ps.BoundsError, match="'x' runs from 0 to 1; theirs"):
        ps.Problem(it=wide).bind(MODEL)


ROW = lambda u, x, t: u(x, t)


@cases(
    (ps.PinnsvenError, ["limits under", "s=(0.0, t)"], lambda: ps.integral(abs)),
    (
        ps.UnknownNameError,
        ["'r'", "limits for 's'"],
        lambda: ps.integral(lambda r: r, s=(0, 1)),
    ),
    (
        ps.BoundsError,
        ["nodes=0"],
        lambda: ps.integral(lambda s: s, s=(0, 1), nodes=0),
    ),
    (
        ps.BoundsError,
        ["'s'", "1", "pair"],
        lambda: ps.integral(lambda s: s, s=1),
    ),
    (
        ps.BoundsError,
        ["(3,)", "one number"],
        lambda: ps.integral(lambda s: s, s=(0.0, np.ones(3))),
    ),
    (
        ps.PinnsvenError,
        ["`Integral` runs over a region", "Points"],
        lambda: ps.Integral(ROW, ps.Points(x=[0.5], t=[0.5])),
    ),
    (
        ps.UnknownNameError,
        ["'t'", "outer points"],
        lambda: ps.Integral(ROW, BOX.points(9), points=ps.Box(t=(0, 2)).points(3)),
    ),
    (
        ps.UnknownNameError,
        ["'x'", "integrated"],
        lambda: ps.Integral(ROW, BOX.points(9), lambda x: x),
    ),
    (
        ps.ShapeError,
        ["(2,)", "`Integral`"],
        lambda: ps.Integral(ROW, BOX.points(9), [1.0, 2.0]),
    ),
    (
        ps.UnknownNameError,
        ["'y'", "'x', 't'"],
        lambda: ps.Problem(it=ps.Integral(lambda u, y: u, BOX.points(9))).bind(MODEL),
    ),
)
@pytest.mark.usefixtures("unchecked_types")
def test_bad_integrals(error, words, make):
    refused(error, words, make)


class Memory(eqx.Module):
    """The solution of the equation below, from its characteristic roots."""

    scale: jax.Array

    def __call__(self, z):
        w, t = np.sqrt(0.75), z[0]
        return self.scale * jnp.exp(-t / 2) * (jnp.cos(w * t) + jnp.sin(w * t) / 2 / w)


def test_a_volterra_equation_holds_for_its_solution():
    # u' = -int_0^t exp(s - t) u(s) ds, u(0) = 1: with v the integral, v' = u - v.
    line = ps.Box(t=(0, 2))

    def volterra(u, t):
        memory = ps.integral(lambda s: jnp.exp(s - t) * u(s), s=(0.0, t))
        return u.t(t) + memory

    model = ps.Model(ps.Field(Memory(jnp.array(2.0)), line, "u"))
    equation = ps.Residual(volterra, line.points(12, ps.GaussLegendre()))
    batch, r, j = linearised(equation, model)
    # It is linear and without a source, so any multiple solves it, and so in Memory.
    np.testing.assert_allclose(r, 0.0, atol=1e-13)
    np.testing.assert_allclose(j, 0.0, atol=1e-13)
    half = ps.Residual(lambda u, t: volterra(u, t) - u.t(t), equation.points)
    weights = np.sqrt(batch.weights)
    _, part, _ = linearised(half, model)
    slope = jax.vmap(jax.grad(lambda t: Memory(jnp.array(2.0))(t[None])))
    hand = -slope(jnp.asarray(batch.coordinates["t"])) * weights
    np.testing.assert_allclose(part, hand, rtol=1e-11)

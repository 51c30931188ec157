"""Each condition's rows against a formula written by hand."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps


BOX = ps.Box(y=(-1, 1), a=(0, 2))
# The fields and their values below are known in closed form.
U = lambda y, a: jnp.sin(3.0 * y) * a**2
V = lambda y, a: jnp.cos(jnp.pi * y) * (1.0 + a)


def exact(z):
    # A network gets its coordinates in the order of the domain.
    return jnp.stack([U(*z), V(*z)])


class Exact(eqx.Module):
    """A callable pytree with one trained number, which scales both fields."""

    scale: jax.Array

    def __call__(self, z):
        return self.scale * exact(z)


MODEL = ps.Model(
    ps.Field(Exact(jnp.array(1.0)), BOX, "u v"),
    k=ps.Unknown(2.0),
    c=ps.Unknown([1.0, -1.0]),
)


def rows(condition, seed=0):
    """The unscaled rows of a condition, its points, and its rows with their scale."""
    bound = ps.Problem(it=condition).bind(MODEL)
    batch = bound.draw(jr.key(seed))["it"]
    residuals = bound.map({"it": batch})
    values = bound.values("it", batch, bound.theta)
    return values, batch, np.asarray(eqx.filter_jit(residuals)(bound.theta))


def column(values):
    assert values.shape[1] == 1
    return values[:, 0]


def test_residual_binds_fields_unknowns_and_coordinates():
    def equation(a, k, u, y, v):
        return u.ya(y, a) + k * v.yy(y, a) - y

    values, batch, _ = rows(ps.Residual(equation, BOX.points(9)))
    y, a = batch.coordinates["y"], batch.coordinates["a"]
    u_ya = 6.0 * np.cos(3 * y) * a
    v_yy = -(math.pi**2) * np.cos(math.pi * y) * (1 + a)
    np.testing.assert_allclose(column(values), u_ya + 2.0 * v_yy - y, rtol=1e-12)


@pytest.mark.parametrize(
    "returned",
    [
        lambda u, v, c, y, a: (u(y, a), v(y, a)),
        lambda u, v, c, y, a: [u(y, a), v(y, a)],
        lambda u, v, c, y, a: jnp.stack([u(y, a), v(y, a)]),
        lambda u, v, c, y, a: jnp.array([u(y, a), v(y, a)]) + 0.0 * c,
    ],
)
def test_residual_may_return_a_vector_or_a_tuple(returned):
    values, batch, scaled = rows(ps.Residual(returned, BOX.points(5)))
    z = tuple(jnp.asarray(batch.coordinates[name]) for name in ("y", "a"))
    np.testing.assert_allclose(values, np.stack([U(*z), V(*z)], axis=1), rtol=1e-13)
    np.testing.assert_allclose(scaled.reshape(5, 2), values / math.sqrt(5), rtol=1e-13)


def test_residual_of_one_entry_counts_as_a_scalar():
    one = lambda u, y, a: jnp.stack([u(y, a)])
    plain = lambda u, y, a: u(y, a)
    same = lambda fn: rows(ps.Residual(fn, BOX.points(5)))[0]
    np.testing.assert_array_equal(same(one), same(plain))


def test_a_default_stays_the_callers():
    equation = lambda u, y, a, power=2: u(y, a) ** power
    values, batch, _ = rows(ps.Residual(equation, BOX.points(5)))
    np.testing.assert_allclose(
        column(values), U(batch.coordinates["y"], batch.coordinates["a"]) ** 2
    )


def test_residual_on_a_boundary_sees_the_normal_in_the_order_of_the_axes():
    # The coordinates are not in alphabetical order, which is how JAX sorts them.
    flux = lambda u, y, a, normal: normal[0] * u.y(y, a) + 10.0 * normal[1] * u.a(y, a)
    values, batch, _ = rows(ps.Residual(flux, BOX.boundary().points(24)))
    y, a = batch.coordinates["y"], batch.coordinates["a"]
    n = batch.normals
    hand = n["y"] * 3 * np.cos(3 * y) * a**2 + 10 * n["a"] * np.sin(3 * y) * 2 * a
    np.testing.assert_allclose(column(values), hand, atol=1e-13)

    swapped = lambda u, y, a, normal: normal[0] * u.a(y, a) + 0.0 * normal[1]
    values, batch, _ = rows(ps.Residual(swapped, BOX.boundary("a", "y").points(24)))
    y, a = batch.coordinates["y"], batch.coordinates["a"]
    hand = batch.normals["a"] * np.sin(3 * y) * 2 * a
    np.testing.assert_allclose(column(values), hand, atol=1e-13)


def test_dirichlet_with_a_number_a_function_and_an_array():
    slice_ = BOX.at(a=1.5).points(7)
    values, batch, _ = rows(ps.Dirichlet("u", 0.25, slice_))
    y = batch.coordinates["y"]
    u = np.sin(3 * y) * 1.5**2
    np.testing.assert_allclose(column(values), u - 0.25, rtol=1e-13)
    values, _, _ = rows(ps.Dirichlet("u", lambda y, k: k * jnp.exp(y), slice_))
    np.testing.assert_allclose(column(values), u - 2.0 * np.exp(y), rtol=1e-12)
    values, _, _ = rows(ps.Dirichlet("u", lambda y, a, v: v(y, a), slice_))
    np.testing.assert_allclose(column(values), u - V(y, 1.5), rtol=1e-12)

    points = ps.Points(a=1.0, y=[0.1, 0.2, 0.3])
    values, _, _ = rows(ps.Dirichlet("v", [1.0, 2.0, 3.0], points))
    hand = 2.0 * np.cos(math.pi * np.array([0.1, 0.2, 0.3])) - [1.0, 2.0, 3.0]
    np.testing.assert_allclose(column(values), hand, rtol=1e-13)


def test_neumann_is_the_outward_slope_on_both_faces():
    values, batch, _ = rows(ps.Neumann("u", 0.5, BOX.boundary("a").points(10)))
    y, a = batch.coordinates["y"], batch.coordinates["a"]
    assert set(np.unique(a)) == {0.0, 2.0}
    side = np.where(a == 2.0, 1.0, -1.0)
    np.testing.assert_allclose(
        column(values), side * 2 * a * np.sin(3 * y) - 0.5, atol=1e-13
    )


def test_neumann_with_a_function_on_all_faces():
    inflow = lambda y, normal: y * normal[0]
    values, batch, _ = rows(ps.Neumann("v", inflow, BOX.boundary().points(16)))
    y, a, n = batch.coordinates["y"], batch.coordinates["a"], batch.normals
    slope = -math.pi * np.sin(math.pi * y) * (1 + a) * n["y"]
    slope = slope + np.cos(math.pi * y) * n["a"]
    np.testing.assert_allclose(column(values), slope - y * n["y"], atol=1e-13)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_periodic_vanishes_for_a_periodic_field(order):
    walls = BOX.boundary("y").points(8)
    values, batch, _ = rows(ps.Periodic("v", walls, order=order))
    assert values.shape == (8, order + 1)
    np.testing.assert_allclose(values, 0.0, atol=1e-12)


def test_periodic_is_the_jump_of_value_and_derivatives():
    values, batch, _ = rows(ps.Periodic("u", BOX.boundary("y").points(8), order=2))
    a = batch.coordinates["a"]
    jump = np.stack([2 * math.sin(3) * a**2, 0 * a, -18 * math.sin(3) * a**2], axis=1)
    np.testing.assert_allclose(values, jump, rtol=1e-12, atol=1e-12)
    values, batch, _ = rows(ps.Periodic("v", BOX.boundary("a").points(6)))
    y = batch.coordinates["y"]
    np.testing.assert_allclose(values[:, 0], 2 * np.cos(math.pi * y), rtol=1e-12)


AT = ps.Points(y=[-0.5, 0.1, 0.4, 0.9], a=[0.2, 1.0, 1.5, 1.9])
MEASURED = np.array([0.1, 0.2, -0.3, 0.4])


def misfit():
    return np.asarray(U(AT.coordinates["y"], AT.coordinates["a"])) - MEASURED


def test_data_without_sigma_is_the_plain_misfit():
    values, _, scaled = rows(ps.Data("u", AT, MEASURED))
    np.testing.assert_allclose(column(values), misfit(), rtol=1e-13)
    np.testing.assert_allclose(scaled, misfit() / 2.0, rtol=1e-13)


def test_data_weighs_points_by_sigma_and_keeps_the_weight_of_the_block():
    sigma = np.array([0.1, 0.2, 0.4, 0.1])
    condition = ps.Data("u", AT, MEASURED, sigma=sigma)
    values, _, scaled = rows(condition)
    shares = 1.0 / sigma / math.sqrt(np.mean(1.0 / sigma**2))
    np.testing.assert_allclose(column(values), misfit() * shares, rtol=1e-13)
    assert np.mean(shares**2) == pytest.approx(1.0)
    # Chi squared is the sum over the block in units of its mean noise.
    chi2 = np.sum((misfit() / sigma) ** 2)
    ours = len(sigma) * np.sum(scaled**2) / condition.sigma_mean**2
    assert ours == pytest.approx(chi2)


def test_equal_sigmas_change_nothing_but_the_error_bars():
    plain = rows(ps.Data("u", AT, MEASURED))[2]
    equal = ps.Data("u", AT, MEASURED, sigma=0.03)
    np.testing.assert_allclose(rows(equal)[2], plain, rtol=1e-13)
    assert equal.sigma_mean == pytest.approx(0.03)


def test_data_through_a_measurement_model():
    gauge = lambda k, u, y, a: k * u(y, a) + u.a(y, a)
    values, _, _ = rows(ps.Data(gauge, AT, MEASURED))
    y, a = AT.coordinates["y"], AT.coordinates["a"]
    hand = 2 * U(y, a) + 2 * a * np.sin(3 * y) - MEASURED
    np.testing.assert_allclose(column(values), hand, rtol=1e-12)


@pytest.mark.parametrize("weight", [4, 4.0, np.float64(4.0), jnp.array(4.0)])
def test_a_weight_may_be_any_kind_of_number(weight):
    assert ps.Dirichlet("u", 0.0, BOX.points(6), weight=weight).weight == 4.0


def test_a_weight_multiplies_the_square_of_a_block():
    conditions = [
        lambda **w: ps.Residual(lambda u, y, a: u(y, a), BOX.points(6), **w),
        lambda **w: ps.Dirichlet("u", 0.0, BOX.points(6), **w),
        lambda **w: ps.Neumann("u", 0.0, BOX.boundary("y").points(6), **w),
        lambda **w: ps.Periodic("u", BOX.boundary("y").points(6), **w),
        lambda **w: ps.Data("u", AT, MEASURED, **w),
    ]
    for condition in conditions:
        plain, heavy = rows(condition())[2], rows(condition(weight=4.0))[2]
        np.testing.assert_allclose(heavy, 2.0 * plain, rtol=1e-13)


def test_rows_carry_the_roots_of_quadrature_weights():
    rule = ps.GaussLegendre()
    condition = ps.Residual(lambda u, y, a: u(y, a), BOX.points(144, rule))
    _, _, scaled = rows(condition)
    # The mean of sin(3y)^2 a^4 over the box, by hand.
    mean = (0.5 - math.sin(6.0) / 12.0) * 2.0**4 / 5.0
    assert np.sum(scaled**2) == pytest.approx(mean, rel=1e-12)


def test_a_point_may_have_more_coordinates_than_the_field():
    line = eqx.nn.Linear(1, 1, key=jr.key(0))
    model = ps.Model(ps.Field(line, ps.Box(t=(0, 1)), "s"))
    points = ps.Points(x=[1.0, 2.0], t=[0.0, 1.0])
    bound = ps.Problem(it=ps.Data("s", points, [0.0, 0.0])).bind(model)
    values = bound.values("it", bound.draw(jr.key(0))["it"], bound.theta)
    field = model.field("s")
    np.testing.assert_allclose(column(values), [field(0.0), field(1.0)])

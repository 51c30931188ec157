"""Robin, flux and interface conditions: their rows by hand, and heat in two media."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused

import pinnsven as ps


BOX = ps.Box(y=(-1, 1), a=(0, 2))
U = lambda y, a: jnp.sin(3.0 * y) * a**2
V = lambda y, a: jnp.cos(y) * (1.0 + a)


class Exact(eqx.Module):
    """Both fields in closed form, scaled by one trained number."""

    scale: jax.Array

    def __call__(self, z):
        return self.scale * jnp.stack([U(*z), V(*z)])


MODEL = ps.Model(ps.Field(Exact(jnp.array(1.0)), BOX, "u v"), k=ps.Unknown(2.0))
FACES = BOX.boundary().points(12)


def rows(condition):
    """Coordinates and normals of the points of a condition, and its unscaled rows."""
    bound = ps.Problem(it=condition).bind(MODEL)
    batch = bound.draw(jr.key(0))["it"]
    n = batch.normals
    values = bound.values("it", batch, bound.theta)
    return batch.coordinates["y"], batch.coordinates["a"], n, values


def slope(y, a, n):
    return n["y"] * 3 * np.cos(3 * y) * a**2 + n["a"] * np.sin(3 * y) * 2 * a


def test_robin_with_functions_of_unknowns_fields_and_coordinates():
    gain = lambda v, y, a: v(y, a)
    value = lambda y, normal: y * normal[1]
    y, a, n, found = rows(ps.Robin("u", lambda k: k, gain, value, FACES))
    hand = 2 * U(y, a) + V(y, a) * slope(y, a, n) - y * n["a"]
    np.testing.assert_allclose(found[:, 0], hand, atol=1e-13)


def test_robin_with_numbers_is_neumann_or_dirichlet():
    same = lambda one, two: np.testing.assert_array_equal(rows(one)[3], rows(two)[3])
    same(ps.Robin("u", 0.0, 1, 0.5, FACES), ps.Neumann("u", 0.5, FACES))
    same(ps.Robin("u", 1.0, 0.0, 0.5, FACES), ps.Dirichlet("u", 0.5, FACES))


def test_flux_through_a_nonlinear_conductor():
    y, a, n, found = rows(ps.Flux("u", lambda u, y, a: 1 + u(y, a) ** 2, 0.5, FACES))
    hand = (1 + U(y, a) ** 2) * slope(y, a, n) - 0.5
    np.testing.assert_allclose(found[:, 0], hand, atol=1e-13)
    y, a, n, found = rows(ps.Flux("u", lambda k, a: k * a, lambda y: y, FACES))
    np.testing.assert_allclose(found[:, 0], 2 * a * slope(y, a, n) - y, atol=1e-13)


def test_interface_on_a_boundary_has_both_jumps():
    condition = ps.Interface(
        "u",
        "v",
        BOX.boundary("a").points(8),
        conductivity=(3.0, lambda y: 1 + y**2),
        jump=lambda y: y,
        flux_jump=lambda k: k,
    )
    y, a, n, found = rows(condition)
    side = np.where(a == 2.0, 1.0, -1.0)
    np.testing.assert_allclose(found[:, 0], V(y, a) - U(y, a) - y, atol=1e-13)
    flux = side * ((1 + y**2) * np.cos(y) - 3 * np.sin(3 * y) * 2 * a) - 2.0
    np.testing.assert_allclose(found[:, 1], flux, atol=1e-12)


def test_interface_on_a_slice_takes_the_direction_of_its_coordinate():
    y, a, _, found = rows(ps.Interface("u", "v", BOX.at(a=0.5).points(5)))
    flux = np.cos(y) - np.sin(3 * y) * 2 * a
    np.testing.assert_allclose(found[:, 1], flux, atol=1e-13)


def test_oblique_derivative_and_an_operator_on_a_boundary():
    # Along n + 2 tau with the tangent tau, and Laplace-Beltrami with an exchange term.
    oblique = lambda u, y, a, normal: (
        (normal[0] - 2 * normal[1]) * u.y(y, a)
        + (normal[1] + 2 * normal[0]) * u.a(y, a)
        - 1.0
    )
    y, a, n, found = rows(ps.Residual(oblique, FACES))
    u_y, u_a = 3 * np.cos(3 * y) * a**2, np.sin(3 * y) * 2 * a
    hand = (n["y"] - 2 * n["a"]) * u_y + (n["a"] + 2 * n["y"]) * u_a - 1.0
    np.testing.assert_allclose(found[:, 0], hand, atol=1e-12)

    def wentzell(u, y, a, normal):
        along = normal[1] ** 2 * u.yy(y, a) + normal[0] ** 2 * u.aa(y, a)
        return along - normal[0] * u.y(y, a) - normal[1] * u.a(y, a)

    y, a, n, found = rows(ps.Residual(wentzell, FACES))
    along = n["a"] ** 2 * -9 * U(y, a) + n["y"] ** 2 * 2 * np.sin(3 * y)
    np.testing.assert_allclose(found[:, 0], along - slope(y, a, n), atol=1e-12)


class Sheet(eqx.Module):
    """A parabola with trained coefficients."""

    c: jax.Array

    def __call__(self, z):
        return self.c[0] + self.c[1] * z[0] + self.c[2] * z[0] ** 2


def test_two_media_on_two_boxes_meet_in_the_solution_of_a_heated_wall():
    # -u'' = 1 left with k = 1, no source right with k = 4, the right end in air at 0
    # with the coefficient h: the flux q through the joint follows from these.
    left, right, h = ps.Box(x=(0, 1)), ps.Box(x=(1, 3)), 0.5
    q = 0.5 / (1 + 2 / 4 + 1 / h)
    one = Sheet(jnp.array([0.0, 1 - q, -0.5]))
    two = Sheet(jnp.array([0.5 - q + q / 4, -q / 4, 0.0]))
    model = ps.Model(
        ps.Field(one, left, "u"), ps.Field(two, right, "v"), h=ps.Unknown(h)
    )
    joint = lambda **k: ps.Interface("u", "v", left.at(x=1).points(1), **k)
    # The boundary of x has the end that does not cool too: its h is zero.
    cool = lambda h, x: jnp.where(x > 2, h, 0.0)
    gain = lambda x: jnp.where(x > 2, 4.0, 0.0)
    problem = ps.Problem(
        joint=joint(conductivity=(1.0, 4.0)),
        wrong=joint(conductivity=(1.0, 1.0), jump=0.25),
        air=ps.Robin("v", cool, gain, 0.0, right.boundary("x").points(2)),
    )
    bound = problem.bind(model)
    rows = {
        name: bound.values(name, batch, bound.theta)
        for name, batch in bound.draw(jr.key(0)).items()
    }
    np.testing.assert_allclose(rows["joint"], 0.0, atol=1e-14)
    np.testing.assert_allclose(rows["wrong"], [[-0.25, 0.75 * q]], atol=1e-14)
    np.testing.assert_allclose(rows["air"], 0.0, atol=1e-14)


WALLS = BOX.boundary("y").points(4)


@cases(
    (
        ps.PinnsvenError,
        ["`Robin`", "normals"],
        lambda: ps.Robin("u", 1.0, 1.0, 0.0, BOX.points(4)),
    ),
    (
        ps.PinnsvenError,
        ["`Flux`", "normals"],
        lambda: ps.Flux("u", 1.0, 0.0, BOX.at(a=0).points(4)),
    ),
    (
        ps.PinnsvenError,
        ["`Flux`", "Box"],
        lambda: ps.Flux("u", 1.0, 0.0, BOX),
    ),
    (
        ps.ShapeError,
        ["`a` in `Robin`", "(4,)"],
        lambda: ps.Robin("u", np.ones(4), 1.0, 0.0, WALLS),
    ),
    (
        ps.PinnsvenError,
        ["`Interface`", "slice of ONE"],
        lambda: ps.Interface("u", "v", BOX.points(4)),
    ),
    (
        ps.PinnsvenError,
        ["`conductivity`", "2.0", "pair"],
        lambda: ps.Interface("u", "v", WALLS, conductivity=2.0),
    ),
    (
        ps.PinnsvenError,
        ["name of a field", "float"],
        lambda: ps.Interface("u", 0.0, WALLS),
    ),
    (
        ps.UnknownNameError,
        ["'w'", "'u', 'v'"],
        lambda: ps.Problem(it=ps.Interface("u", "w", WALLS)).bind(MODEL),
    ),
    (
        ps.UnknownNameError,
        ["'c'", "'k'"],
        lambda: ps.Problem(it=ps.Flux("u", lambda c: c, 0.0, WALLS)).bind(MODEL),
    ),
)
@pytest.mark.usefixtures("unchecked_types")
def test_bad_fluxes(error, words, make):
    refused(error, words, make)

"""Inequalities: the hinge by hand, and an obstacle problem against its closed form."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused
from by_hand import linearise, minimise, values

import pinnsven as ps
from pinnsven.conditions._inequality import _hinge


LINE = ps.Box(x=(0, 1))


def test_rows_are_the_hinge_and_vanish_with_their_gradient_where_it_holds():
    given = jnp.array([0.3, 0.0, -0.1, -0.5, -2.0])
    points = ps.Points(x=np.asarray(given))
    condition = ps.Inequality(lambda k, x: k * x, points, width=0.5, weight=5.0)
    bound = ps.Problem(it=condition).bind(ps.Model(k=1.0))
    residuals = bound.residuals(jr.key(0))
    r, j = linearise(residuals, bound.theta)
    # The weight cancels the mean over the five points.
    hand = [0.0, 0.0, 0.1**2, 0.25, 1.75]
    np.testing.assert_allclose(r, hand, rtol=1e-14)
    slope = np.array([0.0, 0.0, -0.2, -1.0, -1.0]) * given
    np.testing.assert_allclose(j[:, 0], slope, rtol=1e-14)
    assert (np.asarray(r)[:2] == 0.0).all() and (np.asarray(j)[:2] == 0.0).all()


def test_the_hinge_is_continuously_differentiable():
    hinge = lambda f: _hinge(f, 0.25)
    for join in (0.0, -0.25):
        sides = jnp.array([join - 1e-12, join + 1e-12])
        for order in (hinge, jax.grad(hinge)):
            low, high = jax.vmap(order)(sides)
            np.testing.assert_allclose(low, high, atol=1e-11)


def test_a_membrane_lifts_off_its_obstacle_where_it_should():
    # u >= 0, u'' <= f, and one of the two an equation at each point: with u'' = f the
    # membrane touches the obstacle at x = a with slope zero.
    f, a = 8.0, 0.6
    points = LINE.points(60, ps.GaussLegendre())
    problem = ps.Problem(
        above=ps.Inequality(lambda u, x: u(x), points, width=1.0),
        load=ps.Inequality(lambda u, x: f - u.xx(x), points, width=1.0),
        either=ps.Residual(lambda u, x: u(x) * (f - u.xx(x)), points),
        left=ps.Dirichlet("u", f * a**2 / 2, LINE.at(x=0).points(1)),
        right=ps.Dirichlet("u", 0.0, LINE.at(x=1).points(1)),
    )
    model = ps.Model(ps.MLP(LINE, "u", width=20, depth=1, key=jr.key(0)))
    bound, _, theta = minimise(problem, model, steps=400)
    x = np.linspace(0.0, 1.0, 101)
    exact = np.where(x < a, f * (a - x) ** 2 / 2, 0.0)
    # The second derivative jumps at the edge of the contact, which a network rounds.
    assert np.max(np.abs(values(bound.rebuild(theta), "u", x=x) - exact)) < 1e-3


POINTS = LINE.points(4)
SMALL = ps.Model(ps.MLP(LINE, "u", width=3, depth=1, key=jr.key(0)))
MATRIX = lambda u, x: jnp.stack([u(x), u(x)])


@cases(
    (
        ps.BoundsError,
        ["width of `Inequality` is 0"],
        lambda: ps.Inequality(lambda u, x: u(x), POINTS, width=0),
    ),
    (
        ps.BoundsError,
        ["'thin'"],
        lambda: ps.Inequality(lambda u, x: u(x), POINTS, width="thin"),
    ),
    (ps.PinnsvenError, ["`Inequality`", "'u'"], lambda: ps.Inequality("u", POINTS)),
    (
        ps.ShapeError,
        ["(2,)", "`Inequality`"],
        lambda: ps.Problem(it=ps.Inequality(MATRIX, POINTS)).bind(SMALL),
    ),
)
@pytest.mark.usefixtures("unchecked_types")
def test_bad_inequalities(error, words, make):
    refused(error, words, make)

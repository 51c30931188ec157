"""Trajectories as conditions: rows and Jacobian in closed form, fits and error bars."""

import functools

import diffrax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused
from by_hand import linearise, minimise, values

import pinnsven as ps
from pinnsven.inference import standard_error


RATE, SUPPLY, START = 0.8, 0.3, 2.0
# Not in order, and one time twice.
TIMES = np.array([0.0, 4.0, 1.0, 1.0, 2.0, 3.0, 0.5, 1.5, 2.5, 3.5])
SIGMA = np.where(TIMES > 1.2, 0.02, 0.05)
slope = lambda y, k, c: -k * y + c


def exact(t, k=RATE, c=SUPPLY, y0=START):
    return y0 * np.exp(-k * t) + c / k * (1 - np.exp(-k * t))


VALUES = exact(TIMES) + SIGMA * np.random.default_rng(1).standard_normal(TIMES.size)
DECAY = ps.Trajectory(slope, dict(y=lambda y0: y0), TIMES, VALUES, sigma=SIGMA)
UNKNOWNS = dict(k=ps.Unknown(0.5, positive=True), c=0.1, y0=1.0)


def shoot(bound):
    """Marquardt's method, whose only compiled function is shared with the tests."""
    residuals, theta, damping = bound.residuals(jr.key(0)), bound.theta, 1e-2
    r, j = linearise(residuals, theta)
    for _ in range(30):
        u, s, vt = np.linalg.svd(j, full_matrices=False)
        new = theta - vt.T @ (s / (s**2 + damping) * (u.T @ r))
        trial = linearise(residuals, new)
        better = bool(jnp.sum(trial[0] ** 2) < jnp.sum(r**2))
        damping *= 0.2 if better else 5.0
        if better:
            theta, (r, j) = new, trial
    return residuals, theta


@functools.cache
def shooting():
    bound = ps.Problem(decay=DECAY).bind(ps.Model(**UNKNOWNS))
    return bound, *shoot(bound)


def test_rows_are_misfits_in_the_order_of_the_data():
    bound, residuals, _ = shooting()
    r, _ = linearise(residuals, bound.theta)
    noise = np.mean(SIGMA**-2.0) ** -0.5
    assert DECAY.sigma_mean == pytest.approx(noise)
    hand = (exact(TIMES, 0.5, 0.1, 1.0) - VALUES) * noise / SIGMA
    np.testing.assert_allclose(r * np.sqrt(TIMES.size), hand, atol=1e-9)


def test_jacobian_is_that_of_the_closed_form():
    bound, residuals, theta = shooting()
    _, j = linearise(residuals, theta)
    names = ("k", "c", "y0")
    values = {n: float(bound.rebuild(theta).unknowns[n].value) for n in names}
    scale = dict(k=values["k"], c=0.1, y0=1.0)
    share = DECAY.sigma_mean / SIGMA / np.sqrt(TIMES.size)
    for name in names:
        low, high = (exact(TIMES, **values | {name: values[name] + h}) for h in STEP)
        hand = scale[name] * (high - low) / (STEP[1] - STEP[0]) * share
        ours = j[:, sorted(names).index(name)]
        np.testing.assert_allclose(ours, hand, rtol=1e-7, atol=1e-9)


STEP = (-1e-5, 1e-5)


def test_a_network_with_data_finds_the_same_unknowns_and_error_bars():
    bound, residuals, theta = shooting()
    box = ps.Box(t=(0, 4))
    nodes = box.points(16, ps.GaussLegendre())
    equation = lambda y, k, c, t: y.t(t) - slope(y(t), k, c)
    problem = ps.Problem(
        # The equation holds exactly in a trajectory; here it needs a weight.
        ode=ps.Residual(equation, nodes, weight=1e6),
        data=ps.Data("y", ps.Points(t=TIMES), VALUES, sigma=SIGMA),
    )
    net = ps.MLP(box, "y", width=8, depth=1, key=jr.key(0))
    other = ps.Model(net, k=ps.Unknown(0.5, positive=True), c=0.1)
    fit = minimise(problem, other, steps=150)
    one, two = bound.rebuild(theta), fit[0].rebuild(fit[2])
    for name in ("k", "c"):
        error = standard_error(bound, residuals, theta, name)
        off = one.unknowns[name].value - two.unknowns[name].value
        assert abs(off) < 1e-3 * error
        assert standard_error(*fit, name) == pytest.approx(error, rel=1e-3)


@pytest.mark.long
def test_an_unknown_term_of_the_state_in_a_trajectory_and_in_a_residual():
    # y' = g(y) with the logistic law, known to the network of g by data alone.
    logistic = lambda t: 1.0 / (1.0 + 9.0 * np.exp(-t))
    times = np.linspace(0.0, 6.0, 25)
    states = ps.Box(s=(0, 1))
    problem = ps.Problem(
        growth=ps.Trajectory(
            lambda y, g: g(y),
            dict(y=0.1),
            times,
            2.0 * logistic(times),
            observe=lambda y: 2.0 * y,
        ),
        rest=ps.Residual(lambda g, s: g(s), ps.Points(s=[0.0, 1.0])),
    )
    net = ps.MLP(states, "g", width=6, depth=1, key=jr.key(0))
    bound, _, theta = minimise(problem, ps.Model(net), steps=100)
    y = np.linspace(0.1, 0.99, 21)
    found = values(bound.rebuild(theta), "g", s=y)
    np.testing.assert_allclose(found, y * (1 - y), atol=1e-4)


def test_a_stiff_equation_needs_an_implicit_solver():
    # The fast state follows the slow one, to lowest order behind by 1e-5.
    times = np.linspace(0.0, 2.0, 9)
    field = lambda slow, fast: (-slow, 1e5 * (slow - fast))
    stiff = lambda solver: ps.Trajectory(
        field,
        dict(slow=1.0, fast=1.0),
        times,
        np.exp(-times),
        observe=lambda slow, gain: gain * slow,
        solver=solver,
        max_steps=2000,
    )
    model, any_order = ps.Model(gain=1.0), np.array([2.0, 0.0, 0.7])
    course = stiff(diffrax.Kvaerno5()).course(model, any_order)
    np.testing.assert_allclose(course["slow"], np.exp(-any_order), rtol=1e-8)
    behind = np.where(any_order > 0, 1e-5 / (1 - 1e-5), 0.0) * np.exp(-any_order)
    np.testing.assert_allclose(course["fast"] - course["slow"], behind, atol=2e-9)
    explicit = ps.Problem(stiff=stiff(None)).bind(model)
    with pytest.raises(ps.NonFiniteError, match="'stiff'.*max_steps.*implicit"):
        explicit.check_finite(explicit.draw(jr.key(0)), explicit.theta)


def along(**options):
    return ps.Trajectory(
        **{
            "vector_field": slope,
            "initial": {"y": 1.0},
            "times": TIMES,
            "values": VALUES,
        }
        | options
    )


BOTH = {"y": 1.0, "z": 2.0}
MODEL = ps.Model(**UNKNOWNS)


@cases(
    (ps.PinnsvenError, ["`initial`", "1.0"], lambda: along(initial=1.0)),
    (ps.PinnsvenError, ["'t' both"], lambda: along(initial={"t": 1.0})),
    (ps.UnknownNameError, ["'normal'"], lambda: along(initial={"normal": 1.0})),
    (ps.ShapeError, ["(10, 1)", "`times`"], lambda: along(times=TIMES[:, None])),
    (ps.ShapeError, ["(3,)", "10 times"], lambda: along(values=[1.0, 2.0, 3.0])),
    (ps.NonFiniteError, ["`values`"], lambda: along(values=VALUES * np.nan)),
    (ps.BoundsError, ["starts at 1", "0 to 4"], lambda: along(start=1.0)),
    (
        ps.BoundsError,
        ["2 to 2", "after"],
        lambda: along(times=[2.0, 2.0], values=[1.0, 1.0]),
    ),
    (ps.BoundsError, ["`sigma` of `Trajectory`"], lambda: along(sigma=0.0)),
    (ps.ShapeError, ["(2,)", "`sigma`"], lambda: along(sigma=[0.1, 0.2])),
    (ps.BoundsError, ["`rtol`", "0"], lambda: along(rtol=0)),
    (ps.BoundsError, ["`atol`", "'fine'"], lambda: along(atol="fine")),
    (ps.BoundsError, ["`max_steps`", "0"], lambda: along(max_steps=0)),
    (ps.PinnsvenError, ["Dopri8", "brackets"], lambda: along(solver=diffrax.Dopri8)),
    (ps.PinnsvenError, ["`observe`", "'y'"], lambda: along(observe="y")),
    (ps.UnknownNameError, ["'k', 'c'"], lambda: bound(along(), ps.Model(b=1.0))),
    (
        ps.UnknownNameError,
        ["'y'", "rename"],
        lambda: bound(along(), ps.Model(y=1.0, k=1.0, c=1.0)),
    ),
    (ps.ShapeError, ["1 numbers", "'y', 'z'"], lambda: bound(along(initial=BOTH))),
    (
        ps.ShapeError,
        ["observes 2", "1 columns"],
        lambda: bound(along(observe=lambda y: (y, y))),
    ),
    (
        ps.BoundsError,
        ["starts at 0", "-1 to"],
        lambda: along().course(MODEL, [-1.0, 1.0]),
    ),
)
@pytest.mark.usefixtures("unchecked_types")
def test_bad_trajectories(error, words, make):
    refused(error, words, make)


def bound(condition, model=MODEL):
    return ps.Problem(it=condition).bind(model)

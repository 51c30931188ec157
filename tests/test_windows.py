"""Windows of time: each from where the last ended, and all of them as one solution."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused

import pinnsven as ps


TIMES = [0.0, 2.0, 4.0, 6.0]
START = {"u": lambda: 1.0, "u.t": lambda: 0.0}


def swing(t0, t1, start, key):
    """u'' = -u: of second order, so that a window begins with a value and a slope."""
    span = ps.Box(t=(t0, t1))
    begin = span.at(t=t0).points(1)
    problem = ps.Problem(
        ode=ps.Residual(
            lambda u, t: u.tt(t) + u(t), span.points(16, ps.GaussLegendre())
        ),
        place=ps.Dirichlet("u", start["u"], begin),
        speed=ps.Residual(lambda u, t: u.t(t) - start["u.t"](), begin),
    )
    return problem, ps.Model(ps.MLP(span, "u", width=12, depth=1, key=key))


def solve(window=swing, times=TIMES, **options):
    options = {"start": START, "key": jr.key(0), "progress": False} | options
    return ps.solve_windows(window, times, **options)


@pytest.fixture(scope="module")
def swung():
    return solve()


def test_an_oscillator_is_followed_over_three_windows(swung):
    t = np.linspace(0, 6, 301)
    assert swung.result is ps.Result.converged
    assert ps.max_error(np.asarray(swung.u(t=t)), np.cos(t)) < 1e-12
    assert ps.max_error(np.asarray(swung.u.t(t=t)), -np.sin(t)) < 1e-12
    assert swung.reason.startswith("All 3 windows have converged")
    assert str(swung).count("converged") >= 4 and "4 to 6" in str(swung)


def test_a_common_time_belongs_to_the_earlier_window(swung):
    first, second, _ = swung.members
    np.testing.assert_array_equal(swung.u(t=2.0), first.u(t=2.0))
    later = np.nextafter(2.0, 3.0)
    np.testing.assert_array_equal(swung.u(t=later), second.u(t=later))
    assert first.u(t=2.0) != second.u(t=2.0)


def test_the_windows_add_up(swung, tmp_path):
    steps = [m.steps for m in swung.members]
    assert swung.steps == sum(steps) == swung.history.steps
    assert swung.history.check_step[-1] == sum(steps)
    assert np.all(np.diff(swung.history.seconds) >= 0)
    for name, value in swung.unseen.items():
        assert value == max(m.unseen[name] for m in swung.members)
    assert swung.u.names == ("t",) and swung.model.bounds("u") == {"t": (0.0, 6.0)}
    swung.plot(tmp_path / "swing.png", reference=lambda t: np.cos(t))
    assert (tmp_path / "swing.png").stat().st_size > 10_000
    frame = swung.to_pandas(ps.Points(t=[0.0, 5.0]))
    np.testing.assert_allclose(frame["u"], np.cos([0.0, 5.0]))
    assert swung.to_xarray(t=[1.0]).attrs["result"] == "converged"


def test_finished_windows_are_read_and_not_solved_again(swung, tmp_path):
    swung.save(tmp_path)
    (tmp_path / "window-2.npz").unlink()
    calls = []
    again = solve(folder=tmp_path, sampling=_Counting(calls))
    assert len(calls) == 1
    t = np.linspace(0, 6, 50)
    np.testing.assert_array_equal(again.u(t=t), swung.u(t=t))
    refused(
        ps.CheckpointError,
        ["another"],
        lambda: solve(folder=tmp_path, times=[0.0, 1.0, 2.0]),
    )


class _Counting(ps.Adaptive):
    calls: list

    def __init__(self, calls):
        self.calls = calls

    def start(self, bound, key):
        self.calls.append(bound)
        return super().start(bound, key)


@pytest.mark.long
def test_heat_flows_on_from_one_window_to_the_next():
    def window(t0, t1, start, key):
        domain = ps.Box(x=(0, 1), t=(t0, t1))
        problem = ps.Problem(
            pde=ps.Residual(
                lambda u, x, t: u.t(x, t) - u.xx(x, t) / np.pi**2,
                domain.points(64, ps.GaussLegendre()),
            ),
            start=ps.Dirichlet(
                "u", start["u"], domain.at(t=t0).points(10, ps.GaussLegendre())
            ),
            walls=ps.Dirichlet(
                "u", 0.0, domain.boundary("x").points(16, ps.GaussLegendre())
            ),
        )
        return problem, ps.Model(ps.MLP(domain, "u", width=20, depth=1, key=key))

    begin = {"u": lambda x: jnp.sin(jnp.pi * x)}
    found = solve(window, [0, 0.5, 1.0], start=begin, steps=200)
    x, t = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 1, 21))
    exact = np.exp(-t) * np.sin(np.pi * x)
    assert ps.relative_l2(np.asarray(found.u(x=x, t=t)), exact) < 1e-6


@pytest.mark.long
def test_a_failed_window_is_named_and_a_lost_one_is_the_last():
    stuck = solve(steps=3)
    assert stuck.result is ps.Result.steps_exhausted and len(stuck.members) == 3
    assert stuck.reason.startswith("In the window t from 0 to 2: ")
    lost = solve(solver=ps.Sven(lr=1e6))
    assert lost.result is ps.Result.diverged and len(lost.members) == 1
    assert lost.times == (0.0, 2.0)


def test_windows_that_share_a_key_are_not_lost():
    found = solve(lambda t0, t1, start, key: swing(t0, t1, start, jr.key(3)), steps=2)
    assert len(found.members) == 3 and found.u(t=5.0).shape == ()


def with_unknown(*args):
    problem, model = swing(*args)
    return problem, ps.Model(*model.networks, k=1.0)


@cases(
    (ps.BoundsError, ["times", "increasing"], lambda: solve(times=[0.0, 2.0, 1.0])),
    (ps.BoundsError, ["two or more"], lambda: solve(times=[0.0])),
    (ps.BoundsError, ["'soon'"], lambda: solve(times="soon")),
    (ps.PinnsvenError, ["window", "(t0, t1, start, key)"], lambda: solve(window=3)),
    (ps.PinnsvenError, ["returned"], lambda: solve(window=lambda *_: None)),
    (ps.PinnsvenError, ["start", "by name"], lambda: solve(start=jnp.sin)),
    (ps.PinnsvenError, ["start of 'u'"], lambda: solve(start={"u": 1.0})),
    (ps.UnknownNameError, ["'v'"], lambda: solve(start=START | {"v": lambda: 0.0})),
    (ps.UnknownNameError, ["'s'"], lambda: solve(time="s")),
    (ps.PinnsvenError, ["unknowns 'k'"], lambda: solve(window=with_unknown)),
    (ps.PinnsvenError, ["solve_windows"], lambda: solve(key=0)),
)
def test_what_is_wrong_is_said_before_a_step(unchecked_types, error, words, make):
    refused(error, words, make)


def test_no_other_field_is_promised(swung):
    with pytest.raises(AttributeError, match="fields 'u'"):
        _ = swung.v

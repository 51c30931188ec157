"""Ensembles: means and spreads, members that do not count, files that go on."""

import jax
import jax.random as jr
import numpy as np
import pytest
from bad_input import refused

import pinnsven as ps


DOMAIN = ps.Box(x=(0.0, 1.0))
X = np.linspace(0, 1, 9)
PROBLEM = ps.Problem(
    ode=ps.Residual(lambda u, a, x: u.x(x) - a, DOMAIN.points(8, ps.GaussLegendre())),
    data=ps.Data("u", ps.Points(x=X), 2.0 * X + 0.1 * np.cos(9 * X), sigma=0.1),
)


def make(key):
    return ps.Model(ps.MLP(DOMAIN, "u", width=3, depth=1, key=key), a=1.0)


def solve(keys, **options):
    # Nodes that grow would be compiled anew, in the runs that need them.
    fixed = {"key": jr.key(9), "steps": 30, "sampling": ps.Fixed(), "progress": False}
    return ps.solve_ensemble(PROBLEM, make, keys, **fixed | options)


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event)
    )
    folder = tmp_path_factory.mktemp("members")
    options = {"steps": 30, "sampling": ps.Fixed(), "progress": False}
    first = ps.solve(PROBLEM, make(jr.key(7)), key=jr.key(8), **options)
    first.save(folder / "other.npz")
    compiled.clear()
    found = solve(jr.split(jr.key(0), 3), folder=folder / "new")
    # The second solve of a problem, with another network, compiles nothing.
    assert not [event for event in compiled if "backend_compile" in event]
    return found, folder / "new"


def test_means_and_spreads_are_those_of_the_members(ensemble):
    found, _ = ensemble
    x = np.linspace(0, 1, 4)
    each = np.stack([np.asarray(s.u(x=x)) for s in found.members])
    np.testing.assert_allclose(found.u(x=x), each.mean(0))
    np.testing.assert_allclose(found.u.std(x=x), each.std(0, ddof=1))
    np.testing.assert_array_equal(found.u.each(x), each)
    slopes = np.stack([np.asarray(s.u.x(x=x)) for s in found.members])
    np.testing.assert_allclose(found.u.x(x=x), slopes.mean(0))
    np.testing.assert_allclose(found.u.d("x").std(x=x), slopes.std(0, ddof=1))
    a = np.array([float(s.a) for s in found.members])
    assert found.a == pytest.approx(a.mean())
    assert found.std("a") == pytest.approx(a.std(ddof=1))
    assert np.unique(a).size == 3
    table = str(found)
    assert table.count("steps_exhausted") == 3 and "a = " in table


def test_finished_members_are_read_and_not_solved_again(ensemble, monkeypatch):
    found, folder = ensemble
    assert sorted(p.name for p in folder.iterdir()) == [
        f"member-{i}.npz" for i in range(3)
    ]
    room = __import__("pinnsven.solve._ensemble", fromlist=["solve"])
    monkeypatch.setattr(room, "solve", None)
    again = solve(jr.split(jr.key(0), 3), folder=folder)
    for old, new in zip(found.members, again.members, strict=True):
        np.testing.assert_array_equal(old.u(x=X), new.u(x=X))
    with pytest.raises(TypeError):
        solve(jr.split(jr.key(0), 4), folder=folder)


def test_members_that_diverged_do_not_count(ensemble):
    found, _ = ensemble
    one, two, three = found.members
    three.result = ps.Result.diverged
    try:
        with pytest.warns(UserWarning, match="1 of 3 members diverged"):
            rest = ps.Ensemble([one, two, three])
        assert rest.members == (one, two) and rest.left_out == (three,)
        assert float(rest.a) == pytest.approx(float(one.a + two.a) / 2)
        assert "2 (left out)" in str(rest)
        refused(
            ps.ShapeError,
            ["two members", "1 diverged"],
            lambda: ps.Ensemble([one, three]),
        )
    finally:
        three.result = ps.Result.steps_exhausted


def test_bad_input_is_refused(ensemble, unchecked_types):
    found, _ = ensemble
    refused(ps.ShapeError, ["1 keys", "jr.split"], lambda: solve([jr.key(0)]))
    refused(
        ps.PinnsvenError,
        ["make_model", "lambda key"],
        lambda: ps.solve_ensemble(PROBLEM, make(jr.key(0)), [], key=jr.key(1)),
    )
    refused(
        ps.PinnsvenError, ["solutions", "solve_ensemble"], lambda: ps.Ensemble([1, 2])
    )
    refused(ps.UnknownNameError, ["'z'", "'a'"], lambda: found.std("z"))
    with pytest.raises(AttributeError, match="fields 'u'"):
        _ = found.z

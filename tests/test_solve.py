"""The driver: results, reports on unseen points, sampling, checkpoints, solutions."""

import errno
import os
import signal

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.solve import _advance, _files


DOMAIN = ps.Box(x=(0, 1))


def exact(x):
    return jnp.sin(2 * x) + x


def ode(u, x):
    return u.xx(x) + 4 * jnp.sin(2 * x)


def small_problem(n: int = 24, sampler=None) -> ps.Problem:
    return ps.Problem(
        ode=ps.Residual(ode, DOMAIN.points(n, sampler)),
        ends=ps.Dirichlet("u", exact, DOMAIN.boundary().points(2)),
    )


def other_equation() -> ps.Problem:
    return ps.Problem(
        ode=ps.Residual(lambda u, x: u.xx(x) + 4.1 * jnp.sin(2 * x), DOMAIN.points(24)),
        ends=ps.Dirichlet("u", exact, DOMAIN.boundary().points(2)),
    )


def small_model(seed: int = 0) -> ps.Model:
    return ps.Model(ps.MLP(DOMAIN, "u", width=8, depth=1, key=jr.key(seed)))


def quietly(problem, model, solver=None, **options) -> ps.Solution:
    return ps.solve(problem, model, solver, key=jr.key(1), progress=False, **options)


def test_defaults_converge_and_the_report_is_about_unseen_points():
    model = ps.Model(ps.MLP(DOMAIN, "u", width=20, depth=1, key=jr.key(0)))
    solution = quietly(small_problem(60), model)
    assert solution.result is ps.Result.converged
    xs = np.linspace(0, 1, 77)
    assert ps.relative_l2(solution.u(x=xs), np.asarray(exact(xs))) < 1e-9
    residual = np.asarray(solution.u.xx(x=xs)) + 4 * np.sin(2 * xs)
    assert np.sqrt(np.mean(residual**2)) < 30 * solution.unseen["ode"] + 1e-12
    assert set(solution.training) == {"ode", "ends"}
    # The two ends are all there is of the boundary: it has no unseen points.
    assert set(solution.unseen) == {"ode"}
    assert str(solution).startswith("converged: Nothing more is gained")


def test_tolerance_stops_as_soon_as_every_condition_is_met():
    loose = quietly(small_problem(), small_model(), tolerance=1e-3)
    assert loose.result is ps.Result.converged
    assert max(loose.unseen.values()) <= 1e-3
    tight = quietly(small_problem(), small_model())
    assert loose.steps < tight.steps


def test_too_few_points_are_never_called_converged():
    # Four fixed points cannot tell a fit from a solution of 25 weights.
    problem = small_problem(4, ps.GaussLegendre())
    wild = ps.Model(ps.MLP(DOMAIN, "u", width=30, depth=2, key=jr.key(3)))
    solution = quietly(problem, wild, sampling=ps.Fixed())
    assert solution.result is ps.Result.stalled
    assert solution.unseen["ode"] > 10 * solution.training["ode"]
    assert "'ode'" in str(solution)


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_contradictory_conditions_are_not_called_converged(value):
    line = {"x": [0.2, 0.7]}
    problem = ps.Problem(
        one=ps.Residual(lambda a, x: a - 1.0, DOMAIN.points(8)),
        two=ps.Residual(lambda a, x: a - value - 0.0 * x, ps.Points(**line)),
    )
    solution = quietly(problem, ps.Model(a=3.0))
    assert solution.result is ps.Result.stalled
    assert "of its scale" in solution.reason
    assert float(solution.a) == pytest.approx((1.0 + value) / 2)


def test_data_are_judged_by_their_own_sigma():
    def fit(sigma):
        points, values = ps.Points(x=np.linspace(0, 1, 9)), np.tile([1.0, 2.0, 3.0], 3)
        data = ps.Data(lambda a, x: a + 0.0 * x, points, values, sigma=sigma)
        return quietly(ps.Problem(data=data), ps.Model(a=0.5))

    assert fit(0.8).result is ps.Result.converged
    tight = fit(0.1)
    assert tight.result is ps.Result.stalled
    assert "8.2 sigma" in str(tight)
    assert float(tight.a) == pytest.approx(2.0)
    assert float(tight.std("a")) == pytest.approx(0.1 / 3)


def test_outgrown_points_are_replaced_and_fixed_ones_are_not():
    wild = ps.Model(ps.MLP(DOMAIN, "u", width=30, depth=2, key=jr.key(3)))
    moved = quietly(small_problem(8), wild, steps=40)
    assert any("ode" in names for _, names in moved.history.redraws)
    kept = quietly(small_problem(8), wild, steps=40, sampling=ps.Fixed())
    assert kept.history.redraws == []


def test_a_paper_step_that_blows_up_ends_as_diverged_with_the_last_good_state():
    problem = ps.Problem(
        grow=ps.Residual(lambda a, x: jnp.exp(a) - 5.0 * x, ps.Points(x=[1.0]))
    )
    # Newton's first step from -9 lands at 4e4, where the exponential overflows.
    solver = ps.Sven(lr=1.0)
    solution = quietly(problem, ps.Model(a=-9.0), solver, steps=50)
    assert solution.result is ps.Result.diverged
    assert np.isfinite(solution.a)
    with pytest.raises(ps.SolveError, match="left the region"):
        quietly(problem, ps.Model(a=-9.0), solver, steps=50, throw=True)


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ({"steps": 7}, ps.Result.steps_exhausted),
        ({"seconds": 1e-6}, ps.Result.seconds_exhausted),
        ({"callbacks": [lambda run: run.step >= 3]}, ps.Result.stopped),
    ],
)
def test_limits_and_callbacks_end_a_run_with_their_own_result(options, result):
    solution = quietly(small_problem(), small_model(), **options)
    assert solution.result is result
    if "steps" in options:
        assert solution.steps == 7 == solution.history.loss.size
    first = {name: values[0] for name, values in solution.history.unseen.items()}
    assert solution.unseen["ode"] < first["ode"]


def test_ctrl_c_returns_the_best_state_so_far(tmp_path):
    def interrupt(run):
        if run.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    path = tmp_path / "run.npz"
    solution = quietly(
        small_problem(), small_model(), callbacks=[interrupt], checkpoint=path
    )
    assert solution.result is ps.Result.interrupted
    resumed = quietly(small_problem(), small_model(), resume=path, steps=5)
    assert resumed.steps == solution.steps + 5


@pytest.mark.parametrize("cut", [10, 13])
def test_resume_is_bit_exact(tmp_path, cut):
    path = tmp_path / "run.npz"
    whole = quietly(small_problem(8), small_model(), steps=40)
    quietly(small_problem(8), small_model(), steps=cut, checkpoint=path)
    rest = quietly(small_problem(8), small_model(), steps=40 - cut, resume=path)
    assert np.array_equal(whole.history.loss_after, rest.history.loss_after)
    assert whole.history.redraws == rest.history.redraws
    xs = np.linspace(0, 1, 11)
    assert np.array_equal(whole.u(x=xs), rest.u(x=xs))


def test_a_run_and_its_resumption_share_one_trace(tmp_path, monkeypatch):
    traces = []
    original = ps.Sven.step

    def counting(self, residuals, theta, state):
        traces.append(1)
        return original(self, residuals, theta, state)

    monkeypatch.setattr(ps.Sven, "step", counting)
    _advance._compiled.cache_clear()
    problem, model, path = small_problem(), small_model(), tmp_path / "run.npz"
    quietly(problem, model, steps=25, checkpoint=path)
    # One trace for the shapes of the record, one for the loop.
    assert len(traces) == 2


@pytest.mark.parametrize(
    ("change", "culprit"),
    [
        (lambda: (small_problem(25), small_model(), 1), "points"),
        (lambda: (other_equation(), small_model(), 1), "'ode'"),
        (
            lambda: (
                small_problem(),
                ps.Model(ps.MLP(DOMAIN, "u", width=9, depth=1, key=jr.key(0))),
                1,
            ),
            "weights",
        ),  # noqa: E501
        (lambda: (small_problem(), small_model(), 2), "key"),
    ],
)
def test_a_checkpoint_of_another_problem_is_refused(tmp_path, change, culprit):
    path = tmp_path / "run.npz"
    quietly(small_problem(), small_model(), steps=3, checkpoint=path)
    problem, model, seed = change()
    with pytest.raises(ps.CheckpointError, match=f"another problem.*{culprit}"):
        ps.solve(problem, model, key=jr.key(seed), resume=path, progress=False)


def test_damaged_missing_and_unwritable_files_are_named(tmp_path):
    path = tmp_path / "run.npz"
    solution = quietly(small_problem(), small_model(), steps=3, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ps.CheckpointError, match="damaged"):
        quietly(small_problem(), small_model(), resume=path)
    with pytest.raises(ps.CheckpointError, match="no file"):
        quietly(small_problem(), small_model(), resume=tmp_path / "none.npz")
    with pytest.raises(ps.CheckpointError, match="could not be written"):
        solution.save(tmp_path / "no" / "folder.npz")
    with pytest.raises(ps.CheckpointError, match="could not be written"):
        quietly(small_problem(), small_model(), checkpoint=tmp_path / "no" / "run.npz")


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_full_disk_or_a_kill_leaves_the_earlier_file_whole(
    tmp_path, monkeypatch, moment
):
    path = tmp_path / "run.npz"
    solution = quietly(small_problem(), small_model(), steps=3)
    solution.save(path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files.os, moment, fail)
    with pytest.raises(ps.CheckpointError, match="No space left on device"):
        solution.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_disk_that_fills_up_during_a_run_costs_a_warning_not_the_run(
    tmp_path, monkeypatch
):
    path = tmp_path / "run.npz"
    original, calls = os.replace, []

    def fail_later(*args):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args)

    monkeypatch.setattr(_files.os, "replace", fail_later)
    with pytest.warns(UserWarning, match="goes on without it"):
        solution = quietly(small_problem(), small_model(), steps=3, checkpoint=path)
    assert solution.result is ps.Result.steps_exhausted
    assert path.exists()


def test_save_and_load_give_the_same_solution(tmp_path):
    solution = quietly(small_problem(), small_model(), steps=20)
    solution.save(tmp_path / "s.npz")
    again = ps.load(tmp_path / "s.npz", small_problem(), small_model(5))
    xs = np.linspace(0, 1, 9)
    assert np.array_equal(solution.u(x=xs), again.u(x=xs))
    assert str(solution) == str(again)
    with pytest.raises(ps.CheckpointError, match="weights"):
        other = ps.Model(ps.MLP(DOMAIN, "u", width=9, depth=1, key=jr.key(0)))
        ps.load(tmp_path / "s.npz", small_problem(), other)


def test_fields_of_a_solution_take_arrays_and_differentiate():
    box = ps.Box(x=(-1, 1), t=(0, 2))
    model = ps.Model(ps.MLP(box, "u v", width=5, depth=1, key=jr.key(0)), k=2.5)
    problem = ps.Problem(u=ps.Dirichlet("u", 0.0, box.points(8)))
    solution = quietly(problem, model, steps=1)
    x, t = np.linspace(-1, 1, 5), 0.5
    step = 1e-5
    slope = (solution.v(x=x + step, t=t) - solution.v(x=x - step, t=t)) / (2 * step)
    assert solution.v(x=x[:, None], t=np.ones(3)).shape == (5, 3)
    assert np.allclose(solution.v.x(x, t), slope, atol=1e-8)
    assert np.allclose(solution.v.xt(x, t), solution.v.d("t", "x")(x, t))
    assert float(solution.k) == pytest.approx(2.5)
    with pytest.raises(AttributeError, match="no 'w'"):
        solution.w  # noqa: B018
    with pytest.raises(ps.UnknownNameError, match="'y'"):
        solution.u(x=x, y=t)


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"steps": 0}, "`steps`"),
        ({"seconds": -1.0}, "`seconds`"),
        ({"tolerance": 0.0}, "`tolerance`"),
    ],
)
def test_impossible_limits_are_refused(options, culprit):
    with pytest.raises(ps.BoundsError, match=culprit):
        quietly(small_problem(), small_model(), **options)


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"solver": ps.Sven}, "brackets"),
        ({"sampling": ps.Adaptive}, "brackets"),
        ({"callbacks": print}, "`callbacks`"),
        ({"checkpoint": 3}, "`checkpoint`"),
        ({"seconds": "1"}, "`seconds`"),
    ],
)
def test_objects_of_the_wrong_kind_are_refused(unchecked_types, options, culprit):
    with pytest.raises(ps.PinnsvenError, match=culprit):
        quietly(small_problem(), small_model(), **options)
    with pytest.raises(ps.PinnsvenError, match="problem first"):
        quietly(small_model(), small_problem())


def test_a_reused_key_is_refused():
    with pytest.raises(ps.KeyReuseError, match="`solve`"):
        quietly(small_problem(), small_model(seed=1))

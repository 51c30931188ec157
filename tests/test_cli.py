"""The command line and the registry behind it."""

import dataclasses
import json
import subprocess
import sys
import time

import equinox as eqx
import jax
import numpy as np
import pytest
from bad_input import refused

import pinnsven as ps
from pinnsven import __main__ as cli, problems


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_list_names_every_problem_with_its_aim(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    for name in problems.names():
        assert f"{name} " in out and problems.get(name).summary in out
    assert "relative_l2 <= 1e-13 in 20 CPU s" in out


def test_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "pinnsven", "list"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("poisson")


def test_unknown_problem_is_refused_with_the_names_that_exist(capsys):
    assert cli.main(["run", "poison"]) == 2
    message = capsys.readouterr().err
    assert "no problem 'poison'" in message and "'poisson', 'heat'" in message


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["solve"],
        ["run"],
        ["run", "heat", "--seed", "-1"],
        ["run", "heat", "--cpu-seconds", "0"],
        ["run", "heat", "--cpu-seconds", "nan"],
        ["run", "heat", "--cpu-seconds", "soon"],
    ],
)
def test_wrong_calls_exit_with_status_2(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    assert "usage: python -m pinnsven" in capsys.readouterr().err


def test_wrong_limits_are_refused_before_anything_runs(capsys):
    assert cli.main(["run", "heat", "--steps", "0"]) == 2
    assert "`steps` is 0" in capsys.readouterr().err


def test_run_prints_saves_and_ends_with_json(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    argv = ["run", "poisson", "--seed", "3", "--steps", "20", "--json"]
    assert cli.main([*argv, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "condition" in printed and "aim: relative_l2 <= 1e-13: not met" in printed
    record = json.loads(printed.splitlines()[-1])
    assert record["problem"] == "poisson" and record["seed"] == 3
    assert record["steps"] == 20 and record["result"] == "steps_exhausted"
    assert record["error"] == record["errors"]["relative_l2"] > record["bound"]
    assert record["met"] is False
    assert record["cpu_seconds"] > 0 and record["peak_memory_mb"] > 100
    assert record["versions"]["jax"] == jax.__version__
    # What was saved is what was found.
    case = problems.get("poisson")
    saved = ps.load(out / "poisson.npz", *case.build(3))
    assert case.errors(saved) == pytest.approx(record["errors"], rel=1e-9)
    assert (out / "poisson.png").stat().st_size > 10_000


def decay(bound):
    """A benchmark that compiles and runs in a second or two: u' = -u, u(0) = 1."""
    domain = ps.Box(t=(0, 1))
    nodes = domain.points(12, ps.GaussLegendre())
    t = np.linspace(0.0, 1.0, 21)

    def build(seed):
        problem = ps.Problem(
            ode=ps.Residual(lambda u, t: u.t(t) + u(t), nodes),
            start=ps.Dirichlet("u", 1.0, domain.at(t=0).points(1)),
        )
        key = jax.random.key(seed)
        return problem, ps.Model(ps.MLP(domain, "u", width=8, depth=1, key=key))

    return problems.Benchmark(
        name="decay",
        summary="exponential decay",
        build=build,
        errors=lambda s: {"most": ps.max_error(np.asarray(s.u(t=t)), np.exp(-t))},
        target=problems.Target("most", bound, 1.0),
        published="none",
        reference=None,
    )


def run_json(case, monkeypatch, capsys, *argv):
    monkeypatch.setattr(problems, "get", lambda name: case)
    assert cli.main(["run", case.name, "--json", *argv]) == 0
    return last_line(capsys)


def test_a_run_is_stopped_by_its_cpu_seconds(monkeypatch, capsys):
    record = run_json(decay(1e-6), monkeypatch, capsys, "--cpu-seconds", "1e-3")
    # Start-up has used more than that: the time is up after the first leg.
    assert record["steps"] == 10 and record["result"] == "stopped"
    assert record["met"] is False and record["aim_seconds"] is None


def test_a_run_says_after_how_many_cpu_seconds_its_aim_was_met(monkeypatch, capsys):
    record = run_json(decay(1e-6), monkeypatch, capsys, "--cpu-seconds", "1e9")
    assert record["met"] and 0 < record["aim_seconds"] <= record["cpu_seconds"]
    # Without the option that is the end of the run.
    record = run_json(decay(1e-6), monkeypatch, capsys)
    assert record["met"] and record["aim_seconds"] == record["cpu_seconds"]


def test_a_watch_notes_the_errors_and_when_the_aim_was_met():
    case = decay(1e-3)

    def slowly(solution):
        began = time.process_time()
        while time.process_time() < began + 0.2:
            pass
        return case.errors(solution)

    watch = problems.Watch(dataclasses.replace(case, errors=slowly), 0)
    # A process that has run for long notes the error of a short run but once.
    watch._lost = before = watch.clock()
    solution = case.solve(0, callbacks=[watch], progress=False)
    assert len(watch.seconds) > 1 and watch.seconds == sorted(watch.seconds)
    # The time of the errors does not count.
    assert watch._lost - before >= 0.2 * len(watch.seconds)
    watch.note(watch.clock(), solution)
    assert watch.errors[-1] == case.errors(solution)["most"]
    late = watch.seconds.index(watch.reached)
    assert watch.errors[late] <= 1e-3 < min([1.0, *watch.errors[:late]])


def test_windows_cannot_be_watched():
    make = lambda: problems.Watch(problems.get("kdv"), 0)
    refused(ps.PinnsvenError, ["'kdv'", "known only at the end"], make)


def test_profile_shows_the_parts_of_a_step_and_solves_nothing(capsys):
    assert cli.main(["run", "poisson", "--profile"]) == 0
    head, names, *lines = capsys.readouterr().out.splitlines()
    assert head == "poisson: 252 rows, 257 weights"
    assert names.split() == ["part", "ms", "GFLOP", "GFLOP/s", "of", "peak"]
    found = {line.split()[0]: line.split()[1:] for line in lines}
    assert list(found) == ["residual", "Jacobian", "Gram", "SVD", "step", "product"]
    assert float(found["SVD"][1]) == round((2 * 252 * 257 * 252 + 20 * 252**3) / 1e9, 3)
    assert found["product"][3] == "100%"
    assert all(float(ms) > 0 for ms, *_ in found.values())


def test_a_folder_that_cannot_be_made_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["run", "heat", "--out", str(tmp_path / "file")]) == 1
    assert "file" in capsys.readouterr().err


def test_check_reports_the_set_up_and_solves(capsys):
    assert cli.main(["check", "--json"]) == 0
    record = last_line(capsys)
    assert record["ok"] is True and record["precision"] == "float64"
    assert record["self_test"]["error"] < 1e-8
    assert record["versions"]["equinox"] and record["devices"]
    assert "0.10.2" in record["excluded_jax"] and not record["jax_is_excluded"]


def test_check_flags_an_excluded_jax(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_versions", lambda: {"jax": "0.10.2"})
    monkeypatch.setattr(cli, "_self_test", lambda: (_Solved, 0.0, 0.0))
    assert cli.main(["check"]) == 1
    out = capsys.readouterr().out
    assert "jax 0.10.2 is EXCLUDED" in out and "cannot be relied on" in out


class _Solved:
    steps = 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name == "poisson_100d" else ())
        for name in problems.names()
    ],
)
def test_problems_bind_and_seeds_differ(name):
    case = problems.get(name)
    assert case.name == name
    models = []
    for seed in (0, 1):
        problem, model = case.build(seed)
        problem.bind(model)
        models.append(model)
        if case.warm_up is not None:
            case.warm_up().bind(model)
    # Random features differ in what is not trained.
    assert not eqx.tree_equal(*models)
    assert eqx.tree_equal(models[0], case.build(0)[1])


def test_lynx_hare_data_are_the_published_series():
    pelts = problems.lynx_hare.pelts()
    assert pelts.shape == (21, 3)
    assert pelts[0].tolist() == [1900, 30.0, 4.0]
    assert pelts[-1].tolist() == [1920, 24.7, 8.6]

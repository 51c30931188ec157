"""The comparison with other packages, without them: its references, table and plot."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jax.random as jr
import numpy as np
import pytest

from pinnsven import problems, reference


HERE = Path(__file__).parent / "benchmarks"
PEERS = HERE / "peers"


@pytest.fixture
def module(monkeypatch):
    """Imports a file of the comparison."""
    monkeypatch.syspath_prepend(PEERS)
    return importlib.import_module


def test_exact_solutions_are_those_of_the_package(module):
    common = module("common")
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(200, 2))
    x, y = points.T
    assert np.allclose(common.sine(points), reference.poisson_sine(x, y), 1e-14)
    heat = reference.heat_mode(x, y, common.DIFFUSIVITY)
    assert np.allclose(common.decay(points), heat, 1e-14)
    x = 2 * x - 1
    exact = reference.cole_hopf(x, y, common.NU)
    error = common.front(np.stack([x, y], axis=1)) - exact
    assert np.max(np.abs(error)) < 1e-12


def test_measurements_are_those_of_the_registered_problem(module):
    problem, model = problems.get("inverse_heat").build(3)
    batch = problem.bind(model).conditions["probes"].points.draw(jr.key(0))
    points = module("common").measured(3)
    assert np.array_equal(points[:, 0], np.ravel(batch.coordinates["x"]))
    assert np.array_equal(points[:, 1], np.ravel(batch.coordinates["t"]))


def test_scattered_points_lie_where_they_belong(module):
    for case in module("common").CASES.values():
        points = case.points(0)
        low, high = np.array(case.low), np.array(case.high)
        assert len(points["pde"]) == case.interior
        assert len(points["walls"]) == case.walls
        for name, where in points.items():
            assert np.all((where >= low) & (where <= high)), name
        edges = (points["walls"] == low) | (points["walls"] == high)
        assert np.all(edges[:, 0] if case.in_time else edges.any(axis=1))
        if case.in_time:
            assert np.all(points["start"][:, 1] == 0)
        assert len(case.grid()) == np.prod(case.sides)


def test_a_network_of_numpy_is_a_network(module):
    layers = [(np.ones((3, 2)), np.zeros(3)), (np.ones((1, 3)), np.array([0.5]))]
    values = module("common").network(layers)(np.array([[0.1, 0.2], [0.0, 0.0]]))
    assert np.allclose(values, [3 * np.tanh(0.3) + 0.5, 0.5])


def lines(package, problem, errors, **more):
    head = {"package": package, "version": "1.0", "problem": problem, "seed": 0}
    times = 3.0 * 2.0 ** np.arange(len(errors))
    pairs = zip(times, errors, strict=True)
    records = [head | {"cpu_seconds": t, "error": e} | more for t, e in pairs]
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def written(tmp_path):
    """Three runs of 20 s, of which the last points come too late, and an empty one."""
    runs = {
        "heat-pinnsven-0-20": lines("pinnsven", "heat", [1e-1, 1e-7, 1e-9, 1e-12]),
        "heat-jinns-0-20": lines("jinns", "heat", [1e-1, 1e-2]),
        "inverse_heat-jinns-0-20": lines(
            "jinns", "inverse_heat", [1.0], unknown_error=2.0
        ),
        "heat-randngd-0-20": "",
    }
    for name, text in runs.items():
        (tmp_path / f"{name}.jsonl").write_text(text)
    return tmp_path


def test_table_of_given_lines(module, written):
    report = module("report")
    curves = report.read(sorted(written.glob("*.jsonl")))
    assert len(curves) == 3
    assert report.table(curves).splitlines() == [
        "| package | version | heat, 20 s | heat, unknown D, 20 s |",
        "| --- | --- | --- | --- |",
        "| pinnsven | 1.0 | 1.0e-09 (6, 6) |  |",
        "| jinns | 1.0 | 1.0e-02 (-, -) | 1.0e+00, D 2.0e+00 (-, -) |",
    ]


def test_plot_of_given_lines(module, written):
    report = module("report")
    curves = report.read(sorted(written.glob("*.jsonl")))
    report.draw(curves, written / "peers.png")
    assert (written / "peers.png").read_bytes()[:4] == b"\x89PNG"


def test_runs_that_are_there_are_not_repeated(written):
    command = [sys.executable, HERE / "compare.py", "heat", "--seconds", "20"]
    command += ["--packages", "pinnsven", "jinns"]
    command += ["--environments", written / "none", "--out", written]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| pinnsven | 1.0 | 1.0e-09 (6, 6) |" in done.stdout
    assert (written / "peers.md").read_text() in done.stdout
    assert not (written / "none").exists()


@pytest.mark.long
def test_pinnsven_runs_as_one_of_the_packages(tmp_path):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, PEERS / "run_pinnsven.py", "poisson", "--seconds", "5"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records
    for record in records:
        assert record["package"] == "pinnsven" and record["problem"] == "poisson"
        assert 0 < record["cpu_seconds"] and np.isfinite(record["error"])
    times = [record["cpu_seconds"] for record in records]
    assert times == sorted(times)


@pytest.mark.long
def test_the_error_of_a_run_falls_with_its_time_and_is_drawn(tmp_path):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, HERE / "curves.py", "poisson", "--seconds", "60"]
    subprocess.run([*command, "--out", tmp_path], check=True, env=environment)
    times, errors = zip(
        *json.loads((tmp_path / "poisson.json").read_text()), strict=True
    )
    assert list(times) == sorted(times)
    assert errors[-1] < errors[0] / 10
    assert (tmp_path / "curves.png").exists()

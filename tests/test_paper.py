"""The scripts of the paper's experiments run, go on, choose fairly and draw."""

import importlib
import json
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest


SCRIPTS = Path(__file__).parents[1] / "examples" / "paper"
NAMES = ("data", "study", "methods", "compare", "scans", "batches", "cost", "memory")


@pytest.fixture
def paper(monkeypatch):
    """The scripts as modules, found beside each other as when they are run."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    before = dict(sys.modules)
    yield lambda name: importlib.import_module(name)
    for name in NAMES:
        if name not in before:
            sys.modules.pop(name, None)


def test_every_script_is_known():
    assert {p.stem for p in SCRIPTS.glob("*.py")} == {*NAMES, "fetch_mnist"}


@pytest.mark.long
def test_a_comparison_runs_draws_and_goes_on(paper, tmp_path, monkeypatch):
    compare = paper("compare")
    options = {"preset": "small", "out": tmp_path, "only": ("Sven", "Adam")}
    found = compare.main("regression", **options)
    assert set(found) == set(options["only"])
    for entry in found.values():
        assert len(entry["runs"]) == 2
        assert all(len(run.validation) == 3 for run in entry["runs"])
        assert all(run.seconds > 0 for run in entry["runs"])
    assert (tmp_path / "compare-regression.png").stat().st_size > 10_000
    # A second call reads all its runs from the file.
    monkeypatch.setattr(compare, "run", lambda *args: pytest.fail("ran again"))
    again = compare.main("regression", **options)
    assert again["Sven"]["runs"][0].validation == found["Sven"]["runs"][0].validation


@pytest.mark.long
def test_the_digits_stand_in_for_mnist_under_their_own_name(paper, tmp_path):
    pytest.importorskip("sklearn")
    compare = paper("compare")
    found = compare.main("digits-classes", "small", tmp_path, only=("Sven",))
    for run in found["Sven"]["runs"]:
        assert run.validation[-1] < 0.5 * run.validation[0]
        assert run.test < 0.5 * run.validation[0]


@pytest.mark.long
def test_the_scans_and_spectra_are_drawn(paper, tmp_path):
    found = paper("scans").main("regression", preset="small", out=tmp_path)
    values = found["spectra"]
    assert values.shape == (3, 32)
    assert np.all(np.diff(values, axis=1) <= 0)
    assert (tmp_path / "scans-regression.png").stat().st_size > 10_000
    assert set(found["k"]) == {1, 16}


@pytest.mark.long
def test_the_batches_are_drawn(paper, tmp_path):
    found = paper("batches").main("regression", preset="small", out=tmp_path)
    assert set(found) == {"micro-batch", "element", "row"}
    assert (tmp_path / "batches-regression.png").stat().st_size > 10_000


@pytest.mark.long
def test_the_costs_are_fitted_and_drawn(paper, tmp_path):
    fits, ratios = paper("cost").main(preset="small", out=tmp_path)
    assert len(fits) == 1 and np.all(np.isfinite(list(fits.values())))
    assert len(ratios) == 2 and min(ratios) > 0
    assert (tmp_path / "cost.png").stat().st_size > 10_000


def test_the_memory_of_a_case_is_measured(paper):
    found = paper("memory").measure("GolubKahan", weights=2_000, batch=64, k=8)
    assert 1_500 < found["weights"] < 3_000
    assert found["losses"][-1] < 0.5 * found["losses"][0]
    assert found["peak"] > 0.1


class Losses:
    """A stand-in for training, which ends at a loss given by the settings."""

    def __init__(self, study):
        self.study, self.seeds = study, []

    def __call__(self, task, trainer, seeds, epochs):
        for seed in seeds:
            self.seeds.append(seed)
            last = trainer["loss"] + 0.1 * seed
            yield self.study.Run([1.0, last], [1.0, 0.0], 0.0, 1.0, 10)


def test_settings_are_chosen_on_validation_and_blow_ups_never_win(
    paper, tmp_path, monkeypatch
):
    compare, study, methods = paper("compare"), paper("study"), paper("methods")
    monkeypatch.setattr(compare, "run", Losses(study))
    trials = tuple({"loss": x} for x in (0.5, np.nan, 0.2, -np.inf, 400.0))
    method = methods.Method("mine", lambda task, **settings: settings, trials)
    records = study.Records(tmp_path / "records.jsonl")
    preset = {"tune": (0, 1), "short": 1}
    best = compare.choose(records, None, method, preset, trials)
    assert best == {"loss": 0.2}


def test_a_run_that_blew_up_is_counted(paper):
    study, compare = paper("study"), paper("compare")
    run = lambda last: study.Run([1.0, last], [1.0, last], last, 1.0, 10)
    assert [run(x).diverged for x in (np.nan, np.inf, 11.0, 9.0, 0.1)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    entry = lambda *losses: {"settings": {}, "runs": [run(x) for x in losses]}
    text = compare.line("m", entry(0.2, 0.4, np.nan), 0.5)
    assert "3.00e-01" in text and "1 of 3" in text and "1 epochs, 1.00 s" in text
    assert "0 of 2" in compare.line("m", entry(0.2, 0.4), 0.1)
    assert "- | 1 of 1" in compare.line("m", entry(99.0), 0.1)
    assert compare.median_target({1: entry(0.1), 2: entry(0.3), 3: entry(99.0)}) == 0.3


def test_records_survive_an_interruption(paper, tmp_path):
    study = paper("study")
    path = tmp_path / "records.jsonl"

    def breaks(seeds):
        yield study.Run([1.0, 0.5], [1.0, 0.5], 0.5, 1.0, 10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.Records(path).runs({"a": 1}, breaks, (0, 1))
    # A line that was cut short by a kill counts as not written.
    path.write_text(path.read_text() + '{"key": {"a"')
    asked = []

    def rest(seeds):
        asked.extend(seeds)
        for _ in seeds:
            yield study.Run([1.0, 0.25], [1.0, 0.25], 0.25, 1.0, 10)

    runs = study.Records(path).runs({"a": 1}, rest, (0, 1))
    assert asked == [1]
    assert [r.validation[-1] for r in runs] == [0.5, 0.25]
    assert len(path.read_text().splitlines()) == 2
    assert json.loads(path.read_text().splitlines()[1])["key"] == {"a": 1, "seed": 1}


def test_the_half_inverse_gradient_is_what_its_paper_says(paper):
    """J = U S V^T, step -lr V S^(-1/2) U^T r (arXiv 2203.10131)."""
    import pinnsven as ps
    from pinnsven.residuals import FunctionResiduals

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 9)), rng.normal(size=6)
    solver = ps.Sven(
        step_rule=paper("methods").HalfInverse(0.3), factorisation=ps.SVD()
    )
    residuals = FunctionResiduals(lambda w: a @ w - b, lambda w: w)
    theta = jnp.zeros(9)
    step = solver.step(residuals, theta, solver.init(residuals, theta))[0]
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    assert np.allclose(step, -0.3 * vt.T @ ((u.T @ -b) / np.sqrt(s)), atol=1e-10)


def test_an_unknown_task_is_refused_with_those_that_exist(paper):
    with pytest.raises(SystemExit, match="choose one of: regression, polynomial"):
        paper("study").task("regresion")

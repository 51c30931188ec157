"""Files: what a checkpoint refuses, keeps and leaves alone."""

import errno
import stat

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import pinnsven as ps
from pinnsven.solve import _files
from pinnsven.solve._code import digest, digests


DOMAIN = ps.Box(x=(0, 1))


def problem(factor: float = 4.0, sampler=None, high: float = 1.0) -> ps.Problem:
    points = ps.Box(x=(0, high)).points(24, sampler)
    return ps.Problem(
        ode=ps.Residual(lambda u, x: u.xx(x) + factor * jnp.sin(2 * x), points),
        ends=ps.Dirichlet("u", lambda x: jnp.sin(2 * x), DOMAIN.boundary().points(2)),
    )


def model(seed: int = 0) -> ps.Model:
    return ps.Model(ps.MLP(DOMAIN, "u", width=8, depth=1, key=jr.key(seed)))


def quietly(given, solver=None, **options) -> ps.Solution:
    return ps.solve(given, model(), solver, key=jr.key(1), progress=False, **options)


def test_small_changes_of_a_problem_are_found(tmp_path):
    path = tmp_path / "run.npz"
    solution = quietly(problem(), steps=30, checkpoint=path)
    solution.save(tmp_path / "solution.npz")
    for other, resumed, loaded in [
        (problem(4.0 * (1 + 1e-7)), "function of the condition 'ode'", "'ode' contr"),
        (problem(sampler=ps.Uniform()), "place", "place"),
        (problem(high=0.9), "place", "place"),
    ]:
        with pytest.raises(ps.CheckpointError, match=resumed):
            quietly(other, resume=path, steps=1)
        with pytest.raises(ps.CheckpointError, match=loaded):
            ps.load(tmp_path / "solution.npz", other, model())


CUT, DISC = 0.5, ps.Disc(x=0, y=0)


def above(c):
    return lambda x: x > c


def helper(x):
    return x + CUT


def test_a_function_is_known_by_its_code_and_what_it_refers_to(monkeypatch):
    plain = lambda x: x + 1
    assert digest(plain) == digest(lambda y: y + 1)
    assert digest(plain) != digest(lambda x: x + 2)
    assert digest(plain) != digest(lambda x: x - 1)
    assert digest(above(1.0)) == digest(above(1.0)) != digest(above(2.0))
    assert digest(above(np.ones(2))) != digest(above(np.zeros(2)))
    partly, slope = lambda x: [helper(a) for a in x], lambda u: u.CUT
    before = digest(partly), digest(slope)
    monkeypatch.setitem(globals(), "CUT", 0.6)
    # An attribute of that name is another thing.
    assert digest(partly) != before[0] and digest(slope) == before[1]
    upper, lower = (
        ps.Residual(lambda u, x, y: u(x, y), DISC.where(fn).points(8))
        for fn in (lambda x, y: y > 0, lambda x, y: y < 0)
    )
    assert repr(upper) == repr(lower) and digests(upper) != digests(lower)
    slow, fast = (digests(ps.Optax(optax.adam(lr))) for lr in (1e-3, 1e-2))
    assert slow != fast and slow == digests(ps.Optax(optax.adam(1e-3)))


def test_another_transformation_of_optax_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    quietly(problem(), ps.Optax(optax.adam(1e-3)), steps=3, checkpoint=path)
    with pytest.raises(ps.CheckpointError, match="solver"):
        quietly(problem(), ps.Optax(optax.sgd(1e-3)), steps=3, resume=path)
    again = quietly(problem(), ps.Optax(optax.adam(1e-3)), steps=3, resume=path)
    assert again.steps == 6


def test_a_script_that_is_run_twice_keeps_the_first_checkpoint(tmp_path):
    path, old = tmp_path / "run.npz", tmp_path / "run.npz.old"
    quietly(problem(), steps=20, checkpoint=path)
    first = path.read_bytes()
    quietly(problem(), steps=3, checkpoint=path)
    assert old.read_bytes() == first
    # Going on in the same file sets nothing aside.
    assert quietly(problem(), steps=1, resume=path, checkpoint=path).steps == 4
    assert [p.name for p in sorted(tmp_path.iterdir())] == [path.name, old.name]
    # Going on from the copy does not overwrite it.
    second = path.read_bytes()
    assert quietly(problem(), steps=1, resume=old, checkpoint=path).steps == 21
    assert old.read_bytes() == first
    assert (tmp_path / "run.npz.old2").read_bytes() == second


def test_a_first_checkpoint_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path, monkeypatch
):
    path = tmp_path / "run.npz"
    quietly(problem(), steps=3, checkpoint=path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(ps.CheckpointError, match="Free some space"):
        quietly(problem(), steps=3, checkpoint=path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_callback_that_fails_does_not_cost_the_steps_before_it(tmp_path):
    path = tmp_path / "run.npz"

    def fail(run):
        if run.step >= 7:
            raise RuntimeError("a slip in the callback")

    with pytest.raises(RuntimeError, match="a slip"):
        quietly(problem(), callbacks=[fail], checkpoint=path)
    assert quietly(problem(), resume=path, steps=1).steps >= 8


def test_a_diverged_run_leaves_the_checkpoint_of_a_good_state(tmp_path):
    path = tmp_path / "run.npz"
    grow = ps.Problem(
        grow=ps.Residual(lambda a, x: jnp.exp(a) - 5.0 * x, ps.Points(x=[1.0]))
    )
    options = {"key": jr.key(1), "progress": False, "steps": 50}
    solver, start = ps.Sven(lr=1.0), ps.Model(a=-9.0)
    solution = ps.solve(grow, start, solver, checkpoint=path, **options)
    assert solution.result is ps.Result.diverged
    again = ps.solve(grow, start, solver, resume=path, **options)
    assert again.steps == solution.steps


def test_files_can_be_read_by_whom_the_folder_allows(tmp_path):
    path = tmp_path / "plain"
    path.write_bytes(b"")
    quietly(problem(), steps=1).save(tmp_path / "s.npz")
    mode = lambda p: stat.S_IMODE(p.stat().st_mode)
    assert mode(tmp_path / "s.npz") == mode(path)


def test_a_picture_is_written_completely_or_not_at_all(tmp_path, monkeypatch):
    solution = quietly(problem(), steps=1)
    solution.plot(tmp_path / "run")
    before = (tmp_path / "run.png").read_bytes()
    assert before.startswith(b"\x89PNG")
    solution.plot(tmp_path / "run.svg")
    with pytest.raises(ps.CheckpointError, match=r"no format 'xyz', only .*'png'"):
        solution.plot(tmp_path / "run.xyz")
    with pytest.raises(ps.CheckpointError, match="Make the folder"):
        solution.plot(tmp_path / "none" / "run.png")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(ps.CheckpointError, match="Free some space"):
        solution.plot(tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.png", "run.svg"]


def test_load_refuses_a_model_where_the_problem_belongs(tmp_path, unchecked_types):
    quietly(problem(), steps=1).save(tmp_path / "s.npz")
    with pytest.raises(ps.PinnsvenError, match="the problem, then a model"):
        ps.load(tmp_path / "s.npz", model(), problem())


def test_resuming_keeps_everything_that_decides(tmp_path):
    path = tmp_path / "run.npz"
    whole = quietly(problem(), steps=40)
    quietly(problem(), steps=15, checkpoint=path)
    rest = quietly(problem(), steps=25, resume=path)
    assert np.array_equal(whole.history.loss_after, rest.history.loss_after)
    assert whole.reason == rest.reason and whole.unseen == rest.unseen


def test_a_field_asked_outside_its_domain_says_so():
    solution = quietly(problem(), steps=1)
    with pytest.warns(UserWarning, match=r"'u' is evaluated outside .* from 0 to 1"):
        solution.u(x=np.linspace(0, 1.5, 4))
    with pytest.warns(UserWarning, match="outside its domain"):
        solution.u.xx(x=-0.1)
    solution.u(x=np.linspace(0, 1, 4))

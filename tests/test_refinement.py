"""Points become more where they are too few, nodes of a rule and random ones."""

import importlib
import itertools

import jax.random as jr
import numpy as np
import optax
import pytest

import pinnsven as ps


def oscillation(n: int, sampler=None):
    """u'' = -25 u on so many points; the solution is cos 5 t."""
    domain = ps.Box(t=(0, 3))
    points = domain.points(n, sampler)
    problem = ps.Problem(
        ode=ps.Residual(lambda u, t: u.tt(t) / 25 + u(t), points),
        start=ps.Dirichlet("u", 1.0, domain.at(t=0).points(1)),
        rest=ps.Residual(lambda u, t: u.t(t), domain.at(t=0).points(1)),
    )
    return problem, ps.Model(ps.MLP(domain, "u", width=16, depth=1, key=jr.key(4)))


NODES = ps.GaussLegendre()
DRIVER = importlib.import_module("pinnsven.solve._driver")


def sizes_of(n: int, steps: int, sampler=NODES, **options):
    """A run on so many points, and how many it had after each leg."""
    problem, model = oscillation(n, sampler)
    sizes = []
    note = lambda run: sizes.append(run.draw.train["ode"].size)
    solution = ps.solve(
        problem,
        model,
        key=jr.key(1),
        steps=steps,
        callbacks=[note],
        progress=False,
        **options,
    )
    return solution, sizes


def error(solution) -> float:
    t = np.linspace(0, 3, 101)
    return ps.relative_l2(solution.u(t=t), np.cos(5 * t))


def test_nodes_that_are_too_few_are_doubled():
    solution, sizes = sizes_of(12, 300)
    assert sizes[0] == 12 and sizes[-1] in (24, 48, 96)
    assert {names for _, names in solution.history.redraws} == {("ode",)}
    assert error(solution) < 1e-6


@pytest.mark.parametrize(("n", "growth", "last"), [(8, 1, 8), (8, 2, 16), (40, 4, 40)])
def test_nodes_grow_to_a_limit_and_enough_of_them_stay(n, growth, last):
    _, sizes = sizes_of(n, 150, sampling=ps.Adaptive(growth=growth))
    assert sizes[-1] == last


def test_random_points_are_added_once_renewing_them_does_not_help():
    # With these keys twelve that are only renewed are at 0.05 after 300 steps.
    solution, sizes = sizes_of(12, 250, sampler=None)
    assert sizes[0] == 12 and sizes[-1] in (24, 48, 96)
    assert error(solution) < 1e-6
    assert f"points added: ode 12 to {sizes[-1]}\n" in str(solution)


def test_added_random_points_leave_the_old_ones_in_place_up_to_a_limit(monkeypatch):
    problem, model = oscillation(16)
    bound = problem.bind(model)
    policy = ps.Adaptive(growth=2)
    first = policy.start(bound, jr.key(1))
    redraw = lambda draw, key, more: policy.redraw(
        bound, bound.theta, draw, ("ode",), jr.key(key), None, more
    )
    kept = lambda new, old: np.isin(old.coordinates["t"], new.coordinates["t"]).sum()
    second = redraw(first, 2, True)
    for new, old in (
        (second.train["ode"], first.train["ode"]),
        (second.held["ode"], first.held["ode"]),
    ):
        assert (old.size, new.size, kept(new, old)) == (16, 32, 16)
        assert np.sum(new.weights) == pytest.approx(1.0)
    third = redraw(second, 3, True).train["ode"]
    assert (third.size, kept(third, second.train["ode"])) == (32, 16)
    # No more either where the Jacobian would become too large.
    module = importlib.import_module("pinnsven.solve._sampling")
    monkeypatch.setattr(module, "_LARGEST", 33 * bound.theta.size)
    assert redraw(first, 2, True).train["ode"].size == 16
    monkeypatch.setattr(module, "_LARGEST", 34 * bound.theta.size)
    assert redraw(first, 2, True).train["ode"].size == 32
    other = redraw(first, 2, False).train["ode"]
    assert (other.size, kept(other, first.train["ode"])) == (16, 8)


@pytest.mark.parametrize("sampler", [NODES, None])
def test_added_points_get_time_of_their_own_and_none_come_below_rounding(
    monkeypatch, sampler
):
    waited = []
    note = lambda run: waited.append((run.draw.train["ode"].size, run.waited))
    problem, model = oscillation(8, sampler)
    run = lambda: ps.solve(
        problem, model, key=jr.key(1), steps=90, callbacks=[note], progress=False
    )
    run()
    grown = [b[1] for a, b in itertools.pairwise(waited) if b[0] > a[0]]
    assert grown and set(grown) == {0}
    waited.clear()
    monkeypatch.setattr(DRIVER, "ROUNDING", 2.0)
    run()
    assert {size for size, _ in waited} == {8}


def test_steps_without_a_spectrum_are_given_more_time(monkeypatch):
    problem, model = oscillation(8)
    spectral = []
    note = lambda run: spectral.append(run.spectral)
    for solver in (ps.Sven(), ps.Optax(optax.sgd(1e-4))):
        ps.solve(
            problem,
            model,
            key=jr.key(1),
            solver=solver,
            steps=1,
            callbacks=[note],
            progress=False,
        )
    assert spectral == [True, False]
    monkeypatch.setattr(DRIVER.Run, "spectral", False)
    _, sizes = sizes_of(12, 110, None)
    assert sizes[-1] == 12


@pytest.mark.long
@pytest.mark.parametrize(("n", "sampler", "cut"), [(8, NODES, 70), (12, None, 85)])
def test_a_run_whose_points_have_grown_goes_on_bit_for_bit(tmp_path, n, sampler, cut):
    path = tmp_path / "run.npz"
    whole, sizes = sizes_of(n, cut + 30, sampler)
    assert sizes[-1] > n
    sizes_of(n, cut, sampler, checkpoint=path)
    rest, sizes = sizes_of(n, 30, sampler, resume=path)
    assert sizes[0] > n
    assert np.array_equal(whole.history.loss_after, rest.history.loss_after)

"""Nodes of a quadrature rule become more where they are too few."""

import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps


def oscillation(n: int):
    """u'' = -25 u on so many Gauss-Legendre nodes; the solution is cos 5 t."""
    domain = ps.Box(t=(0, 3))
    nodes = domain.points(n, ps.GaussLegendre())
    problem = ps.Problem(
        ode=ps.Residual(lambda u, t: u.tt(t) / 25 + u(t), nodes),
        start=ps.Dirichlet("u", 1.0, domain.at(t=0).points(1)),
        rest=ps.Residual(lambda u, t: u.t(t), domain.at(t=0).points(1)),
    )
    return problem, ps.Model(ps.MLP(domain, "u", width=16, depth=1, key=jr.key(4)))


def sizes_of(n: int, steps: int, **options):
    """A run on so many nodes, and how many it had after each leg."""
    problem, model = oscillation(n)
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


def test_nodes_that_are_too_few_are_doubled():
    solution, sizes = sizes_of(12, 300)
    assert sizes[0] == 12 and sizes[-1] in (24, 48, 96)
    assert {names for _, names in solution.history.redraws} == {("ode",)}
    t = np.linspace(0, 3, 101)
    assert ps.relative_l2(solution.u(t=t), np.cos(5 * t)) < 1e-6


@pytest.mark.parametrize(("n", "growth", "last"), [(8, 1, 8), (8, 2, 16), (40, 4, 40)])
def test_nodes_grow_to_a_limit_and_enough_of_them_stay(n, growth, last):
    _, sizes = sizes_of(n, 150, sampling=ps.Adaptive(growth=growth))
    assert sizes[-1] == last


@pytest.mark.long
def test_a_run_whose_nodes_have_grown_goes_on_bit_for_bit(tmp_path):
    path = tmp_path / "run.npz"
    whole, sizes = sizes_of(8, 100)
    assert sizes[-1] > 8
    sizes_of(8, 70, checkpoint=path)
    rest, sizes = sizes_of(8, 30, resume=path)
    assert sizes[0] > 8
    assert np.array_equal(whole.history.loss_after, rest.history.loss_after)

"""Steps on random subsets of the weights."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.residuals import FunctionResiduals


KINDS = {"element": ps.by_element, "row": ps.by_row, "tensor": ps.by_tensor}
# Alphabetical order, in which jax flattens a dictionary, is not that of insertion.
PARAMS = {"b": jnp.ones(4), "a": jnp.linspace(0, 1, 15).reshape(5, 3), "c": jnp.ones(1)}
SIZE = 20


def rows(params):
    flat = jnp.concatenate([params[name].ravel() for name in ("a", "b", "c")])
    matrix = np.random.default_rng(0).normal(size=(8, SIZE))
    return jnp.tanh(0.3 * matrix @ flat) - 1.0


def theta_and_residuals():
    theta, unravel = jax.flatten_util.ravel_pytree(PARAMS)
    return theta, FunctionResiduals(rows, unravel)


def stepped(solver, count=1):
    """The changes of theta over some steps."""
    theta, residuals = theta_and_residuals()
    step = jax.jit(lambda theta, state: solver.step(residuals, theta, state)[:2])
    state = solver.init(residuals, theta)
    moves = []
    for _ in range(count):
        new, state = step(theta, state)
        moves.append(np.asarray(new - theta))
        theta = new
    return moves


def names():
    """The group of each weight in the flat vector, by kind."""
    row = [f"a{i}" for i in range(5) for _ in range(3)]
    row += [f"b{i}" for i in range(4)] + ["c0"]
    tensor = ["a"] * 15 + ["b"] * 4 + ["c"]
    return {"element": list(range(SIZE)), "row": row, "tensor": tensor}


@pytest.mark.parametrize("by", KINDS)
def test_groups_move_as_a_whole_and_the_rest_not_at_all(by):
    solver = ps.ParameterBatch(ps.Sven(lr=0.5), fraction=0.8, groups=KINDS[by])
    groups = np.asarray(names()[by])
    seen = set()
    for move in stepped(solver, 30):
        moved = move != 0
        assert 0 < moved.sum() <= 16
        for group in set(groups[moved]):
            assert moved[groups == group].all()
        seen |= set(groups[moved])
    assert seen == set(groups)


def test_a_share_of_single_weights_is_exact():
    for fraction in (0.1, 0.5, 0.77):
        solver = ps.ParameterBatch(ps.Sven(lr=0.5), fraction=fraction)
        assert [(m != 0).sum() for m in stepped(solver, 3)] == [
            round(fraction * SIZE)
        ] * 3


@pytest.mark.parametrize("by", KINDS)
@pytest.mark.parametrize("factorisation", [ps.SVD(), ps.GolubKahan(8)])
def test_the_step_is_that_of_the_columns(by, factorisation):
    solver = ps.Sven(lr=1.0, rtol=1e-8, factorisation=factorisation)
    (move,) = stepped(ps.ParameterBatch(solver, fraction=0.8, groups=KINDS[by]))
    theta, residuals = theta_and_residuals()
    r, j = residuals.linearise(theta)
    chosen = move != 0
    wanted = np.zeros(SIZE)
    wanted[chosen] = -np.linalg.pinv(np.asarray(j)[:, chosen], rcond=1e-8) @ r
    assert np.allclose(move, wanted, rtol=1e-6, atol=1e-9)


def test_the_whole_fraction_is_the_step_of_the_solver():
    solver = ps.Sven(lr=0.3)
    for by in KINDS:
        (move,) = stepped(ps.ParameterBatch(solver, fraction=1.0, groups=KINDS[by]))
        assert np.allclose(move, stepped(solver)[0], rtol=1e-9, atol=1e-12)


def test_draws_are_fresh_and_repeatable():
    sets = lambda seed: [
        tuple(m != 0)
        for m in stepped(ps.ParameterBatch(ps.Sven(lr=0.1), 0.3, seed=seed), 4)
    ]
    assert len(set(sets(0))) == 4
    assert sets(0) == sets(0) != sets(1)


def test_the_gram_matrix_is_that_of_the_chosen_columns_in_both_residual_maps():
    theta, residuals = theta_and_residuals()
    columns = jnp.asarray([3, 0, 17, SIZE])
    r, part = residuals.linearise(theta, columns)
    whole = residuals.linearise(theta)[1]
    assert np.allclose(part[:, :3], whole[:, columns[:3]], atol=1e-12)
    assert not part[:, 3].any()  # a column that does not exist
    bound = heat()[0].bind(heat()[1])
    residuals, theta = bound.residuals(jr.key(1)), bound.theta
    columns = jnp.asarray([5, 1, theta.size])
    _, part = residuals.linearise(theta, columns)
    whole = residuals.linearise(theta)[1]
    assert np.allclose(part[:, :2], whole[:, columns[:2]], atol=1e-12)
    assert not part[:, 2].any()


def heat():
    domain = ps.Box(x=(0, 1))
    equation = lambda u, x: u.xx(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)
    model = ps.Model(ps.MLP(domain, "u", width=10, depth=1, key=jr.key(0)))
    ends = ps.Dirichlet("u", 0.0, domain.boundary().points(2), weight=10)
    return ps.Problem(ode=ps.Residual(equation, domain.points(40)), ends=ends), model


def test_a_differential_equation_is_solved_by_parts():
    conditions, model = heat()
    solver = ps.ParameterBatch(ps.Sven(), fraction=0.5)
    found = ps.solve(
        conditions, model, solver, key=jr.key(1), steps=100, progress=False
    )
    x = np.linspace(0, 1, 101)
    assert ps.relative_l2(found.u(x=x), np.sin(np.pi * x)) < 1e-3


def test_a_step_is_traced_once():
    traces = []
    solver = ps.ParameterBatch(ps.Sven(lr=0.1), 0.5, groups=ps.by_row)
    theta, residuals = theta_and_residuals()

    @eqx.filter_jit
    def step(theta, state):
        traces.append(1)
        return solver.step(residuals, theta, state)

    state = solver.init(residuals, theta)
    for _ in range(3):
        theta, state, _ = step(theta, state)
    assert len(traces) == 1


def test_a_smaller_part_needs_less_memory():
    network = eqx.nn.MLP(1, "scalar", 64, 3, jnp.tanh, key=jr.key(0))
    params, static = eqx.partition(network, eqx.is_inexact_array)
    x = jnp.linspace(-1, 1, 1024)[:, None]
    row = lambda params, x: eqx.combine(params, static)(x)

    def bytes_for(solver):
        transform = ps.as_optax(solver)
        update = lambda params, state: transform.update(
            None, state, params, residual_fn=row, batch=(x,)
        )
        lowered = jax.jit(update).lower(params, transform.init(params))
        return lowered.compile().memory_analysis().temp_size_in_bytes

    solver = ps.Sven(lr=0.1, factorisation=ps.Gram())
    tenth = bytes_for(ps.ParameterBatch(solver, fraction=0.1))
    assert tenth < 0.6 * bytes_for(solver)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ps.ParameterBatch(ps.Sven, 0.5), "with its brackets"),
        (lambda: ps.ParameterBatch(ps.Sven(), 0.0), "above 0"),
        (lambda: ps.ParameterBatch(ps.Sven(), 1.5), "above 0"),
        (lambda: ps.ParameterBatch(ps.Sven(), 0.5, groups="row"), "ps.by_row"),
        (
            lambda: stepped(ps.ParameterBatch(ps.Sven(), 0.5, groups=ps.by_tensor)),
            "one group has 15, which would never be trained",
        ),
        (
            lambda: stepped(ps.ParameterBatch(ps.Sven(), 0.5, groups=lambda s: [1, 2])),
            "for each of 20 weights",
        ),
    ],
)
def test_impossible_settings_are_refused(unchecked_types, make, words):
    with pytest.raises(ps.PinnsvenError, match=words):
        make()

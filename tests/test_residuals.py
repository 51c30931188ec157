"""The stacked residual and its derivatives against JAX's own on the whole vector."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.residuals import _map


BOX = ps.Box(x=(-1, 1), t=(0, 1))
PROBES = ps.Points(x=[-0.5, 0.1, 0.4], t=[0.2, 0.6, 0.9])


def system(u, v, k, x, t):
    return u.t(x, t) - k * u.xx(x, t), v(x, t) * u.x(x, t) - x


CONDITIONS = {
    "pde": ps.Residual(system, BOX.points(11), weight=2.0),
    "start": ps.Dirichlet("u", lambda x: jnp.sin(x), BOX.at(t=0).points(5)),
    "corner": ps.Dirichlet("v", 1.0, BOX.at(t=0, x=0).points(1)),
    "walls": ps.Neumann("u", lambda t, k: k * t, BOX.boundary("x").points(6)),
    "wrap": ps.Periodic("v", BOX.boundary("x").points(4), order=1, weight=0.5),
    "probes": ps.Data("u", PROBES, [0.1, 0.2, 0.3], sigma=[0.1, 0.2, 0.1]),
}


@pytest.fixture(scope="module")
def model():
    net = ps.MLP(BOX, "u v", width=4, depth=1, key=jr.key(7))
    return ps.Model(net, k=ps.Unknown(0.5, positive=True))


@pytest.fixture(scope="module")
def linear(model):
    """A map, a vector, and $r$ and $J$ there by the plain way: the stacked vector's."""
    bound = ps.Problem(**CONDITIONS).bind(model)
    residuals, theta = bound.residuals(jr.key(1)), bound.theta
    whole = jax.jit(lambda m, t: (m(t), jax.jacfwd(m)(t)))
    return residuals, theta, *whole(residuals, theta)


# Entries of one chunk: everything at once, a few rows, one row at a time.
@pytest.mark.parametrize("entries", [2**22, 100, 1])
def test_linearise_is_the_jacobian_of_the_call(entries, linear, monkeypatch):
    residuals, theta, expected_r, expected_j = linear
    monkeypatch.setattr(_map, "CHUNK_ENTRIES", entries)
    # A new function each time: the chunk size is no part of what is traced.
    r, j = jax.jit(lambda m, t: m.linearise(t))(residuals, theta)
    assert j.shape == (sum(residuals.sizes), theta.size)
    np.testing.assert_allclose(r, expected_r, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(j, expected_j, rtol=1e-11, atol=1e-12)


def test_every_kind_of_condition_has_rows_that_depend_on_the_weights(linear):
    residuals, _, r, j = linear
    blocks = np.split(np.asarray(j), np.cumsum(residuals.sizes)[:-1])
    assert len(blocks) == len(CONDITIONS)
    for name, block in zip(CONDITIONS, blocks, strict=True):
        assert np.abs(block).max() > 1e-3, name
    assert r.size == 11 * 2 + 5 + 1 + 6 + 4 * 2 + 3


def test_chunks_are_mapped_in_turn(model, monkeypatch):
    bound = ps.Problem(pde=CONDITIONS["pde"]).bind(model)
    residuals, theta = bound.residuals(jr.key(1)), bound.theta
    loops = lambda: str(jax.make_jaxpr(residuals.linearise)(theta)).count("scan[")
    assert loops() == 0
    monkeypatch.setattr(_map, "CHUNK_ENTRIES", 3 * theta.size * 2)
    assert loops() >= 1


def test_jvp_and_vjp_are_products_with_the_jacobian(linear):
    residuals, theta, _, j = linear
    v = jr.normal(jr.key(2), theta.shape)
    w = jr.normal(jr.key(3), (j.shape[0],))
    forward = jax.jit(lambda m, t, v: m.jvp(t, v))(residuals, theta, v)
    backward = jax.jit(lambda m, t, w: m.vjp(t, w))(residuals, theta, w)
    np.testing.assert_allclose(forward, j @ v, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(backward, j.T @ w, rtol=1e-10, atol=1e-11)
    assert w @ forward == pytest.approx(float(backward @ v))


def test_the_loss_is_the_sum_of_weighted_means(model):
    bound = ps.Problem(**CONDITIONS).bind(model)
    batches = bound.draw(jr.key(1))
    residuals = bound.map(batches)
    r = eqx.filter_jit(residuals)(bound.theta)
    shares = residuals.shares(r)
    for name, share in zip(residuals.names, shares, strict=True):
        values = bound.values(name, batches[name], bound.theta)
        square = np.sum(values**2, axis=1)
        mean = np.sum(batches[name].weights * square)
        assert share == pytest.approx(bound.conditions[name].weight * mean)
    assert jnp.sum(r**2) == pytest.approx(float(jnp.sum(shares)))


@pytest.mark.parametrize("n", [1, 10, 160])
def test_a_share_does_not_depend_on_the_number_of_points(n, getkey):
    # A residual that is 3 everywhere has the mean square 9 on any set of points.
    model = ps.Model(k=ps.Unknown(3.0))
    problem = ps.Problem(
        inside=ps.Residual(lambda k, x: k, BOX.points(n), weight=2.0),
        walls=ps.Residual(lambda k: (k, k), BOX.boundary().points(n)),
    )
    bound = problem.bind(model)
    residuals = bound.residuals(getkey())
    shares = residuals.shares(residuals(bound.theta))
    np.testing.assert_allclose(shares, [2.0 * 9.0, 2.0 * 9.0], rtol=1e-13)


def test_equal_structures_share_one_trace(model, getkey):
    bound = ps.Problem(**CONDITIONS).bind(model)
    traces = []

    @eqx.filter_jit
    def loss(residuals, theta):
        traces.append(None)
        return jnp.sum(residuals(theta) ** 2)

    losses = {float(loss(bound.residuals(getkey()), bound.theta)) for _ in range(3)}
    loss(bound.residuals(getkey()), 2.0 * bound.theta)
    assert len(losses) == 3
    assert len(traces) == 1


def test_theta_is_the_model_and_back(model):
    bound = ps.Problem(**CONDITIONS).bind(model)
    again = bound.rebuild(bound.theta)
    assert eqx.tree_equal(again, model)
    moved = bound.rebuild(bound.theta + 1.0)
    assert moved.unknowns["k"].raw == pytest.approx(model.unknowns["k"].raw + 1.0)


def test_points_are_drawn_by_key_and_by_condition(model, getkey):
    bound = ps.Problem(
        one=ps.Residual(lambda u, x, t: u(x, t), BOX.points(8)),
        two=ps.Residual(lambda u, x, t: u(x, t), BOX.points(8)),
        own=CONDITIONS["probes"],
    ).bind(model)
    key, other = getkey(), getkey()
    first, again, fresh = bound.draw(key), bound.draw(key), bound.draw(other)
    x = lambda draw, name: draw[name].coordinates["x"]
    np.testing.assert_array_equal(x(first, "one"), x(again, "one"))
    assert not np.isin(x(first, "one"), x(fresh, "one")).any()
    assert not np.isin(x(first, "one"), x(first, "two")).any()
    np.testing.assert_array_equal(x(first, "own"), x(fresh, "own"))


def test_unseen_points_exist_wherever_there_is_a_region(model, getkey):
    bound = ps.Problem(**CONDITIONS).bind(model)
    key = getkey()
    unseen, drawn = bound.unseen(key), bound.draw(getkey())
    # A corner is a single point, and the user's own points are all there are.
    assert set(unseen) == set(CONDITIONS) - {"probes", "corner"}
    residuals = bound.map(unseen)
    assert residuals.names == tuple(unseen)
    x = lambda batch: batch.coordinates["x"]
    assert not np.isin(x(unseen["pde"]), x(drawn["pde"])).any()


def test_a_residual_that_is_not_finite_is_named_with_its_point(model):
    log = ps.Residual(lambda u, x, t: jnp.log(t - 0.5) * u(x, t), BOX.points(32))
    bound = ps.Problem(fine=CONDITIONS["start"], log=log).bind(model)
    batches = bound.draw(jr.key(0))
    with pytest.raises(ps.NonFiniteError, match="'log' is not finite at 16 of 32"):
        bound.check_finite(batches, bound.theta)
    bound.check_finite({"fine": batches["fine"]}, bound.theta)

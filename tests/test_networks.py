"""Networks beyond the dense one, embeddings, and what of them is trained."""

import json
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused

import pinnsven as ps
from pinnsven.fields import fixed_arrays


BOX = ps.Box(x=(-1, 3), t=(0, 0.5))
K0, K1, K2 = jr.split(jr.key(7), 3)
WAVES = ps.FourierFeatures(3, (1.0, 2.0), key=K1)
RING = ps.PeriodicEmbedding("x", harmonics=2)
SIZE = {"width": 5, "depth": 2, "key": K0}
NETWORKS = {
    "MLP with waves": ps.MLP(BOX, "u v", embedding=WAVES, **SIZE),
    "MLP on a ring": ps.MLP(BOX, "u v", embedding=RING, **SIZE),
    "SIREN": ps.SIREN(BOX, "u v", omega_0=4, **SIZE),
    "ModifiedMLP": ps.ModifiedMLP(BOX, "u v", **SIZE),
    "SeparableMLP": ps.SeparableMLP(BOX, "u v", rank=3, **SIZE),
    "RandomFeatures": ps.RandomFeatures(BOX, "u v", count=20, scale=2.0, key=K0),
}
each = pytest.mark.parametrize("name", NETWORKS)


def shaken(network):
    """The same network with every trained number moved, zero biases too."""
    trained, static = eqx.partition(network, eqx.is_inexact_array)
    rng = np.random.default_rng(3)
    moved = jax.tree.map(
        lambda a: jnp.asarray(a + 0.3 * rng.normal(size=a.shape), a.dtype), trained
    )
    return eqx.combine(moved, static)


def scaled(x, t):
    return np.array([(x - 1.0) / 2.0, (t - 0.25) / 0.25])


def by_formula(name, network, x, t):
    """The fields in NumPy, from the formulas of the docstrings."""
    s = scaled(x, t)
    w = [np.asarray(a) for a in getattr(network, "weights", ())]
    b = [np.asarray(a) for a in getattr(network, "biases", ())]
    if name == "RandomFeatures":
        hidden = network.hidden.array @ s + network.hidden_biases.array
        return np.asarray(network.weights) @ np.tanh(hidden) + np.asarray(b)
    if name == "SeparableMLP":
        total = np.ones((2, 3))
        for i in range(2):
            h = s[i : i + 1]
            for layer in range(2):
                h = np.tanh(w[layer][i] @ h + b[layer][i])
            total = total * (w[2][i] @ h + b[2][i]).reshape(2, 3)
        return total.sum(axis=1)
    z = s
    if name == "MLP with waves":
        angles = np.pi * network.inputs.cycles.array @ s
        z = np.concatenate([np.cos(angles), np.sin(angles)])
    if name == "MLP on a ring":
        theta = 2 * np.pi * (x - 1.0) / 4.0
        angles = np.array([theta, 2 * theta])
        z = np.concatenate([s[1:], np.cos(angles), np.sin(angles)])
    if name == "ModifiedMLP":
        u, v = np.tanh(
            np.asarray(network.encoders) @ z + np.asarray(network.encoder_biases)
        )
    for w_, b_ in zip(w[:-1], b[:-1], strict=True):
        if name == "SIREN":
            z = np.sin(4.0 * (w_ @ z + b_))
            continue
        z = np.tanh(w_ @ z + b_)
        if name == "ModifiedMLP":
            z = (1 - z) * u + z * v
    return w[-1] @ z + b[-1]


@each
def test_values_and_derivatives_are_those_of_the_formula(name):
    network = shaken(NETWORKS[name])
    v = ps.Model(network).field("v")
    x, t, h = 0.7, 0.3, 1e-3
    exact = lambda x, t: by_formula(name, network, x, t)[1]

    @jax.jit
    def ours(x, t):
        return jnp.stack([v(x, t), v.x(x, t), v.xx(x, t), v.xt(x, t)])

    # Central differences of sixth order, of the formula in NumPy.
    first = lambda f: (
        sum(c * (f(k * h) - f(-k * h)) for k, c in ((1, 45), (2, -9), (3, 1)))
        / (60 * h)
    )
    slope = lambda x, t: first(lambda e: exact(x + e, t))
    second = first(lambda e: slope(x + e, t))
    mixed = first(lambda e: slope(x, t + e / 8)) * 8
    wanted = [exact(x, t), slope(x, t), second, mixed]
    got = np.asarray(ours(x, t))
    assert abs(got[0] - wanted[0]) < 1e-13
    np.testing.assert_allclose(got, wanted, rtol=1e-8)
    assert np.abs(got).min() > 1e-4


TRAINED = {
    "MLP with waves": 6 * 5 + 5 + 30 + 12,
    "MLP on a ring": 5 * 5 + 5 + 30 + 12,
    "SIREN": 15 + 30 + 12,
    "ModifiedMLP": 2 * 15 + 15 + 30 + 12,
    "SeparableMLP": 2 * (10 + 30 + 36),
    "RandomFeatures": 2 * 20 + 2,
}


@each
def test_only_what_is_documented_is_trained(name):
    problem = ps.Problem(
        pde=ps.Residual(lambda u, v, x, t: (u(x, t), v(x, t)), BOX.points(8))
    )
    bound = problem.bind(ps.Model(NETWORKS[name]))
    assert bound.theta.shape == (TRAINED[name],)
    again = bound.rebuild(bound.theta + 1.0).networks[0]
    fixed = lambda tree: {at: x.array for at, x in fixed_arrays(tree).items()}
    for at, array in fixed(NETWORKS[name]).items():
        np.testing.assert_array_equal(fixed(again)[at], array)
    # Models of one structure share their compiled code; other waves are other code.
    assert problem.layout(bound.model) is problem.layout(bound.rebuild(bound.theta))


def test_other_waves_are_another_structure():
    net = lambda key: ps.MLP(
        BOX, "u", embedding=ps.FourierFeatures(3, 1.0, key=key), **SIZE
    )
    problem = ps.Problem(here=ps.Dirichlet("u", 0.0, BOX.points(8)))
    one, same, other = (ps.Model(net(key)) for key in (K1, K1, K2))
    assert problem.layout(one) is problem.layout(same)
    assert problem.layout(one) is not problem.layout(other)


def test_initial_weights_have_the_documented_size():
    net = ps.SIREN(BOX, "u", width=200, depth=3, omega_0=7.0, key=K0)
    limits = [1 / 2, *[math.sqrt(6 / 200) / 7.0] * 3]
    for w, limit in zip(net.weights, limits, strict=True):
        assert 0.95 * limit < np.max(np.abs(w)) <= limit
    limits = [1 / math.sqrt(2), *[1 / math.sqrt(200)] * 2]
    for b, limit in zip(net.biases[:-1], limits, strict=True):
        assert 0.95 * limit < np.max(np.abs(b)) <= limit
    assert not np.asarray(net.biases[-1]).any()
    waves = ps.FourierFeatures(4000, (1.0, 9.0), "x", key=K1)
    cycles = ps.MLP(BOX, "u", embedding=waves, **SIZE).inputs.cycles.array
    assert np.std(cycles[::2, 0]) == pytest.approx(1.0, rel=0.05)
    assert np.std(cycles[1::2, 0]) == pytest.approx(9.0, rel=0.05)
    assert not cycles[:, 1].any()
    fixed = ps.RandomFeatures(BOX, "u", count=4000, scale=3.0, key=K0).hidden.array
    assert 2.99 < np.abs(fixed).max() <= 3.0


@pytest.mark.parametrize("period", [None, 0.5])
def test_periodic_fields_agree_in_every_derivative(period):
    ring = ps.PeriodicEmbedding("x", harmonics=2, period=period)
    net = shaken(ps.MLP(BOX, "u", embedding=ring, **SIZE))
    u = ps.Model(net).field("u")
    low, high = (-1.0, 3.0) if period is None else (0.1, 0.6)

    @jax.jit
    def sides(x):
        return jnp.stack([u.d(*["x"] * k)(x, 0.2) for k in range(4)])

    np.testing.assert_allclose(sides(low), sides(high), rtol=1e-9)
    assert np.abs(np.asarray(sides(low) - sides(low + 0.1))).min() > 1e-3


def test_embeddings_of_different_coordinates_combine():
    both = (RING, ps.FourierFeatures(3, 1.0, "t", key=K1))
    net = ps.MLP(BOX, "u", embedding=both, **SIZE)
    assert net.inputs.count == 4 + 6
    assert net.inputs.kept == ()
    assert net(jnp.array([-1.0, 0.2])) == pytest.approx(net(jnp.array([3.0, 0.2])))


def test_single_precision():
    point = jnp.array([0.7, 0.3])
    cast = lambda a: a.astype(jnp.float32) if eqx.is_inexact_array(a) else a
    both = [shaken(network) for network in NETWORKS.values()]
    values = eqx.filter_jit(lambda nets, z: [net(z) for net in nets])
    singles = values(jax.tree.map(cast, both), point.astype(jnp.float32))
    for single, double in zip(singles, values(both, point), strict=True):
        assert single.dtype == jnp.float32
        np.testing.assert_allclose(single, double, atol=3e-5, rtol=3e-5)


def test_keys_are_used_once():
    waves = ps.FourierFeatures(3, 1.0, key=K1)
    with pytest.raises(ps.KeyReuseError, match="embedding"):
        ps.MLP(BOX, "u", embedding=waves, width=3, depth=1, key=K1)
    net = lambda name, key, waves: ps.MLP(
        BOX, name, embedding=waves, width=3, depth=1, key=key
    )
    # One embedding may serve two networks, but its key makes no weights.
    model = ps.Model(net("u", K0, waves), net("v", K2, waves))
    with pytest.raises(ps.KeyReuseError, match="key of `solve`"):
        model.refuse_key(K1)
    with pytest.raises(ps.KeyReuseError, match="Two networks"):
        ps.Model(net("u", K0, waves), ps.MLP(BOX, "v", width=3, depth=1, key=K1))


LINE = ps.Box(x=(0, 1))
FULL = ps.Sven(lr=1.0, factorisation=ps.SVD())


def linear(network):
    """-u'' = f with u = exp(x) on an interval."""
    problem = ps.Problem(
        pde=ps.Residual(
            lambda u, x: u.xx(x) - jnp.exp(x), LINE.points(40, ps.GaussLegendre())
        ),
        ends=ps.Dirichlet("u", lambda x: jnp.exp(x), LINE.boundary().points(2)),
    )
    return problem, ps.Model(network)


@pytest.fixture(scope="module")
def basis():
    return ps.RandomFeatures(LINE, "u", count=30, scale=2.0, key=K0)


def test_one_step_is_the_least_squares_solution_of_the_basis(basis):
    problem, model = linear(basis)
    rtol = 1e-10
    solver = ps.Sven(lr=1.0, rtol=rtol, factorisation=ps.SVD())
    solution = ps.solve(
        problem, model, solver, key=K1, steps=1, sampling=ps.Fixed(), progress=False
    )
    x = np.asarray(LINE.points(40, ps.GaussLegendre()).draw(K2).coordinates["x"])
    w = np.asarray(LINE.points(40, ps.GaussLegendre()).draw(K2).weights)
    a, b = basis.hidden.array[:, 0], basis.hidden_biases.array
    features = lambda x: np.tanh(np.outer(2 * x - 1, a) + b)
    # tanh'' = -2 tanh (1 - tanh^2); the chain rule gives (2 a)^2.
    second = lambda f: -2.0 * f * (1.0 - f**2) * (2.0 * a) ** 2
    ends = np.array([0.0, 1.0])
    pde, walls = np.sqrt(w)[:, None], math.sqrt(0.5)
    matrix = np.concatenate(
        [
            np.c_[pde * second(features(x)), np.zeros(40)],
            walls * np.c_[features(ends), np.ones(2)],
        ]
    )
    right = np.concatenate([pde[:, 0] * np.exp(x), walls * np.exp(ends)])
    best, *_ = np.linalg.lstsq(matrix, right, rcond=rtol)
    fit = np.linalg.norm(matrix @ best - right)
    ours = np.concatenate(
        [
            np.ravel(solution.model.networks[0].weights),
            solution.model.networks[0].biases,
        ]
    )
    assert np.linalg.norm(matrix @ ours - right) == pytest.approx(fit, rel=1e-3)
    at = np.linspace(0, 1, 101)
    wanted = np.c_[features(at), np.ones(101)] @ best
    np.testing.assert_allclose(solution.u(x=at), wanted, atol=1e-9)
    assert ps.relative_l2(solution.u(x=at), np.exp(at)) < 1e-7


def test_the_default_solver_ends_there_too(basis):
    problem, model = linear(basis)
    solution = ps.solve(
        problem, model, key=K1, steps=20, sampling=ps.Fixed(), progress=False
    )
    at = np.linspace(0, 1, 101)
    assert ps.relative_l2(solution.u(x=at), np.exp(at)) < 1e-9


def test_files_belong_to_their_embedding(tmp_path):
    net = lambda key: ps.MLP(
        LINE,
        "u",
        width=4,
        depth=1,
        key=K0,
        embedding=ps.FourierFeatures(3, 1.0, key=key),
    )
    problem, model = linear(net(K1))
    options = {"key": jr.key(5), "steps": 2, "progress": False}
    kept = tmp_path / "run.npz"
    solution = ps.solve(problem, model, FULL, checkpoint=kept, **options)
    saved = tmp_path / "solution.npz"
    solution.save(saved)
    again = ps.load(saved, problem, ps.Model(net(K1)))
    assert np.array_equal(again.u(x=0.3), solution.u(x=0.3))
    other = ps.Model(net(K2))
    with pytest.raises(ps.CheckpointError, match="fixed arrays.*cycles"):
        ps.solve(problem, other, FULL, resume=kept, **options)
    with pytest.raises(ps.CheckpointError, match="fixed arrays.*cycles"):
        ps.load(saved, problem, other)
    plain = np.load(saved)
    assert "fixed arrays" in json.loads(str(plain["header"]))["problem"]


def test_networks_of_two_domains_meet_at_an_interface():
    left, right = ps.Box(x=(0, 0.4)), ps.Box(x=(0.4, 1))
    # k u' is constant: u is linear on each side, with a kink.
    ka, kb = 1.0, 5.0
    slope = 1.0 / (0.4 / ka + 0.6 / kb)

    def meet(u, v, x):
        return u(x) - v(x), ka * u.x(x) - kb * v.x(x)

    problem = ps.Problem(
        left=ps.Residual(lambda u, x: u.xx(x), left.points(12, ps.GaussLegendre())),
        right=ps.Residual(lambda v, x: v.xx(x), right.points(12, ps.GaussLegendre())),
        foot=ps.Dirichlet("u", 0.0, left.at(x=0).points(1)),
        head=ps.Dirichlet("v", 1.0, right.at(x=1).points(1)),
        joint=ps.Residual(meet, left.at(x=0.4).points(1)),
    )
    basis = lambda domain, name, key: ps.RandomFeatures(
        domain, name, count=12, scale=1.0, key=key
    )
    model = ps.Model(basis(left, "u", K0), basis(right, "v", K1))
    options = {"sampling": ps.Fixed(), "progress": False}
    solution = ps.solve(problem, model, FULL, key=K2, steps=2, **options)
    assert solution.u(x=0.2) == pytest.approx(0.2 * slope / ka, rel=1e-9)
    assert solution.v(x=0.7) == pytest.approx(1 - 0.3 * slope / kb, rel=1e-9)
    assert solution.v.x(x=0.5) == pytest.approx(slope / kb, rel=1e-8)


def test_one_field_holds_a_family_of_solutions():
    """u' = -k u, u(0) = 1 for every k in a range, and its derivative in k."""
    domain = ps.Box(t=(0, 1), rate=(0.5, 2))
    problem = ps.Problem(
        ode=ps.Residual(
            lambda u, t, rate: u.t(t, rate) + rate * u(t, rate),
            domain.points(196, ps.GaussLegendre()),
        ),
        start=ps.Dirichlet("u", 1.0, domain.at(t=0).points(12, ps.GaussLegendre())),
    )
    network = ps.RandomFeatures(domain, "u", count=120, scale=1.0, key=K0)
    options = {"sampling": ps.Fixed(), "progress": False}
    solution = ps.solve(problem, ps.Model(network), FULL, key=K1, steps=2, **options)
    t, rate = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0.5, 2, 16))
    exact = np.exp(-rate * t)
    assert ps.relative_l2(solution.u(t=t, rate=rate), exact) < 5e-7
    slope = solution.u.d("rate")(t=t, rate=rate)
    assert ps.relative_l2(slope, -t * exact) < 5e-5


def with_embedding(embedding, **options):
    return lambda: ps.MLP(BOX, "u", embedding=embedding, **(SIZE | options))


@pytest.mark.usefixtures("unchecked_types")
@cases(
    (
        ps.UnknownNameError,
        ["`PeriodicEmbedding` needs"],
        lambda: ps.PeriodicEmbedding(),
    ),
    (ps.UnknownNameError, ["('x', 'x')"], lambda: ps.PeriodicEmbedding("x", "x")),
    (ps.UnknownNameError, ["(0,)"], lambda: ps.PeriodicEmbedding(0)),
    (ps.ShapeError, ["harmonics=0"], lambda: ps.PeriodicEmbedding("x", harmonics=0)),
    (ps.BoundsError, ["period=-1"], lambda: ps.PeriodicEmbedding("x", period=-1)),
    (ps.ShapeError, ["count=2.5"], lambda: ps.FourierFeatures(2.5, 1.0, key=K0)),
    (ps.BoundsError, ["scale=0"], lambda: ps.FourierFeatures(3, 0, key=K0)),
    (
        ps.BoundsError,
        ["scale=(1.0, 'a')"],
        lambda: ps.FourierFeatures(3, (1.0, "a"), key=K0),
    ),
    (
        ps.PinnsvenError,
        ["key of `FourierFeatures`"],
        lambda: ps.FourierFeatures(3, 1.0, key=1),
    ),
    (
        ps.UnknownNameError,
        ["'y'", "'x', 't'"],
        with_embedding(ps.PeriodicEmbedding("y")),
    ),
    (ps.UnknownNameError, ["share a coordinate"], with_embedding((RING, WAVES))),
    (ps.PinnsvenError, ["embedding of `MLP`", "'x'"], with_embedding("x")),
    (
        ps.PinnsvenError,
        ["the class FourierFeatures"],
        with_embedding(ps.FourierFeatures),
    ),
    (ps.BoundsError, ["omega_0=-1"], lambda: ps.SIREN(BOX, "u", omega_0=-1, **SIZE)),
    (ps.ShapeError, ["rank=0"], lambda: ps.SeparableMLP(BOX, "u", rank=0, **SIZE)),
    (
        ps.ShapeError,
        ["count=0"],
        lambda: ps.RandomFeatures(BOX, "u", count=0, scale=1, key=K0),
    ),
    (
        ps.BoundsError,
        ["scale=None"],
        lambda: ps.RandomFeatures(BOX, "u", count=9, scale=None, key=K0),
    ),
    (ps.PinnsvenError, ["`SIREN` needs a domain"], lambda: ps.SIREN(2, "u", **SIZE)),
    (
        ps.PinnsvenError,
        ["activation"],
        lambda: ps.ModifiedMLP(BOX, "u", activation=1, **SIZE),
    ),
    (
        ps.UnknownNameError,
        ["'u u'"],
        lambda: ps.SeparableMLP(BOX, "u u", rank=2, **SIZE),
    ),
)
def test_bad_input(error, words, make):
    refused(error, words, make)

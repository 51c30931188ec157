"""Covariances, bands and intervals against closed forms and simulated data."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused
from scipy import stats

import pinnsven as ps
from pinnsven.inference import Propagation
from pinnsven.inference._noise import DataBlock, estimate


X = np.linspace(-1.0, 2.0, 12)
Y = 0.7 + 1.9 * X + 0.1 * np.sin(40.0 * X)
SIGMA = np.where(X > 0, 0.05, 0.2)
DESIGN = np.stack([np.ones_like(X), X], axis=1)
LINE = lambda a, b, x: a + b * x


def textbook(weights):
    return np.linalg.inv(DESIGN.T @ (weights[:, None] * DESIGN))


def solved(problem, model, steps=20):
    return ps.solve(problem, model, key=jr.key(9), steps=steps, progress=False)


def line(values=Y, **options):
    return ps.Data(LINE, ps.Points(x=X), values, **options)


class Basis(ps.fields.AbstractNetwork):
    """A field that is linear in its weights: all error bars have a closed form."""

    weights: jax.Array
    fields: tuple = ("u",)
    coordinates: tuple = ("x",)
    bounds: tuple = ((-1.0, 2.0),)

    @property
    def keys(self):
        return ()

    def __call__(self, z):
        return jnp.polyval(self.weights, z[0])[None]


def polynomial(values, x):
    return np.stack([x**k for k in reversed(range(values.size))], axis=1)


@pytest.fixture(scope="module")
def straight():
    """A line through data of unequal noise, positive slope and bounded intercept."""
    model = ps.Model(
        a=ps.Unknown(0.5, lower=0.0, upper=2.0), b=ps.Unknown(1.0, positive=True)
    )
    return solved(ps.Problem(data=line(sigma=SIGMA)), model)


def test_the_covariance_is_that_of_weighted_least_squares(straight):
    exact = textbook(SIGMA**-2.0)
    found = straight.covariance("a", "b")
    np.testing.assert_allclose(found.matrix, exact, rtol=1e-7)
    np.testing.assert_allclose(found.std, np.sqrt(np.diag(exact)), rtol=1e-7)
    rho = exact[0, 1] / np.sqrt(exact[0, 0] * exact[1, 1])
    np.testing.assert_allclose(found.correlation, [[1, rho], [rho, 1]], rtol=1e-7)
    assert found.labels == ("a", "b")
    swapped = straight.covariance("b", "a")
    np.testing.assert_allclose(swapped.matrix, exact[::-1, ::-1], rtol=1e-7)
    assert f"{rho:+.3f}" in str(found) and f"{float(straight.a):.6g}" in str(found)


def test_intervals_are_symmetric_in_what_is_trained_and_stay_inside(straight):
    low, high = straight.interval("b", 0.95)
    b, std = float(straight.b), float(straight.std("b"))
    z = stats.norm.ppf(0.975)
    np.testing.assert_allclose([low, high], b * np.exp([-z * std / b, z * std / b]))
    # The angle q of a = 2 sin(q / 2)^2 has the slope 1 / sqrt(a (2 - a)).
    a, std = float(straight.a), float(straight.std("a"))
    angle = 2 * np.arcsin(np.sqrt(a / 2))
    angle = angle + np.array([-1, 1]) * z * std / np.sqrt(a * (2 - a))
    found = straight.interval("a", 0.95)
    np.testing.assert_allclose(found, 2 * np.sin(angle / 2) ** 2)
    wide = straight.interval("a", 1 - 1e-12)
    assert 0.0 < wide[0] < found[0] < found[1] < wide[1] < 2.0


def test_estimated_noise_makes_intervals_of_student_t():
    solution = solved(ps.Problem(data=line(weight=4.0)), ps.Model(a=1.0, b=1.0))
    rss = np.linalg.lstsq(DESIGN, Y)[1][0]
    exact = textbook(np.full(X.size, (X.size - 2) / rss))
    t = stats.t.ppf(0.95, X.size - 2)
    low, high = solution.interval("a", 0.9)
    assert (high - low) / 2 == pytest.approx(t * exact[0, 0] ** 0.5, rel=1e-8)
    assert (high + low) / 2 == pytest.approx(float(solution.a), rel=1e-8)


def test_a_field_has_the_band_of_polynomial_regression():
    weights = jnp.zeros(4)
    problem = ps.Problem(data=ps.Data("u", ps.Points(x=X), Y, sigma=SIGMA))
    solution = solved(problem, ps.Model(Basis(weights)))
    design = polynomial(weights, X)
    exact = np.linalg.inv(design.T @ (SIGMA[:, None] ** -2.0 * design))
    x = np.linspace(-1, 2, 6).reshape(2, 3)
    for along, rows in (
        ("", lambda x: [x**3, x**2, x, 1 + 0 * x]),
        ("xx", lambda x: [6 * x, 2 + 0 * x, 0 * x, 0 * x]),
    ):
        u = getattr(solution.u, along) if along else solution.u
        g = np.stack(rows(x), axis=-1)
        std = np.sqrt(np.einsum("...i,ij,...j->...", g, exact, g))
        np.testing.assert_allclose(u.std(x=x), std, rtol=1e-7)
        low, high = u.band(0.9, x=x)
        np.testing.assert_allclose((high - low) / 2, 1.6448536269514722 * std)
        np.testing.assert_allclose((high + low) / 2, u(x=x), atol=1e-10)
    assert solution.u.std(x=0.5).shape == ()
    # In pieces it is the same.
    import pinnsven.inference._propagation as room

    whole, room.CHUNK_ENTRIES = room.CHUNK_ENTRIES, 8
    try:
        parts = solution.u.std(x=x)
    finally:
        room.CHUNK_ENTRIES = whole
    np.testing.assert_array_equal(parts, solution.u.std(x=x))


def test_two_blocks_without_sigma_have_their_own_noise():
    # Rows are orthonormal combinations, so (I - H) is known and so is its square.
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.normal(size=(400, 3)))
    noise = np.where(np.arange(400) < 250, 0.1, 2.0)
    rest = np.eye(400) - q @ q.T
    found = []
    for _ in range(60):
        r = rest @ (noise * rng.normal(size=400))
        one = DataBlock(q[:250], r[:250], np.ones(250), None)
        two = DataBlock(q[250:], r[250:], np.ones(150), None)
        rows, freedom = estimate([one, two])
        found.append([rows[0] ** 2, rows[-1] ** 2])
    error = np.std(found, axis=0) / 60**0.5
    assert np.all(np.abs(np.mean(found, axis=0) - [0.01, 4.0]) < 4 * error)
    # Each block has its points less its share of three directions.
    share = [np.sum(q[:250] ** 2), np.sum(q[250:] ** 2)]
    np.testing.assert_allclose(freedom, [250 - share[0], 150 - share[1]], rtol=3e-3)


def test_noise_is_not_underestimated_where_the_equations_give_way():
    # The equation a = 0.7 has as little weight as one value: H is no projection.
    n, sigma = 5, 0.1
    rng = np.random.default_rng(1)
    soft = ps.Problem(
        pin=ps.Residual(lambda a, x: a - 0.7, ps.Points(x=0.0), weight=0.5),
        data=ps.Data(
            lambda a, x: a + 0 * x, ps.Points(x=X[:n]), np.full(n, 0.7), sigma=None
        ),
    )
    bound = soft.bind(ps.Model(a=1.0))
    residuals = bound.residuals(jr.key(0))
    _, j = residuals.linearise(bound.theta)
    h = np.asarray(j @ jnp.linalg.pinv(j))
    squares, found = [], []
    for _ in range(400):
        e = np.concatenate([[0.0], sigma / n**0.5 * rng.normal(size=n)])
        r = e - h @ e
        squares.append(np.sum(r[1:] ** 2))
        u = np.asarray(j / jnp.linalg.norm(j))
        found.append(estimate([DataBlock(u[1:], r[1:], np.full(n, n**-0.5), None)])[0])
    variance = np.mean(np.array(found)[:, 0] ** 2) * n
    error = np.std(np.array(found)[:, 0] ** 2) * n / 20
    assert abs(variance - sigma**2) < 3 * error
    # Counting one parameter would say less.
    few = n - h[1:, 1:].trace()
    told = np.sum((np.eye(n) - h[1:, 1:]) ** 2)
    assert told < 0.96 * few
    assert np.mean(squares) * n == pytest.approx(told * sigma**2, rel=0.1)


def test_a_run_that_was_cut_short_says_how_far_it_has_to_go():
    bound = ps.Problem(data=line(sigma=SIGMA)).bind(ps.Model(a=1.0, b=1.0))
    residuals = bound.residuals(jr.key(0))
    far = Propagation(bound, residuals, bound.theta)
    spread = far.spread(far.unknowns(["a", "b"]))
    exact = textbook(SIGMA**-2.0)
    best = exact @ DESIGN.T @ (SIGMA**-2.0 * Y)
    total = np.sqrt(np.diag(exact) + (best - 1.0) ** 2)
    np.testing.assert_allclose(spread.std, total, rtol=1e-9)


def heat(**options):
    """The slowest mode of a rod; D is to be found beside a network of 45 weights."""
    domain, nodes = ps.Box(x=(0, 1), t=(0, 1)), ps.GaussLegendre()
    xs, ts = np.random.default_rng(0).uniform(size=(2, 40))
    exact = np.exp(-0.25 * np.pi**2 * ts) * np.sin(np.pi * xs)
    network = ps.MLP(domain, "u", width=8, depth=1, key=jr.key(1))
    named = ps.Constrained(network, _mode)
    problem = ps.Problem(
        pde=ps.Residual(
            lambda u, D, x, t: u.t(x, t) - D * u.xx(x, t),
            domain.points(64, nodes),
            weight=100,
        ),
        probes=ps.Data("u", ps.Points(x=xs, t=ts), exact, **options),
    )
    model = ps.Model(named, D=ps.Unknown(0.3, positive=True))
    sensitivity = -(np.pi**2) * 0.25 * ts * exact
    return problem, model, exact, sensitivity


def _mode(u, x, t):
    return jnp.sin(jnp.pi * x) * (1 + t * u)


@pytest.fixture(scope="module")
def fitted():
    problem, model, exact, sensitivity = heat(sigma=0.01)
    return problem, solved(problem, model, 120), exact, sensitivity


def test_error_bars_of_an_equation_are_those_of_its_exact_solution(fitted):
    # Without noise in the data the fit is the exact solution, of one parameter.
    _, solution, _, sensitivity = fitted
    ideal = 0.01 / np.linalg.norm(sensitivity)
    assert float(solution.D) == pytest.approx(0.25, rel=1e-5)
    assert float(solution.std("D")) / 0.25 == pytest.approx(ideal, rel=0.02)
    x, t = np.array([0.3, 0.5, 0.8]), np.array([0.9, 0.4, 0.2])
    u = np.exp(-0.25 * np.pi**2 * t) * np.sin(np.pi * x)
    band = np.abs(np.pi**2 * 0.25 * t * u) * ideal
    np.testing.assert_allclose(solution.u.std(x=x, t=t), band, rtol=0.05)


@pytest.mark.long
def test_intervals_hold_the_truth_in_95_of_100_data_sets(fitted):
    problem, base, exact, _ = fitted
    rng = np.random.default_rng(4)
    x, t = np.array([0.2, 0.5, 0.8]), np.array([0.2, 0.6, 1.0])
    truth = np.exp(-0.25 * np.pi**2 * t) * np.sin(np.pi * x)
    compiled, inside, fields = [], [], []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event)
    )
    for i in range(200):
        values = exact + 0.01 * rng.normal(size=exact.size)
        solution = solved(problem.remeasured(probes=values), base.model, 10)
        low, high = solution.interval("D", 0.95)
        inside.append(low <= 0.25 <= high)
        low, high = solution.u.band(0.95, x=x, t=t)
        fields.append((low <= truth) & (truth <= high))
        if i == 0:
            compiled.clear()
    # One compiled step for all of them: values are arguments, not constants.
    assert not [event for event in compiled if "backend_compile" in event]
    assert 0.91 <= np.mean(inside) <= 0.98
    assert 0.91 <= np.mean(fields) <= 0.98


def test_values_of_a_remeasured_problem_are_its_own(fitted):
    problem, *_ = fitted
    other = problem.remeasured(probes=np.zeros(40))
    assert not np.any(other.conditions["probes"].values)
    assert np.any(problem.conditions["probes"].values)
    assert other.conditions["probes"].sigma_mean == pytest.approx(0.01)
    np.testing.assert_array_equal(
        problem.remeasured().conditions["probes"].values,
        problem.conditions["probes"].values,
    )


def test_the_picture_of_a_line_has_its_data_and_its_band(tmp_path):
    problem = ps.Problem(data=ps.Data("u", ps.Points(x=X), Y, sigma=SIGMA))
    solution = solved(problem, ps.Model(Basis(jnp.zeros(4))))
    figure = solution.plot(tmp_path / "line.png")
    panel = figure.axes[0]
    words = [text.get_text() for text in panel.get_legend().get_texts()]
    assert set(words) == {"u", "data", "95%"}
    (band,) = [c for c in panel.collections if c.get_label() == "95%"]
    edge = band.get_paths()[0].vertices
    x = 0.5
    low, high = solution.u.band(0.95, x=x)
    near = edge[np.abs(edge[:, 0] - x) < 1e-9, 1]
    np.testing.assert_allclose([near.min(), near.max()], [low, high], rtol=1e-6)


PROBLEM = ps.Problem(
    data=line(sigma=SIGMA), pin=ps.Residual(lambda a, x: a - 1.0, ps.Points(x=0.0))
)


@cases(
    (
        ps.UnknownNameError,
        ["pin", "data"],
        lambda: PROBLEM.remeasured(pin=[1.0]),
    ),
    (ps.ShapeError, ["(3,)", "12"], lambda: PROBLEM.remeasured(data=[1.0, 2, 3])),
    (
        ps.NonFiniteError,
        ["values", "NaN"],
        lambda: PROBLEM.remeasured(data=np.full(12, np.nan)),
    ),
)
def test_bad_values_are_refused(error, words, make):
    refused(error, words, make)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, "0.95", None, np.nan])
def test_a_level_is_a_probability(straight, level, unchecked_types):
    del unchecked_types
    refused(ps.BoundsError, ["level", "0.95"], lambda: straight.interval("a", level))


def test_what_error_bars_need_is_said(straight):
    refused(ps.UnknownNameError, ["'z'", "'a'"], lambda: straight.covariance("z"))
    refused(ps.UnknownNameError, ["'z'", "'a'"], lambda: straight.interval("z", 0.9))
    pin = ps.Problem(it=ps.Residual(lambda u, x: u(x), ps.Points(x=X)))
    bare = solved(pin, ps.Model(Basis(jnp.zeros(4))), 1)
    refused(ps.PinnsvenError, ["ps.Data"], lambda: bare.u.std(x=0.0))
    refused(ps.PinnsvenError, ["ps.Data"], bare.covariance)
    data = ps.Problem(it=ps.Data("u", ps.Points(x=X), Y))
    lone = solved(data, ps.Model(Basis(jnp.zeros(4))), 1)
    refused(ps.PinnsvenError, ["unknown", "u.std"], lone.covariance)
    refused(ps.PinnsvenError, ["unknown", "u.std"], lone.identifiability)

"""Which combinations of unknowns are determined, where that is known beforehand."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.inference import Propagation, identifiability


X = np.linspace(0.1, 2.0, 12)


def analysed(rows, values, sigma=0.01, newton=4, **unknowns):
    """The analysis at the least-squares solution, by plain Gauss-Newton steps."""
    data = ps.Data(rows, ps.Points(x=X), values, sigma=sigma)
    bound = ps.Problem(data=data).bind(ps.Model(**unknowns))
    residuals, theta = bound.residuals(jr.key(0)), bound.theta
    for _ in range(newton):
        r, j = residuals.linearise(theta)
        theta = theta - jnp.linalg.lstsq(j, r, rcond=1e-10)[0]
    return identifiability(Propagation(bound, residuals, theta))


def positive(value):
    return ps.Unknown(value, positive=True)


def verdicts(found):
    return [c.verdict for c in found.combinations]


def test_of_a_product_only_the_product_is_determined():
    found = analysed(
        lambda a, b, x: a * b * x, 2.0 * X, a=positive(1.0), b=positive(3.0)
    )
    assert verdicts(found) == ["undetermined", "determined"]
    free, known = found.combinations
    np.testing.assert_allclose(np.abs(free.coefficients), 0.5**0.5, rtol=1e-9)
    assert free.coefficients[0] == pytest.approx(-free.coefficients[1])
    # log a + log b, over the root of two, has the error of the slope over it.
    exact = 0.01 / np.sqrt(np.sum(X**2)) / 2.0 / 2**0.5
    assert known.std == pytest.approx(exact, rel=1e-9)
    assert found.undetermined == ("a", "b") and not found.identifiable
    (sentence,) = found.sentences
    assert "log a + log b, the product a * b." in sentence
    assert "along log a - log b." in sentence
    assert "undetermined" in str(found) and sentence in str(found)


def test_powers_and_quotients_are_named():
    found = analysed(
        lambda a, b, x: a * x / b, 2.0 * X, a=positive(1.0), b=positive(1.0)
    )
    assert "the quotient a / b" in found.sentences[0]
    found = analysed(
        lambda c, x: c[0] * c[1] ** 2 * x + 0 * c[2], 2.0 * X, c=positive([1.0, 1.0, 1])
    )
    assert found.labels == ("c[0]", "c[1]", "c[2]")
    pair, lone = found.sentences
    assert "log c[0] + 2 log c[1], the power law c[0]^1 * c[1]^2." in pair
    assert lone == "c[2] is undetermined: no condition says anything about it."


def test_a_sum_is_said_in_the_units_of_the_user():
    found = analysed(
        lambda a, b, idle, x: (a + 2 * b) * x, 2.0 * X, a=4.0, b=0.1, idle=1.0
    )
    assert verdicts(found) == ["undetermined", "undetermined", "determined"]
    pair, lone = found.sentences
    assert "the data fix only a + 2 b." in pair
    assert "along a - 0.5 b." in pair
    assert lone.startswith("idle is undetermined")
    assert found.undetermined == ("a", "b", "idle")


def test_what_is_determined_is_said_to_be():
    found = analysed(lambda a, b, x: a + b * x, 1.0 + 2.0 * X, a=1.0, b=positive(1.0))
    assert found.identifiable and found.undetermined == found.poor == ()
    assert found.sentences == ("The data determine every unknown.",)
    # Orthonormal, and with the errors of the covariance in these coordinates.
    rows = np.array([c.coefficients for c in found.combinations])
    np.testing.assert_allclose(rows @ rows.T, np.eye(2), atol=1e-12)
    design = np.stack([np.ones_like(X), 2.0 * X], axis=1)
    values = np.linalg.eigvalsh(1e-4 * np.linalg.inv(design.T @ design))
    found_std = [c.std for c in found.combinations]
    np.testing.assert_allclose(found_std, np.sqrt(values[::-1]), rtol=1e-6)


def test_a_nearly_flat_direction_is_poorly_determined():
    # Two rates that differ by a percent: their sum is known, their difference is not.
    def rows(k, m, x):
        return jnp.exp(-k * x) + jnp.exp(-m * x)

    values = np.exp(-X) + np.exp(-1.01 * X)
    options = {"k": positive(0.99), "m": positive(1.02)}
    found = analysed(rows, values, sigma=0.01, newton=0, **options)
    assert verdicts(found) == ["poorly determined", "determined"]
    assert found.poor == ("k", "m") and not found.identifiable
    assert "more or better data" in found.sentences[0]
    c = found.combinations[0].coefficients
    assert c[0] == pytest.approx(-c[1], rel=0.1)
    sharp = analysed(rows, values, sigma=1e-5, newton=6, **options)
    assert sharp.identifiable


def test_a_bounded_unknown_is_measured_by_its_range():
    found = analysed(
        lambda c, x: c + 0 * x, 0 * X + 3.0, c=ps.Unknown(2.0, lower=1.0, upper=6.0)
    )
    (only,) = found.combinations
    assert only.std == pytest.approx(0.01 / np.sqrt(X.size) / 5.0, rel=1e-6)


def diffusion(pde, weight=100, **unknowns):
    """An equation for exp(-0.3 pi^2 t) sin(pi x), and noisy values of that."""
    domain, nodes = ps.Box(x=(0, 1), t=(0, 0.5)), ps.GaussLegendre()
    rng = np.random.default_rng(0)
    xs, ts = rng.uniform(0, 1, 30), rng.uniform(0, 0.5, 30)
    us = np.exp(-0.3 * np.pi**2 * ts) * np.sin(np.pi * xs)
    problem = ps.Problem(
        pde=ps.Residual(pde, domain.points(64, nodes), weight=weight),
        probes=ps.Data(
            "u", ps.Points(x=xs, t=ts), us + 0.01 * rng.normal(size=30), sigma=0.01
        ),
    )
    network = ps.Constrained(
        ps.MLP(domain, "u", width=8, depth=1, key=jr.key(1)),
        lambda u, x, t: jnp.sin(jnp.pi * x) * (1 + t * u),
    )
    model = ps.Model(network, **unknowns)
    return ps.solve(problem, model, key=jr.key(2), steps=120, progress=False)


@pytest.mark.long
def test_a_product_in_an_equation_is_found_through_the_network():
    solution = diffusion(
        lambda u, a, b, c, x, t: u.t(x, t) - a * b * u.xx(x, t) + 0 * c,
        a=positive(0.5),
        b=positive(0.5),
        c=1.0,
    )
    found = solution.identifiability()
    assert found.undetermined == ("a", "b", "c") and found.poor == ()
    pair, lone = found.sentences
    assert "the product a * b" in pair and lone.startswith("c is undetermined")
    for name in "abc":
        assert np.isinf(solution.std(name))
    assert solution.interval("a", 0.95) == (0.0, np.inf)
    assert np.isinf(np.diag(solution.covariance("a", "b").matrix)).all()
    assert np.isnan(solution.covariance().correlation).all()
    # The product is as well known as the one unknown of the usual problem, and the
    # field does not suffer from what it does not depend on.
    known = found.combinations[-1]
    assert known.std * 2**0.5 < 0.02
    assert np.isfinite(solution.u.std(x=0.5, t=[0.1, 0.4])).all()
    assert float(solution.a * solution.b) == pytest.approx(0.3, rel=0.05)


def test_what_only_the_leftover_of_the_equation_decides_is_undetermined():
    # One mode: u_xx = -pi^2 u, so that only pi^2 k - c can be known. The network meets
    # that to some digits, and these digits must not pass for knowledge of k and c.
    solution = diffusion(
        lambda u, k, c, x, t: u.t(x, t) - k * u.xx(x, t) - c * u(x, t), k=0.4, c=1.0
    )
    found = solution.identifiability()
    first = found.combinations[0]
    assert first.verdict != "determined", str(found)
    assert first.std > 0.5 and {*found.undetermined, *found.poor} == {"k", "c"}
    # What is known is known all the same, beside a k and a c that are wrong.
    assert found.combinations[-1].std < 0.05
    known = np.pi**2 * float(solution.k) - float(solution.c)
    assert known == pytest.approx(0.3 * np.pi**2, rel=0.05)

"""Problems in SI units are as easy as those of order one, and units are kept."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pint
import pytest
from bad_input import cases, refused

import pinnsven as ps
from pinnsven.conditions import Balanced


Q = pint.get_application_registry()
NODES = ps.GaussLegendre()


def bar(length, seconds, alpha, low, span):
    """Heat in a bar, from a sine."""
    domain = ps.Box(x=(0, length), t=(0, seconds))
    first = lambda x: low + span * jnp.sin(jnp.pi * x / length)
    problem = ps.Problem(
        pde=ps.Residual(
            lambda u, x, t: u.t(x, t) - alpha * u.xx(x, t), domain.points(64, NODES)
        ),
        start=ps.Dirichlet("u", first, domain.at(t=0).points(8, NODES)),
        walls=ps.Dirichlet("u", low, domain.boundary("x").points(16, NODES)),
    )
    model = ps.Model(ps.MLP(domain, "u", width=10, depth=1, key=jr.key(0)))
    return problem, model


def test_the_choice_of_units_does_not_matter():
    rows = []
    # The same bar: metres, seconds and kelvin; millimetres, hours and millikelvin.
    for units in [
        (0.1, 360.0, 1.2e-5, 290.0, 510.0),
        (100.0, 0.1, 1.2e-5 * 1e6 * 3600, 290e3, 510e3),
    ]:
        problem, model = bar(*units)
        problem, model = ps.nondimensionalise(problem, model)
        bound = problem.bind(model)
        rows.append(bound.residuals(jr.key(1))(bound.theta))
    # Equal rows of equal weights: every step is the same.
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-8, atol=1e-10)
    assert 0.1 < float(jnp.linalg.norm(rows[0])) < 10.0


def test_a_long_bar_with_a_strong_source():
    length, k, source = 100.0, 45.0, 1e7
    domain = ps.Box(x=(0, length))
    problem = ps.Problem(
        pde=ps.Residual(
            lambda u, x: k * u.xx(x) + source * jnp.exp(x / length),
            domain.points(30, NODES),
        ),
        walls=ps.Dirichlet("u", 0.0, domain.boundary().points(2)),
    )
    model = ps.Model(ps.MLP(domain, "u", width=16, depth=1, key=jr.key(0)))
    problem, model = ps.nondimensionalise(problem, model)
    solution = ps.solve(problem, model, key=jr.key(1), steps=150, progress=False)
    x = np.linspace(0, length, 51)
    shape = 1 + (np.e - 1) * x / length - np.exp(x / length)
    exact = source * length**2 / k * shape
    assert ps.relative_l2(solution.u(x=x), exact) < 1e-9
    # Reports are in W/m^3: at the start the source itself, with little beside it.
    first = solution.history.unseen["pde"][0]
    mean_square = source**2 * (np.e**2 - 1) / 2
    assert 0.3 < first / np.sqrt(mean_square) < 3.0


def network(domain, fields="u"):
    return ps.MLP(domain, fields, width=4, depth=1, key=jr.key(0))


def driven(length, k, q, low=0.0):
    domain = ps.Box(x=(0, length))
    problem = ps.Problem(
        pde=ps.Residual(lambda u, x: k * u.xx(x) - q, domain.points(32, NODES)),
        walls=ps.Dirichlet("u", low, domain.boundary().points(2)),
    )
    return problem, ps.Model(network(domain))


def test_scales_by_hand():
    found = ps.scales(*driven(100.0, 45.0, 1e7, low=300.0))
    offset, scale = found.fields["u"]
    assert offset == 300.0
    np.testing.assert_allclose(scale, 1e7 * 100.0**2 / 4 / 45.0, rtol=0.2)
    # The source and a quarter of it, in quadrature.
    np.testing.assert_allclose(found.rows["pde"][0], 1e7 * np.sqrt(2), rtol=0.3)
    np.testing.assert_allclose(found.rows["walls"][0], scale, rtol=0.3)
    assert "u = 300 + " in str(found) and "pde: rows of" in str(found)


def test_a_field_with_values_has_their_range():
    domain = ps.Box(x=(0, 1))
    for values, wanted in [
        ([290.0, 800.0], (545.0, 255.0)),
        ([-3.0, 50.0], (0.0, 50.0)),
        ([0.0, 1e3], (0.0, 1e3)),
    ]:
        data = ps.Data("u", ps.Points(x=[0.0, 1.0]), values, sigma=0.1)
        found = ps.scales(ps.Problem(data=data), ps.Model(network(domain)))
        np.testing.assert_allclose(found.fields["u"], wanted, rtol=1e-12)


def test_radiation_balances_its_source():
    domain = ps.Box(x=(0, 1))
    pde = ps.Residual(lambda T, x: 5.67e-8 * T(x) ** 4 - 1e3, domain.points(8))
    found = ps.scales(ps.Problem(pde=pde), ps.Model(network(domain, "T")))
    np.testing.assert_allclose(found.fields["T"][1], (1e3 / 5.67e-8) ** 0.25, rtol=0.3)


def test_rows_of_unknowns_alone_have_a_scale():
    problem = ps.Problem(law=ps.Residual(lambda k, t: k - 4 * t, ps.Points(t=[1.0])))
    found = ps.scales(problem, ps.Model(k=1.0))
    np.testing.assert_allclose(found.rows["law"], 3.0 * np.sqrt(2))


def test_what_is_of_order_one_is_returned_as_it_is():
    problem, model = driven(1.0, 1.0, 1.0)
    same, same_model = ps.nondimensionalise(problem, model, u=1.0)
    assert same is problem and same_model is model


def test_an_unknown_that_starts_at_zero_is_spoken_of():
    problem, model = driven(100.0, 45.0, 1e7)
    start = lambda unknown: ps.Model(*model.networks, k=unknown)
    with pytest.warns(UserWarning, match="k starts at 0 .* scale=1e-6"):
        ps.nondimensionalise(problem, start(ps.Unknown(0.0)))
    told = start(ps.Unknown([0.0, 1.0], scale=1e-6))
    assert "starts at" not in str(ps.scales(problem, told))
    ps.nondimensionalise(problem, told)


def test_your_own_scales_win():
    problem, model = driven(100.0, 45.0, 1e7)
    net = ps.nondimensionalise(problem, model, u=5.0)[1].networks[0]
    assert (net.offsets, net.scales) == ((0.0,), (5.0,))
    net = ps.nondimensionalise(problem, model, u=(300.0, 50.0))[1].networks[0]
    assert (net.offsets, net.scales) == ((300.0,), (50.0,))


def test_hard_conditions_still_hold():
    domain = ps.Box(x=(0, 4.0))
    net = ps.Constrained(network(domain, "w"), lambda w, x: 7.0 + x**2 * w)
    pde = ps.Residual(lambda w, x: 1.7e6 * w.xxxx(x) - 1.2e7, domain.points(16, NODES))
    model = ps.nondimensionalise(ps.Problem(pde=pde), ps.Model(net))[1]
    assert float(model.field("w")(0.0)) == 7.0
    assert float(model.field("w").d("x")(0.0)) == 0.0
    # x**2 is 5.3 on average over the bar, its root mean square 7.2.
    scale = ps.scales(ps.Problem(pde=pde), ps.Model(net)).fields["w"][1]
    np.testing.assert_allclose(
        model.networks[0].network.scales[0], scale / 7.2, rtol=0.2
    )


def test_components_are_balanced_and_sigma_is_kept():
    domain = ps.Box(x=(0, 0.02))
    pair = lambda u, p, x: (1e3 * u(x) * u.x(x) + p.x(x), u.x(x))
    where = ps.Points(x=[0.0, 0.01])
    problem = ps.Problem(
        flow=ps.Residual(pair, domain.points(8)),
        u=ps.Data("u", where, [0.1, 0.3], sigma=0.01, weight=3.0),
        p=ps.Data("p", where, [0.0, 90.0], sigma=1.0),
    )
    model = ps.Model(network(domain, "u p"))
    found = ps.scales(problem, model)
    scaled = ps.nondimensionalise(problem, model)[0].conditions
    first, second = found.rows["flow"]
    assert isinstance(scaled["flow"], Balanced)
    np.testing.assert_allclose(scaled["flow"].factors, (1.0, first / second))
    np.testing.assert_allclose(scaled["flow"].weight, first**-2)
    np.testing.assert_allclose(scaled["u"].weight, 3.0 * scaled["p"].weight)
    assert scaled["u"].sigma_mean == problem.conditions["u"].sigma_mean


@cases(
    (ps.UnknownNameError, ["'w'", "no field", "'u'"], {"w": 1.0}),
    (ps.BoundsError, ["scale of 'u' is -1.0"], {"u": -1.0}),
    (ps.BoundsError, ["(1.0, 2.0, 3.0)"], {"u": (1.0, 2.0, 3.0)}),
)
def test_bad_scales(error, words, make, unchecked_types):
    problem, model = driven(1.0, 1.0, 1.0)
    refused(error, words, lambda: ps.scales(problem, model, **make))


def test_scaling_twice_is_refused(unchecked_types):
    problem, model = ps.nondimensionalise(*driven(100.0, 45.0, 1e7))
    again = lambda: ps.nondimensionalise(problem, model)
    refused(ps.PinnsvenError, ["scaled already"], again)


def in_units(pde, value=None, points=None):
    domain = ps.Box(x=(0 * Q.cm, 10 * Q.cm), t=(0, 6 * Q.minute))
    problem = ps.Problem(
        pde=ps.Residual(pde, domain.points(8)),
        walls=ps.Dirichlet(
            "u",
            ps.si(20, "degC") if value is None else value,
            domain.boundary("x").points(4),
        ),
        probes=ps.Data(
            "u",
            points or ps.Points(x=[2.0, 5.0] * Q.cm, t=1 * Q.minute),
            Q.Quantity([20.0, 30.0], "degC"),
            sigma=Q.Quantity(0.5, "delta_degC"),
        ),
    )
    start = ps.Unknown(10 * Q.mm**2 / Q.s, positive=True)
    return problem, ps.Model(network(domain), D=start)


def heat(u, D, x, t):
    k, c = ps.si("45 W/m/K"), ps.si("3.7 MJ/m^3/K")
    source = ps.si("1 MW/m^3") * jnp.exp(-ps.si("500 K") / u(x, t))
    return c * u.t(x, t) - (k + c * D) * u.xx(x, t) - source


UNITS = ps.Units(x="cm", t="min", u="degC", D="mm^2/s")


def test_quantities_become_si_numbers():
    problem, model = in_units(heat)
    data, walls = problem.conditions["probes"], problem.conditions["walls"]
    assert model.bounds("u") == {"x": (0.0, 0.1), "t": (0.0, 360.0)}
    np.testing.assert_allclose(data.points.coordinates["x"], [0.02, 0.05], rtol=1e-15)
    np.testing.assert_allclose(data.values, [293.15, 303.15], rtol=1e-15)
    assert data.sigma.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(model.unknowns["D"].value, 1e-5, rtol=1e-14)
    assert float(walls.target.value) == 293.15
    other = pint.UnitRegistry()
    assert float(ps.si(2 * other.km)) == 2000.0
    a = ps.si("45 W/m/K") / (ps.si(7800, "kg/m^3") * ps.si("480 J/kg/K"))
    np.testing.assert_allclose(float(2 * a - a), 45 / 7800 / 480, rtol=1e-14)
    np.testing.assert_allclose(np.ones(2) * ps.si("2 cm"), [0.02, 0.02], rtol=1e-15)


def test_dimensions_of_every_row():
    found = UNITS.check(*in_units(heat))
    assert found == {"pde": "kg/m/s³", "walls": "K", "probes": "K"}


@cases(
    (
        ps.PinnsvenError,
        ["'pde'", "unit of length"],
        (lambda u, D, x, t: u.t(x, t) - D * u.x(x, t),),
    ),
    (
        ps.PinnsvenError,
        ["'pde'", "unit of temperature"],
        (lambda u, D, x, t: u.t(x, t) * jnp.exp(u(x, t) / 300.0),),
    ),
    (ps.PinnsvenError, ["'walls'", "plain number"], (heat, 300.0)),
    (
        ps.PinnsvenError,
        ["'probes' gives 'x' in s", "declared in cm"],
        (heat, None, ps.Points(x=[0.02, 0.05] * Q.s, t=1 * Q.minute)),
    ),
)
def test_wrong_dimensions_are_found(error, words, make, unchecked_types):
    refused(error, words, lambda: UNITS.check(*in_units(*make)))


def test_results_have_the_declared_units():
    problem, model = ps.nondimensionalise(*in_units(heat))
    solution = ps.solve(problem, model, key=jr.key(1), steps=1, progress=False)
    lab = solution.in_units(UNITS)
    plain = solution.u(x=0.05, t=120.0)
    got = lab.u(x=5, t=120 * Q.s)
    assert str(got.units) == "degree_Celsius"
    np.testing.assert_allclose(got.magnitude, plain - 273.15, rtol=1e-12)
    slope = lab.u.xt(x=5 * Q.cm, t=2.0)
    np.testing.assert_allclose(
        slope.magnitude, solution.u.xt(x=0.05, t=120.0) * 0.6, rtol=1e-12
    )
    assert str(slope.units) == "delta_degree_Celsius / centimeter / minute"
    np.testing.assert_allclose(lab.D.to("m^2/s").magnitude, solution.D, rtol=1e-12)
    np.testing.assert_allclose(
        lab.std("D").magnitude, 1e6 * solution.std("D"), rtol=1e-12
    )
    assert lab.result is solution.result
    with pytest.raises(ps.PinnsvenError, match="'x' is given in second"):
        lab.u(x=1 * Q.s, t=1)


@cases(
    (ps.PinnsvenError, ["'3 foo'", "W/m/K"], lambda: ps.si("3 foo")),
    (ps.PinnsvenError, ["unit of 'x' is 'blub'"], lambda: ps.Units(x="blub")),
    (ps.PinnsvenError, ["1.0 do not go"], lambda: ps.si("3 m") + 1.0),
    (
        ps.BoundsError,
        ["degree_Celsius", "delta_degC"],
        lambda: ps.Data("u", ps.Points(x=[0.0]), [1.0], sigma=Q.Quantity(0.1, "degC")),
    ),
    (
        ps.UnknownNameError,
        ["declared for 'D'", "'x'"],
        lambda: ps.Units(x="cm", t="s", u="K").check(*in_units(heat)),
    ),
)
def test_bad_units(error, words, make, unchecked_types):
    refused(error, words, make)


def test_dimensions_of_faces_integrals_and_measurements():
    bar = ps.Box(x=(0, 0.1), t=(0, 360))
    k, h, outside = ps.si("45 W/m/K"), ps.si("10 W/m^2/K"), ps.si("293 K")
    ends = bar.boundary("x").points(4)
    problem = ps.Problem(
        robin=ps.Robin("u", h, k, lambda: h * outside, ends),
        ends=ps.Periodic("u", ends),
        mean=ps.Integral(
            lambda u, x, t: u(x, t),
            ps.Box(x=(0, 0.1)).points(4),
            value=ps.si("30 K*m"),
            points=ps.Box(t=(0, 360)).points(4),
        ),
        volts=ps.Data(
            lambda u, g, x, t: g * u(x, t),
            ps.Points(x=[0.05], t=[1.0]),
            [3.0] * Q.mV,
            sigma=0.1 * Q.mV,
        ),
    )
    units = ps.Units(x="cm", t="min", u="degC", g="mV/K")
    found = units.check(problem, ps.Model(network(bar), g=0.01))
    assert found == {
        "robin": "kg/s³",
        "ends": "K, K/m",
        "mean": "K·m",
        "volts": "kg·m²/A/s³",
    }


def reaction(f=lambda y, k: -k * y, start="2 mol/m^3", values="mol/m^3", observe=None):
    data = Q.Quantity([1.0, 0.5], values)
    return ps.Trajectory(
        f, dict(y=ps.si(start)), [1.0, 2.0] * Q.minute, data, observe=observe
    )


def checked(condition):
    units = ps.Units(y="mol/l", t="min", k="1/min", u="K", x="m")
    # Without a field no scales are needed, and nothing is integrated.
    nets = [] if isinstance(condition, ps.Trajectory) else [network(ps.Box(x=(0, 1)))]
    return units.check(ps.Problem(it=condition), ps.Model(*nets, k=1.0))["it"]


def test_dimensions_of_a_trajectory():
    seen = reaction(observe=lambda y: y**2, values="mol^2/m^6")
    assert checked(seen) == "mol²/m⁶"


WALL = ps.Box(x=(0, 1)).boundary().points(2)


@cases(
    (ps.PinnsvenError, ["slope of 'y'"], lambda: reaction(lambda y, k: -k * y**2)),
    (ps.PinnsvenError, ["start of 'y' in K"], lambda: reaction(start="2 K")),
    (ps.PinnsvenError, ["values in mol", "mol/m³"], lambda: reaction(values="mol")),
    (
        ps.PinnsvenError,
        ["'it'", "plain number"],
        lambda: ps.Integral(lambda u, x: u(x), ps.Box(x=(0, 1)).points(4), value=1.0),
    ),
    (ps.PinnsvenError, ["unit of length"], lambda: ps.Robin("u", 1.0, 2.0, 0.0, WALL)),
    (
        ps.PinnsvenError,
        ["unit of temperature"],
        lambda: ps.Inequality(lambda u, x: u(x) - 1.0, WALL),
    ),
    (
        ps.PinnsvenError,
        ["`sigma` in s", "is in K"],
        lambda: ps.Data("u", ps.Points(x=[0.1]), [1.0], sigma=Q.Quantity(0.1, "s")),
    ),
)
def test_wrong_dimensions_beyond_equations(error, words, make, unchecked_types):
    refused(error, words, lambda: checked(make()))


def test_an_integral_over_unlike_parts_is_refused():
    box = ps.Box(x=(0, 1), t=(0, 1))
    condition = ps.Integral(lambda u, x: u(x), box.boundary().points(8))
    with pytest.raises(ps.PinnsvenError, match="of different dimension"):
        checked(condition)

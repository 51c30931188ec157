"""Wrong residuals, names and problems; run-time type checks are off as for users."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused

import pinnsven as ps


BOX = ps.Box(x=(-1, 1), t=(0, 1))
INSIDE = BOX.points(8)
WALLS = BOX.boundary("x").points(8)
XS = np.linspace(-1.0, 1.0, 5)
OWN = ps.Points(x=XS, t=0.5)
mlp = lambda *args: ps.MLP(*args, width=3, depth=1, key=jr.key(0))
NET = ps.MLP(BOX, "u", width=3, depth=1, key=jr.key(0))
TWO = ps.MLP(BOX, "u v", width=3, depth=1, key=jr.key(0))
MODEL = ps.Model(NET, nu=ps.Unknown(0.1))


pytestmark = pytest.mark.usefixtures("unchecked_types")


pde = lambda u, x, t: u.t(x, t)


@cases(
    (ps.PinnsvenError, ["got ndarray", "ps.Points"], lambda: ps.Data("u", XS, XS)),
    (ps.PinnsvenError, ["got RegionPoints"], lambda: ps.Data("u", INSIDE, XS)),
    (ps.PinnsvenError, ["got str"], lambda: ps.Data(OWN, "u", XS)),
    (
        ps.PinnsvenError,
        ["`Data` needs a function"],
        lambda: ps.Data(NET.fields, OWN, XS),
    ),
    (ps.ShapeError, ["(5, 1)", "(5,)"], lambda: ps.Data("u", OWN, XS[:, None])),
    (ps.ShapeError, ["(2,)"], lambda: ps.Data("u", OWN, [0.0, 1.0])),
    (ps.ShapeError, ["()"], lambda: ps.Data("u", OWN, 0.0)),
    (
        ps.NonFiniteError,
        ["Data values", "1 entries"],
        lambda: ps.Data("u", OWN, [0, 0, jnp.nan, 0, 0]),
    ),
    (ps.DtypeError, ["Data values", "int64"], lambda: ps.Data("u", OWN, np.arange(5))),
    (ps.BoundsError, ["`sigma`"], lambda: ps.Data("u", OWN, XS, sigma=0.0)),
    (ps.BoundsError, ["positive"], lambda: ps.Data("u", OWN, XS, sigma=-XS)),
    (
        ps.ShapeError,
        ["(2,)", "`sigma`"],
        lambda: ps.Data("u", OWN, XS, sigma=[1.0, 2.0]),
    ),
    (
        ps.NonFiniteError,
        ["NaN", "`sigma`"],
        lambda: ps.Data("u", OWN, XS, sigma=jnp.nan),
    ),
)
def test_data(error, words, make):
    refused(error, words, make)


def bound(condition, model=MODEL):
    return ps.Problem(law=condition).bind(model)


def law(fn, points=INSIDE):
    return lambda: bound(ps.Residual(fn, points))


def no_return(u, x, t):
    u.t(x, t)


@cases(
    (
        ps.UnknownNameError,
        ["'law'", "'w'", "'u'", "'nu'", "'x', 't'"],
        law(lambda u, w, x, t: u(x, t)),
    ),
    (ps.UnknownNameError, ["'y'"], law(lambda u, x, y: u(x, y))),
    (ps.UnknownNameError, ["'law'", "'t'"], law(pde, ps.Box(x=(-1, 1)).points(4))),
    (ps.UnknownNameError, ["'normal'"], law(lambda u, x, t, normal: u(x, t))),
    (ps.UnknownNameError, ["default for 't'"], law(lambda u, x, t=0: u(x, t))),
    (ps.UnknownNameError, ["no field and no"], law(lambda x, t: x * t)),
    (
        ps.UnknownNameError,
        ["'law'", "'k'", "'u'"],
        lambda: bound(ps.Dirichlet("k", 0.0, INSIDE)),
    ),
    (
        ps.UnknownNameError,
        ["field 'nu'"],
        lambda: bound(ps.Dirichlet("nu", 0.0, INSIDE)),
    ),
    (
        ps.UnknownNameError,
        ["also needs 't'"],
        lambda: bound(ps.Dirichlet("u", 0.0, ps.Points(x=XS))),
    ),
    (
        ps.UnknownNameError,
        ["'theta'"],
        lambda: bound(ps.Dirichlet("u", lambda theta: theta, INSIDE)),
    ),
    (
        ps.UnknownNameError,
        ["is a coordinate of its points"],
        lambda: bound(
            ps.Residual(lambda u, x, t: u(x, t), ps.Points(x=XS, t=0.5, nu=1.0))
        ),
    ),
    (
        ps.UnknownNameError,
        ["does not depend on 'y'"],
        lambda: bound(
            ps.Neumann(
                "u", 0.0, ps.Box(x=(0, 1), t=(0, 1), y=(0, 1)).boundary("y").points(6)
            )
        ),
    ),
    (
        ps.UnknownNameError,
        ["depend on 'y'", "'law'"],
        lambda: bound(
            ps.Periodic(
                "u",
                ps.Box(x=(0, 1), t=(0, 1), y=(0, 1)).boundary("y").points(6),
                order=0,
            )
        ),
    ),
    (
        ps.BoundsError,
        ["'law'", "outside", "'t'", "units"],
        lambda: bound(ps.Data("u", ps.Points(x=0.0, t=[0.1, 5.0]), [0.0, 0.0])),
    ),
    (
        ps.BoundsError,
        ["'x'", "-1 to 1"],
        law(pde, ps.Box(x=(0, 2), t=(0, 1)).points(4)),
    ),
)
def test_names_are_refused_before_anything_is_compiled(error, words, make):
    refused(error, words, make)


@cases(
    (ps.ShapeError, ["'law' returns NoneType", "`return`"], law(no_return)),
    (ps.ShapeError, ["(1, 1)", "'law'"], law(lambda u, x, t: u(x, t).reshape(1, 1))),
    (ps.ShapeError, ["shape (0,)"], law(lambda u, x, t: jnp.zeros(0) * u(x, t))),
    (ps.ShapeError, ["dict"], law(lambda u, x, t: {"a": u(x, t)})),
    (ps.ShapeError, ["nothing"], law(lambda u, x, t: ())),
    (
        ps.ShapeError,
        ["shape (), shape (2,)"],
        law(lambda u, x, t: (u(x, t), jnp.zeros(2))),
    ),
    (ps.DtypeError, ["int64"], law(lambda u, x, t: 0)),
    (ps.DtypeError, ["bool"], law(lambda u, x, t: u(x, t) > 0)),
    (ps.DtypeError, ["complex128", "two parts"], law(lambda u, x, t: u(x, t) * 1j)),
    (ps.DtypeError, ["float32"], law(lambda u, x, t: u(x, t).astype(jnp.float32))),
    (ps.PinnsvenError, ["'law' uses a field"], law(lambda u, x, t: u.t)),
    (ps.PinnsvenError, ["not called"], law(lambda u, x, t: u.t + u.xx)),
    (ps.PinnsvenError, ["u(x, t)"], law(lambda u, x, t: jnp.sin(u))),
    (ps.PinnsvenError, ["`numpy`", "'law'"], law(lambda u, x, t: np.sin(x) * u(x, t))),
    (ps.PinnsvenError, ["jnp.where"], law(lambda u, x, t: u(x, t) if x > 0 else 0.0)),
    (ps.PinnsvenError, ["jnp.sin(x)"], law(lambda u, x, t: float(x) * u(x, t))),
    (
        ps.ShapeError,
        ["'law'", "ONE point", "(3,)"],
        law(lambda u, x, t: u(jnp.zeros(3), t)),
    ),
    (ps.UnknownNameError, ["'law'", "called with 'x'"], law(lambda u, x, t: u(x))),
    (ps.ShapeError, ["3 positional"], law(lambda u, x, t: u(x, t, t))),
    (ps.UnknownNameError, ["'x', 't', 'y'"], law(lambda u, x, t: u(x, t, y=0))),
    (ps.UnknownNameError, ["no coordinate 'y'"], law(lambda u, x, t: u.d("y")(x, t))),
    (ps.UnknownNameError, ["in quotes"], law(lambda u, x, t: u.d(x)(x, t))),
    (
        ps.PinnsvenError,
        ["`laplacian`", "'law'"],
        law(lambda u, x, t: ps.laplacian(u(x, t))),
    ),
    (
        ps.PinnsvenError,
        ["`d`", "function"],
        law(lambda u, x, t: ps.d(lambda x: x, "x")(x)),
    ),
    (
        ps.ShapeError,
        ["2 components for 1"],
        law(lambda u, x, t: ps.divergence((u, u), "x")(x, t)),
    ),
    (
        ps.ShapeError,
        ["(2,)", "`Dirichlet` of 'u'"],
        lambda: bound(ps.Dirichlet("u", lambda x: jnp.stack([x, x]), INSIDE)),
    ),
    (
        ps.ShapeError,
        ["(1,)", "measurement"],
        lambda: bound(ps.Data(lambda u, x, t: u(x, t)[None], OWN, XS)),
    ),
)
def test_residuals_that_return_the_wrong_thing(error, words, make):
    refused(error, words, make)


def test_a_derivative_that_does_not_exist_is_named_with_its_condition():
    with pytest.raises(ps.UnknownNameError, match="'law'.*no derivative 'z'"):
        bound(ps.Residual(lambda u, x, t: u.z(x, t), INSIDE))
    assert not hasattr(MODEL.field("u"), "z")


def test_errors_of_the_users_own_code_carry_a_note():
    with pytest.raises(IndexError) as caught:
        bound(ps.Residual(lambda u, x, t: u(x, t)[0], INSIDE))
    assert "'law'" in caught.value.__notes__[-1]


def test_precision_that_is_switched_on_too_late_is_refused():
    with jax.enable_x64(False):
        model = ps.Model(mlp(BOX, "u"))
        early = ps.Data("u", ps.Points(x=XS, t=0.5), list(XS))
    with pytest.raises(ps.DtypeError, match="float32.*float64.*enable_x64"):
        bound(ps.Residual(pde, INSIDE), model)
    with pytest.raises(ps.DtypeError, match="'law'.*float32"):
        bound(early)


@pytest.mark.parametrize("limits", [{}, {"positive": True}, {"lower": 0, "upper": 1}])
def test_everything_works_in_float32_too(limits):
    with jax.enable_x64(False):
        model = ps.Model(mlp(BOX, "u"), nu=ps.Unknown(0.1, **limits))
        problem = ps.Problem(
            pde=ps.Residual(lambda u, nu, x, t: u.t(x, 0) - nu * u.xx(x, t), INSIDE),
            walls=ps.Neumann("u", 0, WALLS),
            data=ps.Data("u", ps.Points(x=XS, t=0.5), np.zeros(5), sigma=np.ones(5)),
        ).bind(model)
        residuals = problem.residuals(jr.key(1))
        assert residuals(problem.theta).dtype == jnp.float32
        assert residuals.linearise(problem.theta)[1].dtype == jnp.float32


@cases(
    (ps.PinnsvenError, ["at least one condition"], lambda: ps.Problem()),
    (ps.PinnsvenError, ["the class Residual"], lambda: ps.Problem(pde=ps.Residual)),
    (ps.PinnsvenError, ["by keyword"], lambda: ps.Problem(ps.Residual(pde, INSIDE))),
    (ps.PinnsvenError, ["'pde' is []"], lambda: ps.Problem(pde=[])),
    (ps.PinnsvenError, ["'pde' is <function"], lambda: ps.Problem(pde=pde)),
    (
        ps.PinnsvenError,
        ["got MLP", "ps.Model"],
        lambda: bound(ps.Residual(pde, INSIDE), NET),
    ),
    (
        ps.PinnsvenError,
        ["no floating array"],
        lambda: bound(
            ps.Residual(pde, INSIDE), ps.Model(ps.Field(lambda z: z[0], BOX, "u"))
        ),
    ),
    (
        ps.PinnsvenError,
        ["key of the points is 0"],
        lambda: bound(ps.Residual(pde, INSIDE)).draw(0),
    ),
)
def test_problems(error, words, make):
    refused(error, words, make)


@cases(
    (ps.PinnsvenError, ["`*z`", "by name"], lambda: ps.field(lambda *z: z[0])),
    (ps.PinnsvenError, ["needs a function"], lambda: ps.field(3.0)),
    (ps.ShapeError, ["(2,)"], lambda: ps.field(lambda x: jnp.array([x, x]))(1.0)),
    (ps.ShapeError, ["complex"], lambda: ps.field(lambda x: x)(1j)),
    (
        ps.UnknownNameError,
        ["'x', 'y'", "'x', 't'"],
        lambda: ps.divergence(
            (ps.field(lambda x, y: x), ps.field(lambda x, t: x)), "x", "x"
        ),
    ),
)
def test_fields(error, words, make):
    refused(error, words, make)


def test_a_model_that_starts_outside_its_domain_is_named_before_the_first_step():
    log = ps.Residual(lambda u, x, t: jnp.log(x) * u(x, t), INSIDE)
    with pytest.raises(ps.NonFiniteError, match="'singular' is not finite at 4 of 8"):
        ps.solve(ps.Problem(singular=log), MODEL, key=jr.key(1), progress=False)

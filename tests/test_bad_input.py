"""What a user gets wrong, and whether the message says what and where.

The run-time type checks of the other tests are off here: users do not have them, so
the messages must be pinnsven's own.
"""

import equinox as eqx
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
NET = ps.MLP(BOX, "u", width=3, depth=1, key=jr.key(0))
TWO = ps.MLP(BOX, "u v", width=3, depth=1, key=jr.key(0))
MODEL = ps.Model(NET, nu=ps.Unknown(0.1))


pytestmark = pytest.mark.usefixtures("unchecked_types")


@cases(
    (ps.EmptyRegionError, ["`Box` needs named"], lambda: ps.Box()),
    (ps.EmptyRegionError, ["named coordinates"], lambda: ps.Box((-1, 1), (0, 1))),
    (ps.BoundsError, ["'x'", "1.0", "0.0", "below"], lambda: ps.Box(x=(1, 0))),
    (ps.BoundsError, ["'y' of `Box` runs from 1.0 to 1.0"], lambda: ps.Box(y=(1, 1))),
    (ps.BoundsError, ["nan"], lambda: ps.Box(x=(0, jnp.nan))),
    (ps.BoundsError, ["'x' of `Box` is 1", "(low, high)"], lambda: ps.Box(x=1)),
    (ps.BoundsError, ["(0, 1, 2)"], lambda: ps.Box(x=(0, 1, 2))),
    (ps.BoundsError, ["('a', 'b')"], lambda: ps.Box(x=("a", "b"))),
    (ps.UnknownNameError, ["'d'", "derivative"], lambda: ps.Box(d=(0, 1))),
    (ps.UnknownNameError, ["'x y'"], lambda: ps.Box(**{"x y": (0, 1)})),
    (ps.UnknownNameError, ["'normal'", "outward"], lambda: ps.Points(normal=[1.0])),
    (ps.UnknownNameError, ["no coordinate 'y'", "'x', 't'"], lambda: BOX.at(y=0)),
    (ps.UnknownNameError, ["'z'", "'x', 't'"], lambda: BOX.boundary("z")),
    (ps.UnknownNameError, ["['x']"], lambda: BOX.boundary(["x"])),
    (ps.UnknownNameError, ["coordinate 0"], lambda: BOX.boundary(0)),
    (ps.BoundsError, ["at(t=2.0)", "0.0 to 1.0"], lambda: BOX.at(t=2)),
    (ps.BoundsError, ["at(t='0s')"], lambda: BOX.at(t="0s")),
    (ps.BoundsError, ["at(t=nan)"], lambda: BOX.at(t=jnp.nan)),
    (ps.EmptyRegionError, ["points(0)"], lambda: BOX.points(0)),
    (ps.EmptyRegionError, ["points(-3)"], lambda: BOX.points(-3)),
    (ps.EmptyRegionError, ["points(1000.0)"], lambda: BOX.points(1e3)),
    (ps.EmptyRegionError, ["points(True)"], lambda: BOX.points(True)),
    (ps.EmptyRegionError, ["points('20')"], lambda: BOX.points("20")),
    (ps.PinnsvenError, ["'sobol'", "ps.Sobol()"], lambda: BOX.points(9, "sobol")),
    (ps.PinnsvenError, ["Sobol'>", "ps.Sobol()"], lambda: BOX.points(9, ps.Sobol)),
    (ps.BoundsError, ["panels=0"], lambda: ps.GaussLegendre(panels=0)),
    (ps.BoundsError, ["panels=2.5"], lambda: ps.GaussLegendre(panels=2.5)),
)
def test_regions(error, words, make):
    refused(error, words, make)


@cases(
    (ps.EmptyRegionError, ["at least one coordinate"], lambda: ps.Points()),
    (ps.PinnsvenError, ["name of every"], lambda: ps.Points(XS, XS)),
    (ps.EmptyRegionError, ["no point"], lambda: ps.Points(x=[], t=[])),
    (ps.ShapeError, ["(5,)", "(2,)"], lambda: ps.Points(x=XS, t=[0.1, 0.2])),
    (ps.ShapeError, ["(5, 1)", "ravel"], lambda: ps.Points(x=XS[:, None])),
    (ps.NonFiniteError, ["'x'", "1 entries of 2"], lambda: ps.Points(x=[0.0, jnp.nan])),
    (ps.NonFiniteError, ["'t'"], lambda: ps.Points(x=0.0, t=[jnp.inf])),
    (ps.DtypeError, ["'x'", "int64", "astype"], lambda: ps.Points(x=np.arange(3))),
    (ps.DtypeError, ["float32"], lambda: ps.Points(x=XS.astype(np.float32))),
    (ps.DtypeError, ["float32", "'x'"], lambda: ps.Points(x=jnp.zeros(2, jnp.float32))),
    (ps.DtypeError, ["complex128"], lambda: ps.Points(x=XS + 0j)),
    (ps.ShapeError, ["'x'", "regular"], lambda: ps.Points(x=[[0.0], [0.0, 1.0]])),
    (ps.ShapeError, ["'x'", "'0.5'"], lambda: ps.Points(x="0.5")),
    (ps.ShapeError, ["'x'", "None"], lambda: ps.Points(x=None)),
    (ps.ShapeError, ["'x'", "number"], lambda: ps.Points(x=BOX)),
    (
        ps.NonFiniteError,
        ["masked", "'x'"],
        lambda: ps.Points(x=np.ma.masked_array(XS, XS > 0)),
    ),
)
def test_points(error, words, make):
    refused(error, words, make)


def mlp(*args, **options):
    return ps.MLP(*args, **({"width": 3, "depth": 1, "key": jr.key(0)} | options))


class Bad:
    def __call__(self, z):
        return z


@cases(
    (ps.PinnsvenError, ["`MLP` needs a domain", "'u'"], lambda: mlp("u", BOX)),
    (ps.PinnsvenError, ["got 2"], lambda: mlp(2, "u")),
    (ps.UnknownNameError, ["['u', 'v']"], lambda: mlp(BOX, ["u", "v"])),
    (ps.UnknownNameError, ["'u u'", "distinct"], lambda: mlp(BOX, "u u")),
    (ps.UnknownNameError, ["''"], lambda: mlp(BOX, "")),
    (ps.UnknownNameError, ["'lambda'"], lambda: mlp(BOX, "lambda")),
    (ps.UnknownNameError, ["'u+'"], lambda: mlp(BOX, "u+")),
    (ps.ShapeError, ["width=0"], lambda: mlp(BOX, "u", width=0)),
    (ps.ShapeError, ["width=20.0"], lambda: mlp(BOX, "u", width=20.0)),
    (ps.ShapeError, ["depth=0", "hidden"], lambda: mlp(BOX, "u", depth=0)),
    (
        ps.PinnsvenError,
        ["'tanh'", "jnp.tanh"],
        lambda: mlp(BOX, "u", activation="tanh"),
    ),
    (ps.PinnsvenError, ["each entry"], lambda: mlp(BOX, "u", activation=jnp.sum)),
    (ps.PinnsvenError, ["key of `MLP` is 0"], lambda: mlp(BOX, "u", key=0)),
    (ps.PinnsvenError, ["one random"], lambda: mlp(BOX, "u", key=jr.split(jr.key(0)))),
    (ps.ShapeError, ["(2,)", "'u'"], lambda: ps.Field(Bad(), BOX, "u")),
    (
        ps.ShapeError,
        ["fails", "'x', 't'"],
        lambda: ps.Field(lambda z: z[7:8].foo, BOX, "u"),
    ),
    (ps.PinnsvenError, ["can be called"], lambda: ps.Field(Bad, BOX, "u")),
    (ps.PinnsvenError, ["Box(", "called"], lambda: ps.Field(BOX, NET, "u")),
)
def test_networks(error, words, make):
    refused(error, words, make)


@cases(
    (
        ps.PinnsvenError,
        ["`Constrained` needs a network"],
        lambda: ps.Constrained(MODEL),
    ),
    (ps.PinnsvenError, ["no transform"], lambda: ps.Constrained(NET)),
    (ps.PinnsvenError, ["'u'", "function"], lambda: ps.Constrained(NET, "u")),
    (
        ps.UnknownNameError,
        ["'y'", "'x', 't'"],
        lambda: ps.Constrained(NET, lambda u, y: u),
    ),
    (ps.UnknownNameError, ["'w'", "'u'"], lambda: ps.Constrained(NET, w=lambda u: u)),
    (ps.PinnsvenError, ["'u', 'v'"], lambda: ps.Constrained(TWO, lambda u: u)),
    (
        ps.PinnsvenError,
        ["besides"],
        lambda: ps.Constrained(NET, lambda u: u, u=lambda u: u),
    ),
    (
        ps.UnknownNameError,
        ["default", "'x'"],
        lambda: ps.Constrained(NET, lambda u, x=0: u),
    ),
    (
        ps.PinnsvenError,
        ["`numpy`", "of 'u'"],
        lambda: ps.Constrained(NET, lambda u, x: np.sin(x) * u),
    ),
    (
        ps.ShapeError,
        ["(1,)", "of 'u'"],
        lambda: ps.Constrained(NET, lambda u: jnp.array([u])),
    ),
    (
        ps.PinnsvenError,
        ["*args"],
        lambda: ps.Constrained(NET, lambda *args: args[0]),
    ),
)
def test_hard_conditions(error, words, make):
    refused(error, words, make)


unknown = ps.Unknown


@cases(
    (ps.BoundsError, ["Unknown(-1.0)", "0.0"], lambda: unknown(-1.0, positive=True)),
    (ps.BoundsError, ["Unknown(0)"], lambda: unknown(0, positive=True)),
    (ps.BoundsError, ["Unknown(5)", "1.0"], lambda: unknown(5, lower=0, upper=1)),
    (ps.BoundsError, ["Unknown(1)"], lambda: unknown(1, lower=0, upper=1)),
    (ps.BoundsError, ["without bounds"], lambda: unknown(1, positive=True, scale=1)),
    (ps.BoundsError, ["`scale`", "-1"], lambda: unknown(0, scale=-1.0)),
    (ps.BoundsError, ["2.0 and 1.0", "below"], lambda: unknown(1.5, lower=2, upper=1)),
    (ps.BoundsError, ["lower=0, upper=None"], lambda: unknown(1.0, lower=0)),
    (
        ps.BoundsError,
        ["positive=True"],
        lambda: unknown(1, positive=True, lower=0, upper=2),
    ),
    (ps.BoundsError, ["`upper`", "inf"], lambda: unknown(1, lower=0, upper=jnp.inf)),
    (ps.BoundsError, ["`lower`", "'a'"], lambda: unknown(1, lower="a", upper=2)),
    (ps.NonFiniteError, ["`Unknown`"], lambda: unknown(jnp.nan)),
    (ps.DtypeError, ["int64"], lambda: unknown(np.array([1, 2]))),
    (ps.ShapeError, ["None"], lambda: unknown(None)),
    (ps.ShapeError, ["no number"], lambda: unknown([])),
    (ps.ShapeError, ["got MLP", "first"], lambda: ps.Model(u=NET)),
)
def test_unknowns(error, words, make):
    refused(error, words, make)


def single(net):
    half = lambda a: a.astype(jnp.float32) if eqx.is_array(a) else a
    return jax.tree.map(half, net)


@cases(
    (ps.PinnsvenError, ["nothing to learn"], lambda: ps.Model()),
    (ps.PinnsvenError, ["list"], lambda: ps.Model([NET])),
    (ps.PinnsvenError, ["Unknown", "name"], lambda: ps.Model(NET, unknown(1.0))),
    (ps.UnknownNameError, ["'u'", "once"], lambda: ps.Model(NET, u=1.0)),
    (ps.UnknownNameError, ["'u'", "fields 'u', 'u'"], lambda: ps.Model(NET, NET)),
    (ps.UnknownNameError, ["'x'", "coordinates"], lambda: ps.Model(NET, x=1.0)),
    (ps.UnknownNameError, ["'std'"], lambda: ps.Model(NET, std=1.0)),
    (ps.UnknownNameError, ["'normal'"], lambda: ps.Model(mlp(BOX, "normal"))),
    (ps.UnknownNameError, ["'_a'"], lambda: ps.Model(NET, _a=1.0)),
    (
        ps.KeyReuseError,
        ["jr.split"],
        lambda: ps.Model(mlp(BOX, "u"), mlp(BOX, "v")),
    ),
    (
        ps.DtypeError,
        ["float32"],
        lambda: ps.Model(single(NET)),
    ),
    (ps.KeyReuseError, ["key of `solve`"], lambda: MODEL.refuse_key(jr.key(0))),
    (ps.PinnsvenError, ["key of `solve` is 1"], lambda: MODEL.refuse_key(1)),
)
def test_models(error, words, make):
    refused(error, words, make)


pde = lambda u, x, t: u.t(x, t)


@cases(
    (
        ps.PinnsvenError,
        ["`Residual` needs points", "Box"],
        lambda: ps.Residual(pde, BOX),
    ),
    (ps.PinnsvenError, ["got int"], lambda: ps.Residual(pde, 200)),
    (ps.PinnsvenError, ["got ndarray"], lambda: ps.Residual(pde, XS)),
    (
        ps.PinnsvenError,
        ["needs a function", "RegionPoints"],
        lambda: ps.Residual(INSIDE, pde),
    ),
    (ps.PinnsvenError, ["`*args`"], lambda: ps.Residual(lambda *args: args[0], INSIDE)),
    (ps.PinnsvenError, ["`**kw`"], lambda: ps.Residual(lambda u, **kw: u, INSIDE)),
    (ps.PinnsvenError, ["the class Sven"], lambda: ps.Residual(ps.Sven, INSIDE)),
    (
        ps.PinnsvenError,
        ["MLP", "name of a field"],
        lambda: ps.Dirichlet(NET, 0.0, INSIDE),
    ),
    (ps.PinnsvenError, ["got float"], lambda: ps.Dirichlet(0.0, "u", INSIDE)),
    (ps.PinnsvenError, ["needs points"], lambda: ps.Dirichlet("u", INSIDE, 0.0)),
    (ps.PinnsvenError, ["`sin`", "name"], lambda: ps.Dirichlet("u", jnp.sin, INSIDE)),
    (
        ps.PinnsvenError,
        ["lambda x: jnp.sin(x)"],
        lambda: ps.Dirichlet("u", np.sin, INSIDE),
    ),
    (ps.ShapeError, ["'zero'"], lambda: ps.Dirichlet("u", "zero", INSIDE)),
    (ps.ShapeError, ["(8,)", "drawn"], lambda: ps.Dirichlet("u", jnp.ones(8), INSIDE)),
    (ps.ShapeError, ["(3,)", "5 points"], lambda: ps.Dirichlet("u", np.ones(3), OWN)),
    (ps.PinnsvenError, ["outward normals"], lambda: ps.Neumann("u", 0.0, INSIDE)),
    (
        ps.PinnsvenError,
        ["outward", "Residual"],
        lambda: ps.Neumann("u", 0.0, BOX.at(x=1).points(3)),
    ),
    (ps.PinnsvenError, ["two faces"], lambda: ps.Periodic("u", INSIDE)),
    (
        ps.PinnsvenError,
        ["of one coordinate"],
        lambda: ps.Periodic("u", BOX.boundary().points(8)),
    ),
    (ps.PinnsvenError, ["order=-1"], lambda: ps.Periodic("u", WALLS, order=-1)),
    (ps.BoundsError, ["`Residual` is 0"], lambda: ps.Residual(pde, INSIDE, weight=0)),
    (
        ps.BoundsError,
        ["`Dirichlet` is -1"],
        lambda: ps.Dirichlet("u", 0.0, WALLS, weight=-1),
    ),
    (ps.BoundsError, ["nan"], lambda: ps.Periodic("u", WALLS, weight=jnp.nan)),
    (ps.BoundsError, ["one number"], lambda: ps.Residual(pde, INSIDE, weight=[1, 2])),
    (ps.BoundsError, ["'high'"], lambda: ps.Neumann("u", 0.0, WALLS, weight="high")),
)
def test_conditions(error, words, make):
    refused(error, words, make)

"""Every registered problem holds for its own reference."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven import problems
from pinnsven.problems._benchmark import field_error
from pinnsven.reference import kovasznay


class Exact(eqx.Module):
    """A field that is known, with a weight to train that changes nothing."""

    idle: jax.Array
    names: tuple[str, ...] = eqx.field(static=True)
    formula: object = eqx.field(static=True)

    def __call__(self, z):
        return self.formula(**dict(zip(self.names, z, strict=True))) + 0 * self.idle


def residuals(name, fields="u", formula=None):
    """The root mean square residual of the exact solution, and of a fresh network."""
    case = problems.get(name)
    problem, model = case.build(0)
    names = model.field(fields[0]).names
    module = Exact(jnp.zeros(()), names, formula or case.reference)
    domain = getattr(problems, name).DOMAIN
    return rms(problem, ps.Model(ps.Field(module, domain, fields))), rms(problem, model)


def rms(problem, model):
    bound = problem.bind(model)
    rows = eqx.filter_jit(lambda rows, theta: rows(theta))
    return float(jnp.linalg.norm(rows(bound.residuals(jr.key(0)), bound.theta)))


@pytest.mark.parametrize(
    "name",
    [
        "heat",
        "heat_4d",
        "poisson_peers",
        "poisson_5d",
        "poisson_10d",
        pytest.param("poisson_100d", marks=pytest.mark.long),
        "convection",
        "reaction",
        "wave",
        "helmholtz",
    ],
)
def test_closed_forms_meet_all_conditions_of_their_problem(name):
    known, network = residuals(name)
    assert known < 1e-11 < 0.05 < network


def test_kovasznay_meets_all_conditions_of_its_problem():
    flow = lambda x, y: jnp.stack(kovasznay(x, y, 40.0))
    known, network = residuals("kovasznay", "u v p", flow)
    assert known < 1e-12 < 0.05 < network


def test_field_error_is_that_of_the_grid_or_of_scattered_points():
    domain = ps.Box(x=(0, 1), y=(0, 2))
    one = lambda x, y: np.ones_like(x + y)
    off = lambda x, y: 1 + 0.1 * x
    for sides in ((51, 11), ()):
        error = field_error(off, one, domain, *sides)
        # The mean of x^2 is a third, and a little more on a grid with its ends.
        assert error == pytest.approx(0.1 / 3**0.5, rel=0.01)


@pytest.mark.long
def test_a_problem_in_windows_is_marched():
    case = problems.get("kdv")
    short = dataclasses.replace(case.march, times=(0.0, 0.1))
    found = dataclasses.replace(case, march=short).solve(steps=1, progress=False)
    assert found.times == (0.0, 0.1) and len(found.members) == 1
    # Its one window is the problem that `build` makes, with another network.
    problem, _ = case.build(0)
    assert problem.conditions.keys() == found.training.keys()

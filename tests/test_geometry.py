"""Regions, samplers and points against what mathematics says about them."""

import itertools
import math

import jax.random as jr
import numpy as np
import pytest

import pinnsven as ps
from pinnsven.geometry import Batch


BOX = ps.Box(x=(-1.0, 2.0), y=(0.0, 0.5), z=(3.0, 4.0))
SAMPLERS = [
    ps.Sobol(),
    ps.Uniform(),
    ps.Grid(),
    ps.GaussLegendre(),
    ps.GaussLegendre(panels=3),
]
REGIONS = {
    "box": BOX,
    "slice": BOX.at(y=0.25),
    "line": BOX.at(y=0.5, z=3),
    "corner": BOX.at(x=-1, y=0, z=4),
    "boundary": BOX.boundary(),
    "walls": BOX.boundary("y", "x"),
    "ends": ps.Box(x=(0, 1)).boundary(),
}


def draw(region, n, sampler=None, seed=0) -> Batch:
    return region.points(n, sampler).draw(jr.key(seed))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_weights_add_up_to_one_and_points_lie_in_the_region(region, sampler):
    batch = draw(region, 40, sampler)
    assert batch.weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert (batch.weights > 0).all()
    assert set(batch.coordinates) == set(region.names)
    box = BOX if "y" in region.names else ps.Box(x=(0, 1))
    for name, values in batch.coordinates.items():
        low, high = box.bounds[name]
        assert values.shape == (batch.size,)
        assert ((values >= low) & (values <= high)).all()


@pytest.mark.parametrize("panels", [1, 2])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_gauss_legendre_is_exact_to_degree_2m_minus_1_and_no_further(dim, panels):
    m = 3
    region = ps.Box(
        **dict(zip("xyz"[:dim], [(-1, 2), (0.5, 1), (-2, 0)], strict=False))
    )
    batch = draw(region, (m * panels) ** dim, ps.GaussLegendre(panels=panels))
    assert batch.size == (m * panels) ** dim

    def error(degree):
        # Odd about the middle of every panel in the leading power only.
        exact = math.prod(
            (b ** (degree + 1) - a ** (degree + 1)) / (degree + 1) / (b - a)
            for a, b in region.bounds.values()
        )
        powers = [values**degree for values in batch.coordinates.values()]
        return abs(np.sum(batch.weights * np.prod(powers, axis=0)) / exact - 1.0)

    assert max(error(degree) for degree in range(2 * m)) < 1e-14
    assert error(2 * m) > 1e-8


def test_panels_converge_with_the_order_of_the_rule():
    # Two nodes per panel: the error falls with the fourth power of the panel width.
    errors = []
    for panels in (4, 8, 16):
        rule = ps.GaussLegendre(panels=panels)
        batch = draw(ps.Box(x=(0, 1)), 2 * panels, rule)
        mean = np.sum(batch.weights * np.exp(batch.coordinates["x"]))
        errors.append(abs(mean - (math.e - 1.0)))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(rates, 4.0, atol=0.05)


def test_grid_is_the_midpoint_rule():
    batch = draw(ps.Box(x=(0, 1), t=(0, 2)), 4, ps.Grid())
    np.testing.assert_allclose(batch.coordinates["x"], [0.25, 0.25, 0.75, 0.75])
    np.testing.assert_allclose(batch.coordinates["t"], [0.5, 1.5, 0.5, 1.5])
    np.testing.assert_allclose(batch.weights, 0.25)


def test_budgets_are_rounded_to_the_nearest_tensor_product():
    box = ps.Box(x=(0, 1), t=(0, 1))
    assert draw(box, 10, ps.Grid()).size == 9
    assert draw(box, 14, ps.GaussLegendre()).size == 16
    assert draw(box, 1, ps.GaussLegendre(panels=2)).size == 4
    assert draw(box, 37, ps.Sobol()).size == 37
    assert draw(box, 37, ps.Uniform()).size == 37


@pytest.mark.parametrize("sampler", [None, ps.Sobol(), ps.Uniform()], ids=repr)
def test_random_samplers_are_functions_of_their_key(sampler):
    first, again = draw(BOX, 50, sampler, 1), draw(BOX, 50, sampler, 1)
    other = draw(BOX, 50, sampler, 2)
    for name in BOX.names:
        np.testing.assert_array_equal(first.coordinates[name], again.coordinates[name])
        assert not np.isin(first.coordinates[name], other.coordinates[name]).any()


def test_sobol_points_are_more_even_than_random_ones():
    # A scrambled power of two puts one point into each of as many equal intervals.
    batch = draw(BOX, 64, ps.Sobol())
    for name, (low, high) in BOX.bounds.items():
        cells = np.floor((batch.coordinates[name] - low) / (high - low) * 64)
        np.testing.assert_array_equal(np.sort(cells), np.arange(64))


@pytest.mark.parametrize("n", [1, 7, 20, 21])
def test_no_more_sobol_points_than_coordinates_are_even_along_each(n):
    # With more of them they are Sobol points: 21 of 32, one in each of 32 intervals.
    unit, weights = ps.Sobol().sample(n, 20, jr.key(3))
    assert unit.shape == (n, 20) and weights.sum() == pytest.approx(1.0)
    cells = np.sort(np.floor(unit * (n if n < 21 else 32)), axis=0)
    if n < 21:
        np.testing.assert_array_equal(cells, np.tile(np.arange(n)[:, None], 20))
    else:
        assert np.all(np.diff(cells, axis=0) > 0)
    again, _ = ps.Sobol().sample(n, 20, jr.key(3))
    np.testing.assert_array_equal(unit, again)


def test_sobol_points_start_afresh_on_every_face():
    batch = draw(ps.Box(x=(0, 1), y=(0, 1)).boundary("x"), 32)
    low, high = np.split(batch.coordinates["y"], 2)
    assert not np.isin(low, high).any()


@pytest.mark.parametrize(
    ("points", "redrawable"),
    [
        (BOX.points(9), True),
        (BOX.points(9, ps.Sobol()), True),
        (BOX.points(9, ps.Uniform()), True),
        (BOX.points(9, ps.Grid()), False),
        (BOX.points(9, ps.GaussLegendre()), False),
        (ps.Points(x=[0.5]), False),
    ],
)
def test_only_random_points_of_a_region_may_move(points, redrawable):
    assert points.redrawable is redrawable


def test_unseen_points_are_other_points_of_the_same_region():
    points = BOX.boundary("x").points(16, ps.GaussLegendre())
    unseen = points.unseen(jr.key(3), 64)
    assert unseen.size == 64
    assert set(np.unique(unseen.coordinates["x"])) == {-1.0, 2.0}
    assert ps.Points(x=[0.5]).unseen(jr.key(3), 64) is None


def test_a_slice_fixes_its_coordinates_and_frees_the_others():
    batch = draw(BOX.at(y=0.25, z=3), 20)
    np.testing.assert_array_equal(batch.coordinates["y"], np.full(20, 0.25))
    np.testing.assert_array_equal(batch.coordinates["z"], np.full(20, 3.0))
    assert np.unique(batch.coordinates["x"]).size == 20
    assert BOX.at(y=0.25).measure == pytest.approx(3.0)
    assert batch.normals == {}


def test_a_point_is_one_row_whatever_the_budget():
    assert draw(ps.Box(t=(0, 1)).at(t=0), 100).size == 1
    ends = draw(ps.Box(x=(-1, 3)).boundary(), 100)
    np.testing.assert_array_equal(ends.coordinates["x"], [-1.0, 3.0])
    np.testing.assert_array_equal(ends.normals["x"], [-1.0, 1.0])
    np.testing.assert_array_equal(ends.weights, [0.5, 0.5])


def test_faces_share_points_and_weights_by_their_measure():
    box = ps.Box(x=(0, 3), y=(0, 1))
    batch = draw(box.boundary(), 80)
    on = {
        name: (batch.normals[name] != 0) & (np.abs(batch.normals[name]) == 1)
        for name in box.names
    }
    # The faces of x have length 1 each, those of y length 3: 2 of 8 and 6 of 8.
    assert on["x"].sum() == 20
    assert on["y"].sum() == 60
    assert batch.weights[on["x"]].sum() == pytest.approx(0.25)


def test_small_budgets_leave_no_face_empty():
    batch = draw(ps.Box(x=(0, 100), y=(0, 1)).boundary(), 4)
    faces = set(zip(batch.normals["x"], batch.normals["y"], strict=True))
    assert faces == {(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)}
    assert batch.weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("names", [("x",), ("z", "x"), ()])
def test_normals_are_unit_vectors_along_the_named_axes(names):
    region = BOX.boundary(*names)
    batch = draw(region, 60)
    assert region.axes == (names or BOX.names)
    assert tuple(batch.normals) == region.axes
    length = np.sqrt(sum(n**2 for n in batch.normals.values()))
    np.testing.assert_allclose(length, 1.0)
    for name, normal in batch.normals.items():
        low, high = BOX.bounds[name]
        np.testing.assert_array_equal(batch.coordinates[name][normal == -1], low)
        np.testing.assert_array_equal(batch.coordinates[name][normal == 1], high)


def test_the_divergence_theorem_holds_on_a_box():
    box = ps.Box(x=(-1, 2), y=(0, 0.5))
    rule = ps.GaussLegendre()
    surface, volume = draw(box.boundary(), 60, rule), draw(box, 100, rule)
    x, y = surface.coordinates["x"], surface.coordinates["y"]
    flux = x**2 * y * surface.normals["x"] + (x * y**3 + x) * surface.normals["y"]
    out = box.boundary().measure * np.sum(surface.weights * flux)
    x, y = volume.coordinates["x"], volume.coordinates["y"]
    inside = box.measure * np.sum(volume.weights * (2 * x * y + 3 * x * y**2))
    assert inside == pytest.approx(0.375 * 1.0 + 1.5 * 0.125, rel=1e-13)
    assert out == pytest.approx(inside, rel=1e-13)


def test_measures_are_length_area_and_volume():
    assert BOX.measure == pytest.approx(1.5)
    assert BOX.boundary().measure == pytest.approx(2 * (0.5 + 3.0 + 1.5))
    assert BOX.boundary("y").measure == pytest.approx(2 * 3.0)
    assert BOX.at(x=0, y=0, z=3).measure == 1.0


def test_naming_a_face_twice_counts_it_once():
    assert BOX.boundary("x", "x").measure == BOX.boundary("x").measure


def test_points_repeat_numbers_and_weigh_all_alike():
    points = ps.Points(x=[0.1, 0.5, 0.7], t=0.5)
    batch = points.draw(jr.key(0))
    assert points.names == ("x", "t")
    assert points.n == batch.size == 3
    np.testing.assert_array_equal(batch.coordinates["t"], [0.5, 0.5, 0.5])
    np.testing.assert_allclose(batch.weights, 1 / 3)
    assert ps.Points(x=2, t=1).n == 1


def test_points_do_not_follow_later_changes_of_the_arrays():
    xs = np.array([0.1, 0.2])
    points = ps.Points(x=xs)
    xs[:] = 7.0
    np.testing.assert_array_equal(points.coordinates["x"], [0.1, 0.2])


def test_taking_points_keeps_rows_together():
    batch = draw(BOX.boundary("x"), 10)
    taken = batch.take(np.array([9, 0]), np.array([0.5, 0.5]))
    for part, name in itertools.product(("coordinates", "normals"), ("x",)):
        whole = getattr(batch, part)[name]
        np.testing.assert_array_equal(getattr(taken, part)[name], whole[[9, 0]])
    assert taken.size == 2

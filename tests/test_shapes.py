"""Shapes, their combinations and their boundaries against closed forms."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from bad_input import cases, refused
from scipy.stats import chi2

import pinnsven as ps


DISC = ps.Disc(x=0.3, y=-0.2, radius=1.2)
ELLIPSE = ps.Ellipse(x=(0, 2), y=(0.5, 1))
L = ps.Polygon(x=[0, 2, 2, 1, 1, 0], y=[0, 0, 1, 1, 2, 2])
TRIANGLE = ps.Triangle(x=[0, 2, 0.5], y=[0, 0, 1])
BALL = ps.Ball(x=0, y=0.5, z=1, radius=2)
TETRAHEDRON = ps.Simplex(x=[0, 1, 0, 0], y=[0, 0, 1, 0], z=[0, 0, 0, 2])
ELLIPSOID = ps.Ellipse(x=(0, 1), y=(0, 2), z=(0, 0.5))
SQUARE = ps.Box(x=(-1, 1), y=(-1, 1))
CUBE = ps.Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
HOLE = ps.Disc(x=0, y=0, radius=0.5)
PLATE = SQUARE - HOLE
TIME = ps.Box(t=(0, 2))
UNIT = ps.Box(x=(0, 1), y=(0, 1))


def octahedron():
    """Corners on the axes, and triangles seen anticlockwise from outside."""
    corners = np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float
    )
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4]]
    faces += [[2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return corners, np.array(faces)


MESH = ps.Mesh(*octahedron())
# Area of two circles' common part, from its two circular segments.
TWO = [ps.Disc(x=0, y=0), ps.Disc(x=1, y=0)]
LENS = 2 * math.pi / 3 - math.sqrt(3) / 2

# Measure, measure of the boundary, and the digits that are promised.
CLOSED = {
    "disc": (DISC, math.pi * 1.44, 2.4 * math.pi, 1e-12),
    "ball": (BALL, 32 / 3 * math.pi, 16 * math.pi, 1e-12),
    # From the series of Gauss and Kummer, and the formula with elliptic integrals.
    "ellipse": (ELLIPSE, 2 * math.pi, 9.688448220547675, 1e-12),
    "L": (L, 3.0, 8.0, 1e-12),
    "triangle": (TRIANGLE, 1.0, 2 + math.hypot(0.5, 1) + math.hypot(1.5, 1), 1e-12),
    "tetrahedron": (TETRAHEDRON, 1 / 3, 4.0, 1e-12),
    "plate": (PLATE, 4 - math.pi / 4, 8 + math.pi, 1e-8),
    "lens": (TWO[0] & TWO[1], LENS, 4 * math.pi / 3, 1e-8),
    "union": (TWO[0] | TWO[1], 2 * math.pi - LENS, 8 * math.pi / 3, 1e-8),
    "moon": (TWO[0] - TWO[1], math.pi - LENS, 2 * math.pi, 1e-8),
    "touching": (UNIT | ps.Box(x=(1, 2), y=(0, 1)), 2.0, 6.0, 1e-12),
    "apart": (UNIT | ps.Box(x=(3, 4), y=(0, 1)), 2.0, 8.0, 1e-12),
    "same wall": (UNIT - ps.Box(x=(0, 0.5), y=(0, 0.5)), 0.75, 4.0, 1e-12),
    "half disc": (
        HOLE & ps.Box(x=(0, 1), y=(-1, 1)),
        math.pi / 8,
        1 + math.pi / 2,
        1e-8,
    ),
    "shared wall": (CUBE | ps.Box(x=(1, 2), y=(-1, 1), z=(-1, 1)), 12.0, 32.0, 1e-12),
    "void": (
        CUBE - ps.Ball(x=0, y=0, z=0, radius=0.5),
        8 - math.pi / 6,
        24 + math.pi,
        1e-8,
    ),
    "bite": (
        CUBE - ps.Ball(x=1, y=0, z=0, radius=0.5),
        8 - math.pi / 12,
        24 - math.pi / 4 + math.pi / 2,
        1e-3,
    ),
    "cylinder": (DISC * TIME, 2.88 * math.pi, 4.8 * math.pi + 2.88 * math.pi, 1e-12),
    "intervals": (ps.Box(x=(0, 1)) | ps.Box(x=(2, 3)), 2.0, 4.0, 1e-12),
    "ball of four": (
        ps.Ball(a=0, b=0, c=0, e=0, radius=1.5),
        math.pi**2 / 2 * 1.5**4,
        2 * math.pi**2 * 1.5**3,
        1e-12,
    ),
    "octahedron": (MESH, 4 / 3, 4 * math.sqrt(3), 1e-12),
}
each = pytest.mark.parametrize("name", CLOSED)
QUADRATURE = [
    n
    for n, (s, *_) in CLOSED.items()
    if type(s).__name__ not in ("CombinedShape", "Mesh")
]


def draw(region, n, sampler=None, seed=0):
    return region.points(n, sampler).draw(jr.key(seed))


@each
def test_measures_have_their_closed_forms(name):
    shape, size, edge, digits = CLOSED[name]
    assert shape.measure == pytest.approx(size, rel=digits)
    assert shape.boundary().measure == pytest.approx(edge, rel=digits)


def polynomial(names, x):
    """A vector field of degree three and its divergence."""
    s = sum((i + 1) * x[k] for i, k in enumerate(names))
    field = {k: x[k] ** 2 + 0.3 * s**3 for k in names}
    slopes = ((i + 1) * 0.9 * s**2 for i, _ in enumerate(names))
    return field, sum(2 * x[k] + d for k, d in zip(names, slopes, strict=True))


def both_sides(shape, n, sampler):
    inside, edge = draw(shape, n, sampler), draw(shape.boundary(), n, sampler, 1)
    _, source = polynomial(shape.names, inside.coordinates)
    field, _ = polynomial(shape.names, edge.coordinates)
    flux = sum(edge.normals[k] * field[k] for k in shape.names)
    size = shape.measure * np.sum(inside.weights * np.abs(source))
    volume = shape.measure * np.sum(inside.weights * source)
    return volume, shape.boundary().measure * np.sum(edge.weights * flux), size


@pytest.mark.parametrize("name", QUADRATURE)
def test_the_divergence_theorem_holds_to_rounding_by_quadrature(name):
    shape = CLOSED[name][0]
    # An ellipse's arc element is no polynomial: its rule converges exponentially.
    volume, flux, size = both_sides(shape, 700, ps.GaussLegendre())
    assert volume == pytest.approx(flux, abs=2e-12 * size)


@each
def test_the_divergence_theorem_holds_for_random_points(name):
    shape = CLOSED[name][0]
    volume, flux, size = both_sides(shape, 2**14, ps.Sobol())
    assert volume == pytest.approx(flux, abs=2e-2 * size)


@each
def test_points_lie_inside_and_normals_point_outward(name):
    shape = CLOSED[name][0]
    batch, edge = draw(shape, 300), draw(shape.boundary(), 300, ps.Uniform())
    assert batch.size == 300
    assert shape.contains(**batch.coordinates).all()
    assert batch.weights.sum() == pytest.approx(1.0)
    assert edge.weights.sum() == pytest.approx(1.0)
    assert (edge.weights > 0).all()
    length = sum(edge.normals[k] ** 2 for k in shape.names)
    np.testing.assert_allclose(length, 1.0, rtol=1e-12)
    for side, expected in ((1e-6, False), (-1e-6, True)):
        moved = {k: edge.coordinates[k] + side * edge.normals[k] for k in shape.names}
        assert np.mean(shape.contains(**moved) == expected) > 0.99
    if not shape.boundary().isolated:
        assert edge.size == 300


def evenly(counts, expected):
    """A chi-square test at the level 1e-4."""
    statistic = np.sum((counts - expected) ** 2 / expected)
    assert statistic < chi2.ppf(1 - 1e-4, len(counts) - 1)


@pytest.mark.parametrize("shape", [DISC, HOLE], ids=["whole", "small"])
def test_points_of_a_disc_are_uniform_over_rings_and_sectors(shape):
    batch = draw(shape, 4000, ps.Uniform())
    x, y = (batch.coordinates[k] - c for k, c in zip("xy", shape.centre, strict=True))
    rings = np.floor(np.hypot(x, y) ** 2 / shape.radius**2 * 5).astype(int)
    sectors = np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * 8).astype(int)
    evenly(np.bincount(rings * 8 + sectors, minlength=40), 100.0)


def test_points_of_a_sphere_are_uniform_over_bands_and_sectors():
    batch = draw(BALL.boundary(), 4000, ps.Uniform())
    x, y, z = (batch.normals[k] for k in "xyz")
    bands = np.floor((z + 1) / 2 * 5).astype(int)
    sectors = np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * 8).astype(int)
    evenly(np.bincount(bands * 8 + sectors, minlength=40), 100.0)


@pytest.mark.parametrize(
    "curve",
    [L.boundary(), ELLIPSE.boundary(), ps.Ellipse(x=(0, 0.2), y=(0, 3)).boundary()],
)
def test_points_of_a_curve_are_uniform_in_its_length(curve):
    """Mean values over random points agree with those by quadrature."""
    exact, found = draw(curve, 300, ps.GaussLegendre()), draw(curve, 4096)
    for f in (lambda x, y: x, lambda x, y: y**2, lambda x, y: np.exp(-x) * y):
        values = f(found.coordinates["x"], found.coordinates["y"])
        mean = np.sum(exact.weights * f(exact.coordinates["x"], exact.coordinates["y"]))
        assert np.mean(values) == pytest.approx(mean, abs=1e-3 * np.std(values))


def test_points_of_an_ellipsoid_are_uniform_in_its_area():
    surface = ELLIPSOID.boundary()
    exact, found = draw(surface, 20000, ps.GaussLegendre()), draw(surface, 2**14)
    for k in "xyz":
        values, reference = found.coordinates[k] ** 2, exact.coordinates[k] ** 2
        mean = np.sum(exact.weights * reference)
        assert np.mean(values) == pytest.approx(mean, abs=0.04 * np.std(values))


@pytest.mark.parametrize("shape", [TRIANGLE, TETRAHEDRON, L], ids=["2", "3", "L"])
def test_points_of_simplices_are_uniform(shape):
    exact, found = draw(shape, 500, ps.GaussLegendre()), draw(shape, 2**13)
    for k in shape.names:
        for power in (1, 2, 3):
            values = found.coordinates[k] ** power
            mean = np.sum(exact.weights * exact.coordinates[k] ** power)
            assert np.mean(values) == pytest.approx(mean, abs=5e-3 * np.std(values))


@pytest.mark.parametrize("m", [2, 3])
def test_gauss_rules_of_a_triangle_are_exact_to_degree_2m_minus_1(m):
    batch = draw(ps.Triangle(x=[0, 1, 0], y=[0, 0, 1]), m * m, ps.GaussLegendre())
    x, y = batch.coordinates["x"], batch.coordinates["y"]

    def error(p, q):
        exact = 2 * math.factorial(p) * math.factorial(q) / math.factorial(p + q + 2)
        return abs(np.sum(batch.weights * x**p * y**q) / exact - 1)

    degree = 2 * m - 1
    low = [(p, q) for p in range(degree + 1) for q in range(degree + 1 - p)]
    assert max(error(*powers) for powers in low) < 1e-13
    assert max(error(p, degree + 1 - p) for p in range(degree + 2)) > 1e-6


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_gauss_rules_of_balls_are_exact_to_degree_2m_minus_1(dim):
    m, names = 3, "abce"[:dim]
    ball = ps.Ball(**dict.fromkeys(names, 0.0), radius=1.0)
    batch = draw(ball, 2 * m**dim, ps.GaussLegendre())
    edge = draw(ball.boundary(), 2 * m ** (dim - 1), ps.GaussLegendre())
    for p, q in ((2, 0), (0, 2), (2, 2), (4, 0), (1, 3)):
        even = p % 2 == 0 and q % 2 == 0
        # Moments of the sphere by gamma functions (G. B. Folland, Amer. Math. Monthly
        # 108, 2001); the mean over the ball follows by the radial integral.
        half = [(p + 1) / 2, (q + 1) / 2] + [0.5] * (dim - 2)
        mean = math.prod(map(math.gamma, half)) / math.gamma(sum(half))
        mean *= even * math.gamma(dim / 2) / math.pi ** (dim / 2)
        for points, factor in ((edge, 1.0), (batch, dim / (dim + p + q))):
            x, y = (points.coordinates[k] for k in (names[0], names[-1]))
            assert np.sum(points.weights * x**p * y**q) == pytest.approx(
                factor * mean, abs=1e-14
            )


@pytest.mark.parametrize("region", [DISC, DISC.boundary().where(lambda y: y > 0)])
def test_panels_converge_with_the_order_of_the_rule(region):
    # Two nodes per panel: the error falls with the fourth power of their width.
    def mean(n, panels):
        batch = draw(region, n, ps.GaussLegendre(panels=panels))
        return np.sum(batch.weights * np.exp(2 * batch.coordinates["x"]))

    exact = mean(500, 1)
    count = lambda panels: 2 * (2 * panels) ** 2 if region is DISC else 2 * panels
    errors = [abs(mean(count(panels), panels) - exact) for panels in (4, 8)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.4)


def test_a_grid_is_cut_to_the_region():
    batch = draw(HOLE, 400, ps.Grid())
    assert abs(batch.size - 400) < 40
    assert HOLE.contains(**batch.coordinates).all()
    steps = np.diff(np.unique(np.round(batch.coordinates["x"], 12)))
    np.testing.assert_allclose(steps, steps[0])


def test_named_parts_of_a_boundary_have_their_measures():
    channel = ps.Box(x=(0, 4), y=(0, 1))
    cylinder = ps.Disc(x=1, y=0.5, radius=0.2)
    flow = channel - cylinder
    inlet, wall = flow.boundary(channel.boundary(x=0)), flow.boundary(cylinder)
    assert inlet.measure == pytest.approx(1.0)
    assert wall.measure == pytest.approx(0.4 * math.pi, rel=1e-8)
    batch = draw(wall, 20)
    # Outward of the flow is into the cylinder.
    inward = (batch.coordinates["x"] - 1) * batch.normals["x"]
    inward += (batch.coordinates["y"] - 0.5) * batch.normals["y"]
    np.testing.assert_allclose(inward, -0.2)
    assert set(draw(inlet, 9).normals["x"]) == {-1.0}
    assert draw(wall, 30, ps.GaussLegendre()).size == 30
    hollow = CUBE - BALL
    assert hollow.boundary(BALL).measure < BALL.boundary().measure
    moving = flow * TIME
    assert moving.boundary(cylinder).axes == ("x", "y")
    assert moving.boundary(cylinder).measure == pytest.approx(0.8 * math.pi, rel=1e-8)
    assert moving.boundary("t").measure == pytest.approx(2 * flow.measure)
    assert moving.boundary(t=0).measure == pytest.approx(flow.measure)
    assert set(draw(moving.at(t=0.5), 9).coordinates["t"]) == {0.5}


@pytest.mark.parametrize("turn", [1, -1])
def test_edges_are_counted_as_the_vertices_were_given(turn):
    # In both senses edge 1 is the one on the right.
    polygon = ps.Polygon(x=[0, 2, 2, 0][::turn], y=[0, 0, 1, 1][::turn])
    edge = draw(polygon.edges(1), 4)
    assert set(edge.coordinates["x"]) == {2.0}
    assert set(edge.normals["x"]) == {1.0}
    assert draw(polygon.edges(0, 2), 8).size == 8


def test_where_keeps_what_the_predicate_holds():
    upper = DISC.boundary().where(lambda y: y > -0.2)
    assert upper.measure == pytest.approx(1.2 * math.pi, rel=1e-12)
    assert (draw(upper, 50).coordinates["y"] > -0.2).all()
    half = DISC.where(lambda x: x > 0.3)
    assert half.measure == pytest.approx(DISC.measure / 2, rel=1e-3)
    assert draw(half, 100).size == 100


def test_boxes_and_products_are_flat():
    assert isinstance(ps.Box(x=(0, 1)) * TIME, ps.Box)
    nested = (DISC * TIME) * ps.Box(mu=(1, 2))
    assert nested.names == ("x", "y", "t", "mu")
    assert nested.measure == pytest.approx(DISC.measure * 2)
    walls = nested.boundary("x", "y")
    assert walls.axes == ("x", "y")
    assert draw(walls, 60).size == 60


def test_pools_of_candidates_are_fast_enough_for_the_sampling_policy():
    batch = (PLATE * TIME).sample(ps.Sobol(), 40_000, jr.key(0))
    assert batch.size == 40_000


DISTANCES = {
    "disc": DISC,
    "square": SQUARE,
    "ellipse": ELLIPSE,
    "L": L,
    "triangle": TRIANGLE,
    "plate": PLATE,
    "lens": TWO[0] & TWO[1],
    "union": TWO[0] | TWO[1],
}


def shape_field(shape):
    return lambda x, y: shape.distance(x=x, y=y)


@pytest.mark.parametrize("name", DISTANCES)
def test_distances_vanish_on_the_boundary_with_unit_slope(name):
    shape = DISTANCES[name]
    edge, inside = draw(shape.boundary(), 64), draw(shape, 64)
    stack = lambda values: jnp.stack([values["x"], values["y"]], axis=1)

    @jax.jit
    def study(z, n, inner):
        f = lambda p: shape.distance(x=p[0], y=p[1])
        value, slope = jax.vmap(jax.value_and_grad(f))(z)
        beyond = jax.vmap(f)(z + 1e-3 * n)
        curved = jax.vmap(ps.laplacian(ps.field(shape_field(shape))))(*inner.T)
        return value, -jnp.sum(slope * n, axis=1), beyond, jax.vmap(f)(inner), curved

    value, slope, beyond, within, curved = study(
        stack(edge.coordinates), stack(edge.normals), stack(inside.coordinates)
    )
    np.testing.assert_allclose(value, 0.0, atol=1e-14)
    np.testing.assert_allclose(slope, 1.0, rtol=1e-9)
    assert (beyond < 0).all()
    assert (within > 0).all()
    assert np.isfinite(curved).all()


def test_distances_are_finite_at_corners():
    for shape, corner in (
        (SQUARE, (1.0, 1.0)),
        (L, (1.0, 1.0)),
        (TRIANGLE, (0.0, 0.0)),
    ):
        f = lambda p, s=shape: s.distance(x=p[0], y=p[1])
        value, slope = jax.value_and_grad(f)(jnp.array(corner))
        assert abs(value) < 1e-14
        assert np.isfinite(slope).all()


def test_meshes_are_read_and_those_that_are_not_closed_refused(tmp_path):
    import trimesh

    corners, faces = octahedron()
    mesh = trimesh.Trimesh(corners, faces)
    for kind in ("stl", "obj", "ply", "vtk"):
        path = tmp_path / f"octahedron.{kind}"
        if kind == "vtk":
            import meshio

            meshio.write(path, meshio.Mesh(corners, [("triangle", faces)]))
        else:
            mesh.export(path)
        assert ps.Mesh(path).measure == pytest.approx(4 / 3)
    # The first faces of every file point outward again.
    assert ps.Mesh(corners, faces[:, ::-1]).measure == pytest.approx(4 / 3)
    sphere = trimesh.creation.icosphere(subdivisions=2)
    round_one = ps.Mesh(sphere.vertices, sphere.faces)
    z = np.random.default_rng(0).uniform(-1, 1, (200, 3))
    own = round_one.contains(x=z[:, 0], y=z[:, 1], z=z[:, 2])
    np.testing.assert_array_equal(own, sphere.contains(z))
    hollow = ps.Box(x=(-2, 2), y=(-2, 2), z=(-2, 2)) - round_one
    assert hollow.measure == pytest.approx(64 - sphere.volume, rel=1e-9)


def solved(net, edge, steps):
    """Poisson's equation on the unit disc: the relative error, and the solution."""
    disc = ps.Disc(x=0, y=0)
    equation = lambda u, x, y: (
        ps.laplacian(u)(x, y) + (4 * x + 3 + x**2 + y**2) * jnp.exp(x)
    )
    problem = ps.Problem(
        pde=ps.Residual(equation, disc.points(98, ps.GaussLegendre())), **edge
    )
    model = ps.Model(net)
    solution = ps.solve(problem, model, key=jr.key(1), steps=steps, progress=False)
    x, y = draw(disc, 500).coordinates.values()
    exact = (1 - x**2 - y**2) * np.exp(x)
    return ps.relative_l2(solution.u(x=x, y=y), exact), solution


@pytest.mark.long
def test_poisson_on_a_disc_with_a_soft_condition():
    disc = ps.Disc(x=0, y=0)
    net = ps.MLP(disc, "u", width=30, depth=1, key=jr.key(0))
    rim = disc.boundary().points(24, ps.GaussLegendre())
    edge = {"rim": ps.Dirichlet("u", 0.0, rim, weight=10.0)}
    error, solution = solved(net, edge, 200)
    assert error < 1e-6
    # What lies outside the disc is not drawn.
    drawn = solution.plot().axes[0].collections[0].get_array()
    hidden = np.mean(np.ma.getmaskarray(np.ma.masked_invalid(drawn)))
    assert hidden == pytest.approx(1 - math.pi / 4, abs=0.01)


def test_poisson_on_a_disc_with_a_hard_condition():
    disc = ps.Disc(x=0, y=0)
    net = ps.MLP(disc, "u", width=16, depth=1, key=jr.key(0))
    hard = ps.Constrained(net, lambda u, x, y: disc.distance(x=x, y=y) * u)
    assert solved(hard, {}, 160)[0] < 1e-7


def test_points_of_any_region_are_renewed_by_the_sampling_policy():
    region = (PLATE * TIME).boundary("x", "y")
    net = ps.MLP(PLATE * TIME, "u", width=3, depth=1, key=jr.key(0))
    problem = ps.Problem(rim=ps.Neumann("u", 1.0, region.points(16)))
    bound = problem.bind(ps.Model(net))
    policy = ps.Adaptive()
    first = policy.start(bound, jr.key(1))
    second = policy.redraw(bound, bound.theta, first, ("rim",), jr.key(2), None, False)
    assert second.train["rim"].size == 16
    old, new = (d.train["rim"].coordinates["t"] for d in (first, second))
    assert np.sum(~np.isin(new, old)) == 8


@cases(
    (ps.BoundsError, ["radius", "-1"], lambda: ps.Disc(x=0, y=0, radius=-1)),
    (ps.BoundsError, ["centre", "'y'", "nan"], lambda: ps.Disc(x=0, y=math.nan)),
    (ps.EmptyRegionError, ["two coordinates, got 3"], lambda: ps.Disc(x=0, y=0, z=0)),
    (ps.EmptyRegionError, ["interval", "ps.Box(x="], lambda: ps.Ball(x=0)),
    (ps.EmptyRegionError, ["`Ball` needs named"], lambda: ps.Ball(0, 0)),
    (ps.UnknownNameError, ["'d'"], lambda: ps.Disc(x=0, d=0)),
    (ps.BoundsError, ["`Ellipse` is 1", "semi-axis"], lambda: ps.Ellipse(x=1, y=2)),
    (ps.BoundsError, ["semi-axis of 'y'"], lambda: ps.Ellipse(x=(0, 1), y=(0, 0))),
    (
        ps.ShapeError,
        ["3 vertices", "needs 4"],
        lambda: ps.Simplex(x=[0] * 3, y=[0] * 3, z=[0] * 3),
    ),
    (
        ps.EmptyRegionError,
        ["plane or line"],
        lambda: ps.Triangle(x=[0, 1, 2], y=[0, 1, 2]),
    ),
    (ps.ShapeError, ["`Triangle`", "got 1"], lambda: ps.Triangle(x=[0, 1, 2])),
    (
        ps.ShapeError,
        ["shapes", "(3,)", "(4,)"],
        lambda: ps.Polygon(x=[0, 1, 2], y=[0, 1, 2, 3]),
    ),
    (ps.ShapeError, ["three vertices", "2"], lambda: ps.Polygon(x=[0, 1], y=[0, 1])),
    (ps.ShapeError, ["two coordinates"], lambda: ps.Polygon([(0, 0), (1, 0), (0, 1)])),
    (ps.EmptyRegionError, ["no area"], lambda: ps.Polygon(x=[0, 1, 2], y=[0, 1, 2])),
    (
        ps.BoundsError,
        ["crosses", "Self-intersection"],
        lambda: ps.Polygon(x=[0, 3, 3, 0], y=[0, 1, 0, 1.5]),
    ),
    (ps.BoundsError, ["0 to 5", "[6]"], lambda: L.edges(6)),
    (ps.BoundsError, ["none"], lambda: L.edges()),
    (ps.UnknownNameError, ["cannot be split by 'x'"], lambda: DISC.boundary("x")),
    (ps.UnknownNameError, ["of a box", "this disc"], lambda: DISC.boundary(x=0)),
    (ps.UnknownNameError, ["no coordinate 't'"], lambda: DISC.boundary("t")),
    (ps.UnknownNameError, ["This interval", "'t'"], lambda: TIME.boundary("x")),
    (ps.BoundsError, ["boundary(x=0.3)", "two values"], lambda: SQUARE.boundary(x=0.3)),
    (ps.UnknownNameError, ["'x' twice"], lambda: SQUARE.boundary("x", x=1)),
    (ps.PinnsvenError, ["not both"], lambda: PLATE.boundary("x", HOLE)),
    (ps.PinnsvenError, ["Nothing of that"], lambda: PLATE.boundary(ps.Disc(x=5, y=5))),
    (ps.PinnsvenError, ["without normals"], lambda: PLATE.boundary(SQUARE.at(x=0))),
    (ps.UnknownNameError, ["'t'", "'x', 'y'"], lambda: PLATE.boundary(TIME)),
    (ps.PinnsvenError, ["`|`", "ps.Disc"], lambda: DISC | 3),
    (ps.UnknownNameError, ["`-`", "product"], lambda: DISC - TIME),
    (ps.UnknownNameError, ["`*`", "both have 'x', 'y'"], lambda: DISC * SQUARE),
    (ps.PinnsvenError, ["`*`", "2"], lambda: DISC * 2),
    (ps.EmptyRegionError, ["empty"], lambda: DISC & ps.Disc(x=9, y=9)),
    (ps.EmptyRegionError, ["thinner", "empty"], lambda: HOLE - SQUARE),
    (
        ps.EmptyRegionError,
        ["difference", "covers"],
        lambda: L - ps.Box(x=(-9, 9), y=(-9, 9)),
    ),
    (ps.EmptyRegionError, ["signs"], lambda: DISC.where(lambda x: x > 9)),
    (ps.UnknownNameError, ["'t'"], lambda: DISC.where(lambda t: t > 9)),
    (ps.UnknownNameError, ["`at`", "'t'", "'x'"], lambda: (DISC * TIME).at(x=0)),
    (ps.UnknownNameError, ["`contains`", "'x', 'y'"], lambda: DISC.contains(x=0)),
    (ps.UnknownNameError, ["`distance`", "none"], lambda: DISC.distance()),
    (ps.PinnsvenError, ["no `distance`"], lambda: MESH.distance(x=0, y=0, z=0)),
    (ps.PinnsvenError, ["no file"], lambda: ps.Mesh("nowhere.stl")),
    (ps.ShapeError, ["without triangles"], lambda: ps.Mesh(np.zeros((4, 3)))),
    (ps.ShapeError, ["(4, 2)"], lambda: ps.Mesh(np.zeros((4, 2)), [[0, 1, 2]])),
    (ps.UnknownNameError, ["'x y'"], lambda: ps.Mesh(*octahedron(), coordinates="x y")),
    (
        ps.EmptyRegionError,
        ["not closed: 3"],
        lambda: ps.Mesh(octahedron()[0], octahedron()[1][1:]),
    ),
    (
        ps.PinnsvenError,
        ["GaussLegendre", "Sobol"],
        lambda: draw(PLATE, 9, ps.GaussLegendre()),
    ),
    (
        ps.PinnsvenError,
        ["two faces"],
        lambda: ps.Periodic("u", DISC.boundary().points(9)),
    ),
    (
        ps.PinnsvenError,
        ["two faces"],
        lambda: ps.Periodic("u", SQUARE.boundary(x=1).points(9)),
    ),
)
@pytest.mark.usefixtures("unchecked_types")
def test_bad_shapes_are_refused(error, words, make):
    refused(error, words, make)

"""Tables, grids and files: what comes in goes out again."""

import jax.numpy as jnp
import jax.random as jr
import meshio
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from bad_input import cases, refused

import pinnsven as ps


BOX = ps.Box(x=(0, 1), y=(0, 2), t=(0, 3))
FRAME = pd.DataFrame({"x": [0, 1, 1], "t": [0.5, 1.0, 2.0], "u": [1.0, np.nan, 3.0]})


def test_frames():
    frame = FRAME.assign(du=np.float32([0.5, 0.25, 0.125]))
    with pytest.warns(UserWarning, match="1 of 3 values of 'u' are missing"):
        data = ps.Data.from_pandas(frame, "u", "x t", sigma="du", weight=2.0)
    assert data.points.coordinates["x"].tolist() == [0.0, 1.0]
    assert data.points.coordinates["t"].tolist() == [0.5, 2.0]
    assert data.values.tolist() == [1.0, 3.0] and data.weight == 2.0
    assert data.sigma.tolist() == [0.5, 0.125]
    gain = lambda u, x, t: 2 * u(x, t)
    other = ps.Data.from_pandas(FRAME, gain, "x", value="t", sigma=0.1)
    assert other.field is gain and other.values.tolist() == [0.5, 1.0, 2.0]


def test_missing_values_of_the_nullable_types():
    frame = FRAME.assign(u=pd.array([1, None, 3], dtype="Int64"))
    with pytest.warns(UserWarning, match="1 of 3"):
        data = ps.Data.from_pandas(frame, "u", "x t")
    assert data.values.tolist() == [1.0, 3.0]


def test_time_stamps():
    stamps = pd.to_datetime(["2024-05-01 12:00", "2024-05-01 13:30"])
    frame = pd.DataFrame({"t": stamps.tz_localize("Europe/Berlin"), "u": [1.0, 2.0]})
    read = lambda f: ps.Data.from_pandas(
        f, "u", "t", origin="2024-05-01T10:00", unit="h"
    )
    # Noon in Berlin is ten o'clock in UTC in summer.
    assert read(frame).points.coordinates["t"].tolist() == [0.0, 1.5]
    plain = read(frame.assign(t=stamps)).points.coordinates["t"]
    assert plain.tolist() == [2.0, 3.5]
    spans = ps.Data.from_pandas(frame.assign(t=stamps - stamps[0]), "u", "t", unit="m")
    assert spans.points.coordinates["t"].tolist() == [0.0, 90.0]


def test_arrays():
    u = np.arange(6.0).reshape(3, 2)
    u[1, 1] = np.nan
    array = xr.DataArray(
        u, coords={"x": [0.0, 0.5, 1.0], "t": [0.0, 3.0], "y": 2.0}, dims=("x", "t")
    ).rename("u")
    sigma = xr.DataArray([1.0, 2.0], coords={"t": [0.0, 3.0]}, dims="t")
    with pytest.warns(UserWarning, match="1 of 6"):
        data = ps.Data.from_xarray(array, sigma=sigma)
    at = data.points.coordinates
    assert data.field == "u" and data.values.tolist() == [0.0, 1.0, 2.0, 4.0, 5.0]
    assert at["x"].tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert at["t"].tolist() == [0.0, 3.0, 0.0, 0.0, 3.0]
    assert at["y"].tolist() == [2.0] * 5
    assert data.sigma.tolist() == [1.0, 2.0, 1.0, 1.0, 2.0]
    # A curvilinear grid has coordinates of two dimensions.
    lat = array.assign_coords(lat=(("t", "x"), np.arange(6.0).reshape(2, 3)))
    named = ps.Data.from_xarray(lat.fillna(0.0), "v", "lat")
    assert named.points.coordinates["lat"].tolist() == [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]


@cases(
    (
        ps.UnknownNameError,
        ["column 'z'", "'x', 't', 'u'"],
        lambda: ps.Data.from_pandas(FRAME, "u", "z"),
    ),
    (
        ps.NonFiniteError,
        ["'u' is missing (NaN) at 1 of 3"],
        lambda: ps.Data.from_pandas(FRAME, "t", "u"),
    ),
    (
        ps.PinnsvenError,
        ["time stamps", 'origin="2024-01-01T00:00:00"'],
        lambda: ps.Data.from_pandas(
            FRAME.assign(t=pd.Timestamp("2024-01-01")).fillna(0.0), "u", "t"
        ),
    ),
    (
        ps.ShapeError,
        ["no column of numbers"],
        lambda: ps.Data.from_pandas(FRAME.assign(u="warm"), "u", "x"),
    ),
    (
        ps.PinnsvenError,
        ["`DataFrame`", "dict"],
        lambda: ps.Data.from_pandas({}, "u", "x"),
    ),
    (
        ps.UnknownNameError,
        ["no coordinate 'x'"],
        lambda: ps.Data.from_xarray(xr.DataArray([1.0], dims="x", name="u")),
    ),
    (
        ps.PinnsvenError,
        ["`Dataset`"],
        lambda: ps.Data.from_xarray(xr.Dataset({"u": ("x", [1.0])})),
    ),
    (
        ps.NonFiniteError,
        ["all 1 values"],
        lambda: ps.Data.from_xarray(xr.DataArray([np.nan], {"x": [0.0]}, name="u")),
    ),
)
def test_bad_tables(error, words, make, unchecked_types):
    refused(error, words, make)


@pytest.fixture(scope="module")
def solution():
    flow = ps.MLP(BOX, "u v", width=3, depth=1, key=jr.key(0))
    plane = ps.MLP(ps.Box(x=(0, 1), y=(0, 2)), "k", width=3, depth=1, key=jr.key(2))
    where = ps.Points(x=[0.1, 0.9, 0.5], y=[0.3, 1.0, 1.5], t=1.0)
    problem = ps.Problem(
        data=ps.Data("u", where, [1.0, 2.0, 0.5], sigma=0.1),
        pde=ps.Residual(lambda u, D, x, y, t: u.t(x, y, t) - D, BOX.points(8)),
    )
    model = ps.Model(flow, plane, D=0.5)
    return ps.solve(problem, model, key=jr.key(1), steps=2, progress=False)


def test_grids(solution):
    xs, ts = np.linspace(0, 1, 3), [0.0, 3.0]
    found = solution.to_xarray(x=xs, y=0.5, t=ts)
    assert found.u.dims == ("x", "t") and found.k.dims == ("x",)
    assert float(found.y) == 0.5
    wanted = solution.v(x=1.0, y=0.5, t=3.0)
    np.testing.assert_allclose(found.v.sel(x=1.0, t=3.0), wanted, rtol=1e-12)
    np.testing.assert_allclose(found.k, solution.k(x=xs, y=0.5), rtol=1e-12)
    assert found.attrs["D"] == float(solution.D)
    assert found.attrs["D_std"] == float(solution.std("D"))
    again = ps.Data.from_xarray(found.u)
    assert again.points.n == 6


def test_frames_of_a_solution(solution):
    frame = pd.DataFrame({"x": [0.1, 0.2], "y": 1.0, "t": 2.0, "who": ["a", "b"]})
    found = solution.to_pandas(frame.set_index("who"))
    np.testing.assert_allclose(found.loc["b", "u"], solution.u(0.2, 1.0, 2.0))
    assert found.attrs["D"] == float(solution.D) and "u" not in frame
    points = solution.to_pandas(ps.Points(x=[0.1, 0.2], y=1.0, t=2.0))
    np.testing.assert_array_equal(points.u, found.u)


def test_a_grid_in_a_file(solution, tmp_path):
    axes = {"x": np.linspace(0, 1, 3), "y": np.linspace(0, 2, 4), "t": [0.0, 3.0]}
    # Three coordinates of any kind span a grid, time too if it is not named.
    solution.write(tmp_path / "a.vtu", time="", **axes)
    mesh = meshio.read(tmp_path / "a.vtu")
    x, y, t = mesh.points.T
    np.testing.assert_allclose(mesh.point_data["u"], solution.u(x, y, t), rtol=1e-12)
    np.testing.assert_allclose(mesh.point_data["k"], solution.k(x, y), rtol=1e-12)
    (cells,) = mesh.cells
    assert cells.type == "hexahedron"
    corner = mesh.points[cells.data]
    edges = corner[:, [1, 3, 4]] - corner[:, :1]
    # Right-handed, as VTK wants them, and they fill the box.
    np.testing.assert_allclose(np.linalg.det(edges).sum(), 6.0)
    assert (np.linalg.det(edges) > 0).all()
    np.testing.assert_allclose(corner[:, 6] - corner[:, 0], edges.sum(axis=1))


def test_a_time_series(solution, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    xs, ys = np.linspace(0, 1, 3), np.linspace(0, 2, 2)
    solution.write("out/flow.xdmf", x=xs, y=ys, t=[0.0, 1.5])
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["flow.h5", "flow.xdmf"]
    monkeypatch.chdir(tmp_path / "out")
    with meshio.xdmf.TimeSeriesReader("flow.xdmf") as reader:
        points, (cells,) = reader.read_points_cells()
        now, data, _ = reader.read_data(1)
    assert now == 1.5 and cells.type == "quad" and reader.num_steps == 2
    corner = points[cells.data]
    areas = np.cross(corner[:, 1] - corner[:, 0], corner[:, 3] - corner[:, 0])[:, 2]
    np.testing.assert_allclose(areas, 1.0)
    wanted = solution.u(points[:, 0], points[:, 1], 1.5)
    np.testing.assert_allclose(data["u"], wanted, rtol=1e-12)


def test_a_mesh_of_the_user(solution, tmp_path):
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    mesh = meshio.Mesh(points, [("triangle", np.array([[0, 1, 2]]))])
    solution.write(tmp_path / "b.vtk", mesh, t=1.0)
    found = meshio.read(tmp_path / "b.vtk")
    wanted = solution.u(points[:, 0], points[:, 1], 1.0)
    np.testing.assert_allclose(found.point_data["u"], wanted, rtol=1e-12)
    pair = (points[:, :2], mesh.cells)
    solution.write(tmp_path / "c.xdmf", pair, t=jnp.array([0.0, 1.0]))
    assert meshio.xdmf.TimeSeriesReader(tmp_path / "c.xdmf").num_steps == 2


def test_bad_exports(solution, tmp_path, unchecked_types):
    xs = np.linspace(0, 1, 3)
    path = tmp_path / "a.vtu"
    triangle = [("triangle", [[0, 1, 2]])]
    for error, words, make in [
        (
            ps.UnknownNameError,
            ["'t' are missing"],
            lambda: solution.to_xarray(x=xs, y=1.0),
        ),
        (
            ps.ShapeError,
            ["(3, 1)"],
            lambda: solution.to_xarray(x=xs[:, None], y=1.0, t=0.0),
        ),
        (ps.ShapeError, ["ndarray"], lambda: solution.to_pandas(xs)),
        (ps.UnknownNameError, ["'y'"], lambda: solution.to_pandas(ps.Points(x=xs))),
        (ps.ShapeError, [".xdmf"], lambda: solution.write(path, x=xs, y=xs, t=xs)),
        (
            ps.ShapeError,
            ["one to three"],
            lambda: solution.write(path, x=0.0, y=0.0, t=0.0),
        ),
        (
            ps.ShapeError,
            ["(3, 1)", "'x', 'y'"],
            lambda: solution.write(path, (xs[:, None], triangle), t=0.0),
        ),
        (
            ps.CheckpointError,
            ["no/a.vtu", "folder"],
            lambda: solution.write(tmp_path / "no" / "a.vtu", x=xs, y=xs, t=0.0),
        ),
    ]:
        refused(error, words, make)
    assert not list(tmp_path.iterdir())

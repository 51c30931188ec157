"""Pictures for every number of coordinates, checked as pictures."""

import matplotlib.image
import numpy as np
import pytest

from pinnsven.report import Picture, plot


class Past:
    """The history of a run of five steps, two of them reported."""

    steps = 5
    training = {"pde": np.geomspace(1, 1e-8, 5), "data": np.array([1.0, 1, 0, 0, 0])}
    unseen = {"pde": [1.0, 1e-3]}
    check_step = [0, 5]
    cutoff = np.full(5, 1e-9)
    last_taken = 4


class Start:
    """The history of a run that has not begun."""

    steps = 0
    training = {"pde": np.zeros(0)}
    unseen = {"pde": [1.0]}
    check_step = [0]
    cutoff = np.zeros(0)
    last_taken = None


BOUNDS = {"x": (-1.0, 1.0), "t": (0.0, 2.0), "mu": (3.0, 5.0)}
WAVES = {
    1: lambda x: np.sin(3 * x),
    2: lambda x, t: np.sin(3 * x) * t,
    3: lambda x, t, mu: np.sin(3 * x) * t + mu,
}


def picture(fields, dim, history=Past):
    return Picture(
        fields={name: WAVES[dim] for name in fields},
        bounds={name: dict(list(BOUNDS.items())[:dim]) for name in fields},
        history=history,
        weights={"pde": 1.0, "data": 4.0},
        singular_values=np.geomspace(10, 1e-12, 40),
        components=np.zeros(40),
        title="converged after 5 steps",
    )


def drawn(figure):
    return [ax for ax in figure.axes if ax.axison and ax.get_label() != "<colorbar>"]


@pytest.mark.parametrize(
    ("dim", "fields", "reference"),
    [
        (1, ("u",), False),
        (1, ("u", "v"), True),
        (2, ("u", "v", "p"), True),
        (3, ("u",), True),
    ],
)
def test_a_picture_of_fields_in_some_dimensions(dim, fields, reference, tmp_path):
    path = tmp_path / "solution.png"
    exact = (lambda **z: 1.1 * WAVES[dim](**z)) if reference else None
    figure = plot(picture(fields, dim), exact)
    figure.savefig(path)
    assert len(drawn(figure)) == len(fields) + reference + 2
    image = matplotlib.image.imread(path)
    assert image.shape[1] > 600
    # Not blank: each quarter of the picture holds some ink.
    half = [n // 2 for n in image.shape[:2]]
    for quarter in (image[: half[0], : half[1]], image[: half[0], half[1] :]):
        assert np.ptp(quarter[..., :3]) > 0.5
    titles = [ax.get_title() for ax in drawn(figure)]
    assert titles[0].startswith("u")
    assert ("mu = 4" in titles[0]) is (dim == 3)


def test_the_error_panel_tells_the_relative_error():
    figure = plot(picture(("u",), 2), lambda x, t: WAVES[2](x, t) / 0.8)
    titles = " ".join(ax.get_title() for ax in figure.axes)
    assert "relative L2 2.0e-01" in titles


def test_time_runs_to_the_right():
    axes = plot(picture(("u",), 2)).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("t", "x")
    assert axes.get_xlim() == pytest.approx((0.0, 2.0), abs=0.02)


def test_the_map_is_not_transposed():
    mesh = plot(picture(("u",), 2)).axes[0].collections[0]
    values = np.asarray(mesh.get_array())
    x, t = np.linspace(-1, 1, 201), np.linspace(0, 2, 201)
    np.testing.assert_allclose(values.reshape(201, 201), np.outer(np.sin(3 * x), t))


def test_the_residuals_are_shown_without_their_weights():
    axes = next(a for a in plot(picture(("u",), 1)).axes if "rms" in a.get_title())
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert lines["data"][0] == pytest.approx(0.5)
    assert np.isnan(lines["data"][2:]).all()


@pytest.mark.parametrize("history", [Start, Past])
@pytest.mark.parametrize("reference", [None, lambda: 0.0])
def test_a_model_without_fields_still_has_convergence_and_spectrum(history, reference):
    figure = plot(picture((), 1, history), reference)
    assert len(drawn(figure)) == 2


def test_a_constant_field_and_a_zero_reference_are_drawn(tmp_path):
    flat = picture(("u",), 2, Start)
    flat.fields["u"] = lambda x, t: 0.0 * x * t
    plot(flat, lambda x, t: 0.0).savefig(tmp_path / "flat.png")
    assert (tmp_path / "flat.png").stat().st_size > 1000

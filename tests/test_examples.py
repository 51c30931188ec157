"""Every example runs, small, and keeps a stated distance to its reference."""

import runpy
from pathlib import Path

import pytest


EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, **options):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](**options)


# Steps and sizes for a test, and the error that they must reach.
SMALL = {
    "poisson": ({"steps": 220}, 1e-8),
    "heat": ({"steps": 70}, 1e-5),
    "inverse_heat": ({"steps": 60}, 1e-7),
    "burgers": ({"steps": 250, "n": 1000, "width": 14}, 1e-2),
    "beam": ({"steps": 120}, 1e-11),
    "two_materials": ({"steps": 300, "n": 10, "width": 16}, 1e-6),
    "harmonic_oscillator": ({"steps": 200, "states": 1}, 1e-9),
    "hydrogen": ({"steps": 180}, 1e-8),
    "reaction_diffusion": ({"steps": 100, "n": 14, "width": 12}, 0.01),
    "plate_with_hole": ({"steps": 150, "n": 12, "width": 14}, 1e-5),
    "l_shape": ({"steps": 300, "n": 200, "width": 10}, 1e-8),
    "helmholtz_disc": ({}, 1e-6),
    "electrostatics": ({}, 1e-6),
    "cavity": ({"steps": 150, "n": 14, "width": 14}, 5e-3),
    "cylinder": ({"steps": 400, "n": 18, "width": 16}, 5e-3),
}
# Too long to be run each time: `pytest -m long`.
LONG = (
    "beam",
    "heat",
    "inverse_heat",
    "burgers",
    "two_materials",
    "l_shape",
    "hydrogen",
    "reaction_diffusion",
    "cavity",
    "cylinder",
    "influenza",
    "plate_with_hole",
    "helmholtz_disc",
    "electrostatics",
)
# Error bars against those of scipy, in standard errors and as relative differences.
FITS = {"cooling": (1e-3, 1e-3), "influenza": (0.01, 1e-3)}


def marked(names):
    marks = dict.fromkeys(LONG, pytest.mark.long)
    return [pytest.param(n, marks=marks.get(n, ())) for n in names]


@pytest.mark.parametrize("name", marked(SMALL))
def test_example(name, tmp_path, capsys):
    options, bound = SMALL[name]
    picture = tmp_path / f"{name}.png"
    found = run(name, **options, picture=picture)
    assert found["error"] < bound
    assert picture.stat().st_size > 10_000
    assert "rank" in capsys.readouterr().out


@pytest.mark.parametrize("name", marked(FITS))
def test_example_agrees_with_a_fit_by_scipy(name, tmp_path):
    found = run(name, picture=tmp_path / f"{name}.png")
    assert found["result"] == "converged"
    assert found["error"] < FITS[name][0]
    assert found["std_off"] < FITS[name][1]


@pytest.mark.long
def test_lynx_hare_agrees_with_the_shooting_fit(tmp_path):
    found = run("lynx_hare", picture=tmp_path / "lynx_hare.png")
    assert found["result"] == "converged"
    # In standard errors: the two must find the same rates, not merely similar ones.
    assert found["off"] < 0.02


def test_every_example_is_tested():
    assert {p.stem for p in EXAMPLES.glob("*.py")} == {*SMALL, *FITS, "lynx_hare"}

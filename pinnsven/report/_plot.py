import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np


_RESOLUTION = 201


@dataclasses.dataclass
class Picture:
    """What a picture of a solution is drawn from.

    `fields` are functions of coordinates by keyword, `bounds` their intervals,
    `inside` whether points belong to the region of the conditions, and `history` a run
    as arrays; the rest describes the Jacobian at the solution.
    """

    fields: dict[str, Callable[..., Any]]
    bounds: dict[str, dict[str, tuple[float, float]]]
    history: Any
    weights: dict[str, float]
    singular_values: np.ndarray
    components: np.ndarray
    title: str
    # Of fields of one coordinate: half the width of a band, and (points, values,
    # sigma) of what was measured.
    bands: dict[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    data: dict[str, list[tuple]] = dataclasses.field(default_factory=dict)
    inside: dict[str, Callable[..., np.ndarray]] = dataclasses.field(
        default_factory=dict
    )


def plot(
    picture: Picture,
    reference: Callable[..., Any] | None = None,
) -> Any:
    """Draw every field, the error if a reference is given, convergence and spectrum.

    Fields of one coordinate are lines, of two are maps; of more, a cut through the
    middle of the others.
    """
    names = list(picture.fields)
    reference = reference if names else None
    panels = len(names) + (reference is not None) + 2
    columns = min(panels, 3) if panels != 4 else 2
    rows = -(-panels // columns)
    # Only who draws waits for it.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * columns, 3.7 * rows), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for name in names:
        exact = reference if name == names[0] else None
        _field(figure, axes.pop(0), picture, name, exact)
    if reference is not None:
        _error(figure, axes.pop(0), picture, names[0], reference)
    _convergence(axes.pop(0), picture)
    _spectrum(axes.pop(0), picture)
    for unused in axes:
        unused.set_axis_off()
    figure.suptitle(picture.title, fontsize=11)
    return figure


def _grid(bounds: dict[str, tuple[float, float]]):
    """The drawn axes, coordinates on a grid, and what the others are held at."""
    drawn = list(bounds)[:2]
    # Time runs to the right, as physicists draw it.
    if len(drawn) == 2 and drawn[1] == "t":
        drawn.reverse()
    lines = [np.linspace(*bounds[name], _RESOLUTION) for name in drawn]
    mesh = np.meshgrid(*lines, indexing="ij")
    held = {n: (a + b) / 2 for n, (a, b) in bounds.items() if n not in drawn}
    return drawn, lines, dict(zip(drawn, mesh, strict=True)) | held, held


def _values(picture: Picture, name: str, coordinates) -> np.ndarray:
    """A field on the grid, NaN outside the region where its conditions hold."""
    values = np.asarray(picture.fields[name](**coordinates))
    if name not in picture.inside:
        return values
    inside = np.broadcast_to(picture.inside[name](**coordinates), values.shape)
    # A cut that misses the region would draw nothing at all.
    return np.where(inside, values, np.nan) if inside.any() else values


def _field(figure, ax, picture: Picture, name: str, reference) -> None:
    drawn, lines, coordinates, held = _grid(picture.bounds[name])
    values = _values(picture, name, coordinates)
    cut = "".join(f", {n} = {v:g}" for n, v in held.items())
    ax.set_title(f"{name}{cut}")
    if len(drawn) == 1:
        ax.plot(lines[0], values, label=name)
        _band(ax, picture, name, lines[0], values)
        if reference is not None:
            exact = np.broadcast_to(reference(**coordinates), values.shape)
            ax.plot(lines[0], exact, "k--", lw=1, label="reference")
        if len(ax.get_legend_handles_labels()[0]) > 1:
            ax.legend(frameon=False)
        ax.set(xlabel=drawn[0], ylabel=name)
        return
    span = np.nanmax(np.abs(values))
    # Rounding below zero makes no signed field.
    signed = np.nanmin(values) < -0.01 * span and np.nanmax(values) > 0.01 * span
    limits = {"vmin": -span, "vmax": span, "cmap": "RdBu_r"} if signed else {}
    _map(figure, ax, drawn, lines, values, **limits)


def _band(ax, picture: Picture, name: str, line, values) -> None:
    """The 95% band of a field of one coordinate, and its data."""
    for points, measured, sigma in picture.data.get(name, []):
        style = {"fmt": ".", "ms": 4, "color": "0.35", "lw": 0.8, "zorder": 3}
        ax.errorbar(points, measured, yerr=sigma, label="data", **style)
    if name not in picture.bands:
        return
    limits = ax.get_ylim()
    half = np.asarray(picture.bands[name](line))
    # Where nothing determines the field a band has no edge to draw.
    half = np.where(np.isfinite(half), half, np.nan)
    ends = values - half, values + half
    ax.fill_between(line, *ends, alpha=0.25, lw=0, label="95%")
    # A band far wider than the field must not hide the field.
    low, high = limits
    tall = 3 * (high - low)
    bottom, top = ax.get_ylim()
    ax.set_ylim(max(bottom, low - tall), min(top, high + tall))


def _error(figure, ax, picture: Picture, name: str, reference) -> None:
    drawn, lines, coordinates, held = _grid(picture.bounds[name])
    values = _values(picture, name, coordinates)
    exact = np.broadcast_to(np.asarray(reference(**coordinates)), values.shape)
    inside = np.isfinite(values)
    size = np.linalg.norm(exact[inside])
    relative = np.linalg.norm((values - exact)[inside]) / (size if size else 1.0)
    ax.set_title(f"|{name} - reference|, relative L2 {relative:.1e}")
    error = np.abs(values - exact)
    if len(drawn) == 1:
        ax.semilogy(lines[0], np.maximum(error, 1e-18))
        ax.set(xlabel=drawn[0])
        return
    _map(figure, ax, drawn, lines, error, cmap="magma")


def _map(figure, ax, drawn, lines, values, **style) -> None:
    mesh = ax.pcolormesh(*lines, values.T, rasterized=True, **style)
    figure.colorbar(mesh, ax=ax)
    ax.set(xlabel=drawn[0], ylabel=drawn[1])
    # A disc is round; time and length have no common scale.
    if np.isnan(values).any() and "t" not in drawn:
        ax.set_aspect("equal")


def _convergence(ax, picture: Picture) -> None:
    history = picture.history
    steps = np.arange(1, history.steps + 1)
    for i, (name, share) in enumerate(history.training.items()):
        # A residual of exactly zero has no place on a logarithmic axis.
        rms = np.sqrt(np.where(share > 0, share, np.nan) / picture.weights[name])
        ax.semilogy(steps, rms, color=f"C{i}", lw=1, label=name)
        if name in history.unseen:
            ax.semilogy(history.check_step, history.unseen[name], f"C{i}--", lw=1)
    low, high = ax.get_ylim()
    if high < 1.01 * low:
        # A constant up to rounding would give an axis without height.
        ax.set_ylim(low / 2, high * 2)
    ax.set(title="residual rms: solid own, dashed unseen", xlabel="step")
    ax.legend(frameon=False)


def _spectrum(ax, picture: Picture) -> None:
    index = np.arange(1, picture.singular_values.size + 1)
    tiny = 1e-18 * max(picture.singular_values.max(initial=0.0), 1e-300)
    ax.semilogy(index, np.maximum(picture.singular_values, tiny), label=r"$\sigma_i$")
    shown = np.maximum(picture.components, 1e-22)
    ax.semilogy(index, shown, ".", ms=2, label=r"$|u_i \cdot r|$")
    last = picture.history.last_taken
    if last is not None and picture.history.cutoff[last] > 0:
        cutoff = picture.history.cutoff[last]
        ax.axhline(cutoff, color="k", ls=":", lw=1, label="cut-off")
    ax.set(title="singular spectrum of J", xlabel="i")
    ax.legend(frameon=False)

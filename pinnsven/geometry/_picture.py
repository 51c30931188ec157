import math
from pathlib import Path
from typing import Any

import jax.random as jr
import numpy as np

from .._errors import PinnsvenError, listing
from ._samplers import Sobol


_INSIDE, _BOUNDARY = 600, 120


def draw_region(region: Any, path: str | Path | None) -> Any:
    """A figure of sample points, and of the normals where there are any."""
    # Only who draws waits for it.
    from matplotlib.figure import Figure

    names = region.names
    if len(names) > 3:
        raise PinnsvenError(
            f"`plot` draws up to three coordinates; this region has {listing(names)}. "
            "Draw a factor of it, or points: `region.points(500).draw(key)`."
        )
    spans = [high - low for low, high in region.bounds.values()]
    flat = len(names) == 1 or (len(names) == 2 and spans[1] < 0.4 * spans[0])
    height = 2.2 if flat and "t" not in names else 4.6
    figure = Figure(figsize=(5.2, height), layout="constrained")
    ax = figure.add_subplot(projection="3d" if len(names) == 3 else None)
    edge = region
    if not region.axes:
        _points(ax, region.sample(Sobol(), _INSIDE, jr.key(0)), names, "C0")
        edge = region.boundary() if hasattr(region, "boundary") else None
    if edge is not None:
        _normals(ax, edge.sample(Sobol(), _BOUNDARY, jr.key(1)), region)
    ax.set_xlabel(names[0])
    if len(names) > 1:
        ax.set_ylabel(names[1])
        # Time and length have no common scale.
        if "t" not in names:
            ax.set_aspect("equal")
    else:
        ax.set_yticks([])
    if len(names) == 3:
        ax.set_zlabel(names[2])  # pyright: ignore[reportAttributeAccessIssue]
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _columns(batch: Any, names) -> list[np.ndarray]:
    columns = [np.asarray(batch.coordinates[name]) for name in names]
    return columns if len(columns) > 1 else [columns[0], np.zeros(batch.size)]


def _points(ax: Any, batch: Any, names, color: str) -> None:
    ax.scatter(*_columns(batch, names), s=4, color=color, linewidths=0)


def _normals(ax: Any, batch: Any, region: Any) -> None:
    names = region.names
    _points(ax, batch, names, "C3")
    zero = np.zeros(batch.size)
    arrows = [np.asarray(batch.normals.get(name, zero)) for name in names]
    spans = [high - low for low, high in region.bounds.values()]
    length = min(0.08 * math.hypot(*spans), 0.15 * min(spans))
    arrows = arrows if len(arrows) > 1 else [arrows[0], zero]
    start = _columns(batch, names)
    if len(names) == 3:
        ax.quiver(*start, *arrows, length=length, color="C3", linewidth=0.6)
        return
    ends = [length * a for a in arrows]
    style = {"angles": "xy", "scale_units": "xy", "scale": 1.0, "width": 0.003}
    ax.quiver(*start, *ends, color="C3", **style)
    # Arrows do not widen the axes on their own.
    ax.update_datalim(
        np.stack([a + e for a, e in zip(start, ends, strict=True)], axis=1)
    )
    ax.autoscale_view()

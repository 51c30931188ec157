"""Pictures of solutions: what `Solution.plot` hands to the report, and the file."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError, listing
from ..conditions import AbstractCondition, Data
from ..geometry import Points
from ..report import Picture, plot
from ..residuals import BoundProblem
from ._files import write_bytes
from ._region import region_of


Conditions = Mapping[str, AbstractCondition]


def draw(
    solution: Any,
    bounds: Sequence[BoundProblem],
    path: str | Path | None,
    reference: Callable | None,
) -> Any:
    """The figure of a solution, saved if there is a path; see `Solution.plot`.

    `bounds` are the problems that it solves, one or the windows of one.
    """
    s, c = solution.spectrum()
    conditions = bounds[-1].conditions
    fields = solution.model.fields
    picture = Picture(
        fields={name: getattr(solution, name) for name in fields},
        bounds={name: solution.model.bounds(name) for name in fields},
        history=solution.history,
        weights={n: c.weight for n, c in conditions.items()},
        singular_values=s,
        components=c,
        title=f"{solution.result.name} after {solution.steps} steps, "
        f"{solution.seconds:.0f} s",
        data=_line_data(solution, conditions),
        bands=_bands(solution),
        inside={
            name: where
            for name in fields
            if (where := region_of(bounds, name)) is not None
        },
    )
    figure = plot(picture, reference)
    if path is not None:
        _save(figure, Path(path))
    return figure


def _line_data(solution: Any, conditions: Conditions) -> dict[str, list[tuple]]:
    """What was measured of each field that has one coordinate."""
    found: dict[str, list[tuple]] = {}
    for condition in conditions.values():
        if isinstance(condition, Data) and isinstance(condition.field, str):
            names = solution.model.field(condition.field).names
            if len(names) == 1 and isinstance(condition.points, Points):
                where = condition.points.coordinates[names[0]]
                entry = (where, condition.values, condition.sigma)
                found.setdefault(condition.field, []).append(entry)
    return found


def _bands(solution: Any) -> dict[str, Callable]:
    """Half the width of the band of each field of one coordinate."""
    if not solution.has_data:
        return {}

    def half(field):
        return lambda line: 0.5 * np.subtract(*reversed(field.band(0.95, line)))

    # Fields without data of their own have a band from those of the others.
    fields = {name: getattr(solution, name) for name in solution.model.fields}
    return {name: half(u) for name, u in fields.items() if len(u.names) == 1}


def _save(figure, path: Path) -> None:
    kind = path.suffix.lower().lstrip(".") or "png"
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise CheckpointError(
            f"{path} cannot be drawn: there is no format {kind!r}, only "
            f"{listing(sorted(known))}."
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=150, format=kind)
    write_bytes(path if path.suffix else path.with_suffix(".png"), buffer.getbuffer())

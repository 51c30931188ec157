"""The dimension of each row: how it changes with the base units."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._errors import PinnsvenError
from .._quantities import Dimensions, change, changed_units, same
from ..conditions import (
    AbstractCondition,
    Balanced,
    Data,
    Inequality,
    Integral,
    Periodic,
    Point,
    Residual,
)
from ..fields import Model
from ..geometry import AbstractRegion, Boundary, Patch
from ._probe import WAVES, Probe, Sizes, rms, vector


# By how much a base unit is changed to see what changes with it.
_FACTOR = 1.5
# Rounding in a comparison of rows before and after.
_ROUNDING = 1e-7
BASES = {
    "[length]": "m",
    "[time]": "s",
    "[mass]": "kg",
    "[temperature]": "K",
    "[current]": "A",
    "[substance]": "mol",
    "[luminosity]": "cd",
}


def row_dimensions(
    name: str,
    condition: AbstractCondition,
    model: Model,
    sizes: Sizes,
    dims: Mapping[str, Dimensions],
) -> list[Dimensions | None]:
    """The dimensions of each component of a condition, given those of all names.

    `None` for a component that is zero, or not finite, on all test fields.
    """
    rows = _changed(bare(condition), model, sizes, dims)
    before = rows({})
    shown = rms(before) > 0
    powers: list[Dimensions] = [{} for _ in shown]
    for base in BASES:
        after = rows({base: _FACTOR})
        for i in np.flatnonzero(shown):
            old, new = before[..., i : i + 1], after[..., i : i + 1]
            size = rms(old)[0]
            ratio = rms(new)[0] / size
            if not rms(new - ratio * old)[0] <= _ROUNDING * size * ratio:
                raise PinnsvenError(
                    f"Condition {name!r} adds terms of different dimension: they "
                    f"do not change alike with the unit of {base.strip('[]')}. "
                    "Look for a missing factor, an exponential or sine of what has "
                    "a unit, or a plain number that needs one, `ps.si('300 K')`."
                )
            exponent = round(float(np.log(ratio) / np.log(_FACTOR)), 6)
            if exponent:
                powers[i][base] = exponent
    return [p if seen else None for p, seen in zip(powers, shown, strict=True)]


def bare(condition: AbstractCondition) -> AbstractCondition:
    """What of a condition has a dimension: factors and widths are numbers only."""
    if isinstance(condition, Balanced):
        return bare(condition.inner)
    if isinstance(condition, Inequality):
        return Residual(condition.fn, condition.points)
    return condition


def _changed(
    condition: AbstractCondition,
    model: Model,
    sizes: Sizes,
    dims: Mapping[str, Dimensions],
) -> Callable[[dict[str, float]], np.ndarray]:
    """The rows of a condition on test fields, as they are in other base units."""
    probe = Probe(condition, model)
    content = (
        measure_dimensions(condition.over.region, dims)
        if isinstance(condition, Integral)
        else {}
    )

    def rows(waves, points, factors):
        with changed_units(factors):
            scale = {name: change(d) for name, d in dims.items()}
            unknowns = {n: u.value * scale[n] for n, u in model.unknowns.items()}
            bounds = {
                name: {
                    k: (low * scale[k], high * scale[k])
                    for k, (low, high) in model.bounds(name).items()
                }
                for name in model.fields
            }
            there = in_other_units(condition, scale, change(content))
            values = {"value": _value_factor(condition, scale)}

            def one(wave, point):
                fields = {n: wave.field(n, b, scale[n]) for n, b in bounds.items()}
                place = {k: v * scale[k] for k, v in point.coordinates.items()}
                # Only values have a unit; the share of a data row has none.
                data = {k: v * values.get(k, 1.0) for k, v in point.data.items()}
                return vector(
                    there.row(fields | unknowns, Point(place, point.normals, data))
                )

            each = jax.vmap(one, in_axes=(None, 0), axis_size=probe.count)
            return jax.vmap(each, (0, None), axis_size=WAVES)(waves, points)

    compiled, waves = jax.jit(rows), probe.waves(sizes)
    ones = dict.fromkeys(BASES, 1.0)
    return lambda factors: np.asarray(compiled(waves, probe.points, ones | factors))


def _value_factor(condition: AbstractCondition, scale: Mapping[str, Any]) -> Any:
    """How an array of values changes; zero where nothing declares its unit."""
    if condition.uses():
        return scale[condition.uses()[0]]
    if isinstance(condition, Data):
        return 0.0
    given = getattr(condition.data().get("value"), "dimensions", None)
    return 0.0 if given is None else change(given)


@functools.singledispatch
def in_other_units(
    condition: AbstractCondition, scale: Mapping[str, Any], content: Any
):
    """A condition whose own numbers change as names do, by the factors in `scale`.

    `content`: how the size of the region changes that it integrates over.
    """
    return condition


@in_other_units.register(Periodic)
def _periodic(condition: Periodic, scale: Mapping[str, Any], content: Any) -> Periodic:
    faces = tuple(face * scale[condition.axis] for face in condition.faces)
    return eqx.tree_at(lambda c: c.faces, condition, faces)


@in_other_units.register(Integral)
def _integral(condition: Integral, scale: Mapping[str, Any], content: Any) -> Integral:
    nodes = {k: v * scale[k] for k, v in condition.nodes.coordinates.items()}
    return eqx.tree_at(
        lambda c: (c.nodes.coordinates, c.measure),
        condition,
        (nodes, condition.measure * content),
    )


def measure_dimensions(
    region: AbstractRegion, dims: Mapping[str, Dimensions]
) -> Dimensions:
    """The dimensions of the length, area or volume of a region.

    **Raises:** `PinnsvenError` where it adds what has different ones.
    """
    if isinstance(region, Boundary):
        parts = [measure_dimensions(piece, dims) for piece in region.pieces]
        return _alike(parts, "pieces of a boundary")
    # Cut surfaces and arcs are parts of a piece; products have factors.
    whole = getattr(region, "piece", None)
    if whole is not None:
        return measure_dimensions(whole, dims)
    factors = getattr(region, "factors", None)
    if factors is not None:
        return total([(measure_dimensions(f, dims), 1.0) for f in factors])
    fixed = region.fixed if isinstance(region, Patch) else {}
    free = [(dims[name], 1.0) for name in region.names if name not in fixed]
    if fixed or not region.axes:
        return total(free)
    across = _alike([dims[name] for name in region.axes], "coordinates of a surface")
    return total([*free, (across, -1.0)])


def total(parts: list[tuple[Dimensions, float]]) -> Dimensions:
    """The dimensions of a product of powers."""
    names = {base for dims, _ in parts for base in dims}
    return {base: sum(d.get(base, 0.0) * power for d, power in parts) for base in names}


def _alike(found: list[Dimensions], what: str) -> Dimensions:
    if not all(same(dims, found[0]) for dims in found):
        raise PinnsvenError(
            f"An integral runs over {what} of different dimension, such as a length "
            "and a time; give each an integral of its own."
        )
    return found[0]

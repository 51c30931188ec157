import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._errors import BoundsError, UnknownNameError, listing
from .._precision import user_array
from ..fields import Constrained, Model
from ._probe import Probe, lift, rms
from ._problem import Problem


# Powers of ten between which the size of a field is looked for.
_DECADES, _HALVINGS = 30.0, 24


@dataclasses.dataclass(frozen=True)
class Scales:
    """Characteristic scales of a problem, in the user's units; `print` shows them.

    - `fields`: offset and scale of each field.
    - `rows`: the size of each condition, one number for each of its components, where
      the fields have their scales and vary by them over the domain.
    - `guessed`: the unknowns that start at zero and so have the scale 1 for want of a
      better one.
    """

    fields: dict[str, tuple[float, float]]
    rows: dict[str, tuple[float, ...]]
    guessed: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{name} = {offset:.3g} + {scale:.3g} x order one"
            for name, (offset, scale) in self.fields.items()
        ]
        for name, sizes in self.rows.items():
            lines.append(f"{name}: rows of {', '.join(f'{s:.2g}' for s in sizes)}")
        return "\n".join([*lines, *map(zero_start, self.guessed)])


def scales(problem: Problem, model: Model, **given: Any) -> Scales:
    r"""The characteristic scales of the fields and of the rows of each condition.

    - A field that conditions give values to (Dirichlet, initial, data, a lift built
      in) has their largest size as its scale. If zero is not among them, the middle is
      its offset and half the range its scale.
    - Any other field has the size at which the terms that it enters balance what
      drives them: $s$ such that the rows change by as much as they are off without it,
      for waves of wave number $2/L$ in each coordinate, with $L$ the length of the
      domain. For $k\,u'' = q$ that is $q L^2/4k$.
    - The scale of a condition is the root mean square of its rows over points and over
      waves of wave number $1/L$ that have the scale of each field.

    **Arguments:** `problem`, `model`; by keyword the scale of a field, or a pair of
    offset and scale, where you know better: `u=500.0`, `u=(300.0, 50.0)`.

    **Returns:** a `ps.Scales`.

    **Raises:** `UnknownNameError`, `BoundsError` for scales that are not positive.

    **Example:** `print(ps.scales(problem, model))`.
    """
    problem.bind(model)
    fixed = _given(model, given)
    probes = {name: Probe(c, model) for name, c in problem.conditions.items()}
    fields = _known(probes, model, fixed)
    fields = _driven(probes, fields, fixed)
    rows = {}
    for name, probe in probes.items():
        values = probe(fields)
        sizes = math.sqrt(2.0) * rms(values)
        if not np.any(np.isfinite(values)):
            raise BoundsError(
                f"Condition {name!r} is finite for no field of the scales "
                f"{ {n: f'{a:g} + {b:g}' for n, (a, b) in fields.items()} }; give the "
                "offset and scale of those that must stay in a range, `u=(300, 50)`."
            )
        rows[name] = tuple(float(s) if s > 0 else 1.0 for s in sizes)
    guessed = tuple(n for n, u in model.unknowns.items() if u.guessed)
    return Scales(fields, rows, guessed)


def zero_start(name: str) -> str:
    """What to say of an unknown whose size nothing tells."""
    return (
        f"{name} starts at 0 and is taken to be of order 1. If it is not, give its "
        f"order of magnitude: `{name}=ps.Unknown(0.0, scale=1e-6)`."
    )


def _given(model: Model, given: Mapping[str, Any]) -> dict[str, tuple]:
    out = {}
    for name, value in given.items():
        if name not in model.fields:
            raise UnknownNameError(
                f"A scale is given for {name!r}, which is no field of the model; there "
                f"are {listing(model.fields)}. Unknowns take their scale from their "
                "initial value, or `ps.Unknown(0.0, scale=...)`."
            )
        array = user_array(value, f"The scale of {name!r}")
        if array.shape not in ((), (2,)) or not array.ravel()[-1] > 0:
            raise BoundsError(
                f"The scale of {name!r} is {value!r}; give a positive number, or a "
                f"pair of offset and scale, `{name}=(300.0, 50.0)`."
            )
        out[name] = (None, *array.ravel().tolist())[-2:]
    return out


def _known(
    probes: dict[str, Probe], model: Model, fixed: dict[str, tuple]
) -> dict[str, tuple[float, float]]:
    """Offset and scale of each field by its values; a scale of zero where none has."""
    values = {name: [] for name in model.fields}
    for probe in probes.values():
        for name, found in _values(probe, model.fields).items():
            values[name].append(found)
    for network in model.networks:
        if isinstance(network, Constrained):
            for name, found in zip(network.fields, lift(network, 0.0).T, strict=True):
                values[name].append(found)
    out = {}
    for name, found in values.items():
        offset, scale = _range(np.concatenate(found) if found else np.zeros(1))
        if name in fixed:
            wanted, scale = fixed[name]
            offset = offset if wanted is None else wanted
        out[name] = (offset, scale)
    return out


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low <= 0.0 <= high:
        return 0.0, max(-low, high)
    return 0.5 * (low + high), 0.5 * (high - low)


def _values(probe: Probe, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """What a condition says about the value of a single field, and of no derivative."""
    rest = {name: (0.0, 0.0) for name in names}
    zero = probe(rest)
    size = {name: np.abs(probe(rest | {name: (1.0, 0.0)}) - zero) for name in names}
    moving = [n for n in names if np.max(size[n]) > 0]
    if len(moving) != 1 or not probe.moved_by(moving[0]) or zero.shape[2] != 1:
        return {}
    name = moving[0]
    if not probe.holds(name):
        return {}
    slope = probe(rest | {name: (1.0, 0.0)}) - zero
    if not np.all(slope):
        return {}
    error = probe(rest | {name: (0.0, 1.0)}) - zero
    error -= slope * probe.cosine(name)[..., None]
    # What is left of a linear row is rounding.
    eps = np.finfo(error.dtype).eps
    if np.max(np.abs(error)) > 1e-6 * np.max(np.abs(slope)) + eps * np.max(abs(zero)):
        return {}
    return {name: -(zero / slope)[0, :, 0]}


def _driven(
    probes: dict[str, Probe], fields: dict, fixed: Mapping
) -> dict[str, tuple[float, float]]:
    """Scales of the fields that have no values, from what drives them.

    A source or flux in a condition of one field alone may also drive that field beyond
    the values that it is given.
    """
    fields = dict(fields)
    for name, (offset, scale) in fields.items():
        if name not in fixed:
            alone = [
                p
                for p in probes.values()
                if p.moved_by(name) and not _values(p, tuple(fields))
            ]
            found = [_balance(probe, fields, name) for probe in alone]
            fields[name] = (offset, max([scale, *found]))
    while missing := [name for name, (_, scale) in fields.items() if not scale > 0]:
        sizes = {
            name: max(_balance(probe, fields, name) for probe in probes.values())
            for name in missing
        }
        for name in missing:
            # Where nothing drives any of them, one size is as good as another.
            size = sizes[name] if any(sizes.values()) else 1.0
            fields[name] = (fields[name][0], size)
    return fields


def _balance(probe: Probe, fields: dict, name: str) -> float:
    """The size of a field at which it changes rows by as much as they are off."""
    offset = fields[name][0]
    rest = probe(fields | {name: (offset, 0.0)}, driven=name)
    off = rms(rest)
    # The root mean square of a wave is that of its amplitude over a root of two.
    change = lambda size: (
        math.sqrt(2.0) * rms(probe(fields | {name: (offset, size)}, name) - rest)
    )
    found = 0.0
    for i in np.flatnonzero(off > 0):
        low, high = -_DECADES, _DECADES
        if not change(10.0**high)[i] > off[i]:
            continue
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            below = change(10.0**middle)[i] < off[i]
            low, high = (middle, high) if below else (low, middle)
        found = max(found, 10.0**high)
    return found

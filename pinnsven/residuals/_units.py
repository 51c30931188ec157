from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._errors import PinnsvenError, UnknownNameError, listing
from .._quantities import (
    Measure,
    Measured,
    change,
    changed_units,
    dimensions,
    parsed,
    same,
)
from ..conditions import (
    AbstractCondition,
    Data,
    Dirichlet,
    Neumann,
    Point,
    Residual,
)
from ..fields import Model
from ._probe import Probe, Sizes, rms, vector
from ._problem import Problem
from ._scales import scales


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
# Other conditions hold points or numbers that do not change with the units.
_CHECKED = (Residual, Dirichlet, Neumann, Data)


class Units:
    """The units of coordinates, fields and unknowns, for checks and for results.

    Equations are written in plain numbers of SI base units, and quantities that come in
    become such numbers. What this object declares is the unit that a user reads each
    name in, and with it the dimension that it must have.

    **Arguments:** by keyword, the unit of each name, as pint writes them.

    **Example:**

    ```python
    units = ps.Units(x="cm", t="min", u="degC", D="mm^2/s")
    units.check(problem, model)
    lab = solution.in_units(units)
    ```

    **Raises:** `PinnsvenError` for a unit that pint does not know, or without pint
    (extra `units`).
    """

    def __init__(self, **units: str):
        self.units: dict[str, Any] = {k: parsed(u, k) for k, u in units.items()}

    def dimensions(self, name: str) -> dict[str, float]:
        """The powers of the base dimensions of a name."""
        if name not in self.units:
            raise UnknownNameError(
                f"No unit is declared for {name!r}; `ps.Units` has "
                f"{listing(self.units)}. For a pure number write `{name}=''`."
            )
        return dimensions(self.units[name])

    def check(self, problem: Problem, model: Model) -> dict[str, str]:
        r"""The unit of each condition's rows, if all of its terms have the same one.

        An equation between physical quantities cannot depend on the choice of units. So
        the rows are evaluated on smooth test fields before and after a change of each
        base unit, the metre say, to which coordinates, fields, unknowns and constants
        made by `ps.si` respond by their dimensions: every row must change by one
        factor, $\lambda^n$. That holds whatever functions the equation is made of.

        **Returns:** for each condition its SI base units, one text for each component;
        "not checked" for conditions other than `Residual`, `Dirichlet`, `Neumann` and
        `Data` of a field.

        **Raises:** `PinnsvenError` that names the condition and the base dimension in
        which terms disagree; `UnknownNameError` for names without a unit.

        Source: E. Buckingham, Phys. Rev. 4 (1914).
        """
        problem.bind(model)
        self._check_recorded(problem, model)
        found = {}
        sizes = scales(problem, model).fields
        for name, condition in problem.conditions.items():
            if not isinstance(condition, _CHECKED) or _unmeasured(condition):
                found[name] = "not checked"
                continue
            powers = self._powers(name, condition, model, sizes)
            found[name] = ", ".join(_text(p) for p in powers)
        return found

    def _check_recorded(self, problem: Problem, model: Model) -> None:
        for field in model.fields:
            for key, pair in model.bounds(field).items():
                for bound in pair:
                    self._same(key, bound, f"The domain of {field!r}")
        for name, condition in problem.conditions.items():
            points = condition.points.draw(jax.random.key(0)).coordinates
            for key, array in points.items():
                self._same(key, array, f"Condition {name!r}")
            if isinstance(condition, Data) and isinstance(condition.field, str):
                self._same(condition.field, condition.values, f"Condition {name!r}")
            if isinstance(condition, Dirichlet):
                self._same(
                    condition.field, condition.target.array, f"Condition {name!r}"
                )

    def _same(self, name: str, value: Any, where: str) -> None:
        dims = getattr(value, "dimensions", None)
        if isinstance(value, Measure | Measured) and dims is not None:
            if not same(dims, self.dimensions(name)):
                raise PinnsvenError(
                    f"{where} gives {name!r} in {_text(dims)}, but it is declared in "
                    f"{self.units[name]:~P}, which is {_text(self.dimensions(name))}."
                )

    def _powers(
        self, name: str, condition: AbstractCondition, model: Model, sizes: Sizes
    ) -> list[dict[str, float]]:
        """The powers of the base dimensions of each component."""
        given = [*model.fields, *model.unknowns, *condition.points.names]
        rows = _changed(
            condition, model, sizes, {key: self.dimensions(key) for key in given}
        )
        before = rows({})
        powers: list[dict[str, float]] = [{} for _ in range(before.shape[2])]
        for base in BASES:
            after = rows({base: _FACTOR})
            for i, power in enumerate(powers):
                old, new = before[..., i : i + 1], after[..., i : i + 1]
                size = rms(old)[0]
                if not size > 0:
                    continue
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
                    power[base] = exponent
        return powers


def _unmeasured(condition: AbstractCondition) -> bool:
    """Whether these are data of a measurement model, whose unit is not declared."""
    return isinstance(condition, Data) and not isinstance(condition.field, str)


def _changed(
    condition: AbstractCondition, model: Model, sizes: Sizes, dims: dict
) -> Callable[[dict[str, float]], np.ndarray]:
    """The rows of a condition on test fields, as they are in other base units."""
    probe = Probe(condition, model)

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
            # Only values have a unit; the share of a data row has none.
            values = (
                {"value": scale.get(condition.uses()[0])} if condition.uses() else {}
            )

            def one(wave, point):
                fields = {n: wave.field(n, b, scale[n]) for n, b in bounds.items()}
                there = {k: v * scale[k] for k, v in point.coordinates.items()}
                data = {k: v * values.get(k, 1.0) for k, v in point.data.items()}
                there = Point(there, point.normals, data)
                return vector(condition.row(fields | unknowns, there))

            count = jax.tree.leaves(points)[0].shape[0]
            each = jax.vmap(one, in_axes=(None, 0), axis_size=count)
            return jax.vmap(each, in_axes=(0, None))(waves, points)

    compiled, waves = jax.jit(rows), probe.waves(sizes)
    ones = dict.fromkeys(BASES, 1.0)
    return lambda factors: np.asarray(compiled(waves, probe.points, ones | factors))


def _text(dims: dict[str, float]) -> str:
    """Base units of these dimensions, `K / s`; a pure number is `1`."""
    out = parsed("", "a row")
    for base, power in dims.items():
        whole = int(power) if power == int(power) else power
        out = out * parsed(BASES[base], base) ** whole
    return f"{out:~P}" or "1"

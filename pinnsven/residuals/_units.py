from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from .._errors import PinnsvenError, UnknownNameError, listing
from .._quantities import Dimensions, Measure, Measured, dimensions, parsed, same
from ..conditions import (
    AbstractCondition,
    AbstractData,
    Data,
    Dirichlet,
    Residual,
    Trajectory,
)
from ..fields import Model
from ..geometry import Points, RegionPoints
from ._dimensions import BASES, bare, row_dimensions, total
from ._probe import Sizes
from ._problem import Problem
from ._scales import scales


_UNSEEN = "not checked: zero or not finite on the test fields"
# Values of a state around its first one, over that.
_SPREAD = np.array([0.6, 0.9, 1.1, 1.4])


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

        - Faces of `Periodic`, and the nodes and the size of the region of `Integral`,
          respond as well. Of an `Inequality` its function is checked.
        - Of a `Trajectory` each slope is compared with its state over time, each start
          with its state; nothing is integrated. States and time need a unit.
        - Arrays of plain numbers count as given in SI base units: those of `Data` of a
          function, of `observe` and of the value of an `Integral` are not checked.

        **Returns:** for each condition its SI base units, one text for each component;
        "not checked", with the reason, for one that vanishes on all test fields.

        **Raises:** `PinnsvenError` that names the condition and the base dimension in
        which terms disagree; `UnknownNameError` for names without a unit.

        Source: E. Buckingham, Phys. Rev. 4 (1914).
        """
        problem.bind(model)
        sizes = scales(problem, model).fields if model.fields else {}
        found = {}
        for name, condition in problem.conditions.items():
            condition = bare(condition)
            self._check_places(name, condition, model)
            if isinstance(condition, Trajectory):
                powers = self._trajectory(name, condition, model, sizes)
            else:
                powers = self._powers(name, condition, model, sizes)
            self._check_values(name, condition, powers)
            found[name] = ", ".join(_UNSEEN if p is None else _text(p) for p in powers)
        return found

    def _check_places(
        self, name: str, condition: AbstractCondition, model: Model
    ) -> None:
        """Quantities that came in as coordinates must have their dimension."""
        for field in model.fields:
            for key, pair in model.bounds(field).items():
                for bound in pair:
                    self._same(key, bound, f"The domain of {field!r}")
        for points in condition.places():
            given: Mapping[str, Any] = points.draw(jax.random.key(0)).coordinates
            if isinstance(points, RegionPoints):
                given = points.region.bounds
            for key, values in given.items():
                for value in values if isinstance(values, tuple) else (values,):
                    self._same(key, value, f"Condition {name!r}")

    def _check_values(
        self, name: str, condition: AbstractCondition, powers: list[Dimensions | None]
    ) -> None:
        """Quantities that came in as values must have the dimension of their rows."""
        given: dict[str, Any] = {}
        if isinstance(condition, Dirichlet):
            given = {"values": condition.target.array}
        if isinstance(condition, AbstractData):
            given = {"`sigma`": condition.sigma}
        if isinstance(condition, Data | Trajectory):
            given["values"] = condition.values
        for what, array in given.items():
            dims = getattr(array, "dimensions", None)
            for wanted in powers:
                if dims is None or wanted is None:
                    continue
                if not same(dims, wanted):
                    raise PinnsvenError(
                        f"Condition {name!r} gives {what} in {_text(dims)}, but what "
                        f"they are compared with is in {_text(wanted)}."
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
    ) -> list[Dimensions | None]:
        places = (n for points in condition.places() for n in points.names)
        given = (*model.fields, *model.unknowns, *model.coordinates, *places)
        dims = {key: self.dimensions(key) for key in given}
        return row_dimensions(name, condition, model, sizes, dims)

    def _trajectory(
        self, name: str, condition: Trajectory, model: Model, sizes: Sizes
    ) -> list[Dimensions | None]:
        """The dimensions of what is observed, once those of the equation agree."""
        time = self.dimensions(condition.time)
        states = [self.dimensions(state) for state in condition.states]
        where = _around(condition, model)
        powers = lambda fn: self._powers(name, Residual(fn, where), model, sizes)
        slopes = zip(condition.states, powers(condition.vector_field), strict=True)
        for (state, slope), own in zip(slopes, states, strict=True):
            wanted = total([(own, 1.0), (time, -1.0)])
            _agree(name, f"the slope of {state!r}", slope, wanted)
        starts = zip(condition.states, condition.initial, states, strict=True)
        for state, target, own in starts:
            fn = target.value if target.functions() else lambda v=target.value: v
            (start,) = powers(fn)
            _agree(name, f"the start of {state!r}", start, own)
        return list(states) if condition.observe is None else powers(condition.observe)


def _around(condition: Trajectory, model: Model) -> Points:
    """Times and states at which the functions of a trajectory are tried."""
    first = condition.starts(model.scope())
    given = {k: _SPREAD * (float(v) or 1.0) for k, v in first.items()}
    span = condition.instants[-1] - condition.start
    times = condition.start + span * np.linspace(0.1, 0.9, _SPREAD.size)
    return Points(**given, **{condition.time: times})


def _agree(name: str, what: str, found: Dimensions | None, wanted: Dimensions) -> None:
    if found is not None and not same(found, wanted):
        raise PinnsvenError(
            f"Condition {name!r} gives {what} in {_text(found)}; it should be in "
            f"{_text(wanted)}. A plain number may need a unit, `ps.si('300 K')`."
        )


def _text(dims: Dimensions) -> str:
    """Base units of these dimensions, `K / s`; a pure number is `1`."""
    out = parsed("", "a row")
    for base, power in dims.items():
        whole = int(power) if power == int(power) else power
        out = out * parsed(BASES[base], base) ** whole
    return f"{out:~P}" or "1"

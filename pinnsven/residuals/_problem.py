import copy
from typing import Any

import equinox as eqx
import jax

from .._errors import PinnsvenError, UnknownNameError, listing
from .._names import shown
from ..conditions import AbstractCondition, AbstractData, Data
from ..fields import Model
from ._bound import BoundProblem, Layout


class Problem:
    """Named conditions that must hold together.

    **Example:**

    ```python
    problem = ps.Problem(
        pde=ps.Residual(heat, domain.points(800)),
        walls=ps.Dirichlet("u", 0.0, domain.boundary("x").points(80)),
    )
    ```

    The names are what progress, errors, reports and plots show.

    **Raises:** `PinnsvenError` without conditions or for a value that is none.
    """

    def __init__(self, *unnamed, **conditions):
        if unnamed or not conditions:
            raise PinnsvenError(
                "`Problem` needs at least one condition by keyword, "
                "e.g. `ps.Problem(pde=ps.Residual(...))`."
            )
        for name, condition in conditions.items():
            if not isinstance(condition, AbstractCondition):
                raise PinnsvenError(
                    f"Condition {name!r} is {shown(condition)}; give "
                    "`ps.Residual`, `ps.Dirichlet`, `ps.Neumann`, `ps.Robin`, "
                    "`ps.Flux`, `ps.Interface`, `ps.Periodic`, `ps.Integral`, "
                    "`ps.Inequality`, `ps.Data` or `ps.Trajectory`."
                )
        data = [c for c in conditions.values() if isinstance(c, AbstractData)]
        self.conditions: dict[str, AbstractCondition] = {
            name: c.beside(data) if isinstance(c, AbstractData) else c
            for name, c in conditions.items()
        }
        self._layouts: dict[Any, Layout] = {}

    def remeasured(self, **values) -> "Problem":
        """The same problem with other values of the named `Data`, shape `(n,)` each.

        Both share their compiled code: for repeated measurements, simulated data sets
        and the bootstrap. Points and `sigma` stay as they are.

        **Example:** `problem.remeasured(probes=us + 0.01 * rng.normal(size=us.shape))`.

        **Raises:** `UnknownNameError` for a name that is no `Data`; `ShapeError`,
        `NonFiniteError`, `DtypeError` for the values, as `ps.Data` does.
        """
        measured = {n: c for n, c in self.conditions.items() if isinstance(c, Data)}
        if wrong := [name for name in values if name not in measured]:
            raise UnknownNameError(
                f"`remeasured` got values for {listing(wrong)}; the conditions that "
                f"are `ps.Data` are {listing(measured)}."
            )
        other = copy.copy(self)
        # Rows read values from their points, so their code does not depend on them.
        other.conditions = self.conditions | {
            name: measured[name].measured(given) for name, given in values.items()
        }
        return other

    def bind(self, model: Model) -> BoundProblem:
        """Check every name and shape against a model, without compiling anything.

        **Raises:** `UnknownNameError`, `ShapeError`, naming the condition.
        """
        if not isinstance(model, Model):
            raise PinnsvenError(
                f"A model is needed, got {type(model).__name__}; wrap the network, "
                "`ps.Model(network)`."
            )
        return BoundProblem(self.conditions, self.layout(model), model)

    def layout(self, model: Model) -> Layout:
        """The code for models of this structure, the same object for each of them."""
        trained, static = eqx.partition(model, eqx.is_inexact_array)
        leaves, tree = jax.tree.flatten(static)
        shapes = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(trained)]
        key = (tree, jax.tree.structure(trained), *leaves, *shapes)
        try:
            return self._layouts.setdefault(key, Layout(self.conditions, model))
        except TypeError:
            # A module that holds something unhashable is compiled anew each time.
            return Layout(self.conditions, model)

from typing import Any

import equinox as eqx
import jax

from .._errors import PinnsvenError
from .._names import shown
from ..conditions import AbstractCondition, AbstractData
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

import io
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax.random as jr
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from rich.console import Console
from rich.table import Table

from .._errors import PinnsvenError, ShapeError, UnknownNameError, listing
from .._names import check_key, shown
from ..fields import Model
from ..residuals import Problem
from ..sven import AbstractSolver
from ._evaluated import Evaluated
from ._progress import worst
from ._result import Result
from ._sampling import AbstractSampling
from ._solution import Solution, load
from ._solve import solve


class Together:
    """A field of every member: called it is their mean, `std` is their spread.

    Coordinates as for the field of a solution; `ensemble.u.xx` is a derivative,
    `ensemble.u.each(...)` has the members along its first axis.
    """

    def __init__(self, fields: tuple[Evaluated, ...]):
        self._fields = fields

    def __call__(self, *args, **kwargs) -> Float[np.ndarray, "..."]:
        return np.asarray(self.each(*args, **kwargs).mean(axis=0))

    def each(self, *args, **kwargs) -> Float[np.ndarray, "members ..."]:
        """The values of all members."""
        return np.stack([np.asarray(field(*args, **kwargs)) for field in self._fields])

    def std(self, *args, **kwargs) -> Float[np.ndarray, "..."]:
        """The standard deviation between the members."""
        return np.asarray(self.each(*args, **kwargs).std(axis=0, ddof=1))

    def d(self, *names: str) -> "Together":
        """The mixed derivative along the named coordinates."""
        return Together(tuple(field.d(*names) for field in self._fields))

    def __getattr__(self, name: str) -> "Together":
        if name.startswith("_"):
            raise AttributeError(name)
        return Together(tuple(getattr(field, name) for field in self._fields))


class Ensemble:
    r"""Solutions of one problem from several initial networks: a second opinion.

    - `ensemble.u(x=...)`, `ensemble.nu`: the mean over the members.
    - `ensemble.u.std(x=...)`, `ensemble.std("nu")`: the standard deviation between
      them. All members see the same data, so this is what the initial weights and the
      points decide. It is no error bar: where it is small beside `solution.std`, the
      fit does not depend on its start; where it is not, no error bar of a single
      solution can be trusted.
    - `members`: the solutions that count. `left_out`: those that diverged.

    `print(ensemble)` shows how each member ended. For a choice of your own make another
    one: `ps.Ensemble([s for s in ensemble.members if s.result.is_success])`.

    **Arguments:** `solutions`, two or more of them, of the same fields and unknowns.

    **Raises:** `ShapeError` if fewer than two members are left; `PinnsvenError` for
    anything that is no `Solution`; `UnknownNameError` where fields or unknowns differ.

    Source: Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017.
    """

    def __init__(self, solutions: Iterable[Solution]):
        given = tuple(solutions)
        for solution in given:
            if not isinstance(solution, Solution):
                raise PinnsvenError(
                    f"`Ensemble` is made of solutions, got {shown(solution)}; "
                    "`ps.solve_ensemble` makes one from a problem."
                )
        lost = [s for s in given if s.result is Result.diverged]
        self.members = tuple(s for s in given if s.result is not Result.diverged)
        self.left_out = tuple(lost)
        if len(self.members) < 2:
            raise ShapeError(
                f"An ensemble needs at least two members; {len(given)} were given, of "
                f"which {len(lost)} diverged and do not count."
            )
        parts = {(s.model.fields, tuple(s.model.unknowns)) for s in self.members}
        if len(parts) > 1:
            raise UnknownNameError(
                "The members of an ensemble must have the same fields and unknowns; "
                f"these have {listing(map(str, sorted(parts)))}."
            )
        if lost:
            warnings.warn(
                f"{len(lost)} of {len(given)} members diverged and are left out.",
                stacklevel=2,
            )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("members", "left_out"):
            raise AttributeError(name)
        model = self.members[0].model
        if name in model.fields:
            return Together(tuple(getattr(s, name) for s in self.members))
        if name in model.unknowns:
            return np.asarray(self._values(name).mean(axis=0))
        raise AttributeError(
            f"This ensemble has the fields {listing(model.fields)} and the unknowns "
            f"{listing(model.unknowns)}, but no {name!r}."
        )

    def std(self, name: str) -> Float[np.ndarray, "..."]:
        """The standard deviation of an unknown between the members.

        **Raises:** `UnknownNameError`.
        """
        there = self.members[0].model.unknowns
        if name not in there:
            raise UnknownNameError(
                f"There is no unknown {name!r}; there are {listing(there)}."
            )
        return np.asarray(self._values(name).std(axis=0, ddof=1))

    def _values(self, name: str) -> Float[np.ndarray, "members ..."]:
        return np.stack(
            [np.asarray(s.model.unknowns[name].value) for s in self.members]
        )

    def __str__(self) -> str:
        unknowns = list(self.members[0].model.unknowns)
        table = Table()
        for column in ("member", "result", "steps", "worst residual", *unknowns):
            table.add_column(column, justify="right")
        everyone = [*self.members, *self.left_out]
        for i, solution in enumerate(everyone):
            numbers = [
                np.array2string(np.asarray(solution.model.unknowns[u].value))
                for u in unknowns
            ]
            table.add_row(
                str(i) if i < len(self.members) else f"{i} (left out)",
                solution.result.name,
                str(solution.steps),
                worst(solution.training, solution.unseen),
                *numbers,
            )
        buffer = io.StringIO()
        console = Console(file=buffer, width=max(88, 60 + 16 * len(unknowns)))
        console.print(table)
        for name in unknowns:
            mean, spread = getattr(self, name), self.std(name)
            words = f"{np.array2string(mean)}, spread {np.array2string(spread)}"
            console.print(f"{name} = {words}", highlight=False)
        return buffer.getvalue().rstrip()

    def __repr__(self) -> str:
        return f"<Ensemble of {len(self.members)}, {len(self.left_out)} left out>"


def solve_ensemble(
    problem: Problem,
    make_model: Callable[[PRNGKeyArray], Model],
    keys: Iterable[PRNGKeyArray],
    solver: AbstractSolver | None = None,
    *,
    key: PRNGKeyArray,
    steps: int | None = None,
    seconds: float | int | None = None,
    tolerance: float | int | None = None,
    sampling: AbstractSampling | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Ensemble:
    """Solve one problem from several initial networks, one after the other.

    All members share one compiled step, until points are added to one of them.

    **Arguments:**

    - `problem`, `solver`, `steps`, `seconds`, `tolerance`, `sampling`: as in `solve`,
      for each member.
    - `make_model`: from a random key to a model, all of one structure.
    - `keys`: the random keys of the models, one for each member.
    - `key`: another key, for the points; each member draws its own.
    - `folder`: keeps each finished member in a file of its own, `member-0.npz` and so
      on. Members whose file is there are read, so that an interrupted call goes on.
    - `progress`: show the members as they end.

    **Returns:** an `Ensemble`.

    **Raises:** as `solve` and `Ensemble`; `CheckpointError` if a file in `folder`
    belongs to another problem or model.

    **Example:**

    ```python
    make = lambda key: ps.Model(ps.MLP(domain, "u", width=16, depth=2, key=key), D=1.0)
    ensemble = ps.solve_ensemble(problem, make, jr.split(jr.key(0), 5), key=jr.key(1))
    ensemble.u.std(x=0.5, t=0.1)
    ```
    """
    if not callable(make_model):
        raise PinnsvenError(
            f"`make_model` is {shown(make_model)}; give a function of a random key "
            "that returns a model, `lambda key: ps.Model(ps.MLP(..., key=key))`."
        )
    check_key(key, "`solve_ensemble`")
    keys = list(keys)
    if len(keys) < 2:
        raise ShapeError(
            f"`solve_ensemble` got {len(keys)} keys; an ensemble needs at least two, "
            "`jr.split(jr.key(0), 5)` makes five."
        )
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    members = []
    for i, own in enumerate(keys):
        model = make_model(own)
        path = None if folder is None else Path(folder) / f"member-{i}.npz"
        if path is not None and path.exists():
            member = load(path, problem, model)
        else:
            member = solve(
                problem,
                model,
                solver,
                key=jr.fold_in(key, i),
                steps=steps,
                seconds=seconds,
                tolerance=tolerance,
                sampling=sampling,
                progress=False,
            )
            if path is not None:
                member.save(path)
        members.append(member)
        if progress:
            print(f"member {i + 1} of {len(keys)}: {member.result.name}", flush=True)
    return Ensemble(members)

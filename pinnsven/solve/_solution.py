import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from rich.console import Console
from rich.table import Table

from .._errors import UnknownNameError, listing
from .._precision import default_dtype
from ..fields import Model
from ..inference import standard_error
from ..report import Picture, plot
from ..residuals import BoundProblem, Problem
from ..sven import SVD
from ._advance import shares
from ._checkpoint import (
    fingerprint,
    pack_draw,
    require_same_residuals,
    unpack_draw,
)
from ._driver import Run
from ._files import read_npz, require_same, write_npz
from ._history import History
from ._result import Result
from ._stopping import worst


# Points evaluated at one time, so that a fine grid needs no more memory than this.
_CHUNK = 2**14


class Evaluated:
    """A field of a solution: arrays in, arrays out; its derivatives likewise.

    Coordinates are given by keyword, or by position in the order of the field, and
    broadcast against each other: `solution.u(x=jnp.linspace(-1, 1, 101), t=0.5)`.
    `solution.u.xx` is the second derivative, as in a residual.
    """

    def __init__(self, model: Model, name: str, along: tuple[str, ...] = ()):
        self._model, self._name, self._along = model, name, along
        self.names = model.field(name).names

    def __call__(self, *args, **kwargs) -> Float[Array, "..."]:
        values = dict(zip(self.names, args, strict=False)) | kwargs
        if set(values) != set(self.names) or len(args) + len(kwargs) != len(self.names):
            raise UnknownNameError(
                f"`{self._name}` is a field of {listing(self.names)}; it was called "
                f"with {len(args)} positional arguments and {listing(kwargs)}."
            )
        dtype = default_dtype()
        arrays = [np.asarray(values[name], dtype) for name in self.names]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        flat = jnp.stack([np.broadcast_to(a, shape).ravel() for a in arrays], axis=1)
        return _evaluate(self._model, flat, self._name, self._along).reshape(shape)

    def d(self, *names: str) -> "Evaluated":
        """The mixed derivative along the named coordinates."""
        self._model.field(self._name).d(*names)
        return Evaluated(self._model, self._name, (*self._along, *names))

    def __getattr__(self, name: str) -> "Evaluated":
        letters = tuple(name)
        # Copying and unpickling ask for attributes before there are any.
        if name.startswith("_") or name == "names":
            raise AttributeError(name)
        if set(letters) <= set(self.names):
            return self.d(*letters)
        raise AttributeError(
            f"`{self._name}` has no derivative {name!r}; its coordinates are "
            f"{listing(self.names)}."
        )


@eqx.filter_jit
def _evaluate(model: Model, z: Float[Array, "n d"], name: str, along: tuple[str, ...]):
    u = model.field(name).d(*along)
    return jax.lax.map(lambda point: u.fn(*point), z, batch_size=_CHUNK)


class Solution:
    """What came of a run.

    - `solution.u(x=..., t=...)`: a field, under its name; arrays in, arrays out.
    - `solution.nu`: an unknown, under its name; `solution.std("nu")`: its error bar.
    - `result`: a `ps.Result` with a sentence; `print(solution)` shows everything.
    - `training`, `unseen`: root mean square residual of each condition on the step's
      points and on points that no step ever used.
    - `history`: the run as arrays. `model`: the fitted `ps.Model`, for another `solve`.
    """

    def __init__(self, bound: BoundProblem, run: Run, result: Result, solver: str):
        self._bound, self._run = bound, run
        self.model: Model = bound.rebuild(run.theta)
        self.result = result
        self.solver = solver
        self.history: History = run.history
        self.training: dict[str, float] = run.training
        self.unseen: dict[str, float] = run.unseen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self.model.fields:
            return Evaluated(self.model, name)
        if name in self.model.unknowns:
            return self.model.unknowns[name].value
        raise AttributeError(
            f"A solution of this problem has the fields {listing(self.model.fields)} "
            f"and the unknowns {listing(self.model.unknowns)}, but no {name!r}."
        )

    @property
    def steps(self) -> int:
        """Steps taken, over all continuations."""
        return self.history.steps

    @property
    def seconds(self) -> float:
        """Wall time of the steps, without the first compilation."""
        return self._run.seconds

    def std(self, name: str) -> Float[np.ndarray, "..."]:
        """The standard error of an unknown; see `pinnsven.inference.standard_error`.

        **Raises:** `UnknownNameError`; `PinnsvenError` if there are no `Data`.
        """
        if name not in self.model.unknowns:
            raise UnknownNameError(
                f"There is no unknown {name!r}; there are "
                f"{listing(self.model.unknowns)}."
            )
        residuals = self._bound.map(self._run.draw.train)
        return standard_error(self._bound, residuals, self._run.theta, name)

    def spectrum(self) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
        r"""The singular values of $J$ at the solution, and $|U^T r|$ beside each."""
        residuals = self._bound.map(self._run.draw.train)
        spectrum = _spectrum(residuals, self._run.theta)
        return np.asarray(spectrum.s), np.abs(np.asarray(spectrum.c))

    def plot(
        self, path: str | Path | None = None, reference: Callable | None = None
    ) -> Any:
        """Draw the fields, the convergence of each condition and the spectrum.

        **Arguments:**

        - `path`: where to save the picture; without it only the figure is returned.
        - `reference`: an exact or independent solution of the first field, a function
          of the coordinates by keyword; its difference is then drawn too.

        **Returns:** the `matplotlib.figure.Figure`.
        """
        s, c = self.spectrum()
        picture = Picture(
            fields={name: Evaluated(self.model, name) for name in self.model.fields},
            bounds={name: self.model.bounds(name) for name in self.model.fields},
            history=self.history,
            weights={n: c.weight for n, c in self._bound.conditions.items()},
            singular_values=s,
            components=c,
            title=f"{self.result.name} after {self.steps} steps, {self.seconds:.0f} s",
        )
        return plot(picture, path, reference)

    def save(self, path: str | Path) -> None:
        """Write the solution to one file; `ps.load(path, problem, model)` reads it.

        **Raises:** `CheckpointError` if it cannot be written.
        """
        header = {
            "kind": "solution",
            "problem": fingerprint(self._bound),
            "history": self.history.to_dict(),
            "held": list(self._run.draw.held),
            "training": self.training,
            "unseen": self.unseen,
            "result": self.result.name,
            "solver": self.solver,
            "seconds": self.seconds,
        }
        parts = shares(self._bound.map(self._run.draw.train), self._run.theta)
        arrays = {"theta": np.asarray(self._run.theta), "shares": np.asarray(parts)}
        arrays |= pack_draw(self._run.draw)
        write_npz(path, header, arrays)

    def __repr__(self) -> str:
        return f"<Solution {self.result.name} after {self.steps} steps>"

    def __str__(self) -> str:
        rows = Table()
        for column in ("condition", "training", "unseen"):
            rows.add_column(
                column, justify="left" if column == "condition" else "right"
            )
        for name, value in self.training.items():
            unseen = f"{self.unseen[name]:.2e}" if name in self.unseen else "-"
            rows.add_row(name, f"{value:.2e}", unseen)
        buffer = io.StringIO()
        console = Console(file=buffer, width=88)
        console.print(f"{self.result.name}: {self._why()}", highlight=False)
        console.print(rows)
        for line in self._lines():
            console.print(line, highlight=False)
        return buffer.getvalue().rstrip()

    def _why(self) -> str:
        if self.result is not Result.stalled:
            return self.result.value
        found = worst(self._run, self._bound.conditions)
        return self.result.value if found is None else f"No further progress: {found}"

    def _lines(self) -> list[str]:
        lines = []
        for name, unknown in self.model.unknowns.items():
            lines.append(f"{name} = {np.array2string(np.asarray(unknown.value))}")
        if self.steps:
            rank = int(self.history.rank[-1])
            total = self.history.sigma_max[-1]
            lines.append(
                f"rank {rank}, largest singular value {total:.2e}, "
                f"cut-off {self.history.cutoff[-1]:.1e}"
            )
        lines.append(f"{self.steps} steps in {self.seconds:.1f} s after compilation")
        return lines


@eqx.filter_jit
def _spectrum(residuals, theta):
    return SVD()(*residuals.linearise(theta))


def load(path: str | Path, problem: Problem, model: Model) -> Solution:
    """Read a saved solution, for the problem and a model of the same structure.

    **Raises:** `CheckpointError` if the file is missing, damaged, or belongs to another
    problem or model; the message names the first difference.
    """
    header, arrays = read_npz(path, "solution")
    bound = problem.bind(model)
    require_same(path, header["problem"], fingerprint(bound))
    theta = jnp.asarray(arrays["theta"])
    draw = unpack_draw(arrays, bound.names, header["held"])
    require_same_residuals(path, bound, draw, theta, arrays["shares"])
    run = Run(
        theta=theta,
        state=None,
        draw=draw,
        history=History.from_dict(header["history"]),
        best=theta,
        training=header["training"],
        unseen=header["unseen"],
        seconds=header["seconds"],
    )
    return Solution(bound, run, Result[header["result"]], header["solver"])

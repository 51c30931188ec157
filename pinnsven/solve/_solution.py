import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from rich.console import Console

from .. import inference
from .._errors import PinnsvenError, listing
from .._names import shown
from ..conditions import AbstractData
from ..fields import Model
from ..residuals import BoundProblem, Problem, Units
from ._advance import decomposed, shares
from ._checkpoint import (
    fingerprint,
    pack_draw,
    require_same_residuals,
    unpack_draw,
)
from ._drawing import draw
from ._driver import Run
from ._evaluated import Evaluated
from ._export import write
from ._files import read_npz, require_same, write_npz
from ._history import History
from ._in_units import InUnits
from ._progress import table
from ._result import End, Result
from ._sampling import added
from ._tables import to_pandas, to_xarray


class Solution:
    """What came of a run.

    - `solution.u(x=..., t=...)`: a field, under its name; arrays in, arrays out.
    - `solution.nu`: an unknown, under its name.
    - `std("nu")`, `interval("nu", 0.95)`, `covariance("nu", "D")`, `identifiability()`:
      how far the unknowns can be trusted; `solution.u.std(x=..., t=...)`: the fields.
    - `result`: a `ps.Result`; `reason`: why, in a sentence with the numbers of this
      run. `print(solution)` shows everything.
    - `training`, `unseen`: root mean square residual of each condition on the step's
      points and on points that no step ever used.
    - `history`: the run as arrays. `model`: the fitted `ps.Model`, for another `solve`.
    """

    def __init__(self, bound: BoundProblem, run: Run, end: End, solver: str):
        self._bound, self._run = bound, run
        self.model: Model = bound.rebuild(run.theta)
        self.result: Result = end.result
        self.reason: str = end.reason
        self.solver = solver
        self.history: History = run.history
        self.training: dict[str, float] = run.training
        self.unseen: dict[str, float] = run.unseen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self.model.fields:
            return Evaluated(self.model, name, noise=lambda: self._propagation)
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

    @property
    def has_data(self) -> bool:
        """Whether a condition is `Data`, so that there are error bars."""
        return any(isinstance(c, AbstractData) for c in self._bound.conditions.values())

    def std(self, name: str) -> Float[np.ndarray, "..."]:
        """The standard error of an unknown; infinite if the data do not determine it.

        **Raises:** `UnknownNameError`; `PinnsvenError` if there are no `Data`.
        """
        return inference.std(self._propagation, name)

    def interval(self, name: str, level: float) -> tuple[np.ndarray, np.ndarray]:
        """The ends of a confidence interval of an unknown, which stays in its bounds.

        **Raises:** as `std`; `BoundsError` for a `level` outside of (0, 1).

        **Example:** `low, high = solution.interval("nu", 0.95)`.
        """
        return inference.interval(self._propagation, name, level)

    def covariance(self, *names: str) -> inference.Covariance:
        """The covariance of the named unknowns, of all if none is named.

        **Raises:** as `std`; `PinnsvenError` if the model has no unknown.
        """
        return inference.covariance(self._propagation, names)

    def identifiability(self) -> inference.Identifiability:
        """Which combinations of the unknowns the data leave undetermined.

        **Raises:** `PinnsvenError` if there are no `Data` or no unknowns.
        """
        return inference.identifiability(self._propagation)

    @functools.cached_property
    def _propagation(self) -> inference.Propagation:
        residuals = self._bound.map(self._run.draw.train)
        return inference.Propagation(
            self._bound, residuals, self._run.theta, self.unseen
        )

    def spectrum(self) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
        r"""The singular values of $J$ at the solution, and $|U^T r|$ beside each.

        All of them, from the formed Jacobian, whatever the solver used.
        """
        residuals = self._bound.map(self._run.draw.train)
        spectrum = decomposed(residuals, self._run.theta)
        return np.asarray(spectrum.s), np.abs(np.asarray(spectrum.c))

    def plot(
        self, path: str | Path | None = None, reference: Callable | None = None
    ) -> Any:
        """Draw the fields, the convergence of each condition and the spectrum.

        A field of one coordinate is drawn with its data and the band of 95% that their
        noise gives it.

        **Arguments:**

        - `path`: where to save the picture, in the format that its ending names (PNG
          without one); without a path only the figure is returned.
        - `reference`: an exact or independent solution of the first field, a function
          of the coordinates by keyword; its difference is then drawn too.

        **Returns:** the `matplotlib.figure.Figure`.

        **Raises:** `CheckpointError` if the file cannot be written; an earlier one is
        then untouched.
        """
        return draw(self, [self._bound], path, reference)

    def to_xarray(self, **coordinates) -> Any:
        """All fields on the grid of one-dimensional coordinates, as an xarray Dataset.

        Each field has its own coordinates among them; a number becomes a scalar
        coordinate. Unknowns, their standard errors (`D_std`) if there are data, and
        the result are attributes. Needs the extra `data`.

        **Example:** `solution.to_xarray(x=jnp.linspace(0, 1, 51), t=[0.0, 0.5])`.

        **Raises:** `UnknownNameError`, `ShapeError` for the coordinates.
        """
        return to_xarray(self, coordinates)

    def to_pandas(self, points: Any) -> Any:
        """All fields at points, one row each, as a pandas frame.

        **Arguments:** `points`: a `ps.Points`, or a frame that has a column for each
        coordinate, whose index and other columns are kept. Attributes of the frame
        (`frame.attrs`) are as in `to_xarray`. Needs the extra `data`.

        **Raises:** `UnknownNameError` for coordinates that are missing.
        """
        return to_pandas(self, points)

    def write(
        self, path: str | Path, mesh: Any = None, *, time: str = "t", **coordinates
    ) -> None:
        """Write all fields to a file for ParaView, by meshio; needs the extra `export`.

        **Arguments:**

        - `path`: `.vtu`, `.vtk`, `.xdmf` or another format of meshio for point data.
        - `mesh`: a `meshio.Mesh` or a pair of points, shape `(n, d)`, and cells as
          meshio takes them, on which the fields are evaluated; its axes are the
          coordinates of the fields in their order, without those given by keyword.
        - `time`: the coordinate that may be an array in an XDMF file, a time series.
        - `coordinates`: without a mesh one-dimensional arrays, up to three, that span a
          grid; other coordinates are numbers.

        **Example:** `solution.write("heat.xdmf", x=xs, y=ys, t=[0.0, 0.1, 0.2])`.

        **Raises:** `UnknownNameError` and `ShapeError` for coordinates and mesh;
        `CheckpointError` if the file cannot be written.
        """
        write(self, Path(path), mesh, time, coordinates)

    def in_units(self, units: Units) -> InUnits:
        """The same solution, with quantities of the declared units in and out.

        Coordinates are quantities, or numbers in their declared unit. Fields, their
        derivatives, unknowns and `std` are pint quantities.

        **Example:** `lab = solution.in_units(units)`, then `lab.u(x=5, t=10 * q.s)`.

        **Raises:** `UnknownNameError` for a name without a unit; `PinnsvenError` for a
        coordinate of another dimension.
        """
        return InUnits(self, units)

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
            "reason": self.reason,
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
        buffer = io.StringIO()
        console = Console(file=buffer, width=88)
        console.print(f"{self.result.name}: {self.reason}", highlight=False)
        console.print(table(self.training, self.unseen))
        for line in self._lines():
            console.print(line, highlight=False)
        return buffer.getvalue().rstrip()

    def _lines(self) -> list[str]:
        lines = added(self._bound, self._run.draw)
        for name, unknown in self.model.unknowns.items():
            lines.append(f"{name} = {np.array2string(np.asarray(unknown.value))}")
        last = self.history.last_taken
        if last is not None and self.history.sigma_max[last] > 0:
            lines.append(
                f"rank {int(self.history.rank[last])}, largest singular value "
                f"{self.history.sigma_max[last]:.2e}, "
                f"cut-off {self.history.cutoff[last]:.1e}"
            )
        lines.append(f"{self.steps} steps in {self.seconds:.1f} s after compilation")
        return lines


def load(path: str | Path, problem: Problem, model: Model) -> Solution:
    """Read a saved solution, for the problem and a model of the same structure.

    **Raises:** `CheckpointError` if the file is missing, damaged, or belongs to another
    problem or model; the message names the first difference.
    """
    if not isinstance(problem, Problem):
        raise PinnsvenError(
            f"`load` needs the path, then the problem, then a model; got "
            f"{shown(problem)} as the problem."
        )
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
    end = End(Result[header["result"]], header["reason"])
    return Solution(bound, run, end, header["solver"])

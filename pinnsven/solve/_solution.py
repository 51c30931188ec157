import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from rich.console import Console

from .._errors import CheckpointError, PinnsvenError, UnknownNameError, listing
from .._names import shown
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
from ._files import read_npz, require_same, write_bytes, write_npz
from ._history import History
from ._progress import table
from ._region import region_of
from ._result import End, Result


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
        self._warn_outside(arrays)
        flat = jnp.stack([np.broadcast_to(a, shape).ravel() for a in arrays], axis=1)
        return _evaluate(self._model, flat, self._name, self._along).reshape(shape)

    def _warn_outside(self, arrays: list[np.ndarray]) -> None:
        bounds = self._model.bounds(self._name)
        for name, values in zip(self.names, arrays, strict=True):
            low, high = bounds[name]
            # A difference quotient at the edge is no extrapolation to speak of.
            slack = 0.01 * (high - low)
            if np.any((values < low - slack) | (values > high + slack)):
                warnings.warn(
                    f"{self._name!r} is evaluated outside its domain, where {name!r} "
                    f"runs from {low:g} to {high:g}. No condition holds it there.",
                    stacklevel=3,
                )

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
        residuals = self._bound.map(self._run.draw.train)
        return standard_error(self._bound, residuals, self._run.theta, name)

    def spectrum(self) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
        r"""The singular values of $J$ at the solution, and $|U^T r|$ beside each.

        All of them, from the formed Jacobian, whatever the solver used.
        """
        residuals = self._bound.map(self._run.draw.train)
        spectrum = _spectrum(residuals, self._run.theta)
        return np.asarray(spectrum.s), np.abs(np.asarray(spectrum.c))

    def plot(
        self, path: str | Path | None = None, reference: Callable | None = None
    ) -> Any:
        """Draw the fields, the convergence of each condition and the spectrum.

        **Arguments:**

        - `path`: where to save the picture, in the format that its ending names (PNG
          without one); without a path only the figure is returned.
        - `reference`: an exact or independent solution of the first field, a function
          of the coordinates by keyword; its difference is then drawn too.

        **Returns:** the `matplotlib.figure.Figure`.

        **Raises:** `CheckpointError` if the file cannot be written; an earlier one is
        then untouched.
        """
        s, c = self.spectrum()
        picture = Picture(
            fields={name: Evaluated(self.model, name) for name in self.model.fields},
            bounds={name: self.model.bounds(name) for name in self.model.fields},
            inside={
                name: where
                for name in self.model.fields
                if (where := region_of(self._bound, name)) is not None
            },
            history=self.history,
            weights={n: c.weight for n, c in self._bound.conditions.items()},
            singular_values=s,
            components=c,
            title=f"{self.result.name} after {self.steps} steps, {self.seconds:.0f} s",
        )
        figure = plot(picture, reference)
        if path is not None:
            _draw(figure, Path(path))
        return figure

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
        lines = []
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


def _draw(figure, path: Path) -> None:
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


@eqx.filter_jit
def _spectrum(residuals, theta):
    return SVD()(*residuals.linearise(theta))


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

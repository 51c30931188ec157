import dataclasses
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from .._errors import CheckpointError
from ..fields import fixed_arrays
from ..geometry import Batch
from ..residuals import BoundProblem
from ._advance import shares, terms
from ._code import VERSION, digests
from ._driver import Driver, Run
from ._files import read_npz, require_same, write_npz
from ._gate import Gate
from ._history import History
from ._sampling import Draw


# What of a run is numbers and names, and goes into the header as it is.
_PLAIN = tuple(
    field.name
    for field in dataclasses.fields(Run)
    if field.name not in ("theta", "state", "draw", "history", "best", "gate")
)


def fingerprint(bound: BoundProblem) -> dict:
    """What must agree for a saved vector to mean the same thing."""
    leaves = jax.tree_util.tree_leaves_with_path(bound.rebuild(bound.theta))
    weights = {
        jax.tree_util.keystr(path): list(leaf.shape)
        for path, leaf in leaves
        if isinstance(leaf, jax.Array)
    }
    conditions = {
        name: {
            "kind": type(condition).__name__,
            "points": condition.points.n,
            "coordinates": list(condition.points.names),
            "place": " ".join(repr(condition.points).split()),
            "weight": condition.weight,
        }
        for name, condition in bound.conditions.items()
    }
    fixed = {at: x.digest for at, x in fixed_arrays(bound.model).items()}
    return {
        "conditions": conditions,
        "fields": list(bound.model.fields),
        "unknowns": list(bound.model.unknowns),
        "weights": weights,
        "dtype": str(bound.theta.dtype),
        # Left out where there is none, as in the files before there were any.
        **({"fixed arrays": fixed} if fixed else {}),
    }


def write_checkpoint(path: str | Path, driver: Driver, run: Run, key) -> None:
    """Save a run so that `read_checkpoint` goes on from it bit for bit.

    **Raises:** `CheckpointError` if the file cannot be written.
    """
    residuals = driver.bound.map(run.draw.train)
    arrays = {"theta": run.theta, "best": run.best}
    arrays["shares"] = shares(residuals, run.theta)
    for i, leaf in enumerate(jax.tree.leaves(run.state)):
        arrays[f"state_{i}"] = leaf
    arrays |= pack_draw(run.draw)
    header = _identity(driver, run.state, key) | {
        "history": run.history.to_dict(),
        "held": list(run.draw.held),
        "code": _code(driver),
        "gate": None if run.gate is None else dataclasses.asdict(run.gate),
    }
    header |= {name: getattr(run, name) for name in _PLAIN}
    write_npz(path, header, {k: np.asarray(v) for k, v in arrays.items()})


def read_checkpoint(path: str | Path, driver: Driver, key) -> Run:
    """The run in a checkpoint, for the same problem, model, solver and key.

    **Raises:** `CheckpointError` naming the first difference.
    """
    header, arrays = read_npz(path, "checkpoint")
    bound = driver.bound
    draw = driver.sampling.start(bound, driver.draw_key)
    blank = driver.solver.init(bound.map(draw.train), bound.theta)
    wanted = _identity(driver, blank, key)
    require_same(path, {name: header.get(name) for name in wanted}, wanted)
    _require_same_code(path, header.get("code"), driver)
    leaves, structure = jax.tree.flatten(blank)
    state = [
        jnp.asarray(arrays[f"state_{i}"], leaf.dtype) for i, leaf in enumerate(leaves)
    ]
    theta = jnp.asarray(arrays["theta"])
    points = unpack_draw(arrays, bound.names, header["held"])
    require_same_residuals(path, bound, points, theta, arrays["shares"])
    return Run(
        theta=theta,
        state=jax.tree.unflatten(structure, state),
        draw=points,
        history=History.from_dict(header["history"]),
        best=jnp.asarray(arrays["best"]),
        gate=None if header["gate"] is None else Gate.from_dict(header["gate"]),
        **{name: header[name] for name in _PLAIN},
    )


def require_same_residuals(
    path: str | Path, bound: BoundProblem, draw: Draw, theta, saved: np.ndarray
) -> None:
    """Refuse a file whose residuals these conditions do not give at its own state.

    That finds what no list of names and shapes shows: other equations, constants or
    data. **Raises:** `CheckpointError` naming the condition.
    """
    residuals = bound.map(draw.train)
    here = np.asarray(shares(residuals, theta))
    size = np.asarray(terms(residuals, theta))
    # Another machine rounds differently, by so much of the terms that cancel.
    rounding = 1e4 * np.finfo(size.dtype).eps
    for name, old, new, term in zip(bound.names, saved, here, size, strict=True):
        slack = rounding * np.sqrt(max(old, term))
        if not abs(np.sqrt(new) - np.sqrt(old)) <= slack:
            raise CheckpointError(
                f"{path} belongs to another problem: at its own state the condition "
                f"{name!r} contributes {old:.6e} to the loss in the file and {new:.6e} "
                "here. Its equation, constants or data have changed."
            )


def _code(driver: Driver) -> dict:
    """The functions of each condition and of the solver, as texts to compare."""
    conditions = driver.bound.conditions
    return {
        "python": VERSION,
        "conditions": {name: digests(c) for name, c in conditions.items()},
        "solver": digests(driver.solver),
    }


def _require_same_code(path: str | Path, found: dict | None, driver: Driver) -> None:
    here = _code(driver)
    # Another version has other byte code; an earlier file has none.
    if found is None or found["python"] != here["python"]:
        return
    for name, own in here["conditions"].items():
        if found["conditions"][name] != own:
            raise CheckpointError(
                f"{path} belongs to another problem: a function of the condition "
                f"{name!r} has changed, or a number that it uses: its equation, its "
                "value or a `where`. To go on from the same weights, begin a new run "
                "with the model of a saved solution."
            )
    if found["solver"] != here["solver"]:
        raise CheckpointError(
            f"{path} belongs to another solver: a function in it has changed, or a "
            "number such as a learning rate. Give the same one."
        )


def _identity(driver: Driver, state: Any, key) -> dict:
    # A transform of optax is a pair of closures; what its state is made of tells most
    # of them apart, and their code the others.
    parts = [
        f"{jax.tree_util.keystr(path)} {np.shape(leaf)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    ]
    return {
        "kind": "checkpoint",
        "problem": fingerprint(driver.bound),
        "solver": re.sub(r" at 0x[0-9a-f]+", "", repr(driver.solver)),
        "solver state": parts,
        "sampling": repr(driver.sampling),
        "key": np.asarray(jr.key_data(key)).ravel().tolist(),
    }


def pack_draw(draw: Draw) -> dict[str, np.ndarray]:
    """The points of a run as named arrays."""
    arrays = {}
    for part in ("train", "held"):
        for name, batch in getattr(draw, part).items():
            arrays |= _pack(f"{part}/{name}", batch)
    return arrays


def unpack_draw(arrays: dict[str, np.ndarray], train, held) -> Draw:
    """The inverse of `pack_draw`, given the names on both sides."""
    return Draw(
        {name: _unpack(f"train/{name}", arrays) for name in train},
        {name: _unpack(f"held/{name}", arrays) for name in held},
    )


def _pack(prefix: str, batch: Batch) -> dict[str, np.ndarray]:
    arrays = {f"{prefix}/weights": batch.weights}
    for part in ("coordinates", "normals"):
        for name, values in getattr(batch, part).items():
            arrays[f"{prefix}/{part}/{name}"] = values
    return {name: np.asarray(values) for name, values in arrays.items()}


def _unpack(prefix: str, arrays: dict[str, np.ndarray]) -> Batch:
    def part(name: str) -> dict[str, np.ndarray]:
        start = f"{prefix}/{name}/"
        return {k[len(start) :]: v for k, v in arrays.items() if k.startswith(start)}

    return Batch(part("coordinates"), arrays[f"{prefix}/weights"], part("normals"))

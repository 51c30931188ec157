import dataclasses

import numpy as np
from jaxtyping import Float
from rich.table import Table
from scipy.linalg import null_space

from .._errors import PinnsvenError
from ._covariance import labels, text, values
from ._propagation import Propagation, slope


# A standard error of half of the unknown's own size: its 95% interval is as wide as a
# factor of 2.7 to either side.
_POOR = 0.5
# Coefficients below this, of a unit vector, are not part of a combination.
_SMALL = 1e-2


@dataclasses.dataclass(frozen=True)
class Combination:
    r"""A combination of unknowns, and how well it is determined.

    - `coefficients`: a unit vector over the labels, in the coordinates of
      `Identifiability`.
    - `std`: its standard error, infinite if it is undetermined.
    - `leftover`: how far the residuals that the equations are left with could shift it
      at most.
    - `verdict`: `"undetermined"`, `"poorly determined"` or `"determined"`.
    """

    coefficients: Float[np.ndarray, " k"]
    std: float
    leftover: float

    @property
    def verdict(self) -> str:
        """In words; poorly determined is a standard error above one half."""
        if not np.isfinite(self.std):
            return "undetermined"
        return "poorly determined" if self.std > _POOR else "determined"


@dataclasses.dataclass(frozen=True)
class Identifiability:
    r"""Which combinations of the unknowns the data determine.

    The coordinates are relative: $\log a$ for a positive unknown, the value over its
    range for a bounded one, and for a plain one the value over its size, the larger of
    its initial and its fitted value. The combinations are orthonormal in them, from the
    least to the best determined, with everything else (the weights of the networks and
    the other unknowns) free to follow.

    - `labels`: one for each coordinate.
    - `combinations`: a `Combination` each.
    - `undetermined`, `poor`: labels of the unknowns that take part in a combination of
      that verdict.
    - `sentences`: the same in words.
    - `identifiable`: whether every combination is determined.

    `print(identifiability)` shows a table and the sentences.

    **Example:** `solution.identifiability().undetermined`.

    Source: Raue et al., Bioinformatics 25 (2009), on structural and practical
    identifiability; Gutenkunst et al., PLoS Comput. Biol. 3 (2007), on the spectrum.
    """

    labels: tuple[str, ...]
    combinations: tuple[Combination, ...]
    sentences: tuple[str, ...]
    undetermined: tuple[str, ...]
    poor: tuple[str, ...]
    _terms: tuple[str, ...]

    @property
    def identifiable(self) -> bool:
        """Whether every combination of the unknowns is determined."""
        return all(c.verdict == "determined" for c in self.combinations)

    def __str__(self) -> str:
        table = Table()
        table.add_column("combination")
        for column in ("std", "leftover"):
            table.add_column(column, justify="right")
        table.add_column("verdict")
        for c in self.combinations:
            words = _sum(c.coefficients, self._terms)
            table.add_row(words, f"{c.std:.2g}", f"{c.leftover:.1g}", c.verdict)
        return "\n".join([text(table), *self.sentences])


def identifiability(noise: Propagation) -> Identifiability:
    """Analyse all unknowns of a solution.

    **Raises:** `PinnsvenError` if the model has no unknown.
    """
    names = tuple(noise.model.unknowns)
    if not names:
        raise PinnsvenError(
            "`identifiability` is about unknowns, and the model has none; give it one, "
            "`ps.Model(net, k=ps.Unknown(1.0))`. For fields there is `solution.u.std`."
        )
    unit, width, terms = _coordinates(noise, names)
    gradients = noise.unknowns(names) * unit[:, None]
    value, vector = np.linalg.eigh(noise.doubt(gradients))
    lost = value > 1.0
    kept = vector[:, ~lost].T
    if len(kept):
        spread = noise.spread(kept @ gradients)
        total = spread.root @ spread.root.T + np.diag(spread.missing**2)
        kept = np.linalg.eigh(total)[1].T[::-1] @ kept
    vectors = np.concatenate([vector[:, lost].T[::-1], kept])
    vectors *= np.sign(vectors[np.arange(len(vectors)), np.argmax(abs(vectors), 1)])[
        :, None
    ]
    spread = noise.spread(vectors @ gradients)
    error = np.where(np.arange(len(vectors)) < lost.sum(), np.inf, spread.std)
    order = np.argsort(-error, kind="stable")
    combinations = tuple(
        Combination(vectors[i], float(error[i]), float(spread.leftover[i]))
        for i in order
    )
    names = labels(noise, names)
    free = np.array([c.coefficients for c in combinations if not np.isfinite(c.std)])
    weak = [c for c in combinations if c.verdict == "poorly determined"]
    sentences = _groups(free.reshape(-1, len(names)), width, names, terms)
    relative = tuple(
        term if w == 1.0 else f"{term}/{w:.3g}"
        for term, w in zip(terms, width, strict=True)
    )
    sentences += [_weakly(c, relative) for c in weak]
    if not sentences:
        sentences = ["The data determine every unknown."]
    return Identifiability(
        labels=names,
        combinations=combinations,
        sentences=tuple(sentences),
        undetermined=_members(free, names),
        poor=_members(np.array([c.coefficients for c in weak]), names),
        _terms=relative,
    )


def _coordinates(noise: Propagation, names):
    """How fast each relative coordinate moves with the trained number.

    With it the size that a value is divided by, and the word for what is.
    """
    unit, sizes, terms = [], [], []
    for name in names:
        unknown, own = noise.model.unknowns[name], labels(noise, [name])
        if unknown.positive:
            unit.append(np.ones(len(own)))
            sizes.append(np.ones(len(own)))
            terms += [f"log {label}" for label in own]
            continue
        size = np.maximum(np.abs(values(noise, [name])), np.array(unknown.scale))
        if unknown.lower is not None and unknown.upper is not None:
            size = np.full(len(own), unknown.upper - unknown.lower)
        unit.append(slope(noise.model, name) / size)
        sizes.append(size)
        terms += list(own)
    return np.concatenate(unit), np.concatenate(sizes), tuple(terms)


def _members(vectors: np.ndarray, names) -> tuple[str, ...]:
    if not vectors.size:
        return ()
    touched = np.abs(vectors).max(axis=0) > _SMALL
    return tuple(np.array(names)[touched].tolist())


def _groups(free: np.ndarray, size, names, terms) -> list[str]:
    """A sentence for each set of unknowns that only moves together."""
    projector = free.T @ free
    todo = [i for i in range(len(names)) if projector[i, i] > _SMALL**2]
    sentences = []
    while todo:
        group = [todo[0]]
        for i in group:
            linked = np.flatnonzero(np.abs(projector[i]) > _SMALL**2).tolist()
            group += [j for j in linked if j in todo and j not in group]
        todo = [i for i in todo if i not in group]
        group.sort()
        inside, own = projector[np.ix_(group, group)], size[group]
        # In the user's units: a combination is of values over their sizes, and along a
        # direction the values move in proportion to them.
        fixed = null_space(inside, rcond=1e-3).T / own
        moves = np.linalg.eigh(inside)[1][:, len(fixed) :].T * own
        sentences.append(_say(_echelon(fixed), _echelon(moves), group, names, terms))
    return sentences


def _say(fixed, moves, group, names, terms) -> str:
    names, terms = [names[i] for i in group], [terms[i] for i in group]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    if not len(fixed):
        verb = "is" if len(names) == 1 else "are"
        return f"{listed} {verb} undetermined: no condition says anything about it."
    known = [_words(row, names, terms) for row in fixed]
    along = " or ".join(_sum(row, terms) for row in moves)
    return (
        f"{listed} are undetermined: the data fix only {' and '.join(known)}. "
        f"They can move together along {along}."
    )


def _words(row, names, terms) -> str:
    words = _sum(row, terms)
    if not all(term.startswith("log ") for term in terms):
        return words
    used = [(round(float(c), 2), n) for c, n in zip(row, names, strict=True)]
    used = [(c, n) for c, n in used if c]
    powers = sorted(c for c, _ in used)
    if powers == [1.0, 1.0]:
        return f"{words}, the product {used[0][1]} * {used[1][1]}"
    if powers == [-1.0, 1.0]:
        return f"{words}, the quotient {used[0][1]} / {used[1][1]}"
    return f"{words}, the power law " + " * ".join(f"{n}^{c:g}" for c, n in used)


def _weakly(c: Combination, terms) -> str:
    return (
        f"{_sum(c.coefficients, terms)} is poorly determined, with a standard error of "
        f"{c.std:.2g}: more or better data would be needed to tell it."
    )


def _sum(row, terms) -> str:
    """A linear combination in words, without the terms that hardly count."""
    largest = np.max(np.abs(row))
    out = ""
    for c, term in zip(row, terms, strict=True):
        if abs(c) <= _SMALL * largest:
            continue
        size = "" if abs(abs(c) - 1.0) < 5e-3 else f"{abs(c):.3g} "
        sign = ("-" if c < 0 else "") if not out else (" - " if c < 0 else " + ")
        out += f"{sign}{size}{term}"
    return out


def _echelon(rows: np.ndarray) -> np.ndarray:
    """The same space in reduced row echelon form: the fewest terms in each row."""
    rows, done = np.array(rows), 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        best = done + int(np.argmax(np.abs(rows[done:, column])))
        if np.abs(rows[best, column]) <= _SMALL * np.abs(rows[best]).max():
            continue
        rows[[done, best]] = rows[[best, done]]
        rows[done] /= rows[done, column]
        for i in range(len(rows)):
            if i != done:
                rows[i] -= rows[i, column] * rows[done]
        done += 1
    return rows

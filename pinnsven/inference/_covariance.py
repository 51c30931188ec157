import dataclasses
import io

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from .._errors import PinnsvenError
from ._propagation import Propagation, slope


@dataclasses.dataclass(frozen=True)
class Covariance:
    r"""The covariance of unknowns, in their own units; from `solution.covariance`.

    - `labels`: one for each row, `"D"`, or `"c[0]"` for an entry of an array.
    - `estimate`: the fitted values.
    - `matrix`: the covariance; a variance is infinite where the data leave an unknown
      undetermined, and what stands beside it is NaN.
    - `std`, `correlation`: $\sqrt{C_{ii}}$ and $C_{ij}/\sqrt{C_{ii}C_{jj}}$.

    `print(covariance)` shows estimates, standard errors and correlations.

    **Example:** `solution.covariance("D", "k").correlation`.
    """

    labels: tuple[str, ...]
    estimate: Float[np.ndarray, " q"]
    matrix: Float[np.ndarray, "q q"]

    @property
    def std(self) -> Float[np.ndarray, " q"]:
        """Standard errors, the roots of the diagonal."""
        return np.sqrt(np.diag(self.matrix))

    @property
    def correlation(self) -> Float[np.ndarray, "q q"]:
        """Correlations, NaN where there is no finite, positive variance."""
        std = np.where(np.isfinite(self.std) & (self.std > 0), self.std, np.nan)
        return self.matrix / np.outer(std, std)

    def __str__(self) -> str:
        table = Table()
        for column in ("unknown", "estimate", "std", *self.labels):
            table.add_column(column, justify="right")
        correlation = self.correlation
        for i, label in enumerate(self.labels):
            numbers = [f"{value:+.3f}" for value in correlation[i]]
            table.add_row(
                label, f"{self.estimate[i]:.6g}", f"{self.std[i]:.2g}", *numbers
            )
        return text(table)


def covariance(noise: Propagation, names: tuple[str, ...]) -> Covariance:
    """The covariance of the named unknowns, of all if none is named."""
    names = names or tuple(noise.model.unknowns)
    noise.check(names)
    if not names:
        raise PinnsvenError(
            "`covariance` is about unknowns, and the model has none; give it one, "
            "`ps.Model(net, k=ps.Unknown(1.0))`. For fields there is `solution.u.std`."
        )
    scale = np.concatenate([slope(noise.model, name) for name in names])
    spread = noise.spread(noise.unknowns(names))
    # At the end of its range a transform has no slope, and 0 times inf no value.
    scale = np.where(np.isfinite(spread.std), scale, 1.0)
    return Covariance(
        labels=labels(noise, names),
        estimate=values(noise, names),
        matrix=spread.covariance * np.outer(scale, scale),
    )


def labels(noise: Propagation, names) -> tuple[str, ...]:
    """A label for each entry of the named unknowns."""
    found = []
    for name in names:
        for index in np.ndindex(noise.model.unknowns[name].raw.shape):
            found.append(f"{name}[{', '.join(map(str, index))}]" if index else name)
    return tuple(found)


def values(noise: Propagation, names) -> Float[np.ndarray, " q"]:
    """The values of the named unknowns, entry by entry."""
    unknowns = noise.model.unknowns
    return np.concatenate([np.ravel(np.asarray(unknowns[n].value)) for n in names])


def text(table: Table) -> str:
    """A table as plain lines."""
    buffer = io.StringIO()
    # A correlation matrix is as wide as it is; broken numbers help nobody.
    Console(file=buffer, width=max(88, 14 * len(table.columns))).print(table)
    return buffer.getvalue().rstrip()

import abc
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from .._errors import BoundsError, ShapeError, UnknownNameError
from .._names import check_key
from ._keys import KeyMark


class AbstractEmbedding(eqx.Module):
    r"""Shows a network waves in the place of some of its coordinates.

    With $s_i = 2 (x_i - \text{centre}_i) / \text{extent}_i$ in $[-1, 1]$ and a fixed
    matrix $C$, in numbers of waves across the domain, these are

    $$ \cos \pi C s, \qquad \sin \pi C s . $$
    """

    names: eqx.AbstractVar[tuple[str, ...]]

    @property
    @abc.abstractmethod
    def keys(self) -> tuple[KeyMark, ...]:
        """The random keys that the waves came from."""

    @abc.abstractmethod
    def cycles(self, extents: Sequence[float]) -> np.ndarray:
        """$C$, shape `(count, d)`, for named coordinates of these extents."""


class PeriodicEmbedding(AbstractEmbedding):
    r"""Makes a network exactly periodic in the named coordinates.

    A named coordinate $x$ enters only through

    $$ \cos k\theta,\ \sin k\theta, \qquad
       \theta = 2\pi (x - \text{centre}) / \text{period}, \qquad
       k = 1 \dots \text{harmonics}, $$

    so that every field of the network is periodic, in value and in all derivatives,
    whatever its weights: no condition on opposite faces is needed. The network makes
    the higher harmonics itself, as powers and products.

    **Arguments:**

    - `names`: the coordinates; the others stay as they are.
    - `harmonics`: the largest $k$.
    - `period`: of each named coordinate; its extent in the domain by default.

    **Example:** `ps.MLP(domain, "u", width=20, depth=2, key=key,
    embedding=ps.PeriodicEmbedding("x"))`.

    **Raises:** `UnknownNameError` without names, `ShapeError` unless `harmonics` is a
    whole number of at least 1, `BoundsError` for a period that is not positive.

    Source: S. Dong and N. Ni, J. Comput. Phys. 435 (2021) 110242.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    harmonics: int = eqx.field(static=True)
    period: float | None = eqx.field(static=True)

    def __init__(self, *names: str, harmonics: int = 1, period: float | None = None):
        self.names = _named(names, "`PeriodicEmbedding`")
        if not names:
            raise UnknownNameError(
                "`PeriodicEmbedding` needs the coordinates that are periodic, in "
                'quotes: `ps.PeriodicEmbedding("x")`.'
            )
        if not is_size(harmonics):
            raise ShapeError(
                f"`PeriodicEmbedding` got harmonics={harmonics!r}; give a whole number "
                "of at least 1."
            )
        if period is not None and not is_positive(period):
            raise BoundsError(
                f"`PeriodicEmbedding` got period={period!r}; give a positive number, "
                "or leave it out for the extent of the domain."
            )
        self.harmonics = harmonics
        self.period = None if period is None else float(period)

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return ()

    def cycles(self, extents):
        base = [1.0 if self.period is None else e / self.period for e in extents]
        return np.concatenate(
            [k * np.diag(base) for k in range(1, self.harmonics + 1)], axis=0
        )


class FourierFeatures(AbstractEmbedding):
    r"""Random waves in the place of coordinates, for solutions that oscillate.

    $$ \cos \pi C s, \quad \sin \pi C s, \qquad C_{ij} \sim N(0, \text{scale}^2) $$

    with coordinates $s$ scaled to $[-1, 1]$: along each of them the waves have about
    `scale` periods across the domain. $C$ is drawn once and never trained.

    **Arguments:**

    - `count`: the number of waves, each a cosine and a sine.
    - `scale`: the typical number of periods across the domain; several numbers are
      taken in turn, for solutions with several scales.
    - `names`: the coordinates that the waves replace; all if none is named.
    - `key`: a random key of its own.

    **Example:** `ps.MLP(domain, "u", width=20, depth=2, key=k1,
    embedding=ps.FourierFeatures(20, 4.0, key=k2))`.

    **Raises:** `ShapeError` unless `count` is a whole number of at least 1,
    `BoundsError` for a scale that is not positive.

    Sources: M. Tancik et al., Fourier features let networks learn high frequency
    functions in low dimensional domains, NeurIPS 2020; several scales: S. Wang,
    H. Wang and P. Perdikaris, Comput. Methods Appl. Mech. Eng. 384 (2021) 113938.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    scales: tuple[float, ...] = eqx.field(static=True)
    count: int = eqx.field(static=True)
    key_mark: KeyMark = eqx.field(static=True)

    def __init__(
        self,
        count: int,
        scale: float | Sequence[float],
        *names: str,
        key: PRNGKeyArray,
    ):
        self.names = _named(names, "`FourierFeatures`")
        if not is_size(count):
            raise ShapeError(
                f"`FourierFeatures` got count={count!r}; give a whole number of waves, "
                "at least 1."
            )
        scales = tuple(scale) if isinstance(scale, tuple | list) else (scale,)
        if not scales or not all(is_positive(one) for one in scales):
            raise BoundsError(
                f"`FourierFeatures` got scale={scale!r}; give a positive number of "
                "periods across the domain, or several, `(1.0, 10.0)`."
            )
        check_key(key, "`FourierFeatures`")
        self.count = count
        self.scales = tuple(float(one) for one in np.asarray(scales))
        self.key_mark = KeyMark(key)

    @property
    def keys(self) -> tuple[KeyMark, ...]:
        return (self.key_mark,)

    def cycles(self, extents):
        draws = self.key_mark.generator().standard_normal((self.count, len(extents)))
        return draws * np.resize(self.scales, self.count)[:, None]


def is_size(value: Any) -> bool:
    """Whether it is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_positive(value: Any) -> bool:
    """Whether it is a positive finite number."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return bool(number and math.isfinite(value) and value > 0)


def _named(names: tuple, what: str) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise UnknownNameError(
            f"{what} got the coordinates {names!r}; give distinct names in quotes, one "
            'by one: `"x", "y"`.'
        )
    return names

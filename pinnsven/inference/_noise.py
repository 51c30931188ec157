import dataclasses

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls


# One degree of freedom, up to rounding.
_ONE = 1.0 - 1e-6


@dataclasses.dataclass(frozen=True)
class DataBlock:
    """The rows of one block of data: left singular vectors, residuals, scales."""

    u: Float[np.ndarray, "n q"]
    r: Float[np.ndarray, " n"]
    scale: Float[np.ndarray, " n"]
    sigma: float | None

    @property
    def size(self) -> int:
        return self.r.size


def estimate(
    blocks: list[DataBlock],
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " blocks"]]:
    r"""The noise of every row of data, and the degrees of freedom of each block's.

    The residual of a fit is $(I - H)\epsilon$ with $H = U U^T$. So the sum of squares
    of block $b$ is expected to be $\sum_c |(I - H)_{bc}|_F^2\,s_c^2$ with the noise
    $s_c$ of all blocks. Without `sigma` these are the equations for it, and a block
    with $|(I - H)_{bb}|_F^2 < 1$ has no scatter to tell: its noise is infinite.

    Where the equations give way to the data, $H$ is no projection, and counting
    parameters would make the noise too small.

    Source: C. R. Rao, J. Multivariate Analysis 1 (1971), on quadratic estimates of
    variance components; Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    u = np.concatenate([b.u for b in blocks])
    owner = np.repeat(np.arange(len(blocks)), [b.size for b in blocks])
    scale = np.concatenate([b.scale for b in blocks])
    square = np.array([np.sum(b.r**2) for b in blocks])
    given = [b.sigma is not None for b in blocks]
    sigma = np.array([np.inf if b.sigma is None else b.sigma for b in blocks])
    freedom = np.full(len(blocks), np.inf)
    if all(given):
        return scale * sigma[owner], freedom
    rest = np.eye(len(u)) - u @ u.T
    member = owner == np.arange(len(blocks))[:, None]
    weights = rest**2 * scale**2
    expected = np.array([[weights[np.ix_(a, b)].sum() for b in member] for a in member])
    free = np.array([np.sum(rest[np.ix_(a, a)] ** 2) for a in member])
    told = [i for i in range(len(blocks)) if not given[i] and free[i] > _ONE]
    if told:
        known = [i for i in range(len(blocks)) if given[i]]
        target = square[told] - expected[np.ix_(told, known)] @ sigma[known] ** 2
        matrix = expected[np.ix_(told, told)]
        size = np.diag(matrix).copy()
        found = nnls(matrix / size[:, None], target / size)[0]
        sigma[told] = np.sqrt(found)
        for i in told:
            own = rest[np.ix_(member[i], member[i])]
            product = own @ own.T
            freedom[i] = np.trace(product) ** 2 / np.sum(product**2)
    return scale * sigma[owner], freedom

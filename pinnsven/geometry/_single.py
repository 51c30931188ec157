import numpy as np

from ._points import AbstractPoints, Batch


class Single(AbstractPoints):
    """The place of a condition that belongs to no point: an integral, a trajectory.

    **Arguments:**

    - `share`: the weight of its row; `1 / m` where `m` rows stand in for points and
      their squares are to be averaged.
    - `given`: other names than coordinates that its functions are called with.
    """

    share: float
    given: tuple[str, ...]

    def __init__(self, share: float = 1.0, given: tuple[str, ...] = ()):
        self.share, self.given = share, given

    @property
    def n(self) -> int:
        return 1

    @property
    def names(self) -> tuple[str, ...]:
        return self.given

    @property
    def axes(self) -> tuple[str, ...]:
        return ()

    @property
    def redrawable(self) -> bool:
        return False

    def draw(self, key):
        del key
        return Batch({}, np.array([self.share]), {})

    def unseen(self, key, n):
        del key, n
        return None

import math
import time
from typing import Any

from .._errors import PinnsvenError
from ..solve import End, Result, Solution
from ._benchmark import Benchmark


# From one error to the next the time grows by this factor.
_GROWTH = 1.05
_UNDER_WAY = End.plain(Result.interrupted)


class Watch:
    """The error of a benchmark while it is solved, against process CPU seconds.

    A callback of `ps.solve`, which stops the run once its time is up. Seconds are those
    of the process, start-up and compilation included, without the errors themselves.

    - `seconds`, `errors`: the figure of the aim after these times, of the state of the
      run; from one to the next the time grows by a twentieth.
    - `clock()`: the seconds until now.
    - `reached`: the first of the seconds at which the aim was met; `None` before. The
      error may rise again.

    **Arguments:** `case`, `seed`; `limit`, the seconds after which to stop.

    **Raises:** `PinnsvenError` for a problem in windows of time.

    **Example:** `case.solve(0, callbacks=[Watch(case, 0, 60.0)])`.
    """

    def __init__(self, case: Benchmark, seed: int, limit: float = math.inf):
        if case.march is not None:
            raise PinnsvenError(
                f"{case.name!r} is solved in windows of time: its error is known only "
                "at the end, and it cannot be stopped by its CPU seconds."
            )
        began = time.process_time()
        problem, model = case.build(seed)
        self._case, self._bound, self._limit = case, problem.bind(model), limit
        self._lost = time.process_time() - began
        self.seconds: list[float] = []
        self.errors: list[float] = []

    def __call__(self, run: Any) -> bool:
        now = self.clock()
        if not self.seconds or now > _GROWTH * self.seconds[-1]:
            self.note(now, Solution(self._bound, run, _UNDER_WAY, ""))
            self._lost += self.clock() - now
        return now > self._limit

    def note(self, seconds: float, solution: Solution) -> None:
        """Add the error of a solution after so many seconds."""
        figure = self._case.errors(solution)[self._case.target.figure]
        self.seconds.append(seconds)
        self.errors.append(figure)

    def clock(self) -> float:
        """Process CPU seconds without those spent on errors."""
        return time.process_time() - self._lost

    @property
    def reached(self) -> float | None:
        """The first time at which the aim was met."""
        pairs = zip(self.seconds, self.errors, strict=True)
        bound = self._case.target.bound
        return next((s for s, error in pairs if error <= bound), None)

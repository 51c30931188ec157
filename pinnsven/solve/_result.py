import dataclasses
import enum

from ..fields import Model


class Result(enum.Enum):
    """How a run ended, with a sentence for people.

    `converged` is the only success when a `tolerance` or no limit was given;
    `steps_exhausted`, `seconds_exhausted` and `stopped` are what the caller asked for.
    """

    converged = "Every condition holds, and nothing more is gained or asked for."
    stalled = (
        "No further progress: the residual on unseen points has stopped falling. Give "
        "the conditions more points, or the network more weights."
    )
    diverged = (
        "The steps left the region where the model is finite or useful; the last good "
        "state is returned. Use the default step control, or a smaller learning rate."
    )
    steps_exhausted = "The number of steps that was asked for has been taken."
    seconds_exhausted = "The time that was asked for has been used."
    stopped = "A callback asked to stop."
    interrupted = "Interrupted from the keyboard; the best state so far is returned."

    @property
    def is_success(self) -> bool:
        """Whether every condition was met."""
        return self is Result.converged

    @property
    def is_failure(self) -> bool:
        """Whether the run could not go on although it was allowed to."""
        return self in (Result.stalled, Result.diverged)


@dataclasses.dataclass(frozen=True)
class End:
    """The result of one run, and the sentence that says why, with its own numbers."""

    result: Result
    reason: str

    @staticmethod
    def plain(result: Result) -> "End":
        """An end that needs no other words than those of its result."""
        return End(result, result.value)

    def beside(self, model: Model) -> "End":
        """The same end, which also tells of unknowns at their bounds."""
        met = [
            f" {name} ended at its bound, {' and '.join(f'{b:g}' for b in bounds)}: "
            "the equations or data push it there, and its error bar says little. Widen "
            "the bounds unless they are laws."
            for name, unknown in model.unknowns.items()
            if (bounds := unknown.bounds_met())
        ]
        return End(self.result, "".join([self.reason, *met]))

"""Pictures of what came of a run."""

from ._plot import Picture as Picture, plot as plot

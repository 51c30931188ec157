"""Pictures of what came of a run, and where its time goes."""

from ._plot import Picture as Picture, plot as plot
from ._profile import Timing as Timing, profile as profile

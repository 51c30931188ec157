"""Named errors. Each is a `ValueError` whose message says what was given, what is
allowed and what to try, and is raised before anything is compiled where it can be."""

import importlib
from typing import Any


class PinnsvenError(ValueError):
    """Base of every error that pinnsven raises on purpose."""


class UnknownNameError(PinnsvenError):
    """A field, unknown, coordinate or condition is named that does not exist."""


class UnknownDerivativeError(UnknownNameError, AttributeError):
    """An attribute of a field spells a derivative along no coordinate of it."""


class ShapeError(PinnsvenError):
    """An array or a returned residual has a shape that cannot be used."""


class DtypeError(PinnsvenError):
    """An array has a dtype that does not match the precision in force."""


class NonFiniteError(PinnsvenError):
    """Given data hold NaN or infinite entries."""


class EmptyRegionError(PinnsvenError):
    """A region has no extent, or no point was asked of it."""


class BoundsError(PinnsvenError):
    """Bounds contradict each other or the value that they should hold."""


class KeyReuseError(PinnsvenError):
    """One random key is given to two consumers that must be independent."""


class CheckpointError(PinnsvenError):
    """A file cannot be written, read, or belongs to another problem."""


class SolveError(PinnsvenError):
    """A run with `throw=True` ended in a result that is not a success."""


def optional(module: str, extra: str) -> Any:
    """Import a library that only an extra installs, or say how to get it.

    **Raises:** `PinnsvenError`.
    """
    try:
        return importlib.import_module(module)
    except ImportError as err:
        raise PinnsvenError(
            f"This needs {module}, which is not installed: "
            f'`pip install "pinnsven[{extra}]"`.'
        ) from err


def listing(names) -> str:
    """Quoted names for a message; says so when there are none."""
    return ", ".join(repr(name) for name in names) or "none"

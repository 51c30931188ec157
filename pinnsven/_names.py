"""Arguments bound by name: a function names what it needs and is given just that."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ._errors import PinnsvenError, UnknownNameError, listing


def parameters(fn: Callable) -> tuple[str, ...]:
    """The names that `fn` asks for; parameters with a default are the caller's own."""
    names = []
    for p in inspect.signature(fn).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY):
            raise PinnsvenError(
                f"{_called(fn)} takes {p}; pinnsven binds arguments by name, so write "
                "them out, e.g. `def residual(u, x, t)`."
            )
        if p.default is p.empty:
            names.append(p.name)
    return tuple(names)


def bind(fn: Callable, scope: Mapping[str, Any]) -> Any:
    """Call `fn` with the entries of `scope` that it names."""
    return fn(**{name: scope[name] for name in parameters(fn)})


def check_names(fn: Callable, groups: Mapping[str, Any], where: str) -> None:
    """Refuse parameters that no group provides; the message lists what exists."""
    known = [name for names in groups.values() for name in names]
    wrong = [name for name in parameters(fn) if name not in known]
    if wrong:
        there = "; ".join(
            f"{group}: {listing(names)}" for group, names in groups.items()
        )
        raise UnknownNameError(
            f"{where}: {_called(fn)} asks for {listing(wrong)}, which nothing provides. "
            f"There are {there}."
        )


def _called(fn: Callable) -> str:
    return f"`{getattr(fn, '__name__', type(fn).__name__)}`"

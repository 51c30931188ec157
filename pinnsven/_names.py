"""Arguments bound by name: a function names what it needs and is given just that."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from ._errors import PinnsvenError, ShapeError, UnknownNameError, listing


_STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def parameters(fn: Callable) -> tuple[str, ...]:
    """The names that `fn` asks for; parameters with a default are the caller's own."""
    return tuple(p.name for p in _signature(fn) if p.default is p.empty)


def bind(fn: Callable, scope: Mapping[str, Any]) -> Any:
    """Call `fn` with the entries of `scope` that it names."""
    return fn(**{name: scope[name] for name in parameters(fn)})


def asking_for(names: Sequence[str], fn: Callable) -> Callable:
    """A function of these arguments, which it hands to `fn` by name."""

    def named(*args, **given):
        return fn(**dict(zip(names, args, strict=False)), **given)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [inspect.Parameter(name, kind) for name in names]
    )
    return named


def check_names(fn: Callable, groups: Mapping[str, Any], where: str) -> None:
    """Refuse parameters that no group provides; the message lists what exists."""
    known = [name for names in groups.values() for name in names]
    wrong = [name for name in parameters(fn) if name not in known]
    there = "; ".join(f"{group}: {listing(names)}" for group, names in groups.items())
    if wrong:
        raise UnknownNameError(
            f"{where}: {_called(fn)} asks for {listing(wrong)}, which nothing "
            f"provides. There are {there}."
        )
    own = [p.name for p in _signature(fn) if p.default is not p.empty]
    if both := [name for name in own if name in known]:
        raise UnknownNameError(
            f"{where}: {_called(fn)} has a default for {listing(both)}, which is also "
            f"provided by name. There are {there}. Drop the default or rename it."
        )


def traced(fn: Callable, *args: Any, where: str) -> Any:
    """The shapes that user code returns, with its usual mistakes explained.

    **Raises:** the error of pinnsven that the code met, with `where` before its
    message; `PinnsvenError` for NumPy functions, branches on values and fields that
    were not called. Any other error of the user's code is theirs, with a note.
    """
    try:
        return jax.eval_shape(fn, *args)
    except PinnsvenError as err:
        raise type(err)(f"{where}: {err}") from err
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.TracerArrayConversionError,
    ) as err:
        raise PinnsvenError(
            f"{where} needs the value of a coordinate while it is compiled. Use "
            "`jax.numpy` in place of `numpy` and `math` (`jnp.sin(x)`), and "
            "`jnp.where(x > 0, a, b)` in place of `if`."
        ) from err
    except TypeError as err:
        if "ScalarField" not in str(err):
            err.add_note(f"{where} was evaluated at one point when this happened.")
            raise
        raise PinnsvenError(
            f"{where} uses a field that was not called: write `u(x, t)` for its value "
            "and `u.xx(x, t)` for a derivative."
        ) from err
    except Exception as err:
        err.add_note(f"{where} was evaluated at one point when this happened.")
        raise


def check_callable(fn: Any, where: str, example: str) -> None:
    """Refuse what is no function, or hides the names of its arguments."""
    if not callable(fn) or isinstance(fn, type):
        raise PinnsvenError(
            f"{where} needs a function such as `{example}`, got {shown(fn)}."
        )
    _signature(fn)


def check_key(key: Any, where: str) -> None:
    """Refuse a seed, or several keys, where one random key belongs."""
    try:
        fine = jax.random.key_data(key).ndim == 1
    except (TypeError, ValueError, AttributeError):
        fine = False
    if not fine:
        raise PinnsvenError(
            f"The key of {where} is {shown(key)}; give one random key, `jr.key(0)`."
        )


def check_scalar(value: Any, where: str) -> None:
    """Refuse a value with axes, which would broadcast without a word."""
    if shape := getattr(value, "shape", ()):
        raise ShapeError(
            f"{where} returns shape {tuple(shape)} at one point; it must return a "
            "scalar. It sees ONE point: `x` is a number there."
        )


def _signature(fn: Callable) -> list[inspect.Parameter]:
    try:
        found = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError) as err:
        raise PinnsvenError(
            f"{_called(fn)} does not tell the names of its arguments; wrap it, e.g. "
            "`lambda x: jnp.sin(x)`."
        ) from err
    for p in found:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY):
            raise PinnsvenError(
                f"{_called(fn)} takes `{_STARS.get(p.kind, '')}{p.name}`, which cannot "
                "be given by name; pinnsven binds arguments by name, so write them "
                "out, e.g. `def residual(u, x, t)` or `lambda x: jnp.sin(x)`."
            )
    return found


def _called(fn: Callable) -> str:
    return f"`{getattr(fn, '__name__', type(fn).__name__)}`"


def shown(value: Any) -> str:
    """A value as a message names it: briefly, and a class as what it is."""
    if isinstance(value, type):
        return f"the class {value.__name__}; an object needs its brackets"
    text = repr(value)
    return text if len(text) < 60 else f"a {type(value).__name__}"

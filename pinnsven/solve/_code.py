"""What functions do, as short texts that differ where their code or constants do."""

import dis
import functools
import hashlib
import inspect
import sys
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


# Byte code of another version of Python cannot be compared.
VERSION = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"


def digests(tree: Any) -> list[str]:
    """A text for each function in a pytree, in order."""
    return [digest(leaf) for leaf in jax.tree.leaves(tree) if callable(leaf)]


def digest(fn: Any) -> str:
    """A text that differs where the code of functions, or what they refer to, does.

    That is: byte code, constants, defaults, the values that it closes over, and the
    functions, numbers and arrays of its own module that it names. Of other objects the
    type and the arrays in it count. Comments, docstrings and local names do not.
    """
    home = getattr(inspect.unwrap(fn), "__module__", None)
    return hashlib.sha256(_text(fn, home, {}).encode()).hexdigest()[:16]


def _text(value: Any, home: str | None, seen: dict[int, str]) -> str:
    inner = functools.partial(_text, home=home, seen=seen)
    if isinstance(value, np.ndarray | jax.Array):
        return _array(value)
    if isinstance(value, types.CodeType):
        return f"{value.co_code.hex()} {value.co_names} {inner(value.co_consts)}"
    if isinstance(value, types.FunctionType):
        if id(value) not in seen:
            # It may refer to itself.
            seen[id(value)] = "itself"
            seen[id(value)] = inner(_parts(value, home))
        return seen[id(value)]
    if isinstance(value, types.MethodType):
        return f"{inner(value.__func__)} of {inner(value.__self__)}"
    if isinstance(value, functools.partial):
        return f"partial {inner((value.func, value.args, value.keywords))}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(inner, value))})"
    if isinstance(value, dict | set | frozenset):
        entries = value.items() if isinstance(value, dict) else value
        return f"{{{', '.join(sorted(map(inner, entries)))}}}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if isinstance(value, np.generic):
        return repr(value.item())
    if callable(value) and (plain := inspect.unwrap(value)) is not value:
        return inner(plain)
    name = getattr(value, "__qualname__", type(value).__qualname__)
    leaves = [leaf for leaf in jax.tree.leaves(value) if leaf is not value]
    return f"{type(value).__module__}.{name}{inner(leaves) if leaves else ''}"


def _array(value: Any) -> str:
    if isinstance(value, jax.Array) and jnp.issubdtype(
        value.dtype, jax.dtypes.prng_key
    ):
        value = jax.random.key_data(value)
    array = np.ascontiguousarray(value)
    content = hashlib.sha256(array.tobytes()).hexdigest()
    return f"{array.dtype}{array.shape}{content}"


def _parts(fn: types.FunctionType, home: str | None) -> list:
    """What a function is made of and what it refers to."""
    code = fn.__code__
    consts = tuple(c for c in code.co_consts if not (fn.__doc__ and c == fn.__doc__))
    parts: list = [code.co_code, code.co_names, consts]
    parts += [fn.__defaults__, fn.__kwdefaults__]
    for cell in fn.__closure__ or ():
        try:
            parts.append(cell.cell_contents)
        except ValueError:
            parts.append("empty")
    if fn.__module__ == home:
        there = sorted(n for n in _globals(code) if n in fn.__globals__)
        parts += [(n, _named(fn.__globals__[n])) for n in there]
    return parts


def _globals(code: types.CodeType) -> set[str]:
    """The names that a function, or one made inside of it, looks up in its module."""
    # `co_names` holds attributes as well, the `x` of `u.x`.
    own = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inside = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return own.union(*map(_globals, inside))


def _named(value: Any) -> Any:
    """What a name of the module stands for: of a module, its own name."""
    return value.__name__ if isinstance(value, types.ModuleType) else value

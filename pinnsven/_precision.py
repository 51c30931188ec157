import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ._errors import DtypeError, NonFiniteError, ShapeError
from ._quantities import Measured, plain


# By its name: a type checker does not see what JAX adds to its configuration.
_PRODUCTS = "jax_default_matmul_precision"


def enable_x64() -> None:
    """Switch JAX to float64, for the whole process.

    A pseudoinverse needs the digits: in float32 a cut-off below about `1e-5` of the
    largest singular value is noise. Call it once, before any array is made.
    """
    jax.config.update("jax_enable_x64", True)


def default_dtype() -> np.dtype:
    """The floating dtype in force: float64 after `enable_x64`, else float32."""
    return np.dtype(jnp.result_type(float))


def full_precision(fn: Callable) -> Callable:
    """`fn`, whose matrix products keep the digits of what they multiply.

    On many accelerators JAX rounds the factors of a product in float32, to ten bits on
    NVIDIA's: three digits, where a pseudoinverse needs all. A precision that the user
    has set, as `jax.default_matmul_precision` does, stays.
    """

    @functools.wraps(fn, updated=())
    def wrapped(*args, **kwargs):
        chosen = getattr(jax.config, _PRODUCTS) or "highest"
        with jax.default_matmul_precision(chosen):
            return fn(*args, **kwargs)

    return wrapped


def user_array(value, what: str) -> np.ndarray:
    """Check an array that the user gives and return it in the dtype in force.

    Python numbers and lists are converted; arrays must already have a floating dtype
    of the precision in force, because a silent cast hides a lost digit. Quantities with
    a unit become numbers in SI base units.

    **Raises:** `DtypeError`, `ShapeError`, `NonFiniteError`, each naming `what`.
    """
    dtype = default_dtype()
    value, dimensions = plain(value)
    if value is None or isinstance(value, str | bytes):
        raise ShapeError(f"{what} is {value!r}; give a number or an array of numbers.")
    if np.ma.is_masked(value):
        raise NonFiniteError(
            f"{what} has masked entries, whose values would be used as they are. Leave "
            "them out: `array.compressed()`, and the same points of the coordinates."
        )
    if isinstance(value, np.ndarray | jax.Array):
        if value.dtype != dtype and not _harmless(value.dtype, dtype):
            raise DtypeError(
                f"{what} has dtype {value.dtype}, but pinnsven computes in {dtype}. "
                f"{_advice(value.dtype, dtype)}"
            )
    try:
        # A copy: the user's later changes in place must not reach the problem.
        out = np.array(value, dtype=dtype)
    except (TypeError, ValueError) as err:
        raise ShapeError(f"{what} is not a regular array of numbers: {err}.") from err
    if not np.all(np.isfinite(out)):
        bad = int(np.sum(~np.isfinite(out)))
        raise NonFiniteError(
            f"{what} holds {bad} entries of {out.size} that are NaN or infinite. "
            "Remove them, or mask them out, before they reach a condition."
        )
    if dimensions is not None:
        out = out.view(Measured)
        out.dimensions = dimensions
    return out


def _advice(given: np.dtype, dtype: np.dtype) -> str:
    if given.kind == "c":
        return "Give the real and the imaginary part as two fields or conditions."
    if given.kind == "f":
        return (
            "Convert it yourself, so that a loss of digits is seen in your script: "
            f"`array.astype('{dtype}')`."
        )
    return f"If these are numbers, convert them: `array.astype('{dtype}')`."


def _harmless(given: np.dtype, dtype: np.dtype) -> bool:
    # Without x64, NumPy's own float64 is what a user naturally holds.
    return given == np.float64 and dtype == np.float32

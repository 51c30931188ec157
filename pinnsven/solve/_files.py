import contextlib
import errno
import io
import json
import os
import secrets
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError


FORMAT = 3


def write_npz(path: str | Path, header: dict, arrays: dict[str, np.ndarray]) -> None:
    """Write a header and arrays to one file, completely or not at all.

    **Raises:** `CheckpointError` naming the path and the system's reason.
    """
    buffer = io.BytesIO()
    text = json.dumps(header | {"format": FORMAT})
    np.savez(buffer, allow_pickle=False, **{"header": np.asarray(text)}, **arrays)
    write_bytes(path, buffer.getbuffer())


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write a file completely or not at all.

    The bytes go to a temporary file in the same folder, are flushed to the disk and
    renamed over the target, so that a kill, a full disk or a power cut leaves the
    previous file as it was.

    **Raises:** `CheckpointError` naming the path and the system's reason.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as err:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(err, OSError):
            raise
        raise CheckpointError(
            f"{path} could not be written: {err.strerror or err}. An earlier file of "
            f"that name is untouched. {_remedy(err, path)}"
        ) from err


def _remedy(err: OSError, path: Path) -> str:
    if err.errno == errno.ENOENT:
        return f"Make the folder {path.parent} first, or choose another."
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space, or choose a folder on another disk."
    return "Choose a folder that you may write to."


def read_npz(path: str | Path, kind: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Read what `write_npz` wrote.

    **Raises:** `CheckpointError` for a missing, damaged or foreign file.
    """
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
    except FileNotFoundError as err:
        raise CheckpointError(f"There is no file {path}.") from err
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as err:
        raise CheckpointError(
            f"{path} is not a pinnsven file, or it is damaged: {err}."
        ) from err
    if header.get("format") != FORMAT or header.get("kind") != kind:
        raise CheckpointError(
            f"{path} holds {header.get('kind')!r} in format {header.get('format')}; "
            f"{kind!r} in format {FORMAT} is needed here."
        )
    return header, arrays


def require_same(path: str | Path, found: Any, wanted: Any, what: str = "") -> None:
    """Refuse a file made for something else, naming the first difference.

    **Raises:** `CheckpointError`.
    """
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys([*wanted, *found]):
            require_same(path, found.get(key), wanted.get(key), f"{what}.{key}")
    elif found != wanted:
        raise CheckpointError(
            f"{path} belongs to another problem: {what.lstrip('.')} is {found!r} in "
            f"the file and {wanted!r} here. Give the same problem, model and solver."
        )

"""Arrays of numbers in NumPy's files, which may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class ArraysError(ValueError):
    """A file cannot be read as arrays of plain numbers; the message says why."""


def read_arrays(path: Path, *, texts: bool = False) -> Array | Mapping[str, Array]:
    """Read the array of an .npy file, or those of an .npz by name.

    Raises:
        ArraysError: when there are none, or they hold anything but whole or real numbers; `texts` allows texts too.
    """
    head = b"?"
    try:
        with path.open("rb") as file:
            head = file.read(6)
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            found = loaded if isinstance(loaded, np.ndarray) else {name: np.asarray(loaded[name]) for name in loaded.files}
    except FileNotFoundError:
        raise ArraysError("there is no such file") from None
    except Exception as error:  # of zipfile, tokenize, zlib, struct, lzma and NumPy, for damage of every kind
        raise ArraysError(f"cannot be read as plain arrays: {_why(head, error)}") from None
    if isinstance(found, dict) and any(name.endswith("data.pkl") for name in found):
        raise ArraysError("cannot be read as plain arrays: it is a file of PyTorch")
    for name, array in found.items() if isinstance(found, dict) else (("", found),):
        if array.dtype.kind not in ("biufU" if texts else "biuf"):
            raise ArraysError(f"{name + ' ' if name else ''}holds values of the type {array.dtype}; numbers were expected")
    return found


def _why(head: bytes, error: Exception) -> str:
    """What keeps a file that begins so from being read as arrays."""
    if head and "allow_pickle" not in str(error):
        return " ".join(str(error).split())[:200]
    if head.startswith((b"PK", b"\x93NUMPY")):
        return "it holds Python objects, which may run code when they are read; numbers were expected"
    kind = "empty" if not head else "a pickle, which may run code when it is read" if head[:1] == b"\x80" else "no file of NumPy"
    return f"it is {kind}; an .npz or .npy was expected"

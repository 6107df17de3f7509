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
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            found = loaded if isinstance(loaded, np.ndarray) else {name: np.asarray(loaded[name]) for name in loaded.files}
    except FileNotFoundError:
        raise ArraysError("there is no such file") from None
    except Exception as error:  # of zipfile, tokenize, zlib, struct, lzma and NumPy, for damage of every kind
        raise ArraysError(f"cannot be read as plain arrays: {' '.join(str(error).split())[:200]}") from None
    for name, array in found.items() if isinstance(found, dict) else (("", found),):
        if array.dtype.kind not in ("biufU" if texts else "biuf"):
            raise ArraysError(f"{name + ' ' if name else ''}holds values of the type {array.dtype}; numbers were expected")
    return found

"""Open a file, of limited size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from qeopt.network.importers.model import refuse

MAX_BYTES = 512 << 20


@contextmanager
def opened(path: Path, most: int = MAX_BYTES) -> Iterator[BinaryIO]:
    """Open a file to read its bytes.

    Raises:
        SpecError: there is no such file, it cannot be read, or it is larger than `most` bytes.
    """
    try:
        if not path.is_file():
            raise refuse(path, "there is no such file")
        with path.open("rb") as file:
            if file.seek(0, 2) > most:
                raise refuse(path, f"larger than {most >> 20} MiB; no network for a microcontroller is")
            file.seek(0)
            yield file
    except (OSError, ValueError) as error:
        raise refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or 'not a usable path'}") from None


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        SpecError: see `opened`.
    """
    with opened(path, most) as file:
        return file.read()

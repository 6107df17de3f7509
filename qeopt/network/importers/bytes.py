"""Read a file whole, up to a limit."""

from __future__ import annotations

from pathlib import Path

from qeopt.network.importers.model import refuse

MAX_BYTES = 512 << 20


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        SpecError: there is no such file, it cannot be read, or it is larger than `most` bytes.
    """
    try:
        if not path.is_file():
            raise refuse(path, "there is no such file")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or 'not a usable path'}") from None
    if len(content) > most:
        raise refuse(path, f"larger than {most >> 20} MiB; no network for a microcontroller is")
    return content

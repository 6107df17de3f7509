"""Writing files so that neither a reader nor a crash meets half of one, and telling one from another by its hash."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that readers, and the disk after any crash, hold the old or the new content, never a part.

    What is written first has a name of its own that nobody can foresee, follows no link and is taken away when the disk is
    full; a link that stands at `path` is replaced, never followed.

    Raises:
        OSError: naming `path`, when its folder cannot be made or written to.
    """
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode("utf-8") if isinstance(content, str) else content
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ONE_TO_ONE, 0o666), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


_ONE_TO_ONE = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""Bytes as they are, on Windows too; no link is followed."""


def sha256_of(path: Path) -> str:
    """SHA-256 of what a file holds, as hexadecimal digits; it is never held whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

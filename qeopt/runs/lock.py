"""One process in a folder at a time. The lock is the system's own: it ends with its process, however that ends."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qeopt.spec.errors import Location, SpecError

NAME = ".lock"


class LockedError(Exception):
    """Another process is running in a folder; the text names it."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a folder for this process.

    Raises:
        LockedError: when another process does; a lock whose process is gone is none.
        SpecError: when the folder cannot be written to.
    """
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        said = f"cannot write here: {error.strerror or error}; choose another folder with --out"
        raise SpecError.at(Location(str(folder)), said) from None
    try:
        if not _taken(handle) or not _still_there(handle, path):
            raise LockedError(f"{folder}: {_holder(path)} is running here; wait for it, or choose another --out")
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        try:
            yield
        finally:
            with suppress(OSError):  # where a file in use cannot be taken away it stays, free
                path.unlink()
    finally:
        os.close(handle)


def _still_there(handle: int, path: Path) -> bool:
    """Whether the file held is still the one in the folder: whoever held it before may have taken it away meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _taken(handle: int) -> bool:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _taken(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _holder(path: Path) -> str:
    """Who holds a lock, as far as its file says."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(path.read_text(encoding="utf-8"))
        return f"process {int(told['pid'])} on {told['host']}"
    return "another process"

"""One case: a damaged file, the command that reads it, and how that ended, in time and memory."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from kinds import KINDS, Sound
from typer.testing import CliRunner

from qeopt.cli.verbs import app

SECONDS = 60
BYTES = 1 << 30
"""Memory that a command may take beside what was held before it."""
ENDS = frozenset(range(5))
"""Exit codes that are answers: done, findings, bad input, unproven, mismatch."""
BROKEN = -1
"""Instead of an exit code: a limit was broken, or an error got out."""
_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class OutOfTime(BaseException):
    """A command took longer than it may; no handler of errors catches it."""


@dataclass(frozen=True)
class Case:
    """How one case ended."""

    kind: str
    seed: int
    code: int
    seconds: float
    mib: int
    """The most that was held during the command beside what was held before."""
    said: str
    """The command and its last words, of a case that failed."""

    @property
    def failed(self) -> bool:
        """Whether it ended as no command may."""
        return self.code not in ENDS

    def line(self) -> str:
        """As it stands in a file of results."""
        return json.dumps(asdict(self)) + "\n"


def run_case(kind: str, seed: int, sound: Sound, kept: Path) -> Case:
    """Make a case and run its command; the inputs of one that fails are copied to `kept`."""
    before, folder = Path.cwd(), Path(tempfile.mkdtemp())
    try:
        words = KINDS[kind](sound, folder, Random(f"{kind} {seed}"))
        os.chdir(folder)
        held, started = _start_counting(), time.monotonic()
        code, said = _ended(words)
        seconds, taken = time.monotonic() - started, _most_held() - held
        if code != BROKEN and taken > BYTES:
            code, said = BROKEN, f"took {taken >> 20:,} MiB"
        case = Case(kind, seed, code, round(seconds, 3), taken >> 20, "")
        if case.failed:
            shutil.copytree(folder, kept / f"{kind}_{seed}", dirs_exist_ok=True)
            return Case(kind, seed, code, case.seconds, case.mib, f"qeopt {' '.join(words)}\n    {said}")
        return case
    finally:
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)


def _ended(words: tuple[str, ...]) -> tuple[int, str]:
    """Run one command; its exit code and what it said last."""
    with _in_time():
        try:
            result: Any = CliRunner().invoke(app, list(words))
        except OutOfTime:
            return BROKEN, f"took longer than {SECONDS} s"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return BROKEN, repr(result.exception)[:500]
    if "Traceback (most recent call last)" in result.stderr:
        return BROKEN, result.stderr.strip()[-500:]
    return result.exit_code, (result.stderr.strip().splitlines() or [""])[-1][:500]


@contextmanager
def _in_time() -> Iterator[None]:
    def late(number: int, frame: Any) -> None:
        raise OutOfTime

    handler = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)


def _start_counting() -> int:
    """Bytes held now; where the system can, what was ever held before is forgotten."""
    if not _FORGET.exists():
        return _most_held()
    _FORGET.write_text("5", encoding="ascii")  # proc(5): sets the peak to what is held
    return _most_held()


def _most_held() -> int:
    """The most bytes that this process held since counting began; Linux counts in KiB, macOS in bytes and from its start."""
    if _FORGET.exists():
        return int(_STATUS.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

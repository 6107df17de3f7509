"""Feed damaged files of every kind to the commands that read them: none may end in an internal error, or take long, or much memory.

    python benchmarks/fuzz/run.py                       # 2,000 cases of each kind
    python benchmarks/fuzz/run.py --cases 200 ONNX designs
    python benchmarks/fuzz/run.py --only 173 designs    # one case again, its traceback told

Every case is a command of the program in this process, with a time and a memory limit. The inputs of a case that fails are kept.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from kinds import KINDS, Sound
from typer.testing import CliRunner

from qeopt.cli.verb import INTERNAL_ERROR
from qeopt.cli.verbs import app

SECONDS = 60
BYTES = 1 << 30
"""Memory that a command may take beside the most that was held before it."""


class OutOfTime(BaseException):
    """A command took longer than it may; no handler of errors catches it."""


@dataclass
class Tally:
    """How the cases of one kind ended."""

    kind: str
    codes: Counter[int] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def row(self) -> str:
        """A line of the table."""
        ends = ", ".join(f"{count:,} x {code}" for code, count in sorted(self.codes.items()))
        return f"| {self.kind} | {sum(self.codes.values()):,} | {ends} | {self.slowest:.1f} | {len(self.failed)} |"


def fuzz(kind: str, seeds: range, kept: Path) -> Tally:
    """Run the cases of a kind; inputs of those that fail are moved to `kept`."""
    with tempfile.TemporaryDirectory() as folder:
        return _fuzz(kind, Sound(Path(folder)), seeds, kept)


def _fuzz(kind: str, sound: Sound, seeds: range, kept: Path) -> Tally:
    tally, make, before = Tally(kind), KINDS[kind], Path.cwd()
    for seed in seeds:
        folder = Path(tempfile.mkdtemp())
        try:
            words = make(sound, folder, Random(f"{kind} {seed}"))
            os.chdir(folder)
            started = time.monotonic()
            code, said = _run(words)
            tally.slowest = max(tally.slowest, time.monotonic() - started)
            tally.codes[code] += 1
            if code in {INTERNAL_ERROR, -1}:
                tally.failed.append(f"{kind} {seed}: qeopt {' '.join(words)}\n    {said}")
                shutil.copytree(folder, kept / f"{kind}_{seed}", dirs_exist_ok=True)
        finally:
            os.chdir(before)
            shutil.rmtree(folder, ignore_errors=True)
    return tally


def _run(words: tuple[str, ...]) -> tuple[int, str]:
    """Run one command and return its exit code, -1 where it broke a limit or raised, and what it said last."""
    before = _peak_bytes()
    with _in_time():
        try:
            result: Any = CliRunner().invoke(app, list(words))
        except OutOfTime:
            return -1, f"took longer than {SECONDS} s"
    if _peak_bytes() - before > BYTES:
        return -1, f"took {(_peak_bytes() - before) >> 20:,} MiB"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return -1, repr(result.exception)[:500]
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


def _peak_bytes() -> int:
    """The most memory that this process ever held; Linux counts in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], metavar="KIND", help=f"of {', '.join(KINDS)}; all unless stated")
    parser.add_argument("--cases", type=int, default=2000, metavar="N")
    parser.add_argument("--only", type=int, metavar="SEED", help="one case")
    parser.add_argument("--kept", type=Path, default=Path("build/fuzz"), metavar="FOLDER", help="where inputs that fail are kept")
    given = parser.parse_args()
    seeds = range(given.cases) if given.only is None else range(given.only, given.only + 1)
    print("| kind of file | cases | exit codes | slowest, s | failed |\n|---|---|---|---|---|")
    failed = []
    for kind in given.kinds or KINDS:
        tally = fuzz(kind, seeds, given.kept.resolve())
        print(tally.row(), flush=True)
        failed += tally.failed
    for text in failed:
        print(text)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

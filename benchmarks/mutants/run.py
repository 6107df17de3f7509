"""Change core code in small ways and see whether the tests of its room notice.

    python benchmarks/mutants/run.py [--workers 2] [--seconds 120] [WORD ...]

Every mutant of `mutants.py` (or those whose file or text holds a WORD) is made in a copy of the sources, and its tests are run
until the first that fails. It prints one line a mutant, `died` or `LIVES`, and ends with 1 where more than three live: some change
nothing that anybody could see. A mutant whose tests take longer than `--seconds` has died: they end in time on sound code. The
repository itself is never changed. About 30 minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
PARTS = ("qeopt", "solvers", "specs", "tests", "docs", "pyproject.toml", "README.md")
"""What tests need of the repository."""
ALLOWED = 3
"""Mutants that may live: some change nothing that anybody could see."""


def copied(folder: Path) -> Path:
    """A copy of the sources."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


@contextmanager
def changed(folder: Path, mutant: Mutant) -> Iterator[None]:
    """The copy with a mutant in it.

    Raises:
        SystemExit: when the text that is to be changed is not there once.
    """
    path = folder / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file} holds {mutant.old!r} {text.count(mutant.old)} times; once was expected")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def passes(folder: Path, tests: Sequence[str], seconds: float) -> bool:
    """Whether tests pass in a copy, in time."""
    paths = os.pathsep.join([str(folder), str(folder / "solvers")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=seconds, text=True, check=False)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in {0, 1, 2}:  # 2: a test file that cannot even be imported
        raise SystemExit(f"pytest {' '.join(tests)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def tried(folders: SimpleQueue[Path], mutant: Mutant, seconds: float) -> bool:
    """Whether a mutant dies."""
    folder = folders.get()
    began = time.monotonic()
    try:
        with changed(folder, mutant):
            died = not passes(folder, mutant.tests, seconds)
    finally:
        folders.put(folder)
    what = " ".join(mutant.new.split()) or "(taken out)"
    print(f"{'died ' if died else 'LIVES'}  {time.monotonic() - began:4.0f} s  {mutant.file}: {what[:90]}", flush=True)
    return died


def chosen(words: Sequence[str]) -> list[Mutant]:
    """The mutants that hold one of some words; all of them without any."""
    return [mutant for mutant in MUTANTS if not words or any(word in mutant.file + mutant.old + mutant.new for word in words)]


def main() -> int:
    """Try mutants; 1 where too many live."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120.0)
    given = parser.parse_args()
    mutants = chosen(given.words)
    with tempfile.TemporaryDirectory() as base, ThreadPoolExecutor(given.workers) as pool:
        folders: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.workers):
            folders.put(copied(Path(base) / str(number)))
        sound = pool.map(lambda tests: passes(Path(base) / "0", tests, 10 * given.seconds), {mutant.tests for mutant in mutants})
        if not all(sound):
            raise SystemExit("the tests do not pass on the code as it is")
        died = sum(pool.map(lambda mutant: tried(folders, mutant, given.seconds), mutants))
    print(f"{died} of {len(mutants)} died")
    return 0 if len(mutants) - died <= (ALLOWED if not given.words else 0) else 1


if __name__ == "__main__":
    sys.exit(main())

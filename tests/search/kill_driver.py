"""Solve or resume in a process of its own, and be killed at a chosen moment of writing the journal.

Arguments: solve|resume, study file, run folder, design file, then optionally: which write (counted from 0), and before|amid|after.
Without a design file (-) it is the command of the program that solves or resumes, in the folder as people use it.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from qeopt.cli.app import main as command
from qeopt.search.checkpoint import Journal
from qeopt.verbs.solve import resume, solve


def main() -> None:
    verb, study, run, out, *kill = sys.argv[1:]
    if kill:
        _arm(int(kill[0]), kill[1])
    if out == "-":
        words = [verb, study, "--out", run] if verb == "solve" else [verb, run]
        sys.argv = ["qeopt", *words, "--workers", "1", "--no-pictures", "--quiet"]
        command()
    solution = solve(study, run_dir=Path(run)) if verb == "solve" else resume(Path(run))
    if solution.design is None:
        raise SystemExit(solution.reason)
    solution.design.save(Path(out))


def _arm(write: int, moment: str) -> None:
    """Have the process killed around one write of a journal; the two methods are all that ever writes."""
    number = count()
    for name in ("begin", "append"):
        original: Any = getattr(Journal, name)

        def deadly(journal: Journal, *arguments: Any, original: Any = original, name: str = name) -> None:
            here = next(number) == write
            if here and (moment == "before" or (moment == "amid" and name == "begin")):
                _die()  # a journal begins by renaming a whole file: a crash amid that leaves nothing
            original(journal, *arguments)
            if here and moment == "amid":
                _cut_last_line(journal)
            if here:
                _die()

        setattr(Journal, name, deadly)


def _cut_last_line(journal: Journal) -> None:
    """Leave a line half written, as a crash of the machine may."""
    path = journal._path
    text = path.read_text(encoding="utf-8")
    last = text[: text.rindex("\n")].rfind("\n") + 1
    path.write_text(text[: (last + len(text)) // 2], encoding="utf-8")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()

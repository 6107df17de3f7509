"""Two installations of qeopt solve the same studies in turns: scores, gaps and times side by side.

    python benchmarks/search/against.py OTHER/bin/qeopt STUDY [STUDY ...] [--specs FOLDER] [--turns N]

The first is the qeopt beside this Python. Names in studies are looked up in FOLDER first, so that devices and runtimes are those of
one side. Times are those of whole processes, pictures and pages included: seconds that pass (which say something on an idle machine
only) and core-seconds (user and system). The least of N turns is told of each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple


class Answer(NamedTuple):
    """What a design claims, and the time that it took."""

    score: float | None
    gap: float | None
    seconds: float
    core_seconds: float


def core_seconds() -> float:
    """What all processes that were started here, and have ended, took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def solved(program: Path, study: Path, specs: Sequence[Path]) -> Answer:
    """One run in a folder of its own."""
    with TemporaryDirectory() as folder:
        paths = [word for path in specs for word in ("--path", str(path.resolve()))]
        began, used = time.perf_counter(), core_seconds()
        command = [str(program.absolute()), "solve", str(study.resolve()), "--quiet", "--json", "--out", "run", *paths]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds, used = time.perf_counter() - began, core_seconds() - used
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{program}: {study}: {done.stderr.strip()}") from None
    return Answer(told.get("score"), told.get("gap"), seconds, used)


def best(program: Path, study: Path, specs: Sequence[Path], earlier: Answer | None) -> Answer:
    """The answer of a run, with the least times so far; another answer than before is no repeatable one."""
    found = solved(program, study, specs)
    if earlier is None:
        return found
    if (found.score, found.gap) != (earlier.score, earlier.gap):
        raise SystemExit(f"{program}: {study}: {found} after {earlier}")
    return Answer(found.score, found.gap, *map(min, found[2:], earlier[2:]))


def spelled(answer: Answer) -> str:
    score = "none" if answer.score is None else f"{answer.score:.4f}"
    gap = "none" if answer.gap is None else f"{100 * answer.gap:.4f} %"
    return f"{score} | {gap} | {answer.seconds:.1f} | {answer.core_seconds:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("studies", type=Path, nargs="+")
    parser.add_argument("--specs", type=Path, action="append", default=[])
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_args()
    programs = Path(sys.executable).with_name("qeopt"), asked.other
    columns = ["score", "gap", "s", "core-s"]
    print(f"| {' | '.join(['study', *columns, *(f'{name}, other' for name in columns), 'ratio', 'of core-s'])} |")
    print("|---" * 11 + "|")
    for study in asked.studies:
        answers: dict[Path, Answer] = {}
        for turn in range(asked.turns):
            for program in programs if turn % 2 == 0 else programs[::-1]:
                answers[program] = best(program, study, asked.specs, answers.get(program))
        ours, theirs = (answers[program] for program in programs)
        ratios = f"{ours.seconds / theirs.seconds:.2f} | {ours.core_seconds / theirs.core_seconds:.2f}"
        print(f"| {study.stem} | {spelled(ours)} | {spelled(theirs)} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()

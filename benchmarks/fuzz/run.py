"""Feed damaged files of every kind to the commands that read them: none may end in an internal error, or take long, or much memory.

    python benchmarks/fuzz/run.py                       # 2,000 cases of each kind; again: goes on where it was stopped
    python benchmarks/fuzz/run.py --cases 200 ONNX designs
    python benchmarks/fuzz/run.py --only 173 designs    # one case again
    python benchmarks/fuzz/run.py --again designs       # a kind from its start
    python benchmarks/fuzz/run.py --table               # of what there is, without running any

Every case is a command of the program in this process, with a time and a memory limit. One that has ended is a line of the file of
results and is not run again, unless it failed. The inputs of a case that fails are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cases import Case, run_case
from kinds import KINDS, Sound

HEAD = "| kind of file | cases | exit codes | slowest, s | most memory, MiB | failed |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Tally:
    """How the cases of one kind ended."""

    kind: str
    cases: Sequence[Case]

    @property
    def failed(self) -> list[str]:
        """What there is to say of every case that failed."""
        return [f"{case.kind} {case.seed}: {case.said}" for case in self.cases if case.failed]

    def row(self) -> str:
        """A line of the table."""
        codes = Counter(case.code for case in self.cases)
        ends = ", ".join(f"{count:,} x {code}" for code, count in sorted(codes.items()))
        slowest, most = max(case.seconds for case in self.cases), max(case.mib for case in self.cases)
        return f"| {self.kind} | {len(self.cases):,} | {ends} | {slowest:.1f} | {most:,} | {len(self.failed)} |"


def fuzz(kind: str, seeds: Iterable[int], kept: Path) -> Tally:
    """Run the cases of a kind; inputs of those that fail are copied to `kept`."""
    return Tally(kind, list(_cases(kind, seeds, kept)))


def _cases(kind: str, seeds: Iterable[int], kept: Path) -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder:
        sound = Sound(Path(folder))
        for seed in seeds:
            yield run_case(kind, seed, sound, kept)


class Results:
    """A file with a line for every case that has ended; several processes may add to it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, kind: str) -> dict[int, Case]:
        """The last of every case of a kind, by its seed; a line that was cut off is no case."""
        found: dict[int, Case] = {}
        for line in self._lines():
            try:
                case = Case(**json.loads(line))
            except ValueError:
                continue
            if case.kind == kind:
                found[case.seed] = case
        return dict(sorted(found.items()))

    def add(self, case: Case) -> None:
        """Write down a case."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(case.line())

    def _lines(self) -> list[str]:
        return self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []


def main() -> None:
    given = _arguments()
    kinds, kept, results = given.kinds or list(KINDS), given.kept.resolve(), Results(given.kept / "results.jsonl")
    seeds = range(given.cases) if given.only is None else range(given.only, given.only + 1)
    tallies = []
    print(HEAD)
    for kind in kinds:
        ended = {} if given.again or given.only is not None else results.of(kind)
        left = [seed for seed in seeds if seed not in ended or ended[seed].failed]
        for case in () if given.table else _cases(kind, left, kept):
            results.add(case)
            ended[case.seed] = case
        if ended:
            tallies.append(Tally(kind, [case for seed, case in ended.items() if seed in seeds]))
            print(tallies[-1].row(), flush=True)
    failed = [text for tally in tallies for text in tally.failed]
    print(*failed, sep="\n")
    sys.exit(bool(failed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], metavar="KIND", help=f"of {', '.join(KINDS)}; all unless stated")
    parser.add_argument("--cases", type=int, default=2000, metavar="N")
    parser.add_argument("--only", type=int, metavar="SEED", help="one case, whatever the results say")
    parser.add_argument("--again", action="store_true", help="run what has ended once more")
    parser.add_argument("--table", action="store_true", help="only tell what has ended")
    parser.add_argument("--kept", type=Path, default=Path("build/fuzz"), metavar="FOLDER", help="of results, and inputs that fail")
    return parser.parse_args()


if __name__ == "__main__":
    main()

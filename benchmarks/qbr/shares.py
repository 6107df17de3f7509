"""Print where the time of `chain` goes on the uncoupled instances, and where that of PuLP with CBC does.

`python benchmarks/qbr/shares.py instances.json` in the environment of `requirements.txt`, with `solvers/` on PYTHONPATH. Processor
time throughout; asking the clock adds less than a microsecond to a stage.
"""

import json
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from unittest.mock import patch

import pulp
from rivals import pulp_cbc
from run import group_of, read

from qeopt_solvers import AllocationProblem
from qeopt_solvers import solve as solving
from qeopt_solvers.chains import race
from qeopt_solvers.engines import chain

T = TypeVar("T")
REPEATS = 20
SECONDS = 20.0
STAGES: tuple[tuple[str, ModuleType, tuple[str, ...]], ...] = (
    ("find what can bind, and what falls apart", chain, ("project_links", "split")),
    ("read the numbers into arrays", chain, ("numbers_of", "blocks_of", "sides", "fold")),
    ("activations: tables and best paths", chain, ("planned", "_levels", "best_path")),
    ("weights: prices", chain, ("minimise",)),
    ("weights: a good answer", race, ("improved",)),
    ("weights: look through what is left", race, ("search",)),
    ("count the answer again", solving, ("checked",)),
)
NEEDED = ("find what can bind, and what falls apart", "read the numbers into arrays", "count the answer again")
"""What no method can leave out: to look at every number once, and to count the answer."""


class Stopwatch:
    """Adds up the time inside wrapped functions, each without the wrapped ones it calls."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    def wrap(self, stage: str, function: Callable[..., T]) -> Callable[..., T]:
        def timed(*arguments: object, **options: object) -> T:
            self._inside.append(0.0)
            started = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                took = time.process_time() - started
                self.spent[stage] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return timed


@contextmanager
def watched(watch: Stopwatch) -> Iterator[None]:
    with ExitStack() as stack:
        for stage, module, names in STAGES:
            for name in names:
                stack.enter_context(patch.object(module, name, watch.wrap(stage, getattr(module, name))))
        yield


def seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def chain_shares(problems: list[AllocationProblem]) -> float:
    """Print the table of `chain` and return the milliseconds that no method can leave out."""
    calls = [partial(solving.solve, problem, "chain") for problem in problems]
    for call in calls:
        call()
    whole = statistics.fmean(seconds(call) for _ in range(REPEATS) for call in calls)
    watch = Stopwatch()
    with watched(watch):
        total = sum(seconds(call) for _ in range(REPEATS) for call in calls)
    count = REPEATS * len(calls)
    spent = {stage: watch.spent[stage] / count * 1e3 for stage, _, _ in STAGES}
    spent["everything else"] = total / count * 1e3 - sum(spent.values())
    print("| stage of `chain` | ms | share |\n| --- | ---: | ---: |")
    for stage, took in spent.items():
        print(f"| {stage} | {took:.3f} | {took / sum(spent.values()):.0%} |")
    print(f"| together (without the stop-watch {whole * 1e3:.3f}) | {sum(spent.values()):.3f} | |\n")
    return sum(spent[stage] for stage in NEEDED)


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cbc_shares(problems: list[AllocationProblem]) -> float:
    """Print the table of PuLP with CBC and return the milliseconds of CBC's own process."""
    empty = AllocationProblem(problems[0].choices[:1])
    found = {"of a problem with one choice": [empty], "of these problems": problems}
    own: dict[str, float] = {}
    print("| PuLP with CBC, ms | Python: model, files | CBC's process |\n| --- | ---: | ---: |")
    for name, group in found.items():
        mine, theirs = [], []
        for problem in group * (REPEATS if len(group) == 1 else 3):
            before = children()
            mine.append(seconds(partial(pulp_cbc, problem, SECONDS)))
            theirs.append(children() - before)
        own[name] = statistics.median(theirs) * 1e3
        print(f"| {name} | {statistics.median(mine) * 1e3:.2f} | {own[name]:.2f} |")
    print()
    return own["of these problems"]


def main(source: Path) -> None:
    groups: dict[str, list[AllocationProblem]] = {}
    for instance in json.loads(source.read_text(encoding="utf-8")):
        if instance["share"] is None:
            groups.setdefault(group_of(instance), []).append(read(instance["problem"]))
    print(f"PuLP {pulp.__version__}\n")
    for group, problems in groups.items():
        print(f"### Bits {group}\n")
        needed, cbc = chain_shares(problems), cbc_shares(problems)
        print(f"CBC's process alone, over 200: {cbc / 200:.3f} ms. What `chain` cannot leave out: {needed:.3f} ms.\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

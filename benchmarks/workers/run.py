"""What workers cost: bytes and time of every round of a search, for 1, 2, 4 and 8 processes, in a pool and on a dask cluster here.

    python benchmarks/workers/run.py [STUDY] [--processes 1,2,4,8] [--islands 8] [--rounds 4,64] [--dask]

One search is made here and stopped after so many rounds. The calls of its next round, one for every island, are then sent to
workers, which answer each with its island as it came: that takes what a round takes beyond its work. The least of many tries is
told, as other programs only ever add to it; `here` is the processor time of this process in that. `work` is what a worker spends
on one island in this round, in processor time. More processes than cores show what they cost, not what they save.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is there

from echo import echo

from qeopt.search import Workers, open_workers
from qeopt.search.evolution import evolve
from qeopt.search.island import Terms, advance
from qeopt.search.workers import InProcess
from qeopt.study.load import load_study

HEAD = (
    "| seen by an island | work, CPU ms | sent, KiB | received, KiB | workers | overhead of a round, ms | here, CPU ms |\n"
    "|---|---|---|---|---|---|---|"
)
TRIES = 30
ENDLESS = 10**9
Calls = Sequence[tuple[Any, ...]]


class EnoughRounds(Exception):  # noqa: N818 - no error
    """All rounds that were asked for are done."""


@dataclass(frozen=True)
class Stopped:
    """Makes calls here, and stops the search before the round with number `most`."""

    most: int
    made: list[Calls] = field(default_factory=list)

    def map(self, function: Callable[..., Any], calls: Calls) -> list[Any]:
        self.made.append(calls)
        if len(self.made) > self.most:
            raise EnoughRounds
        return InProcess().map(function, calls)


@dataclass(frozen=True)
class Round:
    """The calls of one round, and what they are to whoever makes them."""

    calls: Calls
    work: float
    """CPU seconds of the first of them."""
    answer: Any

    def cells(self) -> str:
        """What does not depend on the workers."""
        sent, received = len(pickle.dumps(self.calls[0])), len(pickle.dumps(self.answer))
        seen = len(self.calls[0][1].seen)
        return f"| {seen:,} | {self.work * 1000:,.0f} | {sent / 1024:,.0f} | {received / 1024:,.0f} "


def round_after(terms: Terms, rounds: int) -> Round:
    """The round of a search after so many."""
    stopped = Stopped(rounds)
    try:
        evolve(terms, None, workers=stopped, report=lambda progress: None, started=time.monotonic())
    except EnoughRounds:
        calls, started = stopped.made[-1], time.process_time()
        answer = advance(*calls[0])
        return Round(calls, time.process_time() - started, answer)
    raise SystemExit("the space was exhausted before all rounds were made; take a larger one")


def overhead(workers: Workers, calls: Calls) -> tuple[float, float]:
    """Seconds of a round without its work, and of the processor here; the least of some tries."""
    tries = []
    for _ in range(TRIES):
        started, used = time.perf_counter(), time.process_time()
        workers.map(echo, calls)
        tries.append((time.perf_counter() - started, time.process_time() - used))
    return min(seconds for seconds, _ in tries), min(used for _, used in tries)


@contextmanager
def cluster(processes: int) -> Iterator[str]:
    """A dask scheduler and workers on this machine; the address."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "scheduler.json"
        shared = ["--scheduler-file", str(told), "--no-dashboard", "--host", "127.0.0.1"]
        commands = [["distributed.cli.dask_scheduler", "--port", "0", *shared]]
        commands += [["distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", *shared]] * processes
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        started = [
            subprocess.Popen([sys.executable, "-m", *words], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
            for words in commands
        ]
        try:
            while not (told.exists() and told.read_text(encoding="utf-8").strip()):
                time.sleep(0.2)
            address = told.read_text(encoding="utf-8").partition("tcp://")[2].partition('"')[0]
            from distributed import Client  # noqa: PLC0415 - an extra

            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(processes)
            yield f"dask://{address}"
        finally:
            for process in started:
                process.kill()
                process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", default="paper/mcu_256k")
    parser.add_argument("--processes", default="1,2,4,8", metavar="N,N,...")
    parser.add_argument("--islands", type=int, default=8)
    parser.add_argument("--rounds", default="4,64", metavar="N,N,...", help="after which a round is measured")
    parser.add_argument("--dask", action="store_true", help="on dask clusters too")
    given = parser.parse_args()
    study = load_study(given.study).value
    if study.space is None:
        raise SystemExit("a study of a space is needed")
    update = {"strategy": "evolution", "islands": given.islands, "gap": 0.0}
    settings = study.search.model_copy(update={**update, "evaluations": ENDLESS, "time_limit_seconds": None})
    terms = Terms(study.space, study.task, study.refiner.scouting(), settings)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = len(pickle.dumps(terms))
    print(f"{given.study}, {given.islands} islands, {cores} cores; the terms of the search are {size:,} bytes\n\n{HEAD}")
    rounds = [round_after(terms, int(number)) for number in given.rounds.split(",")]
    for name, workers in _workers([int(number) for number in given.processes.split(",")], dask=given.dask):
        for one in rounds:
            seconds, used = overhead(workers, one.calls)
            print(f"{one.cells()}| {name} | {seconds * 1000:,.1f} | {used * 1000:,.1f} |", flush=True)


def _workers(numbers: Sequence[int], *, dask: bool) -> Iterator[tuple[str, Workers]]:
    """Each kind of workers while it is open."""
    for number in numbers:
        with open_workers(number) as workers:
            yield ("this process" if number == 1 else f"pool of {number}"), workers
        if dask:
            with cluster(number) as address, open_workers(address) as workers:
                yield f"dask, {number}", workers


if __name__ == "__main__":
    main()

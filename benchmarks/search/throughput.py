"""How many structures a second: relaxed, with exact values, one program at a time, and whole evolution with one and two workers.

`python benchmarks/search/throughput.py paper/mcu_256k [--repeats 5] [--evaluations 100000]` prints a table (Markdown).
Relaxed and exact values and single programs are measured in processor time of one thread, evolution in wall time, since two
processes take part: it needs an idle machine. Preparing tables and starting workers is stated apart.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from statistics import median
from time import perf_counter, process_time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is there

import numpy as np

from qeopt.relaxation.cells.tables import Integers
from qeopt.search.breeding import Breeder
from qeopt.search.evolution import evolve
from qeopt.search.island import Island, Terms, advance
from qeopt.search.workers import open_workers
from qeopt.space import Structure
from qeopt.study.load import load_study

BATCH = 4096
SINGLES = 20
SETTINGS = {"strategy": "evolution", "islands": 2, "children": 256, "migration_every": 64, "gap": 0.0, "time_limit_seconds": None}


def seconds(clock: Callable[[], float], work: Callable[..., object], *of: object) -> float:
    started = clock()
    work(*of)
    return clock() - started


def children_of(terms: Terms, parents: Integers, generation: int) -> Integers:
    found, _ = Breeder(terms.space, terms.settings).children(parents, frozenset(), (0, generation), BATCH)
    return found


def batches(terms: Terms) -> dict[str, Integers]:
    """Random structures, and children of a population that has evolved: those of which evolution asks most."""
    rater = terms.rater()
    evolved = advance(terms, Island(0), 1000, 20_000)
    parents = rater.genome.read([member.structure for member in evolved.population])
    return {
        "random structures": children_of(terms, parents[:0], 0),
        "children of an evolved population": children_of(terms, parents, 7),
    }


def rates(terms: Terms, repeats: int) -> Iterator[tuple[str, str, float]]:
    rater = terms.rater()

    def rate(work: Callable[[Integers], object], places: Integers) -> float:
        return median(len(places) / seconds(process_time, work, places) for _ in range(repeats))

    def refine(structure: Structure) -> object:
        return terms.refiner.refine(terms.space.expand(structure, terms.task))

    for name, places in batches(terms).items():
        fitting = places[np.isfinite(rater.relaxed(places))]
        yield "relaxed", name, rate(rater.relaxed, places)
        if rater.has_values and len(fitting):
            yield "exact, in arrays", f"those of them whose relaxation fits ({len(fitting)})", rate(rater.values, fitting)
        singles = rater.genome.structures(fitting[:SINGLES])
        if singles:
            spent = median(seconds(process_time, refine, one) for one in singles)
            yield "exact, one program at a time", f"{len(singles)} of these", 1 / spent


def evolution(terms: Terms, workers: int, repeats: int) -> tuple[float, float]:
    """Structures a second of wall time, and the seconds in which workers start and prepare."""
    started = perf_counter()
    with open_workers(workers) as crew:

        def run(evaluations: int) -> None:
            settings = terms.settings.model_copy(update={"evaluations": evaluations})
            evolve(replace(terms, settings=settings), None, workers=crew, report=lambda progress: None, started=0.0)

        run(2 * BATCH)
        ready = perf_counter() - started
        spent = median(seconds(perf_counter, run, terms.settings.evaluations) for _ in range(repeats))
    return terms.settings.evaluations / spent, ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=100_000, help="of each run of evolution")
    given = parser.parse_args()
    study = load_study(given.study).value
    if study.space is None:
        raise SystemExit("a study of a space is needed")
    settings = study.search.model_copy(update=SETTINGS | {"evaluations": given.evaluations})
    terms = Terms(study.space, study.task, study.refiner.scouting(), settings)
    rater = terms.rater()
    prepared = seconds(process_time, rater.rate, rater.genome.read([terms.space.smallest()]))
    print(f"{given.study}: {terms.space.size:.3g} structures; values are {'exact' if rater.is_exact else 'bounds'}; ", end="")
    print(f"tables prepared in {prepared:.2f} CPU s\n\n| what | of what | a second |\n|---|---|---|")
    for what, name, rate in rates(terms, given.repeats):
        print(f"| {what} | {name} | {rate:,.0f} |")
    alone, _ = evolution(terms, 1, given.repeats)
    pair, ready = evolution(terms, 2, given.repeats)
    print(f"| whole evolution, 1 worker | {given.evaluations:,} structures, 2 islands | {alone:,.0f} |")
    print(f"| whole evolution, 2 workers | the same | {pair:,.0f} ({pair / alone:.2f} times) |")
    print(f"\nMedians of {given.repeats}. Two workers were ready after {ready:.1f} s. Python {platform.python_version()}, ", end="")
    print(f"NumPy {version('numpy')}, qeopt {version('qeopt')}, {platform.machine()}, {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()

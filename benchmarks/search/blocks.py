"""How the time of a search grows with the number of blocks of a space.

    python benchmarks/search/blocks.py [BLOCKS ...]

Every space has a stem and so many inverted-residual blocks, each of which chooses its width, kernel, ratio and units, under budgets
that grow with their number. Prints processor seconds of the one process: of the bound, of founding the search and polishing, and of
evolution for each thousand structures, relaxed and exact values included.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is there

from qeopt.search import Phase, Progress, explore
from qeopt.study import Study
from qeopt.study.load import load_study

EVALUATIONS = 12_000
"""Of which polishing takes half at most."""


def study_of(blocks: int) -> Study:
    """A space of many equal blocks."""
    chosen = {"kind": "mbconv", "width": [8, 16], "kernel": [3, 5], "ratio": [2, 3], "units": [1, 2]}
    stem = {"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2}
    stated = {
        "kind": "study",
        "name": f"blocks_{blocks}",
        "task": {"input": [64, 64, 3], "classes": 10},
        "runtime": "cmix-nn",
        "device": "stm32f412",
        "budgets": {"layers": 8 * blocks, "sram": "32 KiB", "flash": 1024 * blocks},
        "bits": {"weights": [2, 4, 8], "activations": [2, 4, 8]},
        "objective": {"kind": "qe"},
        "search": {"evaluations": EVALUATIONS, "islands": 2, "gap": 0.0},
        "space": {"blocks": [stem, *({**chosen, "name": f"b{number}"} for number in range(blocks))]},
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"blocks_{blocks}.yaml"
        path.write_text(json.dumps(stated), encoding="utf-8")
        return load_study(path).value


def row_of(blocks: int) -> str:
    """Search one space and tell the time of its parts."""
    study, marks = study_of(blocks), [(process_time(), Progress(0, 0, 0, 0, None, None, 0.0, Phase.BOUND))]
    found = explore(study.subject, study.task, study.refiner, study.search, lambda at: marks.append((process_time(), at)))
    bounded = max(at for at, progress in marks if progress.phase is not Phase.EVOLUTION)
    polished, founders = max((at, progress.evaluations) for at, progress in marks if progress.generation == 0)
    ended, last = marks[-1]
    evolved = last.evaluations - founders
    best = "none" if found.best is None else f"{found.best.score:.2f}"
    gap = "" if found.best is None or found.bound is None else f"{found.bound.value / found.best.score - 1:.3%}"
    return (
        f"| {blocks} | {best} | {gap} | {bounded - marks[0][0]:.1f} | {founders:,} | {1e3 * (polished - bounded) / founders:.1f} "
        f"| {evolved:,} | {1e3 * (ended - polished) / max(evolved, 1):.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blocks", nargs="*", type=int, default=[12, 25, 50, 100])
    print("| blocks | score | gap | bound, s | founders | s a thousand | bred | s a thousand |\n|---|---|---|---|---|---|---|---|")
    for blocks in parser.parse_args().blocks:
        print(row_of(blocks), flush=True)


if __name__ == "__main__":
    main()

"""Run every method on every study with every seed, each run in a process of its own, and append the curves to a file.

`python benchmarks/search/run.py RESULTS.jsonl [--seeds 5]`; runs that are in the file already are not made again.
Seconds are CPU seconds of that one process since it started, imports included: on an idle core they are wall seconds. A run is
stopped by the first report after its time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SECONDS = {"paper/mixed_7g": 12.0, "paper/mcu_256k": 5.0, "vww_256k": 5.0, "paper/mixed_19g": 5.0}
"""How long a method that does not end by itself may search each study."""
METHODS = ("hybrid", "bound", "evolution", "random bits", "random search", "pymoo")
FEWER = {"paper/mixed_19g": ("hybrid", "bound", "evolution")}
TIED = (
    ("paper/mixed_7g", "hybrid"),
    ("paper/mixed_7g", "evolution"),
    ("paper/mcu_256k", "hybrid"),
    ("paper/mcu_256k", "evolution"),
)


def runs(seeds: int) -> Iterator[tuple[str, str, bool, int]]:
    for seed in range(seeds):
        for study in SECONDS:
            for method in FEWER.get(study, METHODS):
                if method != "bound" or seed == 0:  # no chance in it
                    yield study, method, False, seed
        for study, method in TIED:
            yield study, method, True, seed


def one(study: str, method: str, tied: bool, seed: int) -> dict[str, object]:
    import methods  # noqa: PLC0415  # only the processes that search need it

    from qeopt.reading import load_study  # noqa: PLC0415

    seconds = SECONDS[study]
    curve: list[tuple[float, int, float | None]] = []

    def report(evaluations: int, score: float | None) -> bool:
        curve.append((round(time.process_time(), 3), evaluations, score))
        return time.process_time() > seconds

    search = {
        "random bits": methods.random_bits,
        "random search": methods.random_search,
        "pymoo": methods.pymoo,
    }.get(method) or partial(methods.through_qeopt, strategy=method)
    search(load_study(study).value, seed, report, tied=tied)
    return {"study": study, "method": method, "tied": tied, "seed": seed, "seconds": seconds, "curve": curve}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--one", nargs=4, metavar=("STUDY", "METHOD", "TIED", "SEED"))
    given = parser.parse_args()
    if given.one:
        study, method, tied, seed = given.one
        print(json.dumps(one(study, method, tied == "True", int(seed))))
        return
    lines = given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else []
    done = {(run["study"], run["method"], run["tied"], run["seed"]) for run in map(json.loads, lines)}
    for key in runs(given.seeds):
        if key in done:
            continue
        command = [sys.executable, __file__, str(given.results), "--one", *map(str, key)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **SINGLE_THREAD})
        if found.returncode:
            print(*key, found.stderr[-400:], file=sys.stderr)
            continue
        with given.results.open("a", encoding="utf-8") as file:
            file.write(found.stdout)
        print(*key, json.loads(found.stdout)["curve"][-1], flush=True)


if __name__ == "__main__":
    main()

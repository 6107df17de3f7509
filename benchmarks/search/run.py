"""Run every method on every study with every seed, each run in a process of its own, and append the curves to a file.

`python benchmarks/search/run.py RESULTS.jsonl [--seeds 5] [--at-once 2] [--share 1.0]`; runs that are in the file already are not
made again. Seconds are CPU seconds of that one process since it started, imports included: on an idle core they are wall seconds. A
run is stopped by the first report after its time, which `--share` shortens for all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SECONDS = {"paper/mixed_7g": 60.0, "paper/mcu_256k": 20.0, "vww_256k": 20.0, "paper/mixed_19g": 60.0}
"""How long a method that does not end by itself may search each study."""
METHODS = ("hybrid", "bound", "evolution", "random bits", "random search", "pymoo")
TIED = (
    ("paper/mixed_7g", "hybrid"),
    ("paper/mixed_7g", "evolution"),
    ("paper/mcu_256k", "hybrid"),
    ("paper/mcu_256k", "evolution"),
)


Key = tuple[str, str, bool, int]
"""Study, method, whether bits are tied, seed."""


def runs(seeds: int) -> Iterator[Key]:
    for seed in range(seeds):
        for study in SECONDS:
            for method in METHODS:
                if method != "bound" or seed == 0:  # no chance in it
                    yield study, method, False, seed
        for study, method in TIED:
            yield study, method, True, seed


def one(study: str, method: str, tied: bool, seed: int, share: float) -> dict[str, object]:
    import methods  # noqa: PLC0415  # only the processes that search need it

    from qeopt.study.load import load_study  # noqa: PLC0415

    seconds = SECONDS[study] * share
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
    parser.add_argument("--at-once", type=int, default=1, help="runs side by side, each in a process of its own")
    parser.add_argument("--share", type=float, default=1.0, help="of the seconds of every run")
    parser.add_argument("--one", nargs=4, metavar=("STUDY", "METHOD", "TIED", "SEED"))
    given = parser.parse_args()
    if given.one:
        study, method, tied, seed = given.one
        print(json.dumps(one(study, method, tied == "True", int(seed), given.share)))
        return
    lines = given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else []
    done = {(run["study"], run["method"], run["tied"], run["seed"]) for run in map(json.loads, lines)}
    with ThreadPoolExecutor(given.at_once) as threads:
        for key, found in threads.map(partial(run_one, given), (key for key in runs(given.seeds) if key not in done)):
            if found.returncode:
                print(*key, found.stderr[-400:], file=sys.stderr)
                continue
            with given.results.open("a", encoding="utf-8") as file:
                file.write(found.stdout)
            print(*key, json.loads(found.stdout)["curve"][-1], flush=True)


def run_one(given: argparse.Namespace, key: Key) -> tuple[Key, subprocess.CompletedProcess[str]]:
    command = [sys.executable, __file__, str(given.results), "--share", str(given.share), "--one", *map(str, key)]
    environment = {**os.environ, **SINGLE_THREAD}
    return key, subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


if __name__ == "__main__":
    main()

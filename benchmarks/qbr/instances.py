"""Write the benchmark's instances to a file: MobileNetV2 at 224 px as qeopt compiles it, under 24 budgets and their BitOps twins.

Run where qeopt is installed: `python benchmarks/qbr/instances.py instances.json`. The file is read by `run.py`, which needs only
`qeopt_solvers` and may live in another environment.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path

from qeopt.qbr.compile import Compiled
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt_solvers import AllocationProblem

STUDY = Path(__file__).with_name("mobilenet_v2_224.yaml")
SRAM_KIB = (384, 448, 512, 768)
FLASH_KIB = (1024, 1536, 2048)
BITS = ((2, 4, 8), (2, 3, 4, 5, 6, 7, 8))
SHARES = (None, 24, 16)
"""Bit operations allowed, in 64ths of those at 8 bits everywhere."""


def study_with(*overrides: str) -> Study:
    return load_study(STUDY, overrides=overrides).value


def problem_of(study: Study) -> AllocationProblem:
    found = study.refiner.compile(study.subject.expand(study.subject.smallest(), study.task))
    if not isinstance(found, Compiled):
        raise SystemExit(found.reason)
    return found.problem


def bitops_at_eight_bits() -> int:
    study = study_with("bits.weights=[8]", "bits.activations=[8]")
    refined = study.refiner.refine(study.subject.expand(study.subject.smallest(), study.task))
    if refined.resources is None:
        raise SystemExit(refined.reason)
    return int(refined.resources.used["bitops"])


def instances() -> Iterator[dict[str, object]]:
    full = bitops_at_eight_bits()
    for bits, share, sram, flash in product(BITS, SHARES, SRAM_KIB, FLASH_KIB):
        overrides = [f"bits.weights={list(bits)}", f"bits.activations={list(bits)}"]
        overrides += [f"budgets.sram={sram} KiB", f"budgets.flash={flash} KiB"]
        if share is not None:
            overrides.append(f"budgets.bitops={full * share // 64}")
        problem = problem_of(study_with(*overrides))
        yield {"bits": bits, "share": share, "sram_kib": sram, "flash_kib": flash, "problem": asdict(problem)}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(list(instances())), encoding="utf-8")

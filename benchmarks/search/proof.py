"""How long a proof takes: whole processes of `qeopt solve`, start-up and all files included, with several seeds.

`python benchmarks/search/proof.py [STUDY ...] [--seeds 5] [--baselines]` prints a Markdown table: medians, and the slowest run.
Run it on an idle machine: seconds are wall seconds.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

STUDIES = (
    "paper/mixed_7g",
    "paper/mcu_256k",
    "vww_256k",
    "vww_256k_fast",
    "vww_128k",
    "imagenet_256k",
    "imagenet_320k",
    "imagenet_512k",
    "vww_256k_any_bits",
)
PROVEN = 0.0005
"""Share of the score within which a bound counts as a proof here."""


@dataclass(frozen=True)
class Timed:
    """One run of one study."""

    score: float
    gap: float
    seconds: float
    """From the start of the process to its end."""
    proven_at: float | None
    """From the start of the search to the first report of a proof; None where there was none."""


def solve(study: str, seed: int, *, baselines: bool) -> Timed:
    """Run one study in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "qeopt", "solve", study, "--seed", str(seed), "--out", folder, "--quiet"]
        begun = time.perf_counter()
        subprocess.run([*command, *([] if baselines else ["--no-baselines"])], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        design = json.loads((Path(folder) / "design.json").read_text(encoding="utf-8"))
        with (Path(folder) / "history.csv").open(encoding="utf-8") as file:
            rounds = [row for row in csv.DictReader(file) if row["search"] == "study"]
    return Timed(design["score"], design["gap"], seconds, next(filter(None, map(proven_at, rounds)), None))


def proven_at(row: dict[str, str]) -> float | None:
    """When a round ended, where the gap was proven by then."""
    if not row["best_score"] or not row["bound"]:
        return None
    best, bound = float(row["best_score"]), float(row["bound"])
    return float(row["seconds"]) if bound - best <= PROVEN * abs(best) else None


def line(study: str, runs: list[Timed]) -> str:
    """A row of the table."""
    proofs = [run.proven_at for run in runs if run.proven_at is not None]
    proven = f"{median(proofs):.1f}" if len(proofs) == len(runs) else f"{len(proofs)} of {len(runs)} runs"
    scores, gaps, seconds = ([getattr(run, name) for run in runs] for name in ("score", "gap", "seconds"))
    return (
        f"| `{study}` | {median(scores):.4f} | {min(scores):.4f} | {100 * median(gaps):.4f} % | {100 * max(gaps):.4f} % | {proven} "
        f"| {median(seconds):.1f} | {max(seconds):.1f} |"
    )


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=STUDIES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--baselines", action="store_true")
    given = parser.parse_args()
    print("| study | score | least | gap | widest | proven after, s of search | whole process, s | slowest |")
    print("|---|---|---|---|---|---|---|---|")
    for study in given.studies:
        print(line(study, [solve(study, seed, baselines=given.baselines) for seed in range(given.seeds)]), flush=True)


if __name__ == "__main__":
    main()

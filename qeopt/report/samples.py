"""The report on drawn designs, and the folder they are left in."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.files import write_atomically
from qeopt.report.folder import Run, write_json
from qeopt.report.solution import sources_document
from qeopt.report.tables import rows_table
from qeopt.report.words import amount
from qeopt.spec.units import counted
from qeopt.statistics.features import KEYS
from qeopt.verbs.sample import Sampling

FORMAT = "qeopt.sample/1"
SHOWN = ("score", "depth", "macs", "bitops", "sram_bytes", "flash_bytes", "mean_weight_bits", "mean_activation_bits")
"""Features whose range is printed; the table has all of them."""
REASONS = {"nothing_fits": "fit at no bits", "repeated": "drawn before"}


def print_sampling(console: Console, found: Sampling) -> None:
    """Say what was drawn and how far it spreads."""
    study = found.loaded.value
    structures = len({sample.structure for sample in found.samples})
    designs = f"{counted(len(found.samples), 'design')} of {counted(structures, 'structure')}"
    console.print(f"{study.name}: {designs}, seed {found.seed}", soft_wrap=True)
    how = "drawn uniformly" if found.spread == "uniform" else f"spread over {found.spread}"
    thrown = ", ".join(f"{number:,} {REASONS[name]}" for name, number in found.rejected.items() if name in REASONS and number)
    console.print(f"{how}; bits: {', '.join(found.rules)}" + (f"; rejected: {thrown}" if thrown else ""), soft_wrap=True)
    console.print()
    rows = []
    for name in SHOWN:
        values = sorted(sample.features[name] for sample in found.samples)
        rows.append((name, amount(values[0]), amount(values[len(values) // 2]), amount(values[-1])))
    console.print(rows_table({"feature": "left", "least": "right", "median": "right", "most": "right"}, rows))


def sampling_document(found: Sampling) -> dict[str, Any]:
    """Everything that repeats as one JSON document; the numbers are in features.csv."""
    return {
        "format": FORMAT,
        "status": "interrupted" if found.interrupted else "sampled",
        "study_name": found.loaded.value.name,
        "seed": found.seed,
        "spread": found.spread,
        "bits": list(found.rules),
        "asked": found.asked,
        "rejected": dict(found.rejected),
        "designs": [{"design": sample.name, "structure": sample.structure, "bits_by": sample.rule} for sample in found.samples],
        "sources": sources_document(found.loaded.files),
    }


def features_csv(found: Sampling) -> str:
    """One row a design: its name, its structure, how its bits were found, and every feature."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(dict.fromkeys(name for sample in found.samples for name in sample.features))
    writer.writerow([*KEYS, *names])
    for sample in found.samples:
        writer.writerow([sample.name, sample.structure, sample.rule, *(_cell(sample.features.get(name, 0.0)) for name in names)])
    return text.getvalue()


def _cell(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def write_sampling(folder: Path, found: Sampling, run: Run) -> dict[str, Path]:
    """Write every design, the table of features, a document and the run record."""
    designs = folder / "designs"
    designs.mkdir(exist_ok=True)
    for sample in found.samples:
        sample.design.save(designs / f"{sample.name}.json")
    written = {
        "designs": designs,
        "features": folder / "features.csv",
        "sample": folder / "sample.json",
        "run": folder / "run.json",
    }
    write_atomically(written["features"], features_csv(found))
    write_json(written["sample"], sampling_document(found))
    write_json(written["run"], run.document())
    return written

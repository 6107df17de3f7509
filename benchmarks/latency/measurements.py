"""Published times of MLPerf Tiny's networks: which engine ran them, on which core, and which rows cannot be used.

A file has the columns of the results as submitted: round, submitter, system, benchmark, median_ms, board, processor, clock,
framework, and perhaps energy_uj.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("measured.csv")
CORES = (("M0+", "cortex-m0+"), ("M33", "cortex-m33"), ("M4", "cortex-m4"), ("M7", "cortex-m7"), ("M85", "cortex-m85"))
ENGINES = ("tflm", "cmsis-nn", "x-cube-ai-7", "x-cube-ai-8.1", "x-cube-ai")
"""Engines that are modelled, by the runtime that carries the model."""
OTHERS = ("hale-1.0", "hale-1.0.175", "plumerai", "plumerai-2023.05")
"""Engines without a runtime here, measured on several cores: they show how times go from one core to another."""
DROPS_DEAD_CHANNELS = ("x-cube-ai-8.1", "x-cube-ai", "plumerai-2023.05")
"""Engines that leave out channels whose weights are all zero; more than half of the MACs of MLPerf's `vww` are such."""

STALLS = {"CY8CPROTO0624343W": 1.26}
"""By board: how many times as many cycles its networks take as those of the same engines on the board of the core's model
(`python benchmarks/latency/stalls.py`; a geometric mean)."""


@dataclass(frozen=True)
class Row:
    """One measured network."""

    round: str
    submitter: str
    system: str
    network: str
    board: str
    engine: str
    """Name of a model, or of what ran it."""
    core: str
    clock_mhz: float
    ms: float
    energy_uj: float | None
    excluded: str
    """Why it cannot be used; empty where it can."""
    stall: float = 1
    """Cycles on this board over those on the boards that models are of."""

    @property
    def cycles(self) -> float:
        """Clock cycles by the clock that the submitter states, stalls of the board's memories taken off."""
        return self.ms * self.clock_mhz * 1000 / self.stall

    @property
    def is_modelled(self) -> bool:
        return not self.excluded and self.engine in ENGINES


def read(path: Path = FILE) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(fields) for fields in csv.DictReader(line for line in file if not line.startswith("#"))]


def _row(fields: dict[str, str]) -> Row:
    engine, core, clock = _engine(fields), _core(fields["processor"]), _clock(fields["clock"])
    board = re.sub(r"[^A-Z0-9]", "", fields["board"].upper().removesuffix("-P")).removesuffix("Q")
    return Row(
        fields["round"],
        fields["submitter"],
        fields["system"],
        fields["benchmark"],
        board,
        engine,
        core,
        clock,
        float(fields["median_ms"]),
        float(fields["energy_uj"]) if fields.get("energy_uj") else None,
        _excluded(fields, engine, core, clock),
        STALLS.get(board, 1),
    )


def _core(processor: str) -> str:
    return next((core for letters, core in CORES if letters in processor), "")


def _clock(stated: str) -> float:
    found = re.match(r"([\d.]+)\s*([MG])", stated)
    return 0.0 if found is None else float(found[1]) * (1000 if found[2] == "G" else 1)


def _engine(fields: dict[str, str]) -> str:
    framework, submitter, system = fields["framework"], fields["submitter"], fields["system"]
    if "cmsis" in f"{system} {framework}".lower():
        return "cmsis-nn"
    if "lite" in framework.lower() or "tflm" in framework.lower() or "tflite" in framework.lower():
        return "tflm"
    if "HALE" in framework:
        return "hale-1.0.175" if "1.0.175" in framework else "hale-1.0"
    if "Plumerai" in framework:
        return "plumerai-2023.05" if fields["round"] >= "1.1" else "plumerai"
    version = re.search(r"X-CUBE-AI[ -_]*v?(\d+\.\d+)", f"{framework} {system}")
    if version is not None or (submitter == "STMicroelectronics" and not framework):
        return _x_cube_ai(float(version[1]) if version else 7.0)
    return framework.split(",")[0] or submitter


def _x_cube_ai(version: float) -> str:
    return "x-cube-ai-7" if version < 8.1 else "x-cube-ai-8.1" if version < 9 else "x-cube-ai"


def _excluded(fields: dict[str, str], engine: str, core: str, clock: float) -> str:
    system, submitted, of_st = fields["system"], fields["round"], fields["submitter"] == "STMicroelectronics"
    reasons = {
        "not int8": "float" in system.lower(),
        "an engine tuned for one network": "max_performance" in system.lower() or "min_ram" in system.lower(),
        "a chip with a signal processor, 3.5 times as fast as the same core elsewhere": of_st and "U3C5" in system,
        f"states {clock:g} MHz, but is as fast as the same board at its full clock before": of_st
        and submitted == "1.3"
        and clock <= 70,
        "an engine before version 7.1, 10 to 25 % slower": of_st and submitted == "0.7" and engine == "x-cube-ai-7",
        "no Cortex-M": not core,
        "no clock": not clock,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")

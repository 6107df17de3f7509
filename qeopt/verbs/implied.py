"""Errors of a study that a command implies and nobody wrote: told at the options that it was made of."""

from __future__ import annotations

import re
from dataclasses import replace

from qeopt.spec.errors import Location, Problem, SpecError

OPTIONS = {
    "network": "MODEL",
    "device": "--device",
    "runtime": "--runtime",
    "budgets": "budgets",
    "memory": "--prefer",
    "objective": "--objective",
    "qbr": "--engine",
    "search": "search",
}
"""By key of the study, on a line of its own: what it comes from."""
OF_BLOCKS = {
    "budgets": {name: f"--{name.replace('_', '-')}" for name in ("sram", "flash", "latency_ms", "fps", "layers", "macs")},
    "search": {
        "evaluations": "--evaluations",
        "seed": "--seed",
        "time_limit_seconds": "--time-limit",
        "baselines": "--no-baselines",
    },
}
"""By block and key: the option."""
OF_BITS = {
    "ties": "--tie",
    "ends": "--ends",
    "layers": "--layer",
    "activations": "--activation-bits",
    "weights": "--weight-bits",
}
"""By key of `bits`: the option; the last key of the line first."""


_MISSING = re.compile(r"no (\w+) budget: ")
"""What is said of a budget that nobody stated: it stands on no line of its own."""


def at_options(error: SpecError, file: str, text: str) -> SpecError:
    """The same problems, those in `file` told at options.

    Args:
        error: What is wrong.
        file: Name under which the study was read.
        text: The study, one key a line.
    """
    return SpecError(replace(problem, location=_option(problem, file, text.splitlines())) for problem in error.problems)


def _option(problem: Problem, file: str, lines: list[str]) -> Location | None:
    place = problem.location
    if place is None or place.file != file or place.line is None or place.line > len(lines):
        return place
    line = lines[place.line - 1]
    missing = _MISSING.match(problem.message)
    if missing:
        return Location(f"--{missing[1].replace('_', '-')}")
    key = line.partition(":")[0]
    if key == "bits":
        at = {inner: line.find(f'"{inner}"') for inner in OF_BITS}
        return Location(
            next((OF_BITS[inner] for inner, start in at.items() if 0 <= start < (place.column or 0)), OF_BITS["weights"])
        )
    if key in OF_BLOCKS:
        stated = {name: option for name, option in OF_BLOCKS[key].items() if f'"{name}"' in line}
        about = [option for name, option in stated.items() if f"{key}.{name}" in problem.message]
        return Location(", ".join(about or stated.values()) or "--set")
    return Location(OPTIONS[key]) if key in OPTIONS else place

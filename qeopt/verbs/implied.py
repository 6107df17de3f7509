"""Errors of a study that a command implies and nobody wrote: told at the options that it was made of."""

from __future__ import annotations

from dataclasses import replace

from qeopt.spec.errors import Location, Problem, SpecError

OPTIONS = {
    "network": "MODEL",
    "device": "--device",
    "runtime": "--runtime",
    "budgets": "--sram, --flash",
    "memory": "--prefer",
    "objective": "--objective",
    "qbr": "--engine",
}
"""By key of the study, on a line of its own: what it comes from."""
OF_BITS = {
    "ties": "--tie",
    "ends": "--ends",
    "layers": "--layer",
    "activations": "--activation-bits",
    "weights": "--weight-bits",
}
"""By key of `bits`: the option; the last key of the line first."""


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
    key = line.partition(":")[0]
    if key == "bits":
        at = {inner: line.find(f'"{inner}"') for inner in OF_BITS}
        return Location(
            next((OF_BITS[inner] for inner, start in at.items() if 0 <= start < (place.column or 0)), OF_BITS["weights"])
        )
    if key == "budgets":
        return Location(next((f"--{name}" for name in ("sram", "flash") if f"budgets.{name}" in problem.message), OPTIONS[key]))
    return Location(OPTIONS[key]) if key in OPTIONS else place

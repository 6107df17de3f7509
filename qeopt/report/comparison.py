"""The report on a comparison of engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from rich.console import Console

from qeopt.report.depth import depth_document, print_depth
from qeopt.report.energy import HEADING, column, energy_of, is_limited
from qeopt.report.solution import sources_document
from qeopt.report.tables import rows_table
from qeopt.report.time import is_timed, of_budget, time_of
from qeopt.report.words import amount
from qeopt.spec.units import counted
from qeopt.study import Study
from qeopt.verbs.bits_by_depth import bits_by_depth
from qeopt.verbs.compare import Answer, Comparison

FORMAT = "qeopt.comparison/1"
EQUAL_GAP = 1e-9
"""Relative gap below which a rule found the optimum: gains are integers, so a real gap is larger."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One engine over all structures."""

    engine: str
    answered: int
    """Structures for which it found bits."""
    optimal: int
    """Structures for which its bits score as much as the proven best."""
    mean_gap: float | None
    median_gap: float | None
    largest_gap: float | None
    mean_sram: float | None
    """Bytes."""
    mean_flash: float | None
    """Bytes."""
    mean_ms: float | None
    """Of one inference; None without an estimate of time."""
    median_seconds: float
    """Compiling and recounting included."""


def summaries(found: Comparison) -> tuple[Summary, ...]:
    """Sum up every engine."""
    study = found.loaded.value
    return tuple(_summary(study, engine, list(_answers(found, engine))) for engine in found.engines)


def gaps(found: Comparison, engine: str) -> list[float]:
    """The gaps of one engine, ascending."""
    return sorted(answer.gap for answer in _answers(found, engine) if answer.gap is not None)


def _answers(found: Comparison, engine: str) -> Iterator[Answer]:
    return (answer for instance in found.instances for answer in instance.answers if answer.engine == engine)


def _summary(study: Study, engine: str, answers: list[Answer]) -> Summary:
    found = [answer.gap for answer in answers if answer.gap is not None]
    used = [answer.refined.resources for answer in answers if answer.refined.resources is not None]
    times = [ms for ms in (time_of(study, resources) for resources in used) if ms is not None]
    return Summary(
        engine=engine,
        answered=len(used),
        optimal=sum(gap <= EQUAL_GAP for gap in found),
        mean_gap=fmean(found) if found else None,
        median_gap=median(found) if found else None,
        largest_gap=max(found, default=None),
        mean_sram=fmean(resources.sram_bytes for resources in used) if used else None,
        mean_flash=fmean(resources.flash_bytes for resources in used) if used else None,
        mean_ms=fmean(times) if times else None,
        median_seconds=median(answer.seconds for answer in answers) if answers else 0.0,
    )


def print_comparison(console: Console, found: Comparison) -> None:
    """Say how much the rules lose, and what was drawn."""
    study, engines = found.loaded.value, counted(len(found.engines), "engine")
    if study.space is None:
        console.print(f"{study.name}: {engines} on {study.subject.name or 'its network'}")
        console.print(_single_table(found))
        console.print()
        print_depth(console, bits_by_depth(found))
        return
    console.print(f"{study.name}: {engines} on {counted(len(found.instances), 'structure')} of {study.subject.name or 'its space'}")
    console.print(f"drawn uniformly with seed {found.seed}; rejected: {_rejected(found)}", soft_wrap=True)
    console.print()
    console.print(_summary_table(found))
    console.print()
    print_depth(console, bits_by_depth(found))


def _rejected(found: Comparison) -> str:
    words = {"nothing_fits": "fit at no bits", "eight_bits_fit": "fit at 8 bits everywhere", "repeated": "drawn before"}
    return ", ".join(f"{number:,} {words.get(reason, reason)}" for reason, number in found.rejected.items())


def _summary_table(found: Comparison) -> Any:
    study = found.loaded.value
    sizes = ("mean SRAM B", "mean flash B", *(("mean inference",) if is_timed(study) else ()))
    columns = ("answered", "optimal", "mean gap", "median gap", "largest gap", *sizes, "median time")
    rows = (
        (
            row.engine,
            f"{row.answered:,}",
            f"{row.optimal:,}",
            *(_share(gap) for gap in (row.mean_gap, row.median_gap, row.largest_gap)),
            *("" if size is None else f"{size:,.0f}" for size in (row.mean_sram, row.mean_flash)),
            *((of_budget(study, row.mean_ms),) if is_timed(study) else ()),
            f"{1000 * row.median_seconds:.0f} ms",
        )
        for row in summaries(found)
    )
    return rows_table({"engine": "left", **dict.fromkeys(columns, "right")}, rows)


def _single_table(found: Comparison) -> Any:
    study = found.loaded.value
    estimates = (*(("inference",) if is_timed(study) else ()), *HEADING[: is_limited(study)])
    columns = ("score", "gap", "SRAM B", "flash B", *estimates, "time")
    rows = (
        (answer.engine, str(answer.refined.status), *_cells(study, answer))
        for instance in found.instances
        for answer in instance.answers
    )
    return rows_table({"engine": "left", "status": "left", **dict.fromkeys(columns, "right")}, rows)


def _cells(study: Study, answer: Answer) -> tuple[str, ...]:
    resources, time = answer.refined.resources, f"{1000 * answer.seconds:.0f} ms"
    inference = (*((of_budget(study, time_of(study, resources)),) if is_timed(study) else ()), *column(study, resources))
    if resources is None or answer.refined.score is None:
        return "no bits found", "", "", "", *inference, time
    used = amount(resources.sram_bytes), amount(resources.flash_bytes)
    return f"{answer.refined.score:.4f}", _share(answer.gap), *used, *inference, time


def _share(gap: float | None) -> str:
    if gap is None:
        return ""
    return "0" if gap <= EQUAL_GAP else f"{100 * gap:.4f} %"


def comparison_document(found: Comparison) -> dict[str, Any]:
    """Everything that repeats, as one JSON document; times are in the run record."""
    subject = found.loaded.value.subject
    return {
        "format": FORMAT,
        "status": "interrupted" if found.interrupted else "compared",
        "study_name": found.loaded.value.name,
        "engines": list(found.engines),
        "seed": found.seed,
        "asked": found.asked,
        "rejected": dict(found.rejected),
        "summary": [
            {
                "engine": row.engine,
                "answered": row.answered,
                "optimal": row.optimal,
                "mean_gap": row.mean_gap,
                "median_gap": row.median_gap,
                "largest_gap": row.largest_gap,
                "mean_sram_bytes": row.mean_sram,
                "mean_flash_bytes": row.mean_flash,
                "mean_latency_ms": row.mean_ms,
            }
            for row in summaries(found)
        ],
        "depth": depth_document(bits_by_depth(found)),
        "instances": [
            {
                "structure": subject.named(instance.structure),
                "exact": instance.exact,
                "answers": [_answer(found.loaded.value, a) for a in instance.answers],
            }
            for instance in found.instances
        ],
        "sources": sources_document(found.loaded.files),
    }


def _answer(study: Study, answer: Answer) -> dict[str, Any]:
    resources = answer.refined.resources
    return {
        "engine": answer.engine,
        "status": answer.refined.status.value,
        "score": answer.refined.score,
        "gap": answer.gap,
        "sram_bytes": None if resources is None else resources.sram_bytes,
        "flash_bytes": None if resources is None else resources.flash_bytes,
        "latency_ms": time_of(study, resources),
        "energy_uj": energy_of(study, resources),
    }


def seconds_document(found: Comparison) -> dict[str, list[float]]:
    """Seconds by engine, one per structure."""
    return {engine: [round(answer.seconds, 6) for answer in _answers(found, engine)] for engine in found.engines}

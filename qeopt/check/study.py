"""Whether a study can ever work."""

from __future__ import annotations

from qeopt.budgets import LATENCY, MACS
from qeopt.check.estimates import check_estimates
from qeopt.check.findings import Finding, Weight
from qeopt.check.fit import check_fit
from qeopt.check.hardware import check_trades
from qeopt.check.words import spell, title
from qeopt.spec.library import Library
from qeopt.study import Study


def check_study(study: Study, library: Library | None = None) -> tuple[Finding, ...]:
    """Check what the runtime can trade, whether anything can ever meet the budgets and what would help, and the pace of the core.

    Args:
        study: A study whose files are read.
        library: Where devices are looked for, of which the smallest that would do is named; the shipped ones by default.

    Raises:
        EngineError: when the engine of the study is unknown or its package is missing.
    """
    library = library or Library()
    return (
        *check_fit(study, library),
        _budgets(study),
        *check_trades(study.runtime, study.bits),
        _size(study),
        *_rate(study),
        *check_estimates(study, library),
    )


def _budgets(study: Study) -> Finding:
    said = [f"{title(name)} {spell(study, name, limit)}" for name, limit in study.limits.items()]
    if not said:
        return Finding(Weight.WARNING, "there is no budget at all: every tensor gets the most bits")
    return Finding(Weight.NOTE, f"budgets: {', '.join(said)}")


def _size(study: Study) -> Finding:
    if study.subject.size == 1:
        return Finding(Weight.NOTE, "a single structure: only its bits are chosen")
    return Finding(Weight.NOTE, f"{study.subject.size:,} structures, rules between blocks aside")


def _rate(study: Study) -> list[Finding]:
    """Set MACs against what the core can do; without a budget of MACs or of time, networks are as slow as memory allows."""
    device, budget = study.device, study.limits.get(MACS.name)
    ceiling = None if device is None else device.macs_per_second
    if device is None or ceiling is None:
        return []
    smallest = study.subject.expand(study.subject.smallest(), study.task, study.subject.name)
    least = study.refiner.structural_totals(smallest)[MACS.name]
    rate = f"{device.name} finishes at most {ceiling:,} MACs a second"
    if least > ceiling:
        return [Finding(Weight.WARNING, f"{rate}, and the smallest structure has {least:,}")]
    if study.subject.size == 1 or LATENCY.name in study.limits:
        return []
    if budget is None:
        return [Finding(Weight.NOTE, f"{rate}; there is no MAC budget, so designs may take longer than that")]
    return [Finding(Weight.WARNING, f"{rate}, and the MAC budget allows {budget:,}")] if budget > ceiling else []

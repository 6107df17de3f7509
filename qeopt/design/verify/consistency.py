"""What a design says twice, in its own words and through its study: names, gaps, why the search ended, the peak."""

from __future__ import annotations

from collections.abc import Iterator

from qeopt.design.model import DRAWN, Design
from qeopt.memory import count
from qeopt.network import Network
from qeopt.search import Stop
from qeopt.study import Study

TOLERANCE = 1e-9
"""Relative difference of two sums of the same floats."""


def same(one: float, other: float) -> bool:
    """Whether two sums of the same floats are equal."""
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1.0)


def own_faults(design: Design, study: Study) -> list[str]:
    """What the design says about itself in two places."""
    found = []
    if design.study_name != study.name:
        found.append(f"study_name: the design says {design.study_name!r}, its study is {study.name!r}")
    return [*found, *gap_faults("", design.score, design.bound, design.gap), *_ending(design, study), *_order(design, study)]


def gap_faults(where: str, score: float, bound: float | None, gap: float | None) -> list[str]:
    """Set a gap against the bound and the score that it is between."""
    if bound is None or gap is None:
        return [] if bound is gap else [f"{where}gap: a bound and a gap come together or not at all"]
    found = []
    expected = max(bound - score, 0.0) / max(abs(score), 1e-12)
    if not same(1 + gap, 1 + expected):
        found.append(f"{where}gap: the design says {gap}, its bound and score give {expected}")
    if bound < score and not same(bound, score):
        found.append(f"{where}gap: the bound {bound} is below the score {score}")
    return found


def _ending(design: Design, study: Study) -> Iterator[str]:
    """Set why the search is said to have ended against what the study asks for."""
    stopped, search = design.stopped, study.search
    if stopped == DRAWN:
        if design.bound is not None:
            yield "stopped: a design that was drawn has no bound over its space"
        return
    if stopped not in set(Stop):
        yield f"stopped: no search ends with {stopped!r}"
    if (stopped == Stop.SINGLE) != (study.subject.size == 1):
        yield f"stopped: the design says {stopped!r}, its study has {study.subject.size:,} structures"
    if stopped == Stop.BOUND and search.strategy != "bound":
        yield f"stopped: the design says {stopped!r}, the strategy of its study is {search.strategy!r}"
    if stopped == Stop.TIME and search.time_limit_seconds is None:
        yield f"stopped: the design says {stopped!r}, its study has none"
    if stopped == Stop.GAP and (design.gap is None or design.gap > search.gap * (1 + TOLERANCE)):
        yield f"stopped: the design says {stopped!r}, its gap is {design.gap} where the study asks for {search.gap}"


def _order(design: Design, study: Study) -> Iterator[str]:
    """The order of a space is part of what its bound counts, and no other is a design of it."""
    if study.open_space is None or not design.order:
        return
    try:
        own = study.subject.expand(study.subject.structure(design.structure), study.task)
    except ValueError:  # told where the structure is checked
        return
    if design.order != tuple(op.name for op in own.ops):
        yield "order: the operators of a space run in the order of its blocks, the design has another"


def peak_faults(design: Design, study: Study, network: Network) -> list[str]:
    """Set the claimed peak against the recount."""
    step = count(network, study.runtime, design.bit_widths()).peak
    counted = {tensor.name: size for tensor, size in step.tensor_bytes}
    claimed, found = design.peak, []
    total = sum(claimed.tensors.values()) + claimed.scratch + claimed.persistent
    if (claimed.step, dict(claimed.tensors)) != (step.step.name, counted):
        said = f"{total:,} at {claimed.step!r} ({', '.join(claimed.tensors)})"
        found.append(f"peak: the design says {said}, the recount {step.total_bytes:,} at {step.step.name!r} ({', '.join(counted)})")
    for name, says, is_ in (
        ("scratch", claimed.scratch, step.scratch_bytes),
        ("persistent memory", claimed.persistent, step.persistent_bytes),
    ):
        if says != is_:
            found.append(f"peak: the design says {says:,} of {name}, the recount {is_:,}")
    return found

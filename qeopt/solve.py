"""Solve a study. Read this first: every line is a room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qeopt.design import Baseline, Design, VerificationError, describe, recount, uses
from qeopt.qbr import Refined, Refiner
from qeopt.search import Progress, SearchResult, Stop, explore
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study, load_study
from qeopt_solvers import Status

PROVER = "cp_sat"
"""Engine that proves the bits of every reported design, whichever engine found them."""


@dataclass(frozen=True)
class Solution:
    """A design, or the reason why there is none."""

    loaded: Loaded[Study]
    design: Design | None
    reason: str
    search: SearchResult
    interrupted: bool = False
    """Ctrl-C ended it early: the design is the best so far, or what should stand beside it is missing."""


def solve(
    source: str | Path,
    *,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[str, Progress], None] | None = None,
) -> Solution:
    """Find the best design of a study, prove its bits and count everything again.

    Args:
        source: A study file, or the name of a shipped one.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the name of the search ("study", "eight_bits", "tied") and its progress.

    Raises:
        SpecError: when the study is not sound.
        VerificationError: when two exact engines disagree, or the recount does.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    study = loaded.value
    found = _explore(study, study.refiner, "study", report)
    if found.best is None:
        return Solution(loaded, None, found.reason, found, found.stopped is Stop.INTERRUPTED)
    interrupted = found.stopped is Stop.INTERRUPTED
    baselines: dict[str, Baseline] = {}
    if not interrupted:
        baselines, interrupted = _baselines(study, report)
    proofs = _prove(study.refiner, found.best.refined)
    design = describe(
        loaded,
        found.best.structure,
        proofs,
        stopped=found.stopped,
        overrides=tuple(overrides),
        bound=found.bound,
        baselines=baselines,
    )
    disagreements = recount(design)
    if disagreements:
        raise VerificationError("the recount disagrees with the design: " + "; ".join(disagreements))
    return Solution(loaded, design, "", found, interrupted)


def _explore(study: Study, refiner: Refiner, name: str, report: Callable[[str, Progress], None] | None) -> SearchResult:
    return explore(
        study.subject,
        study.task,
        refiner.scouting(),
        study.search,
        None if report is None else lambda progress: report(name, progress),
    )


def _prove(refiner: Refiner, scouted: Refined) -> tuple[Refined, ...]:
    """Assign the final bits with the study's engine and prove them with CP-SAT; the answer comes first, every proof is kept.

    Raises:
        VerificationError: when two engines claim a proof and disagree.
    """
    engines = dict.fromkeys((refiner.settings.engine, PROVER))
    found = [scouted if scouted.engine == engine else refiner.refine(scouted.network, engine, scouted.bits) for engine in engines]
    proofs = [*found, *([scouted] if scouted not in found else [])]
    values = {proof.outcome.value for proof in proofs if proof.status is Status.OPTIMAL and proof.outcome is not None}
    if len(values) > 1 or any(proof.status is Status.INFEASIBLE for proof in proofs):
        raise VerificationError(
            f"engines disagree on {scouted.network.name!r}: " + ", ".join(f"{p.engine} {p.status}" for p in proofs)
        )
    return tuple(sorted(proofs, key=lambda proof: proof.bits is None))


def _baselines(study: Study, report: Callable[[str, Progress], None] | None) -> tuple[dict[str, Baseline], bool]:
    """Run the same search under other terms; tell whether that was interrupted."""
    terms = {"eight_bits": study.refiner.only(8), "tied": study.refiner.tied()}
    baselines: dict[str, Baseline] = {}
    for name in study.search.baselines:
        found = _explore(study, terms[name], name, report)
        if found.stopped is Stop.INTERRUPTED:
            return baselines, True
        best = found.best
        if best is not None and best.refined.resources is not None:
            baselines[name] = Baseline(
                score=best.score,
                structure=study.subject.named(best.structure),
                uses=uses(study.limits.uses(best.refined.resources)),
            )
    return baselines, False

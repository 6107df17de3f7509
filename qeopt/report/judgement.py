"""What the objective of a design is worth as a judge of accuracy, in words."""

from __future__ import annotations

from typing import Any

from qeopt.design import DRAWN, Design
from qeopt.report.counted import Counted
from qeopt.score import QEScore, terms
from qeopt.score.fitted import Evidence, Fitted


def judgement(counted: Counted, design: Design) -> tuple[str, ...]:
    """Say what "best" means: by which predictor, how well that orders networks, and where it was not learnt.

    Of a design that was drawn and not searched for, only what is predicted.
    """
    study, objective = counted.study, counted.study.objective
    was_searched = design.stopped != DRAWN
    if isinstance(objective, Fitted):
        worth = (_worth(objective),) if was_searched else ()
        return (_predicted(objective, design.score), *worth, *_extrapolations(objective, counted))
    if type(objective) is QEScore and study.open_space is not None and was_searched:
        depth = counted.network.layers
        return (f"best by the score at {depth} layers; the score grows with depth whatever the accuracy: docs/truth.md",)
    return ()


def judgement_document(counted: Counted, score: float) -> dict[str, Any] | None:
    """The same of a learnt objective for programs; None for others."""
    objective = counted.study.objective
    if not isinstance(objective, Fitted):
        return None
    return {
        "predicted": score + objective.intercept,
        "unit": objective.unit,
        "evidence": None if objective.evidence is None else objective.evidence.model_dump(mode="json"),
        "outside": objective.outside(counted.network, counted.bits),
    }


def _predicted(objective: Fitted, score: float) -> str:
    return f"predicted: {score + objective.intercept:.2f} {objective.unit} (score {score:+.4f} on {objective.intercept:.4f})"


def _worth(objective: Fitted) -> str:
    evidence = objective.evidence
    if evidence is None:
        return "best by a predictor of which nothing is known: its file has no `evidence`"
    return f"best by {predictor_worth(evidence)}"


def predictor_worth(evidence: Evidence) -> str:
    """`a predictor with rank correlation 0.74 [0.56, 0.84] on 45 designs of 20 unseen structures`, and what MACs alone reach."""
    on = f"{evidence.designs:,} designs of {evidence.structures:,} structures"
    said = f"a predictor with rank correlation {evidence.predictor} on {on}"
    verdict = "better than" if evidence.beats_macs else "not shown to be better than"
    return f"{said}, each unseen when predicted; {verdict} MACs alone ({evidence.macs_alone})"


def _extrapolations(objective: Fitted, counted: Counted) -> tuple[str, ...]:
    found = objective.outside(counted.network, counted.bits)
    said = [
        f"{terms.TERMS[name].meaning if name in terms.TERMS else name} {total:,.4g}, "
        f"learnt from {objective.limits[name].low:,.4g} to {objective.limits[name].high:,.4g}"
        for name, total in found.items()
    ]
    return (f"an extrapolation: {'; '.join(said)}",) if said else ()

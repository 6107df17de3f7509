"""The report on a verification."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from qeopt.design.verify import Verification
from qeopt.qbr import PROVER
from qeopt.report.counted import Counted
from qeopt.report.judgement import judgement
from qeopt.report.words import bits_proof, left_out_words, space_proof
from qeopt.spec.units import counted

FORMAT = "qeopt.verification/1"


def print_verification(console: Console, found: Verification) -> None:
    """Say what was checked, and what does not hold."""
    design = found.design
    if not found.holds:
        wrong = len(found.mismatches)
        console.print(f"{design.study_name}: {counted(wrong, 'claim')} of this design {'does' if wrong == 1 else 'do'} not hold")
        _print_assumed(console, found)
        return
    console.print(f"{design.study_name}: every claim of this design holds")
    console.print(f"score {design.score:.4f}, {', '.join(_use(name, use.used, use.limit) for name, use in design.uses.items())}")
    console.print(bits_proof(design.bits))
    console.print(space_proof(design))
    for text in (*left_out_words(design), *judgement(Counted.of_design(design), design)):
        console.print(text, soft_wrap=True)
    if design.space_certificate is not None and found.space_bound is None:
        console.print(
            "the space is too large to evaluate its certificate again here; its bound is as the design states it", soft_wrap=True
        )
    _print_assumed(console, found)


def _print_assumed(console: Console, found: Verification) -> None:
    """Say what the design rests on."""
    for text in found.assumed:
        console.print(text, soft_wrap=True)


def _use(name: str, used: float, limit: int | None) -> str:
    return f"{name} {used:,}" if limit is None else f"{name} {used:,} of {limit:,}"


def verification_document(found: Verification) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format": FORMAT,
        "status": "holds" if found.holds else "mismatch",
        "study_name": found.design.study_name,
        "score": found.design.score,
        "mismatches": list(found.mismatches),
        "assumed": list(found.assumed),
        "proof": None
        if found.proof is None
        else {"engine": PROVER, "status": found.proof.status.value, "score": found.proof.score, "bound": found.proof.bound},
    }

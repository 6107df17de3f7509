"""What costs nothing to check of a finished design, checked before it is written: false claims are refused by name."""

from __future__ import annotations

from collections.abc import Iterator

from qeopt.budgets import TABLE, table
from qeopt.design.model import BitsProof, Design, VerificationError
from qeopt.design.recount import recount
from qeopt.memory import Limits, Resources
from qeopt.score.objective import OBJECTIVES, kind_of
from qeopt.study import Study
from qeopt_solvers import Status

TOLERANCE = 1e-9
"""Relative difference of two sums of the same floats."""


def refuse_false_claims(design: Design, study: Study) -> None:
    """Check a design against itself and a recount; no solver and no second evaluator takes part.

    Raises:
        VerificationError: saying what does not hold, and which rule or plug-in is at fault.
    """
    found = [*_scores(design, study), *_proofs(design), *recount(design)]
    if found:
        raise VerificationError("a design that `qeopt verify` would refuse is not written: " + "; ".join(found))


def refuse_overuse(limits: Limits, resources: Resources, where: str) -> None:
    """Check that what was found keeps its budgets.

    Raises:
        VerificationError: naming the budget that does not hold.
    """
    for use in limits.uses(resources):
        if not use.fits:
            said = f"{where} uses {use.used:,} of {use.limit:,} {use.name}"
            raise VerificationError(f"{said}: {_budget(use.name)} is not kept by the integer program")


def _scores(design: Design, study: Study) -> Iterator[str]:
    """Nothing scores above the bound over the whole space."""
    if design.bound is None:
        return
    scored = {"the design": design.score}
    scored |= {f"alternative {number}": other.score for number, other in enumerate(design.alternatives, start=1)}
    scored |= {f"baseline {name}": other.score for name, other in design.baselines.items()}
    for what, score in scored.items():
        if above(score, design.bound):
            said = f"{what} scores {score}, above the bound {design.bound}"
            yield f"{said}: {_objective(study)} does not add up, or a budget costs more than it says"


def _proofs(design: Design) -> Iterator[str]:
    """What is said of bits agrees with itself."""
    proofs = {"bits": (design.bits, design.score)}
    proofs |= {f"alternative {number}": (other.bits, other.score) for number, other in enumerate(design.alternatives, start=1)}
    for what, (proof, score) in proofs.items():
        yield from (f"{what}: {text}" for text in _proof(proof, score))


def _proof(proof: BitsProof, score: float) -> Iterator[str]:
    if above(proof.value, score) or above(score, proof.value):
        yield f"chosen for {proof.value}, which is not the score {score}"
    if proof.bound is not None and above(score, proof.bound):
        yield f"scored {score}, above the bound {proof.bound} of their own proof"
    proven = {claim.value for claim in proof.certificates if claim.status is Status.OPTIMAL}
    if len(proven) > 1:
        yield f"engines prove different values: {', '.join(map(str, sorted(proven, key=str)))}"
    for claim in proof.certificates:
        if claim.value is not None and claim.bound is not None and claim.value > claim.bound:
            yield f"{claim.engine} claims {claim.value} and proves no more than {claim.bound}"


def above(one: float, other: float) -> bool:
    """Whether a number is above another by more than sums of floats can be off."""
    return one > other + TOLERANCE * max(abs(one), abs(other), 1.0)


def _objective(study: Study) -> str:
    kind = kind_of(study.objective)
    return f"the objective {kind!r}" + ("" if kind in OBJECTIVES.builtin else " (a plug-in)")


def _budget(name: str) -> str:
    key = table()[name].key
    return f"the budget {key!r}" + ("" if key in TABLE.builtin else " (a plug-in)")

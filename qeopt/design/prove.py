"""Prove the bits of a structure, and put its operators into the order that needs the least at them."""

from __future__ import annotations

from qeopt.design.model import VerificationError
from qeopt.memory.order import lower_order
from qeopt.qbr import PROVER, Refined, Refiner
from qeopt.study import Study
from qeopt_solvers import Status

ORDERS = 4
"""Times that operators are put into an order which needs less at the bits chosen, and bits are chosen again."""


def prove(refiner: Refiner, scouted: Refined) -> tuple[Refined, ...]:
    """Assign the final bits with the study's engine and prove their score with CP-SAT; the answer comes first, every proof is kept.

    Raises:
        VerificationError: when two engines claim a proof and disagree.
    """
    engines = dict.fromkeys((refiner.settings.engine, PROVER))
    found = [scouted if scouted.engine == engine else _proof(refiner, scouted, engine) for engine in engines]
    proofs = [*found, *([scouted] if scouted not in found else [])]
    values = {proof.outcome.value for proof in proofs if proof.status is Status.OPTIMAL and proof.outcome is not None}
    if len(values) > 1 or any(proof.status is Status.INFEASIBLE for proof in proofs):
        raise VerificationError(
            f"engines disagree on {scouted.network.name!r}: " + ", ".join(f"{p.engine} {p.status}" for p in proofs)
        )
    return tuple(sorted(proofs, key=lambda proof: proof.bits is None))


def _proof(refiner: Refiner, scouted: Refined, engine: str) -> Refined:
    """What another engine says of the same network; settled ties are not settled again, where both have the same bits."""
    if scouted.status is Status.OPTIMAL and scouted.outcome is not None and scouted.outcome.ties_proven:
        proof = refiner.by_score_alone().refine(scouted.network, engine, scouted.bits)
        if proof.bits is None or proof.bits == scouted.bits:
            return proof
    return refiner.refine(scouted.network, engine, scouted.bits)


def in_best_order(study: Study, refiner: Refiner, proofs: tuple[Refined, ...]) -> tuple[Refined, ...]:
    """Where the study is of one network, run its operators in an order that needs less at the bits chosen, and choose bits again.

    The order of a space is part of what its bound counts, and stays; so does that of a file that a runtime takes as it is.
    """
    for _ in range(ORDERS if study.subject.size == 1 and study.runtime.reorders else 0):
        chosen = proofs[0]
        network = None if chosen.bits is None else lower_order(chosen.network, study.runtime, chosen.bits)
        if network is None or refiner.deadline.is_past:
            break
        again = refiner.refine(network, chosen.engine, chosen.bits)
        if again.score is None or chosen.score is None or again.score < chosen.score:
            break
        proofs = prove(refiner, again)
    return proofs

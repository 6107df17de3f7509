"""Verify a finished design: count everything again, have its bits proven again, and check the bound over its space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qeopt.design.arena import doubtful_sizes
from qeopt.design.claims import Claim, claims_of
from qeopt.design.model import Design, load_design, study_of
from qeopt.design.recount import recount_claim
from qeopt.design.verify.alternatives import other_faults, remarks
from qeopt.design.verify.bits import bits_faults
from qeopt.design.verify.consistency import own_faults, peak_faults
from qeopt.design.verify.hardware import assumptions
from qeopt.design.verify.provenance import provenance_faults
from qeopt.design.verify.space import space_bound, space_faults
from qeopt.network import Network
from qeopt.qbr import PROVER, Refined
from qeopt.study import Study

__all__ = ["Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """What became of a design's claims."""

    design: Design
    mismatches: tuple[str, ...]
    """Claims that do not hold; empty where all do."""
    proof: Refined | None
    """The new proof of the bits for this structure; None where the structure itself does not hold."""
    space_bound: float | None = None
    """The bound over the space that the design's prices prove, by an evaluator of its own; None without a certificate, or where the
    space is too large to check in minutes."""
    assumed: tuple[str, ...] = ()
    """What all this rests on: device and runtime, what in them differs from what ships under that name, and what is not there."""

    @property
    def holds(self) -> bool:
        """Whether every claim holds."""
        return not self.mismatches


def verify(path: Path | str) -> Verification:
    """Read a design and check everything it claims against its own study.

    Raises:
        SpecError: when the file is no design, or the study it carries is not sound.
    """
    design = load_design(path)
    study = study_of(design, Path(path))
    answer, *others = claims_of(design, study)
    assumed = (*assumptions(design, study), *remarks(design, study))
    said = [*own_faults(design, study), *provenance_faults(design, study), *other_faults(design, study)]
    if answer.network is None or answer.faults:
        return Verification(design, (*answer.faults, *said), None, None, assumed)
    proof = answer.refiner.refine(answer.network, PROVER)
    space = space_bound(design, study)
    found = [*_faults(study, answer, proof), *_layout(design, study, answer.network), *said]
    for other in others:
        found += _faults(study, other, None)
    return Verification(design, (*found, *space_faults(design, study, space)), proof, space, assumed)


def _faults(study: Study, claim: Claim, proof: Refined | None) -> list[str]:
    """Count one design of the file again, and have its bits proven again."""
    found = recount_claim(study, claim)
    if claim.network is None or claim.faults:
        return found
    proof = proof or claim.refiner.refine(claim.network, PROVER)
    return [*found, *(claim.where + fault for fault in bits_faults(claim, claim.network, proof))]


def _layout(design: Design, study: Study, network: Network) -> list[str]:
    """What is said of the memory that the answer needs, beside where its buffers lie."""
    bits = design.bit_widths()
    doubtful = doubtful_sizes(design.arena, network, study.runtime, bits, study.runs, study.limits.sram_bytes)
    return [*peak_faults(design, study, network), *doubtful]

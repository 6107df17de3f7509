"""Verify a finished design: count everything again, have its bits proven again, and check the bound over its space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from qeopt.budgets import table
from qeopt.design.model import Design, SpaceCertificate, load_design
from qeopt.design.recount import recount, width_faults
from qeopt.memory import count
from qeopt.network import Network
from qeopt.qbr import PROVER, Refined
from qeopt.relaxation.bound import recheck
from qeopt.relaxation.cells.overhead import Overhead
from qeopt.spec.errors import Location, SpecError
from qeopt_solvers import Status

TOLERANCE = 1e-9
"""Relative difference of two sums of the same floats."""


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

    @property
    def holds(self) -> bool:
        """Whether every claim holds."""
        return not self.mismatches


def verify(path: Path) -> Verification:
    """Read a design and check everything it claims against its own study.

    Raises:
        SpecError: when the file is no design, or the study it carries is not sound.
    """
    design = load_design(path)
    try:
        study = design.load_study()
        _ = study.limits
    except (ValidationError, ValueError) as error:
        raise SpecError.at(Location(str(path)), f"the study it carries is not sound: {_first(error)}") from None
    try:
        network = design.network()
    except ValueError as error:
        return Verification(design, (f"structure: {error}",), None)
    misnamed = _misnamed(design, network)
    if misnamed:
        return Verification(design, misnamed, None)
    proof = study.refiner.refine(network, PROVER)
    space = _space_bound(design)
    mismatches = (*recount(design), *_peak(design, network), *_claims(design), *_proof(design, proof), *_space(design, space))
    return Verification(design, mismatches, proof, space)


def _first(error: ValueError) -> str:
    """Say in one line what did not fit."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'study'}: {first['msg']}"
    return str(error)


def _misnamed(design: Design, network: Network) -> tuple[str, ...]:
    """Operators, tensors and budgets that the design lacks or invents."""
    runtime = design.load_study().runtime
    pairs = (
        ("weights", set(design.weights), {op.name for op in network.weighted_ops}),
        ("activations", set(design.activations), {tensor.name for tensor in network.tensors}),
        ("uses", set(design.uses), {name for name, record in table().items() if record.lacks(runtime) is None}),
    )
    found = [f"{what}: {name!r} is missing" for what, has, needs in pairs for name in sorted(needs - has)]
    found += [f"{what}: there is no {name!r}" for what, has, needs in pairs for name in sorted(has - needs)]
    return tuple(found or width_faults(design))


def _peak(design: Design, network: Network) -> list[str]:
    """Set the claimed peak against the recount."""
    step = count(network, design.load_study().runtime, design.bit_widths()).peak
    counted = {tensor.name: size for tensor, size in step.tensor_bytes}
    claimed = design.peak
    rest = (claimed.scratch, claimed.persistent)
    if claimed.step == step.step.name and dict(claimed.tensors) == counted and rest == (step.scratch_bytes, step.persistent_bytes):
        return []
    total = sum(claimed.tensors.values()) + claimed.scratch + claimed.persistent
    said = f"{total:,} at {claimed.step!r} ({', '.join(claimed.tensors)})"
    return [f"peak: the design says {said}, the recount {step.total_bytes:,} at {step.step.name!r} ({', '.join(counted)})"]


def _claims(design: Design) -> list[str]:
    """What the design says about itself in two places."""
    found = []
    if not _same(design.bits.value, design.score):
        found.append(f"bits.value: the design says {design.bits.value}, its score is {design.score}")
    for name, bound, gap in (("gap", design.bound, design.gap), ("bits.gap", design.bits.bound, design.bits.gap)):
        if bound is None or gap is None:
            if bound is not gap:
                found.append(f"{name}: a bound and a gap come together or not at all")
            continue
        expected = max(bound - design.score, 0.0) / max(abs(design.score), 1e-12)
        if not _same(1 + gap, 1 + expected):
            found.append(f"{name}: the design says {gap}, its bound and score give {expected}")
        if bound < design.score and not _same(bound, design.score):
            found.append(f"{name}: the bound {bound} is below the score {design.score}")
    return found


def _proof(design: Design, proof: Refined) -> list[str]:
    """Set the claimed status and bound of the bits against a new proof."""
    if proof.status is Status.INFEASIBLE:
        return [f"bits: {PROVER} proves that no bits fit: {proof.reason}"]
    if proof.status is not Status.OPTIMAL or proof.outcome is None or proof.score is None:
        return []
    found = []
    better = proof.score > design.score and not _same(proof.score, design.score)
    if better and design.bits.status is Status.OPTIMAL:
        found.append(f"bits: said to be optimal, but {PROVER} finds bits that score {proof.score} instead of {design.score}")
    if design.bits.bound is not None and proof.score > design.bits.bound and not _same(proof.score, design.bits.bound):
        found.append(f"bits: said to score {design.bits.bound} at most, but {PROVER} finds {proof.score}")
    found += [
        f"bits: the certificate of {claim.engine} says {claim.value}, {PROVER} proves {proof.outcome.value}"
        for claim in design.bits.certificates
        if claim.status is Status.OPTIMAL and claim.value != proof.outcome.value
    ]
    return found


def _space_bound(design: Design) -> float | None:
    """Evaluate the design's certificate over its whole space."""
    study = design.load_study()
    if design.space_certificate is None or study.space is None:
        return None
    proven = []
    for part in design.space_certificate.parts:
        overhead = Overhead(part.at_least, part.at_most)
        value = recheck(study.space, study.task, study.refiner, part.prices, overhead)
        if value is None:
            return None
        proven.append(value)
    return max(proven)


def _space(design: Design, proven: float | None) -> list[str]:
    """Set the claimed bound over the space against what its certificate proves."""
    if (design.bound is None) != (design.space_certificate is None):
        return ["space: a bound and the certificate that proves it come together or not at all"]
    if design.bound is not None and design.load_study().space is None:
        return ["space: the study has none, so there is nothing that a certificate could be about"]
    if design.space_certificate is not None and not _is_whole(design.space_certificate):
        return ["space: the parts of the certificate leave designs out"]
    if proven is None or design.bound is None or proven <= design.bound or _same(proven, design.bound):
        return []
    return [f"space: said that nothing scores above {design.bound}, but the certificate proves {proven} only"]


def _is_whole(certificate: SpaceCertificate) -> bool:
    """Whether every design is in some part."""
    first, *others = certificate.parts
    ends = [part.at_most for part in certificate.parts]
    joined = all(end is not None and part.at_least <= end + 1 for end, part in zip(ends, others, strict=False))
    return first.at_least == 0 and joined and ends[-1] is None


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1.0)

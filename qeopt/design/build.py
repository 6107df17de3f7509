"""Write a finished search down as a design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from qeopt.design.arena import describe_arena
from qeopt.design.model import (
    FORMAT,
    Alternative,
    Baseline,
    BitsProof,
    Certificate,
    CertificatePart,
    Design,
    FileHash,
    NoBaseline,
    Peak,
    Provenance,
    SpaceCertificate,
    uses,
    whole,
)
from qeopt.design.prove import prove
from qeopt.memory import Resources
from qeopt.qbr import Refined, Refiner
from qeopt.qbr.answers import TIGHTENED
from qeopt.relaxation.bound import BoundPart
from qeopt.score.gap import relative_gap
from qeopt.search import JointBound
from qeopt.search.result import Alternative as Found
from qeopt.space import Structure
from qeopt.spec.load import Loaded
from qeopt.spec.node import plain
from qeopt.study import Study
from qeopt_solvers import Status


def describe(
    loaded: Loaded[Study],
    structure: Structure,
    proofs: tuple[Refined, ...],
    *,
    stopped: str,
    bound: JointBound | None = None,
    baselines: Mapping[str, Baseline] | None = None,
    no_baselines: Mapping[str, NoBaseline] | None = None,
    alternatives: tuple[Alternative, ...] = (),
) -> Design:
    """Write down a structure with the bits of the first of `proofs` as a design; the others stand beside it as certificates.

    Raises:
        ValueError: when the first proof has no bits.
    """
    study, refined = loaded.value, proofs[0]
    if refined.bits is None or refined.resources is None or refined.score is None:
        raise ValueError("a design needs bits")
    return Design(
        format=FORMAT,
        study_name=study.name,
        score=refined.score,
        bound=None if bound is None else bound.value,
        gap=None if bound is None else relative_gap(refined.score, bound.value),
        stopped=stopped,
        bits=_proof(proofs),
        space_certificate=None if bound is None else describe_certificate(bound.parts, bound.left_out),
        no_bound="" if bound is not None else why_no_bound(study),
        structure=study.subject.named(structure),
        order=tuple(op.name for op in refined.network.ops),
        weights=dict(refined.bits.weights),
        activations=dict(refined.bits.activations),
        uses=uses(study.limits.uses(refined.resources)),
        peak=_peak(refined.resources),
        arena=describe_arena(refined.network, study.runtime, refined.bits, study.runs, study.limits.sram_bytes),
        baselines=baselines or {},
        no_baselines=no_baselines or {},
        alternatives=alternatives,
        study=resolved(loaded),
        provenance=Provenance(
            files=tuple(FileHash(name=file.path.name, role=file.role, sha256=file.sha256) for file in loaded.files),
            overrides=loaded.overrides,
            seed=study.search.seed,
            versions={name: version(name) for name in ("qeopt", "ortools", "numpy")},
        ),
    )


def why_no_bound(study: Study) -> str:
    """Why a search of the study has no bound, where the study itself is the reason."""
    if study.open_space is None:
        return ""
    if not study.objective.is_additive:
        return "the objective does not add up"
    return "evolution alone looks for none" if study.search.strategy == "evolution" else ""


def describe_alternatives(study: Study, prover: Refiner, found: Sequence[Found]) -> tuple[Alternative, ...]:
    """Write down the structures that stand beside a design, each with its bits proven as far as `prover` has time for.

    Raises:
        ValueError: when one has no bits.
    """
    return tuple(
        _alternative(study, other.design.structure, prove(prover, other.design.refined), other.distance) for other in found
    )


def _alternative(study: Study, structure: Structure, proofs: tuple[Refined, ...], distance: float) -> Alternative:
    return Alternative(**_other(study, structure, proofs), distance=distance)


def describe_baseline(study: Study, structure: Structure, refined: Refined) -> Baseline:
    """Write down the best structure under narrower terms, with its bits.

    Raises:
        ValueError: when there are no bits.
    """
    return Baseline(**_other(study, structure, (refined,)))


def _other(study: Study, structure: Structure, proofs: tuple[Refined, ...]) -> dict[str, Any]:
    """What is said of every design beside the answer."""
    refined = proofs[0]
    if refined.bits is None or refined.resources is None or refined.score is None:
        raise ValueError("a design beside the answer needs bits")
    return {
        "score": refined.score,
        "bits": _proof(proofs),
        "structure": study.subject.named(structure),
        "weights": dict(refined.bits.weights),
        "activations": dict(refined.bits.activations),
        "uses": uses(study.limits.uses(refined.resources)),
    }


def resolved(loaded: Loaded[Study]) -> Mapping[str, Any]:
    """The study as plain data, with everything it names in place."""
    data = plain(loaded.root)
    return data if isinstance(data, dict) else {}


def _proof(proofs: tuple[Refined, ...]) -> BitsProof:
    """Set the chosen bits, the first of `proofs`, against everything that was proven of this structure."""
    refined = proofs[0]
    score = refined.score or 0.0
    outcomes = [proof.outcome for proof in proofs if proof.outcome is not None]
    chosen = refined.outcome.value if refined.outcome is not None else None
    proven = any(outcome.status is Status.OPTIMAL and outcome.value == chosen for outcome in outcomes)
    bound = score if proven else min((proof.bound for proof in proofs if proof.bound is not None), default=None)
    return BitsProof(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        engine=refined.engine,
        value=score,
        bound=bound,
        gap=None if bound is None else relative_gap(score, bound),
        certificates=tuple(
            Certificate(engine=found.engine, status=found.status, value=found.value, bound=found.bound) for found in outcomes
        ),
        note="" if proven and refined.note == TIGHTENED else refined.note,
    )


def describe_certificate(parts: Sequence[BoundPart], left_out: tuple[str, ...]) -> SpaceCertificate:
    """Write down what proves a bound over a space."""
    return SpaceCertificate(parts=tuple(_part(part) for part in parts), left_out=left_out)


def _part(part: BoundPart) -> CertificatePart:
    return CertificatePart(**asdict(part.overhead), prices=dict(part.prices), where=part.where, exact=part.exact)


def _peak(resources: Resources) -> Peak:
    peak = resources.peak
    return Peak(
        step=peak.step.name,
        tensors={tensor.name: whole(size) for tensor, size in peak.tensor_bytes},
        scratch=whole(peak.scratch_bytes),
        persistent=whole(peak.persistent_bytes),
    )

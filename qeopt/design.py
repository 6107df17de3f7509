"""The artefact: a network with bits, recounted costs, certificates and provenance. Nothing in it varies between runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from qeopt.files import write_atomically as write_atomically  # noqa: PLC0414  # known here under this name
from qeopt.layout import Arena, arena_faults, describe_arena
from qeopt.memory import BudgetUse, Resources, count
from qeopt.network import Bits, Network
from qeopt.qbr import Impossible, Refined, Refiner
from qeopt.score import evaluate
from qeopt.search import JointBound
from qeopt.space import Structure
from qeopt.spec.errors import Location, QeoptError, SpecError
from qeopt.spec.load import Loaded
from qeopt.spec.model import Block, build
from qeopt.spec.node import plain
from qeopt.study import Study
from qeopt_solvers import Status
from qeopt_solvers.recount import violations

FORMAT: Literal["qeopt.design/1"] = "qeopt.design/1"
Amount = int | float


class Certificate(Block):
    """What one engine proved of the bits, in millionths of a nat of bit-dependent score."""

    engine: str
    """Engine that answered."""
    status: Status
    """How much it proved."""
    value: int | None
    """Summed integer gains of its answer."""
    bound: int | None
    """No bits for this network have a higher sum."""


class BitsProof(Block):
    """How good the bits are for this structure."""

    status: Status
    """`optimal` when proven that no bits for this structure score higher."""
    engine: str
    """Engine that chose the bits."""
    value: float
    """Score of the chosen bits, in nats."""
    bound: float | None
    """No bits for this structure score higher, in nats."""
    gap: float | None
    """(bound - value) / |value|, zero when optimal."""
    certificates: tuple[Certificate, ...]
    """The choosing engine's and CP-SAT's."""
    note: str = ""
    """What a reader must know of how far the proof goes."""


class PriceVector(Block):
    """What each budget is worth, in nats per unit."""

    flash: Annotated[float, Field(ge=0)]
    """Per unit of flash: a byte, or a bit where the runtime keeps fractions."""
    bitops: Annotated[float, Field(ge=0)]
    """Per bit operation."""
    macs: Annotated[float, Field(ge=0)]
    """Per multiply-accumulate."""


class SpaceCertificate(Block):
    """What proves the bound over the whole space: one pass over the space at these prices gives it."""

    prices: PriceVector
    """The prices."""
    left_out: tuple[str, ...]
    """Rules that the bound does not use; it holds all the same."""


class Use(Block):
    """One budget and how much of it is used."""

    used: Amount
    """What the design uses."""
    limit: int | None
    """What it may use; null without a budget."""


class Peak(Block):
    """The step that needs most memory."""

    step: str
    """Name of the step."""
    tensors: Mapping[str, Amount]
    """Bytes of each tensor that is resident."""
    scratch: Amount
    """Bytes of working memory of the kernel."""
    persistent: Amount = 0
    """Bytes that operators hold from the start to the end."""


class Baseline(Block):
    """The best design of the same study under other terms."""

    score: float
    """Its score, in nats."""
    structure: Mapping[str, Mapping[str, Amount]]
    """Its structure."""
    uses: Mapping[str, Use]
    """What it uses."""


class Alternative(Block):
    """Another design of the same study, within a stated share of the best score: the score is a proxy, and people may choose."""

    score: float
    """Its score, in nats."""
    distance: float
    """How far its structure is from the best one's: 0 for the same, 1 where every choice is at the other end."""
    bits: BitsProof
    """How good its bits are for its structure."""
    structure: Mapping[str, Mapping[str, Amount]]
    """Its structure."""
    weights: Mapping[str, int]
    """Weight bits by operator."""
    activations: Mapping[str, int]
    """Bits by activation tensor."""
    uses: Mapping[str, Use]
    """What it uses."""


class FileHash(Block):
    """A file that the study was read from."""

    name: str
    """File name, without its folder."""
    role: str
    """What it was read for."""
    sha256: str
    """Hash of its bytes."""


class Provenance(Block):
    """What made this design."""

    files: tuple[FileHash, ...]
    """Every YAML file used."""
    overrides: tuple[str, ...]
    """Values replaced on the command line."""
    seed: int
    """Seed of the search."""
    versions: Mapping[str, str]
    """Versions of this project and of what decides numbers."""


class Design(Block):
    """A finished design."""

    format: Literal["qeopt.design/1"]
    """Version of this layout."""
    study_name: str
    """Name of the study it answers."""
    score: float
    """Score in nats."""
    bound: float | None
    """No design in the whole space scores higher, in nats; null where no bound is known."""
    gap: float | None
    """(bound - score) / |score| over the whole space; null where no bound is known."""
    stopped: str
    """Why the search ended."""
    bits: BitsProof
    """How good the bits are for this structure."""
    space_certificate: SpaceCertificate | None
    """What proves `bound`; null where no bound is known."""
    structure: Mapping[str, Mapping[str, Amount]]
    """Chosen values by block; empty for a fixed network without choices."""
    weights: Mapping[str, int]
    """Weight bits by operator."""
    activations: Mapping[str, int]
    """Bits by activation tensor."""
    uses: Mapping[str, Use]
    """Peak SRAM and flash in bytes, BitOps, MACs, layers: used and allowed."""
    peak: Peak
    """The step that needs most memory."""
    arena: Arena | None = None
    """An address for every buffer; null under a runtime that only counts, like the paper's."""
    baselines: Mapping[str, Baseline]
    """Designs of the same study under other terms, by name."""
    alternatives: tuple[Alternative, ...] = ()
    """Other designs of the study, each as far from those before it as could be found."""
    study: Annotated[Mapping[str, Any], Field(repr=False)]
    """The study with everything it names resolved; enough to recount the design."""
    provenance: Provenance
    """What made this design."""

    def save(self, path: Path) -> None:
        """Write the design as JSON, atomically."""
        write_atomically(path, json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=False, allow_nan=False) + "\n")

    def load_study(self) -> Study:
        """Rebuild the study that the design carries."""
        return build(Study, dict(self.study))

    def network(self) -> Network:
        """Expand the design's structure."""
        study = self.load_study()
        return study.subject.expand(study.subject.structure(self.structure), study.task, self.study_name)

    def bit_widths(self) -> Bits:
        """The design's bits."""
        return Bits(self.weights, self.activations)


class VerificationError(QeoptError):
    """A recount or a second proof disagrees with what a design claims."""

    exit_code = 4


def load_design(path: Path) -> Design:
    """Read a design.

    Raises:
        SpecError: when the file cannot be read or is no design.
    """
    location = Location(str(path), None, None)
    try:
        return build(Design, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SpecError.at(location, f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise SpecError.at(location, "is not JSON; a design written by `qeopt solve` was expected") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "top level"
        raise SpecError.at(location, f"is not a design ({FORMAT}): {place}: {first['msg'].lower()}") from None


def describe(
    loaded: Loaded[Study],
    structure: Structure,
    proofs: tuple[Refined, ...],
    *,
    stopped: str,
    overrides: tuple[str, ...] = (),
    bound: JointBound | None = None,
    baselines: Mapping[str, Baseline] | None = None,
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
        gap=None if bound is None else _gap(refined.score, bound.value),
        stopped=stopped,
        bits=_proof(proofs),
        space_certificate=None if bound is None else SpaceCertificate(prices=PriceVector(**asdict(bound.prices)), left_out=bound.left_out),
        structure=study.subject.named(structure),
        weights=dict(refined.bits.weights),
        activations=dict(refined.bits.activations),
        uses=uses(study.limits.uses(refined.resources)),
        peak=_peak(refined.resources),
        arena=describe_arena(refined.network, study.runtime, refined.bits),
        baselines=baselines or {},
        alternatives=alternatives,
        study=resolved(loaded),
        provenance=Provenance(
            files=tuple(FileHash(name=file.path.name, role=file.role, sha256=file.sha256) for file in loaded.files),
            overrides=overrides,
            seed=study.search.seed,
            versions={name: version(name) for name in ("qeopt", "ortools", "numpy")},
        ),
    )


def describe_alternative(study: Study, structure: Structure, proofs: tuple[Refined, ...], distance: float) -> Alternative:
    """Write down a structure that stands beside a design, with the bits of the first of `proofs`.

    Raises:
        ValueError: when the first proof has no bits.
    """
    refined = proofs[0]
    if refined.bits is None or refined.resources is None or refined.score is None:
        raise ValueError("an alternative needs bits")
    return Alternative(
        score=refined.score,
        distance=distance,
        bits=_proof(proofs),
        structure=study.subject.named(structure),
        weights=dict(refined.bits.weights),
        activations=dict(refined.bits.activations),
        uses=uses(study.limits.uses(refined.resources)),
    )


def recount(design: Design) -> tuple[str, ...]:
    """Count everything again from the design's own study, structures and bits; return what disagrees."""
    study = design.load_study()
    found = _recount(study, design)
    for number, alternative in enumerate(design.alternatives, start=1):
        found += [f"alternative {number}: {text}" for text in _misnamed(study, alternative) or _recount(study, alternative)]
    return tuple(found)


def _misnamed(study: Study, alternative: Alternative) -> list[str]:
    """What keeps an alternative from being counted at all."""
    try:
        network = study.subject.expand(study.subject.structure(alternative.structure), study.task)
    except ValueError as error:
        return [f"structure: {error}"]
    has = (set(alternative.weights), set(alternative.activations))
    needs = ({op.name for op in network.weighted_ops}, {tensor.name for tensor in network.tensors})
    return [] if has == needs else ["its bits are not those of its operators and tensors"]


def _recount(study: Study, design: Design | Alternative) -> list[str]:
    """Count one network again."""
    network = study.subject.expand(study.subject.structure(design.structure), study.task, study.name)
    bits = Bits(design.weights, design.activations)
    resources = count(network, study.runtime, bits)
    counted = uses(study.limits.uses(resources))
    found = [
        f"{name}: the design says {claimed.used:,}, the recount {counted[name].used:,}"
        for name, claimed in design.uses.items()
        if counted[name] != claimed
    ]
    found += [
        f"{name}: {use.used:,} is over the budget of {use.limit:,}"
        for name, use in counted.items()
        if use.limit and use.used > use.limit
    ]
    score = evaluate(study.objective, network, bits)
    if abs(score - design.score) > 1e-9 * abs(score):
        found.append(f"score: the design says {design.score}, the recount {score}")
    if isinstance(design, Design):
        found += arena_faults(design.arena, network, study.runtime, bits, study.limits.sram_bytes)
    return [*found, *_broken(study.refiner, network, bits)]


def resolved(loaded: Loaded[Study]) -> Mapping[str, Any]:
    """The study as plain data, with everything it names in place."""
    data = plain(loaded.root)
    return data if isinstance(data, dict) else {}


def uses(found: tuple[BudgetUse, ...]) -> dict[str, Use]:
    """Spell budget uses for the design file."""
    return {use.name: Use(used=_whole(use.used), limit=use.limit) for use in found}


def _broken(refiner: Refiner, network: Network, bits: Bits) -> list[str]:
    """Rows and links of the integer program that the bits break, and widths that are no option at all."""
    compiled = refiner.compile(network)
    if isinstance(compiled, Impossible):
        return [compiled.reason]
    picks = compiled.picks(bits)
    if picks is None:
        return ["some bits are not among those that the runtime can execute and the study allows"]
    return [
        f"{broken.kind} {broken.name!r}: {broken.used:,} {broken.unit}, limit {broken.limit:,}"
        for broken in violations(compiled.problem, picks)
    ]


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
        gap=None if bound is None else _gap(score, bound),
        certificates=tuple(
            Certificate(engine=found.engine, status=found.status, value=found.value, bound=found.bound) for found in outcomes
        ),
        note="" if proven else refined.note,
    )


def _gap(score: float, bound: float) -> float:
    return max(bound - score, 0.0) / max(abs(score), 1e-12)


def _peak(resources: Resources) -> Peak:
    peak = resources.peak
    return Peak(
        step=peak.step.name,
        tensors={tensor.name: _whole(size) for tensor, size in peak.tensor_bytes},
        scratch=_whole(peak.scratch_bytes),
        persistent=_whole(peak.persistent_bytes),
    )


def _whole(amount: float) -> Amount:
    return int(amount) if float(amount).is_integer() else amount

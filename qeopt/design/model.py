"""The artefact: a network with bits, recounted costs, certificates and provenance. Nothing in it varies between runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from qeopt.design.arena import Arena
from qeopt.files import write_atomically
from qeopt.memory import BudgetUse
from qeopt.network import Bits, Network
from qeopt.network.order import in_order
from qeopt.spec.errors import Location, QeoptError, SpecError
from qeopt.spec.model import Block, build
from qeopt.study import Study
from qeopt_solvers import Status

FORMAT: Literal["qeopt.design/1"] = "qeopt.design/1"
Amount = int | float
MOST_BITS = 32
"""The widest that anything is stored in."""


DRAWN = "drawn"
"""How the design of a sample "stopped": it was drawn, no search was made, and nothing is compared with it."""


Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z.+!_-]{1,64}$")]
"""As PEP 440 writes them; it stands in comments of programs."""


class Certificate(Block):
    """What one engine proved of the bits, in millionths of a nat of bit-dependent score, or as coarsely as a note says."""

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


class CertificatePart(Block):
    """What proves the bound over some designs: one pass over the space at these prices gives it."""

    at_least: Annotated[int, Field(ge=0)]
    """The designs meant hold at least so much beside their tensors, in the unit in which the runtime counts."""
    at_most: int | None
    """And at most so much; null for any amount."""
    prices: Mapping[str, Annotated[float, Field(ge=0)]]
    """By budget: nats per unit of it (flash: a byte, or a bit where the runtime keeps fractions); `held`: per unit of memory that
    operators hold for good. What is not named has no price."""
    where: Mapping[str, Mapping[str, tuple[Amount, ...]]] = {}
    """The structures meant: by block and gene, the values they have; all where nothing is named."""
    exact: bool = False
    """Whether a single structure is meant, which its best bits bound; there are no prices then."""


class SpaceCertificate(Block):
    """What proves the bound over the whole space."""

    parts: Annotated[tuple[CertificatePart, ...], Field(min_length=1)]
    """By ascending ranges, or by values of genes; together they mean every design."""
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


class Other(Block):
    """A design of the same study, not the answer."""

    score: float
    """Its score, in nats."""
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


class Baseline(Other):
    """The best design that was found of the same study under narrower terms."""


class Alternative(Other):
    """Another design of the same study, within a stated share of the best score: the score is a proxy, and people may choose."""

    distance: float
    """How far its structure is from the best one's: 0 for the same, 1 where every choice is at the other end."""


class NoBaseline(Block):
    """Why there is no design under narrower terms."""

    reason: Literal["none fits", "none found", "out of time", "interrupted"]
    """`none fits` is proven: by `certificate` over a space, by an exact solve of a single structure."""
    certificate: SpaceCertificate | None = None
    """Prices at which designs that are worth nothing are worth less than nothing, so that there are none."""


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
    versions: Mapping[str, Version]
    """Versions of this project and of what decides numbers."""

    @property
    def made_by(self) -> str:
        """Version of this project, as far as the design says so."""
        return self.versions.get("qeopt", "of unknown version")


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
    no_bound: str = ""
    """Why no bound is known, where the reason is in the study; empty where there is one."""
    structure: Mapping[str, Mapping[str, Amount]]
    """Chosen values by block; empty for a fixed network without choices."""
    order: tuple[str, ...] = ()
    """Operators in the order in which they run; left out, it is that of the network."""
    weights: Mapping[str, int]
    """Weight bits by operator."""
    activations: Mapping[str, int]
    """Bits by activation tensor."""
    uses: Mapping[str, Use]
    """By budget of the study: used and allowed, in bytes or units."""
    peak: Peak
    """The step that needs most memory."""
    arena: Arena | None = None
    """An address for every buffer; null under a runtime that only counts, like the paper's."""
    baselines: Mapping[str, Baseline]
    """Designs of the same study under narrower terms, by name."""
    no_baselines: Mapping[str, NoBaseline] = {}
    """Terms that were asked for and have no design; with `baselines`, every one that the study names."""
    alternatives: tuple[Alternative, ...] = ()
    """Other designs of the study, each as far from those before it as could be found."""
    study: Annotated[Mapping[str, Any], Field(repr=False)]
    """The study with everything it names resolved; enough to recount the design."""
    provenance: Provenance
    """What made this design."""

    def save(self, path: Path | str) -> None:
        """Write the design as JSON, atomically."""
        write_atomically(Path(path), json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=False, allow_nan=False) + "\n")

    def load_study(self) -> Study:
        """Rebuild the study that the design carries."""
        return build(Study, dict(self.study))

    def network(self) -> Network:
        """Expand the design's structure, its operators in the design's order.

        Raises:
            ValueError: when the study has no such structure, or the operators cannot run in that order.
        """
        study = self.load_study()
        network = study.subject.expand(study.subject.structure(self.structure), study.task, self.study_name)
        return in_order(network, self.order) if self.order else network

    def bit_widths(self) -> Bits:
        """The design's bits."""
        return Bits(self.weights, self.activations)


class VerificationError(QeoptError):
    """A recount or a second proof disagrees with what a design claims."""

    exit_code = 4


def load_design(path: Path | str) -> Design:
    """Read a design.

    Raises:
        SpecError: when the file cannot be read or is no design.
    """
    location = Location(str(path), None, None)
    try:
        return build(Design, json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise SpecError.at(location, f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise SpecError.at(location, "is not JSON; a design written by `qeopt solve` was expected") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "top level"
        raise SpecError.at(location, f"is not a design ({FORMAT}): {place}: {first['msg'].lower()}") from None


def load_sound_design(path: Path) -> Design:
    """Read a design whose study can be rebuilt and has its structure.

    Raises:
        SpecError: when the file is no design, or the study it carries is not sound or not its own.
    """
    design = load_design(path)
    study_of(design, path)
    odd = [name for name, bits in (*design.weights.items(), *design.activations.items()) if not 1 <= bits <= MOST_BITS]
    if odd:
        raise SpecError.at(Location(str(path)), f"bits of {odd[0]!r}: a width is not from 1 to {MOST_BITS}")
    try:
        design.network()
    except ValueError as error:
        raise SpecError.at(Location(str(path)), f"does not fit the study it carries: {_first_line(error)}") from None
    return design


def study_of(design: Design, path: Path) -> Study:
    """Rebuild the study that a design carries, and its limits.

    Raises:
        SpecError: when it is not sound; `path` is where the design was read.
    """
    try:
        study = design.load_study()
        _ = study.limits
    except ValueError as error:
        raise SpecError.at(Location(str(path)), f"the study it carries is not sound: {_first_line(error)}") from None
    return study


def _first_line(error: ValueError) -> str:
    """What did not fit, in one line."""
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'study'}: {first['msg'].splitlines()[0]}"


def uses(found: tuple[BudgetUse, ...]) -> dict[str, Use]:
    """Spell budget uses for the design file."""
    return {use.name: Use(used=whole(use.used), limit=use.limit) for use in found}


def whole(amount: float) -> Amount:
    """A number as the design file writes it: without a fraction where there is none."""
    return int(amount) if float(amount).is_integer() else amount

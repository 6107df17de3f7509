"""A study: one problem, composed of the rooms' own blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import model_validator

from qeopt.embed import embed
from qeopt.hardware import Device, Runtime
from qeopt.hardware.costs import missing_isa
from qeopt.memory import Budgets, Limits, limits_of
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import OBJECTIVES, Objective
from qeopt.search.settings import SearchSettings
from qeopt.space import MODEL_SUFFIXES, FileNetwork, GraphNetwork, Space, Subject, Task
from qeopt.spec.document import Document
from qeopt.spec.errors import SpecError, did_you_mean, one_of
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded, load
from qeopt.spec.model import Block, Reference
from qeopt.spec.node import locate
from qeopt.spec.plugins import union_of
from qeopt_solvers import table as engines

if TYPE_CHECKING:
    AnyObjective: TypeAlias = Objective
else:
    AnyObjective = union_of(OBJECTIVES)


class Study(Block):
    """One problem: what is searched, for which hardware, within which budgets, and how."""

    name: str = ""
    """Short name; the file's name unless stated."""
    task: Task
    """What the network reads and tells apart."""
    space: Annotated[Space, Reference("space", "spaces")] | None = None
    """Structures to search."""
    network: Annotated[Space | GraphNetwork | FileNetwork, Reference("network", "networks", MODEL_SUFFIXES)] | None = None
    """Instead of a space: one fixed structure, declared or in a model file; only bits are chosen."""
    device: Annotated[Device, Reference("device", "devices")] | None = None
    """Chip or board; may be left out where budgets give SRAM and flash."""
    runtime: Annotated[Runtime, Reference("runtime", "runtimes")]
    """Kernel library."""
    budgets: Budgets = Budgets()
    """What a design may use at most."""
    bits: BitChoices
    """Which bits may be chosen."""
    objective: AnyObjective
    """What is maximised."""
    qbr: QbrSettings = QbrSettings()
    """How bits are found."""
    search: SearchSettings = SearchSettings()
    """How structures are explored."""

    @model_validator(mode="after")
    def _one_subject(self) -> Study:
        if (self.space is None) == (self.network is None):
            raise ValueError("a study needs either a `space` to search or a `network` whose bits are chosen, not both")
        if isinstance(self.network, Space) and self.network.size > 1:
            raise ValueError("a network leaves no structural choice open; call it a `space`, or give every choice one value")
        return self

    @property
    def subject(self) -> Subject:
        """The space or the network; a network is a space of one structure.

        Raises:
            ValueError: when the network is a file that was not read; `load_study` reads it.
        """
        subject = self.space or self.network
        if subject is None or isinstance(subject, FileNetwork):
            raise ValueError("a study whose network is not there yet; load it with load_study")
        return subject

    @property
    def limits(self) -> Limits:
        """The budgets in force.

        Raises:
            ValueError: when SRAM or flash has neither budget nor device, or a reserve leaves nothing.
        """
        return limits_of(self.budgets, self.device, self.runtime)

    @property
    def refiner(self) -> Refiner:
        """The terms under which bits are chosen."""
        return Refiner(self.runtime, self.limits, self.bits, self.objective, self.qbr)


def load_study(source: str | Path | Document, *, overrides: Sequence[str] = (), library: Library | None = None) -> Loaded[Study]:
    """Read a study from a path or a shipped name, and check what only shows when its parts meet.

    Args:
        source: A file, a name such as `vww_256k`, or a document that was read before.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.

    Raises:
        SpecError: with every problem found, each with its place.
    """
    loaded = embed(load(Study, source, library=library or Library(), kind="study", overrides=overrides))
    study = loaded.value
    try:
        _ = study.limits
    except ValueError as error:
        raise SpecError.at(locate(loaded.root, ("budgets",)), str(error)) from None
    missing = () if study.device is None else missing_isa(study.device, study.runtime)
    if study.device is not None and missing:
        message = (
            f"the runtime {study.runtime.name!r} needs {', '.join(missing)}, which the device {study.device.name!r} does not have"
        )
        raise SpecError.at(
            locate(loaded.root, ("runtime",)), f"{message} (its `isa`: {', '.join(study.device.isa or ()) or 'none'})"
        )
    if study.space is not None and study.budgets.layers is None and study.budgets.macs is None and study.budgets.bitops is None:
        message = "a study of a space needs a `layers` budget: the score grows with depth without end (layers: 47 is the paper's)"
        raise SpecError.at(locate(loaded.root, ("budgets",)), message)
    for field in ("engine", "scout"):
        engine = getattr(study.qbr, field)
        if engine not in engines.names():
            message = (
                f"there is no engine {engine!r}; {one_of(engines.names())} was expected{did_you_mean(engine, engines.names())}"
            )
            raise SpecError.at(locate(loaded.root, ("qbr", field)), message)
    if isinstance(study.network, GraphNetwork) and (misfit := study.network.misfit(study.task)) is not None:
        raise SpecError.at(locate(loaded.root, ("task", misfit[0])), misfit[1])
    complaint = study.objective.check(study.subject.expand(study.subject.smallest(), study.task, study.subject.name))
    if complaint is not None:
        raise SpecError.at(locate(loaded.root, ("objective", "stage_weights")), complaint)
    return loaded

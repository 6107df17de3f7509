"""A study: one problem, composed of the rooms' own blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import model_validator

from qeopt.hardware import Device, Run, Runtime
from qeopt.memory import Budgets, Limits, MemoryPreference, limits_of, runs_of
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import OBJECTIVES, Objective
from qeopt.search.settings import SearchSettings
from qeopt.space import MODEL_SUFFIXES, FileNetwork, GraphNetwork, Space, Subject, Task
from qeopt.spec.model import Block, Reference
from qeopt.spec.plugins import union_of

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
    memory: MemoryPreference = MemoryPreference()
    """Which memories of the device are used first."""
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

    @model_validator(mode="after")
    def _runtime_knows_its_core(self) -> Study:
        """Estimates of time are of a core, so the runtime is one on the device's; what files say stays as it is."""
        object.__setattr__(self, "runtime", self.runtime.on(self.device, self.budgets.margin))
        return self

    def on(self, device: Device) -> Study:
        """The same study for another device."""
        return self.model_copy(update={"device": device, "runtime": self.runtime.on(device, self.budgets.margin)})

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
    def open_space(self) -> Space | None:
        """The space, where it leaves a structure to choose."""
        return self.space if self.space is not None and self.space.size > 1 else None

    @property
    def limits(self) -> Limits:
        """The budgets in force.

        Raises:
            ValueError: when SRAM or flash has neither budget nor device, or a reserve leaves nothing.
        """
        return limits_of(self.budgets, self.device, self.runtime)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Where buffers may lie; none where budgets state a size without a device that has it."""
        return self.memory.ordered(runs_of(self.budgets, self.device, self.runtime))

    @property
    def refiner(self) -> Refiner:
        """The terms under which bits are chosen."""
        arenas = tuple(run.size_bytes for run in self.runs)
        return Refiner(self.runtime, self.limits, self.bits, self.objective, self.qbr, arenas if len(arenas) > 1 else ())

    def terms(self, baseline: str) -> Refiner:
        """The narrower terms that go by a name among `search.baselines`."""
        return self.refiner.only(8) if baseline == "eight_bits" else self.refiner.tied()

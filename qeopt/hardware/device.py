"""A device: the memories of a chip or board, and what a core can do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from qeopt.spec.model import Block
from qeopt.spec.units import ByteSize, PositiveByteSize

Holds = Literal["activations", "weights"]


class Source(Block):
    """Where numbers come from."""

    url: str
    """Address of the data sheet, manual or machine-readable description."""
    date: str
    """Day it was read, YYYY-MM-DD."""
    says: str = ""
    """Which numbers it gives."""


class Region(Block):
    """One memory bank."""

    name: str
    """Name as the reference manual spells it."""
    size: PositiveByteSize
    """Size of the bank."""
    reserved: ByteSize = 0
    """Bytes a network cannot have (stack, bootloader, radio stack)."""
    address: Annotated[int, Field(ge=0)] | None = None
    """Address of its first byte, where known; banks must not overlap, and `joins` must agree with it."""
    holds: tuple[Holds, ...] = ("activations",)
    """What may live here; a bank of weights alone serves runtimes that keep weights out of flash."""
    joins: str | None = None
    """Name of the bank that ends where this one begins; a buffer may cross that border."""

    @model_validator(mode="after")
    def _reserve_fits(self) -> Region:
        if self.reserved > self.size:
            raise ValueError(f"region {self.name!r} reserves {self.reserved} B of its {self.size} B")
        return self


class Flash(Block):
    """Non-volatile memory for weights and code."""

    size: PositiveByteSize
    """Size of the flash."""
    reserved: ByteSize = 0
    """Bytes a network cannot have (bootloader, radio stack, other firmware)."""
    external: bool = False
    """Whether it is a separate chip, read through a cache."""

    @model_validator(mode="after")
    def _reserve_fits(self) -> Flash:
        if self.reserved > self.size:
            raise ValueError(f"flash reserves {self.reserved} B of its {self.size} B")
        return self


JOINED = " + "
"""Between the names of banks that follow each other."""


@dataclass(frozen=True, slots=True)
class Run:
    """Banks that follow each other in addresses: memory in which a buffer may lie anywhere."""

    name: str
    """Names of its banks, the first one first."""
    size_bytes: int
    """Bytes that may hold activations, reserves subtracted."""
    address: int | None = None
    """Address of the first byte; None where it is not known, or where a reserve may lie there."""
    rank: int = 0
    """Its place in the order in which a study prefers memories; all alike where it prefers none."""

    @property
    def banks(self) -> tuple[str, ...]:
        """Names of its banks, the first one first."""
        return tuple(self.name.split(JOINED))


class Device(Block):
    """A chip or board."""

    name: str = ""
    """Short name; the file's name unless stated."""
    title: str = ""
    """Name a person would use."""
    sram: PositiveByteSize | None = None
    """Size of the only memory bank; short for a `memory` list of one."""
    memory: tuple[Region, ...] = ()
    """Memory banks."""
    flash: PositiveByteSize | Flash
    """Size of the flash, or a mapping with its reserve."""
    core: str
    """Core as the vendor names it, in lower case (cortex-m4)."""
    isa: tuple[str, ...] | None = None
    """Extensions that a runtime may need, in lower case (dsp, mve); leave it out when unknown, and nothing is checked."""
    clock_mhz: Annotated[float, Field(gt=0)]
    """Highest clock of the core that runs the network."""
    stall_factor: Annotated[float, Field(ge=1, le=10)] = 1
    """Cycles that networks take here over those on the boards that models of time were fitted to: wait states, caches; 1 unless
    measured."""
    macs_per_cycle: Annotated[float, Field(gt=0)] | None = None
    """Most 8-bit multiply-accumulates the instruction set can finish in one cycle; a ceiling, not a measurement."""
    source: Source | tuple[Source, ...]
    """Where the numbers come from."""

    @model_validator(mode="after")
    def _memory_is_consistent(self) -> Device:
        if (self.sram is None) == (not self.memory):
            raise ValueError("a device needs either `sram` or a `memory` list, not both")
        names = [region.name for region in self.memory]
        if len(set(names)) != len(names):
            raise ValueError("two memory regions have the same name")
        for region in self.memory:
            if region.joins is not None and (region.joins not in names or region.joins == region.name):
                raise ValueError(f"region {region.name!r} joins {region.joins!r}, which is no other region of this device")
        joined = [region.joins for region in self.memory if region.joins is not None]
        if len(set(joined)) != len(joined):
            raise ValueError("two memory regions join the same region; only one can begin where it ends")
        if not any("activations" in region.holds for region in self.regions):
            raise ValueError("no memory region may hold activations")
        _check_addresses(self.memory)
        _runs(self.regions)
        return self

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every memory bank; the `sram` shorthand is one bank."""
        return self.memory if self.sram is None else (Region(name="sram", size=self.sram),)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every contiguous memory that may hold activations."""
        return _runs(self.regions)

    @property
    def arena_bytes(self) -> int:
        """Bytes of the largest contiguous memory that may hold activations, reserves subtracted."""
        return max(run.size_bytes for run in self.runs)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the banks that hold weights and nothing else, reserves subtracted."""
        return sum(region.size - region.reserved for region in self.regions if set(region.holds) == {"weights"})

    @property
    def flash_bytes(self) -> int:
        """Bytes of flash less its reserve."""
        return self.flash.size - self.flash.reserved if isinstance(self.flash, Flash) else self.flash

    def reserved(self, memory: str) -> int:
        """Bytes that the device keeps from networks, of its `flash` or of its `sram`; nothing of what else is limited."""
        if memory == "sram":
            return sum(region.reserved for region in self.regions if "activations" in region.holds)
        return self.flash.reserved if memory == "flash" and isinstance(self.flash, Flash) else 0

    @property
    def cycles_per_ms(self) -> float:
        """Cycles of a model of time that pass in a millisecond, stalls of this board's memories taken off."""
        return self.clock_mhz * 1000 / self.stall_factor

    @property
    def macs_per_second(self) -> int | None:
        """Ceiling on multiply-accumulates a second, where the device declares one."""
        return None if self.macs_per_cycle is None else int(self.macs_per_cycle * self.clock_mhz * 1e6)


def _check_addresses(regions: tuple[Region, ...]) -> None:
    """Refuse banks that share bytes, and joins that addresses contradict."""
    placed = sorted(((region.address, region) for region in regions if region.address is not None), key=lambda entry: entry[0])
    for (start, one), (after, other) in pairwise(placed):
        if after < start + one.size:
            raise ValueError(f"the regions {one.name!r} and {other.name!r} overlap from address {after:#x} on")
    at = {region.name: (address, region) for address, region in placed}
    for name, (address, region) in at.items():
        if region.joins in at:
            start, before = at[region.joins]
            end = start + before.size
            if end != address:
                raise ValueError(f"region {name!r} begins at {address:#x}, but {region.joins!r}, which it joins, ends at {end:#x}")


def _runs(regions: tuple[Region, ...]) -> tuple[Run, ...]:
    """Join the banks that may hold activations."""
    usable = {region.name: region for region in regions if "activations" in region.holds}
    followers = {region.joins: region for region in usable.values() if region.joins in usable}
    runs, placed = [], set()
    for head in (region for region in usable.values() if region.joins not in usable):
        banks = [head]
        while banks[-1].name in followers:
            banks.append(followers[banks[-1].name])
        placed |= {bank.name for bank in banks}
        address = None if any(bank.reserved for bank in banks) else head.address
        size = sum(bank.size - bank.reserved for bank in banks)
        runs.append(Run(JOINED.join(bank.name for bank in banks), size, address))
    circle = sorted(usable.keys() - placed)
    if circle:
        raise ValueError(f"the regions {', '.join(circle)} join each other in a circle")
    return tuple(runs)

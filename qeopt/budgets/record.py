"""What every room asks of a budget: how it adds up, in which unit, and what one operator costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from qeopt.hardware import Device, Runtime
from qeopt.hardware.formula import BIT_NAMES, Formula
from qeopt.network import Dim, Op, OpKind

Cost: TypeAlias = Callable[[Runtime, Op, int, int, int], Dim]
"""What an operator costs at (input, weight, output) bits under a runtime; dimensions may be arrays, bits are numbers.

Memory is in the runtime's unit (bytes, or bits where it keeps fractions), anything else in its own.
"""
Widths: TypeAlias = Callable[[Runtime, OpKind], frozenset[str]]
"""Which of `in_bits`, `w_bits` and `out_bits` the cost of a kind of operator depends on under a runtime."""

ALL_WIDTHS = frozenset(BIT_NAMES)
NO_WIDTHS: frozenset[str] = frozenset()


class Kind(StrEnum):
    """How what operators cost makes up the whole."""

    SUM = "sum"
    """A sum over operators."""
    PEAK = "peak"
    """A maximum over steps."""
    COUNT = "count"
    """A number of operators, which no bits change and which the bound follows exactly."""


class Stated(StrEnum):
    """How a study writes an amount."""

    BYTES = "bytes"
    """Memory: a size such as 256 KiB, or `unlimited`."""
    COUNT = "count"
    """A whole number such as 60 M."""
    NUMBER = "number"
    """Any number above zero."""


@dataclass(frozen=True, slots=True)
class Unit:
    """In which unit an amount is stated, and in which it is counted."""

    stated: Stated
    symbol: str = ""
    """Of a stated amount, for people: B, ms, uJ."""
    counted: str = ""
    """Of a counted amount, for people: B, cycles, pJ."""
    scale: Callable[[Device | None, Runtime], float] = lambda device, runtime: 1
    """Counted amounts in one that is stated. Raises ValueError where device or runtime cannot say."""

    @property
    def is_memory(self) -> bool:
        """Whether bytes are counted, which rows may count in bits."""
        return self.stated is Stated.BYTES

    @property
    def is_converted(self) -> bool:
        """Whether an amount is stated in another unit than it is counted in."""
        return self.symbol != self.counted


@dataclass(frozen=True, slots=True)
class Given:
    """A limit that does not come from the study."""

    by: Literal["device", "runtime"]
    """Whose it is."""
    limit: Callable[[Device | None, Runtime], int | None]
    """The limit in counted units; None for none. Raises ValueError where there must be one and neither says it."""
    always: bool = False
    """Whether it holds beside a limit that the study states, and not only where it states none."""
    reserve: Callable[[Runtime], int] = lambda runtime: 0
    """What of it the runtime keeps for itself, taken off already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One quantity that a design can be held to."""

    key: str
    """Its name under `budgets` of a study."""
    name: str
    """Its name wherever it is counted: designs, reports, rows of the integer program, prices."""
    about: str
    """What it limits, in one sentence for the schema."""
    noun: str
    """What an amount is of, for people: `of SRAM`, `bit operations`; empty where the unit says it."""
    kind: Kind
    unit: Unit = Unit(Stated.COUNT)
    cost: Cost | None = None
    """What one operator adds; None for memory at a step, which depends on what else is live."""
    widths: Widths = lambda runtime, kind: ALL_WIDTHS
    """Which widths the cost of a kind of operator depends on; naming too many is slow, naming too few is wrong."""
    given: Given | None = None
    """A limit by device or runtime; None where only a study can state one."""
    lacks: Callable[[Runtime], str | None] = lambda runtime: None
    """What a runtime must have for this to be counted, and lacks."""
    ends_depth: bool = False
    """Whether it keeps networks from growing deeper without end."""
    row_unit: str = ""
    """Unit in messages about the integer program, where it is not that of memory."""

    def is_structural(self, runtime: Runtime) -> bool:
        """Whether no width enters it, so that it is a property of the structure and bits cannot mend it."""
        return self.kind is not Kind.PEAK and not any(self.widths(runtime, kind) for kind in OpKind)


def no_estimate(key: str, section: str, runtime: Runtime, where: str) -> str:
    """Say that a budget needs an estimate that a runtime does not have, and for what of the device."""
    return f"`{key}` needs an estimate, and the runtime {runtime.name!r} has no `{section}`{where}"


def named_in(formula: Formula | None) -> frozenset[str]:
    """The widths that a formula names; none without one."""
    return NO_WIDTHS if formula is None else formula.names & ALL_WIDTHS

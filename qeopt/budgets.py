"""The budgets a design can be held to, as one table: every room asks a record what it needs to know and names no budget itself.

A budget from outside is a `Budget` under the entry point `qeopt.budgets`, named as studies spell it; see docs/add-a-budget.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal, TypeAlias

from qeopt.hardware import Device, Runtime
from qeopt.hardware import costs as of
from qeopt.hardware.formula import BIT_NAMES, Formula
from qeopt.network import WEIGHTED_KINDS, Dim, Op, OpKind
from qeopt.spec.errors import PluginError
from qeopt.spec.plugins import Table, installed_parts

TABLE = Table(
    "budgets",
    {
        "sram": "qeopt.budgets:SRAM",
        "flash": "qeopt.budgets:FLASH",
        "bitops": "qeopt.budgets:BITOPS",
        "macs": "qeopt.budgets:MACS",
        "layers": "qeopt.budgets:LAYERS",
        "latency_ms": "qeopt.budgets:LATENCY",
        "energy_uj": "qeopt.budgets:ENERGY",
    },
)
"""Every budget by its key under `budgets` of a study."""

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


def budget(name: str) -> Budget:
    """The budget that is counted as `name`."""
    return table()[name]


def table() -> Mapping[str, Budget]:
    """Every budget by the name under which it is counted; one that cannot be loaded is left out until a study states it."""
    return _table(installed_parts(f"qeopt.{TABLE.kind}"))


@cache
def _table(installed: tuple[tuple[str, str], ...]) -> Mapping[str, Budget]:
    found = {}
    for key in TABLE.names():
        try:
            record = load_budget(key)
        except PluginError:
            if key in TABLE.builtin:
                raise
            continue
        found[record.name] = record
    return found


def load_budget(key: str) -> Budget:
    """The record of the budget that studies call `key`.

    Raises:
        SpecError: there is none.
        PluginError: it cannot be imported, is no record, or takes another's name.
    """
    record = TABLE.load(key)
    if not isinstance(record, Budget) or record.key != key:
        raise PluginError(f"'{key}' of the {TABLE.kind} is not a qeopt.budgets.Budget with the key '{key}'")
    if key not in TABLE.builtin and any(record.name == TABLE.load(other).name for other in TABLE.builtin):
        raise PluginError(f"'{key}' of the {TABLE.kind} is counted as '{record.name}', which is the name of another budget")
    return record


def sums(names: Iterable[str]) -> tuple[Budget, ...]:
    """Those of some budgets that add up over operators, in the order of the table."""
    wanted = set(names)
    return tuple(found for name, found in table().items() if name in wanted and found.kind is Kind.SUM)


def structural(runtime: Runtime) -> tuple[Budget, ...]:
    """Budgets of totals that no bits change."""
    return tuple(found for found in table().values() if found.is_structural(runtime) and found.lacks(runtime) is None)


def memories() -> tuple[str, ...]:
    """Names of the budgets that are counted in bytes."""
    return tuple(name for name, found in table().items() if found.unit.is_memory)


def _arena(device: Device | None, runtime: Runtime) -> int | None:
    return _left("sram", None if device is None else device.arena_bytes, runtime.reserve.sram)


def _weight_memory(device: Device | None, runtime: Runtime) -> int | None:
    """Bytes for weights: of the flash, or of the banks that hold nothing else."""
    if device is None or runtime.memory.weights == "flash":
        return _left("flash", None if device is None else device.flash_bytes, runtime.reserve.flash)
    if not device.weight_bytes:
        raise ValueError(
            f"the runtime {runtime.name!r} keeps weights in banks of their own, and the device {device.name!r} has none: "
            "a bank with `holds: [weights]` was expected"
        )
    return _left("flash", device.weight_bytes, runtime.reserve.flash)


def _left(name: str, device_bytes: int | None, reserve: int) -> int:
    if device_bytes is None:
        raise ValueError(f"no {name} budget: state `budgets.{name}` (a size or `unlimited`) or a `device`")
    left = device_bytes - reserve
    if left <= 0:
        raise ValueError(f"the runtime reserves {reserve} B of {name}, the device has {device_bytes} B: nothing is left")
    return left


def _lacks_time(runtime: Runtime) -> str | None:
    """Where the runtime has no estimate at all, or none for the core at hand."""
    if runtime.timing is not None:
        return None
    said = f"`latency_ms` needs an estimate, and the runtime {runtime.name!r} has no `latency`"
    if runtime.latency is None:
        return said
    known = f"; it has models of {', '.join(runtime.latency.cores or ())}" if runtime.latency.cores else ""
    floor = ", nor has the device a `macs_per_cycle` for a floor" if runtime.latency.floor else ""
    return f"{said} for the core {runtime.latency.core!r}{floor}{known}" if runtime.latency.core else f"{said} without a `device`"


def _cycles_in_a_millisecond(device: Device | None, runtime: Runtime) -> float:
    if device is None:
        raise ValueError("`latency_ms` needs a `device`, whose clock turns cycles into time")
    return device.cycles_per_ms / (1 + (0 if runtime.latency is None else runtime.latency.margin))


def _named_in(formula: Formula | None) -> frozenset[str]:
    return NO_WIDTHS if formula is None else formula.names & ALL_WIDTHS


def _flash_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    """Of weights only; the size of the kernels in use is no sum over operators, and counted apart."""
    return frozenset({"w_bits"}) if kind in WEIGHTED_KINDS else NO_WIDTHS


def _bitops_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    return _named_in(of.bitops_formula(runtime, kind))


def _cycles_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    return NO_WIDTHS if runtime.timing is None else _named_in(runtime.timing.cycles.get(kind))


def _picojoules_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    return NO_WIDTHS if runtime.powering is None else _named_in(runtime.powering.picojoules.get(kind))


def _lacks_energy(runtime: Runtime) -> str | None:
    """Where the runtime has no estimate at all, or none for the device at hand."""
    if runtime.powering is not None:
        return None
    said = f"`energy_uj` needs an estimate, and the runtime {runtime.name!r} has no `energy`"
    if runtime.energy is None:
        return said
    known = f"; energy was measured on {', '.join(runtime.energy.known)}" if runtime.energy.known else ""
    return (
        f"{said} for the device {runtime.energy.device!r}{known}" if runtime.energy.device else f"{said} without a `device`{known}"
    )


def _picojoules_in_a_microjoule(device: Device | None, runtime: Runtime) -> float:
    return 1e6 / (1 + (0 if runtime.energy is None else runtime.energy.margin))


_BYTES = Unit(Stated.BYTES, "B", "B")

SRAM = Budget(
    key="sram",
    name="sram",
    about="Peak activation memory, or `unlimited`.",
    noun="of SRAM",
    kind=Kind.PEAK,
    unit=_BYTES,
    given=Given("device", _arena, reserve=lambda runtime: runtime.reserve.sram),
)
FLASH = Budget(
    key="flash",
    name="flash",
    about="Weights and parameters, or `unlimited`.",
    noun="of flash",
    kind=Kind.SUM,
    unit=_BYTES,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: of.flash_of(runtime, op, w_bits),
    widths=_flash_widths,
    given=Given("device", _weight_memory, reserve=lambda runtime: runtime.reserve.flash),
)
BITOPS = Budget(
    key="bitops",
    name="bitops",
    about="Bit operations of one inference, as the runtime counts them.",
    noun="bit operations",
    kind=Kind.SUM,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: of.bitops(runtime, op, in_bits, w_bits),
    widths=_bitops_widths,
    ends_depth=True,
    row_unit="bit operations",
)
MACS = Budget(
    key="macs",
    name="macs",
    about="Multiply-accumulates of one inference.",
    noun="MACs",
    kind=Kind.SUM,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: of.mac_count(runtime, op),
    widths=lambda runtime, kind: NO_WIDTHS,
    ends_depth=True,
)
LAYERS = Budget(
    key="layers",
    name="layers",
    about="Convolutions, classifier excluded. The score grows with depth without end, so a study of a space needs this.",
    noun="layers",
    kind=Kind.COUNT,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: int(op.is_layer),
    widths=lambda runtime, kind: NO_WIDTHS,
    given=Given("runtime", lambda device, runtime: runtime.max_layers, always=True),
    ends_depth=True,
)
LATENCY = Budget(
    key="latency_ms",
    name="cycles",
    about="Milliseconds of one inference as the runtime estimates it at the device's clock, `margin` included.",
    noun="",
    kind=Kind.SUM,
    unit=Unit(Stated.NUMBER, "ms", "cycles", _cycles_in_a_millisecond),
    cost=of.cycles,
    widths=_cycles_widths,
    lacks=_lacks_time,
    row_unit="cycles",
)
ENERGY = Budget(
    key="energy_uj",
    name="picojoules",
    about="Energy of one inference as the runtime estimates it, in microjoules, `margin` included.",
    noun="",
    kind=Kind.SUM,
    unit=Unit(Stated.NUMBER, "uJ", "pJ", _picojoules_in_a_microjoule),
    cost=of.picojoules,
    widths=_picojoules_widths,
    lacks=_lacks_energy,
    row_unit="pJ",
)

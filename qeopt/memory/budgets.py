"""Budgets a study declares, and the limits that follow from device and runtime: both go through the table of budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PlainValidator, create_model, model_validator

from qeopt.budgets import ENERGY, LATENCY, TABLE, Budget, Stated, load_budget, table
from qeopt.hardware import Device, Run, Runtime
from qeopt.memory.resources import Resources
from qeopt.spec.errors import QeoptError
from qeopt.spec.model import Block
from qeopt.spec.units import Count, Percent, PositiveByteSize

_TYPES: Mapping[Stated, Any] = {
    Stated.BYTES: Literal["unlimited"] | PositiveByteSize | None,
    Stated.COUNT: Count | None,
    Stated.NUMBER: Annotated[float, Field(gt=0)] | None,
}
FPS = "fps"
"""How a study may spell `latency_ms` instead."""


class Budgets(Block):
    """What a design may use at most. SRAM and flash default to what device and runtime leave."""

    fps: Annotated[float, Field(gt=0)] | None = None
    """Inferences a second: another way to write `latency_ms`, 1000 over this."""
    margin: Percent | None = None
    """Share by which estimates of time and energy are taken to be too low where `latency_ms`, `fps` or `energy_uj` is kept, such as
    15 %; none unless the runtime has one."""

    if TYPE_CHECKING:  # its other fields are the table's

        def __init__(self, **stated: Any) -> None: ...

    def stated(self, key: str) -> Any:
        """What the study says of a budget: an amount, `unlimited`, or None for nothing."""
        return 1000 / self.fps if self.spelled(key) == FPS and self.fps is not None else getattr(self, key)

    def spelled(self, key: str) -> str:
        """The key under which the study states a budget."""
        return FPS if key == LATENCY.key and self.fps is not None else key

    @model_validator(mode="after")
    def _time_has_one_name(self) -> Budgets:
        stated = getattr(self, LATENCY.key, None)
        if self.fps is not None and stated is not None:
            raise ValueError(
                f"`fps: {self.fps:g}` and `latency_ms: {stated:g}` are one budget in two ways; one of them was expected"
            )
        if self.margin is not None and self.fps is None and stated is None and getattr(self, ENERGY.key, None) is None:
            raise ValueError("`margin` is of `latency_ms`, `fps` or `energy_uj`, and none of them is stated")
        return self


def _field(key: str) -> tuple[Any, Any]:
    """Type and default of one budget; one that cannot be loaded complains when a study states it."""
    try:
        found = load_budget(key)
    except QeoptError as error:
        said = str(error)

        def refuse(value: object) -> None:
            if value is not None:
                raise ValueError(said)

        return Annotated[None, PlainValidator(refuse, json_schema_input_type=None)], Field(default=None)
    return _TYPES[found.unit.stated], Field(default=None, description=found.about)


if not TYPE_CHECKING:  # its fields are the table's
    _fields = {key: _field(key) for key in TABLE.names()}
    Budgets = create_model("Budgets", __base__=Budgets, __module__=__name__, __doc__=Budgets.__doc__, **_fields)


class Limits(Mapping[str, int]):
    """The budgets in force by name, in bytes or units; what is not named has no limit."""

    __slots__ = ("_amounts",)

    def __init__(self, **amounts: int | None) -> None:
        """Take amounts by name; None is none."""
        given = {name: amount for name, amount in amounts.items() if amount is not None}
        self._amounts = {name: given.pop(name) for name in table() if name in given}
        if given:
            raise ValueError(f"there is no budget {sorted(given)[0]!r}")

    def __getitem__(self, name: str) -> int:
        return self._amounts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._amounts)

    def __len__(self) -> int:
        return len(self._amounts)

    def __hash__(self) -> int:
        return hash(tuple(self._amounts.items()))

    def __repr__(self) -> str:
        return f"Limits({', '.join(f'{name}={amount}' for name, amount in self._amounts.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._amounts,)

    @property
    def sram_bytes(self) -> int | None:
        """Bytes that may be resident at any step; None for any."""
        return self.get("sram")

    @property
    def flash_bytes(self) -> int | None:
        """Bytes of weights, parameters and code; None for any."""
        return self.get("flash")

    def but(self, **amounts: int | None) -> Limits:
        """The same limits but for some; None lifts one."""
        return Limits(**{**self._amounts, **amounts})

    def uses(self, resources: Resources) -> tuple[BudgetUse, ...]:
        """Set everything that `resources` counts against its limit, or against none."""
        return tuple(BudgetUse(name, used, self.get(name)) for name, used in resources.used.items())

    def shares(self, resources: Resources) -> dict[str, float]:
        """Shares of the limits that `resources` uses, by name."""
        return {use.name: use.used / use.limit for use in self.uses(resources) if use.limit}


def _restored(amounts: Mapping[str, int]) -> Limits:
    return Limits(**amounts)


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """One budget, and how much of it is used."""

    name: str
    used: float
    limit: int | None

    @property
    def fits(self) -> bool:
        """Whether the use is within the limit."""
        return self.limit is None or self.used <= self.limit


def limits_of(budgets: Budgets, device: Device | None, runtime: Runtime) -> Limits:
    """Resolve budgets: what the study states, else what is left of the device after the runtime's reserve.

    Raises:
        ValueError: when neither the study nor a device gives an SRAM or flash budget, the reserve leaves nothing, or there is no
            estimate of what a budget limits.
    """
    found = {name: _limit(record, budgets.stated(record.key), device, runtime) for name, record in table().items()}
    runs = runs_of(budgets, device, runtime)
    if found["sram"] is not None and len(runs) > 1:
        together = sum(run.size_bytes for run in runs)
        found["sram"] = together if budgets.stated("sram") is None else min(found["sram"], together)
    return Limits(**found)


def _limit(record: Budget, stated: Any, device: Device | None, runtime: Runtime) -> int | None:
    """One budget in counted units; None for no limit."""
    limits = []
    if stated is not None and stated != "unlimited":
        lacks = record.lacks(runtime)
        if lacks is not None:
            raise ValueError(lacks)
        limits.append(int(stated * record.unit.scale(device, runtime)))
    if record.given is not None and (stated is None or record.given.always):
        given = record.given.limit(device, runtime)
        limits += [] if given is None else [given]
    return min(limits, default=None)


def runs_of(budgets: Budgets, device: Device | None, runtime: Runtime) -> tuple[Run, ...]:
    """Where buffers may lie, the runtime's reserve subtracted: the largest run of banks of the device, or all of them.

    The reserve is in the smallest run that holds it. Nothing where the study needs no device, because its budget is no more than a
    size: without a limit, and where it is more than the largest run has and the runtime uses no other.
    """
    sram = budgets.stated("sram")
    if device is None or sram == "unlimited":
        return ()
    reserve, runs = runtime.reserve.sram, list(device.runs)
    if runtime.memory.banks == "largest":
        runs = [max(runs, key=lambda run: run.size_bytes)]
        if isinstance(sram, int) and sram > runs[0].size_bytes - reserve:
            return ()
    home = min((run for run in runs if run.size_bytes > reserve), key=lambda run: run.size_bytes, default=None)
    if home is None:
        return ()
    if reserve:
        runs[runs.index(home)] = Run(home.name, home.size_bytes - reserve)
    return tuple(run for run in runs if run.size_bytes)

"""The budget of time."""

from __future__ import annotations

from qeopt.budgets.record import Budget, Kind, Stated, Unit, named_in, no_estimate
from qeopt.hardware import Device, Runtime
from qeopt.hardware import costs as of
from qeopt.network import OpKind


def _lacks_time(runtime: Runtime) -> str | None:
    """Where the runtime has no estimate at all, or none for the core at hand."""
    if runtime.timing is not None:
        return None
    where = ""
    if runtime.latency is not None:
        where = f" for the core {runtime.latency.core!r}" if runtime.latency.core else " without a `device`"
        if runtime.latency.core:
            where += ", nor has the device a `macs_per_cycle` for a floor" if runtime.latency.floor else ""
            where += f"; it has models of {', '.join(runtime.latency.cores)}" if runtime.latency.cores else ""
    return no_estimate("latency_ms", "latency", runtime, where)


def _cycles_in_a_millisecond(device: Device | None, runtime: Runtime) -> float:
    if device is None:
        raise ValueError("`latency_ms` needs a `device`, whose clock turns cycles into time")
    return device.cycles_per_ms / (1 + (0 if runtime.latency is None else runtime.latency.margin))


def _cycles_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    return named_in(None if runtime.timing is None else runtime.timing.cycles.get(kind))


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

"""The budget of energy."""

from __future__ import annotations

from qeopt.budgets.record import Budget, Kind, Stated, Unit, named_in, no_estimate
from qeopt.hardware import Device, Runtime
from qeopt.hardware import costs as of
from qeopt.network import OpKind


def _picojoules_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    return named_in(None if runtime.powering is None else runtime.powering.picojoules.get(kind))


def _lacks_energy(runtime: Runtime) -> str | None:
    """Where the runtime has no estimate at all, or none for the device at hand."""
    if runtime.powering is not None:
        return None
    where = ""
    if runtime.energy is not None:
        where = f" for the device {runtime.energy.device!r}" if runtime.energy.device else " without a `device`"
        where += f"; energy was measured on {', '.join(runtime.energy.known)}" if runtime.energy.known else ""
    return no_estimate("energy_uj", "energy", runtime, where)


def _picojoules_in_a_microjoule(device: Device | None, runtime: Runtime) -> float:
    return 1e6 / (1 + (0 if runtime.energy is None else runtime.energy.margin))


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

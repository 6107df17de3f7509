"""How estimates of energy are said: with the errors of the model behind them, or by whose word they are."""

from __future__ import annotations

from qeopt.budgets import ENERGY
from qeopt.hardware.energy import MeasuredEnergy
from qeopt.memory import Resources
from qeopt.report.counted import Counted
from qeopt.report.time import span
from qeopt.study import Study

PICO_OF_MICRO = 1e6
HEADING = ("energy",)
"""Of its column in tables."""


def spelled(microjoules: float) -> str:
    """An energy with three or four digits: 443 uJ, 4.41 mJ, 142 mJ."""
    amount, unit = (microjoules, "uJ") if microjoules < 1000 else (microjoules / 1000, "mJ")
    return f"{amount:,.0f} {unit}" if amount >= 100 else f"{amount:.3g} {unit}"


def energy_of(study: Study, resources: Resources | None) -> float | None:
    """Microjoules of one inference; None without an estimate."""
    if resources is None or study.runtime.powering is None:
        return None
    return resources.used[ENERGY.name] / PICO_OF_MICRO


def is_limited(study: Study) -> bool:
    """Whether the study has a budget of energy, so that tables have a column of it."""
    return ENERGY.name in study.limits


def column(study: Study, resources: Resources | None) -> tuple[str, ...]:
    """The cell of that column, where there is one."""
    if not is_limited(study):
        return ()
    found = energy_of(study, resources)
    return ("" if found is None else spelled(found),)


def say_energy(study: Study, microjoules: float) -> str:
    """`about 4.41 mJ (measured networks: -2 to +2 %)`."""
    errors = None if study.runtime.powering is None else study.runtime.powering.errors
    known = "estimated, not measured" if errors is None else f"measured networks: {span(errors)}"
    return f"about {spelled(microjoules)} ({known})"


def tell_energy(counted: Counted) -> tuple[str, ...]:
    """What is known of the energy of one inference, in full sentences."""
    study, powering = counted.study, counted.study.runtime.powering
    if powering is None:
        return ()
    used = energy_of(study, counted.resources) or 0.0
    url = powering.sources[0].url
    if powering.model is None:
        lines = [f"estimated, not measured: {used:,.2f} uJ ({url})"]
    else:
        rate = powering.model.picojoules_per_cycle
        lines = [f"energy: {say_energy(study, used)} at {rate:,} pJ for every cycle that is estimated"]
        measured = powering.model.measured
        lines.append(f"stated for this device ({url})" if measured is None else f"{_evidence(measured)} ({url})")
    if powering.margin and ENERGY.name in study.limits:
        allowed = study.limits[ENERGY.name] * (1 + powering.margin) / PICO_OF_MICRO
        highest = f"{spelled(used * (1 + powering.margin))} of {spelled(allowed)}"
        lines.append(f"energy with the margin of {100 * powering.margin:g} %: {highest}")
    return tuple(lines)


def _evidence(measured: MeasuredEnergy) -> str:
    """What the model was fitted to, and how far it is off elsewhere."""
    whose = f" by {measured.submitters} submitters" if measured.submitters > 1 else ""
    said = [f"fitted to {measured.rows} measured energies of {measured.networks} networks{whose}"]
    if measured.leave_one_network_out is not None:
        said.append(f"networks left out of the fit: {span(measured.leave_one_network_out)}")
    if measured.other_setups is not None:
        said.append(f"by what other engines and submitters measured on this board: {span(measured.other_setups)}")
    return "; ".join(said)

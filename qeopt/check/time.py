"""How fast the fastest network of a study can be, and which known devices leave it time enough."""

from __future__ import annotations

from collections.abc import Iterator

from qeopt.budgets import LATENCY
from qeopt.check.change import devices_by_size
from qeopt.check.findings import Finding, Weight
from qeopt.check.words import listed, spell
from qeopt.hardware import Device
from qeopt.hardware.costs import missing_isa
from qeopt.infeasibility import Least, excludes_all, least_need, least_of, only
from qeopt.qbr import Refiner
from qeopt.space import Structure
from qeopt.spec.library import Library
from qeopt.study import Study

NAME = LATENCY.name


def check_time(study: Study, library: Library) -> Iterator[Finding]:
    """Say the least time within the other budgets, and the devices on which the study's budget of time can be met."""
    timing = study.runtime.timing
    if timing is None or study.device is None or NAME not in study.limits:
        return
    refiner = study.refiner
    least = _least(study, refiner)
    if least.amount is None:
        yield Finding(Weight.NOTE, "no structure meets the other budgets, so there is no least time")
    else:
        known = "a floor" if timing.is_floor else "an estimate"
        if timing.errors is not None:
            low, high = timing.errors
            known += (
                f", {'carried over' if timing.model and timing.model.transferred else 'measured networks'}: {low:+g} to {high:+g} %"
            )
        margin = f", the margin of {100 * timing.margin:g} % included" if timing.margin else ""
        proven = "" if least.proven else "; less is not excluded"
        said = f"the least time within the other budgets: {spell(study, NAME, least.amount)} ({known}{margin}){proven}"
        yield Finding(Weight.NOTE, said)
    yield _boards(study, least.structure, library)


def _least(study: Study, refiner: Refiner) -> Least:
    """The least cycles that any structure takes while the other budgets hold."""
    beside = [name for name in refiner.limits if name != NAME]
    if study.open_space is not None:
        return least_of(study.open_space, study.task, refiner, NAME, beside)
    structure = study.subject.smallest()
    network = study.subject.expand(structure, study.task)
    return Least(NAME, least_need(refiner, network, NAME, only(refiner.limits, beside)), structure, proven=True)


def _boards(study: Study, fastest: Structure, library: Library) -> Finding:
    """Name the devices that meet every budget, those of which only a floor is known, and those of which nothing is proven."""
    reach: list[str] = []
    floors: list[str] = []
    unknown: list[str] = []
    for device in sorted(devices_by_size(library), key=lambda device: device.name):
        there = _on(study, device)
        if there is None or there.runtime.timing is None:
            continue
        meets = _meets(there, fastest)
        if meets is None:
            unknown.append(device.name)
        elif meets:
            (floors if there.runtime.timing.is_floor else reach).append(device.name)
    said = f"known devices that meet all budgets, addresses of buffers aside: {len(reach):,}" + (
        f" ({listed(reach)})" if reach else ""
    )
    said += f"; by a floor of their time only: {listed(floors)}" if floors else ""
    said += f"; not known of {listed(unknown)}" if unknown else ""
    return Finding(Weight.NOTE, said)


def _on(study: Study, device: Device) -> Study | None:
    """The study on another device; None where its runtime does not run there, or nothing is left of a memory."""
    if missing_isa(device, study.runtime):
        return None
    try:
        there = study.on(device)
        return there if there.limits else None
    except ValueError:
        return None


def _meets(study: Study, fastest: Structure) -> bool | None:
    """Whether some structure meets every budget of a study, the fastest of another device first; None where nothing is proven."""
    refiner, space = study.refiner, study.open_space
    limit = refiner.limits[NAME]
    beside = [name for name in refiner.limits if name != NAME]
    need = least_need(refiner, study.subject.expand(fastest, study.task), NAME, only(refiner.limits, beside))
    if need is not None and need <= limit:
        return True
    if space is None:
        return False
    if excludes_all(space, study.task, refiner):
        return False
    least = least_of(space, study.task, refiner, NAME, beside, start=fastest, enough=limit)
    return True if least.amount is not None and least.amount <= limit else None

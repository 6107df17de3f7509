"""The least time and energy that a network of a study can take, and which known devices leave it enough of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qeopt.budgets import ENERGY, LATENCY, budget
from qeopt.check.change import devices_by_size
from qeopt.check.findings import Finding, Weight
from qeopt.check.words import listed, spell
from qeopt.hardware import Device
from qeopt.hardware.costs import missing_isa
from qeopt.infeasibility import Least, excludes_all, least_need, least_of, only
from qeopt.memory import Limits
from qeopt.qbr import Refiner
from qeopt.space import Structure
from qeopt.spec.library import Library
from qeopt.study import Study

NOUNS = {LATENCY.name: "time", ENERGY.name: "energy"}
"""What the budgets of estimates are of."""


def check_estimates(study: Study, library: Library) -> Iterator[Finding]:
    """Say the least time and energy within the other budgets, and the devices on which the study's budgets of these can be met."""
    for name, noun in NOUNS.items():
        if study.device is None or name not in study.limits:
            continue
        least = _least(study, study.refiner, name)
        if least.amount is None:
            yield Finding(Weight.NOTE, f"no structure meets the other budgets, so there is no least {noun}")
        else:
            proven = "" if least.proven else "; less is not excluded"
            said = f"the least {noun} within the other budgets: {spell(study, name, least.amount)} ({_known(study, name)}){proven}"
            yield Finding(Weight.NOTE, said)
        yield _boards(study, name, least.structure, library)


def _known(study: Study, name: str) -> str:
    """What an estimate is worth."""
    timing, powering = study.runtime.timing, study.runtime.powering
    if name == LATENCY.name:
        known = "a floor" if timing is not None and timing.is_floor else "an estimate"
        errors = None if timing is None else timing.errors
        whose = (
            "carried over" if timing is not None and timing.model is not None and timing.model.transferred else "measured networks"
        )
        margin = 0.0 if timing is None else timing.margin
    else:
        known, whose = "an estimate", "measured networks"
        errors, margin = (None, 0.0) if powering is None else (powering.errors, powering.margin)
    known += "" if errors is None else f", {whose}: {errors[0]:+g} to {errors[1]:+g} %"
    return known + (f", the margin of {100 * margin:g} % included" if margin else "")


def _least(study: Study, refiner: Refiner, name: str) -> Least:
    """The least of an estimate that any structure comes to while the other budgets hold."""
    beside = [other for other in refiner.limits if other != name]
    if study.open_space is not None:
        return least_of(study.open_space, study.task, refiner, name, beside)
    structure = study.subject.smallest()
    network = study.subject.expand(structure, study.task)
    return Least(name, least_need(refiner, network, name, only(refiner.limits, beside)), structure, proven=True)


def _boards(study: Study, name: str, best: Structure, library: Library) -> Finding:
    """Name the devices that meet every budget, those of which only a floor is known, and those of which nothing is proven."""
    there = (_on(study, device) for device in devices_by_size(library))
    boards = [board for board in there if board is not None and budget(name).lacks(board.runtime) is None]
    tried: list[tuple[Study, bool | None]] = []
    for board in sorted(boards, key=lambda board: board.limits[name], reverse=True):
        known = _known_by(board, tried)
        tried.append((board, _meets(board, name, best) if known is None else known))
    reach: list[str] = []
    floors: list[str] = []
    unknown: list[str] = []
    for board, meets in sorted(tried, key=lambda one: _name(one[0])):
        timing = board.runtime.timing
        if meets is None:
            unknown.append(_name(board))
        elif meets:
            (floors if timing is not None and timing.is_floor else reach).append(_name(board))
    said = f"known devices that meet all budgets, addresses of buffers aside: {len(reach):,}" + (
        f" ({listed(reach)})" if reach else ""
    )
    said += f"; by a floor of their time only: {listed(floors)}" if floors else ""
    said += f"; not known of {listed(unknown)}" if unknown else ""
    return Finding(Weight.NOTE, said)


def _name(board: Study) -> str:
    return "" if board.device is None else board.device.name


def _known_by(board: Study, tried: Sequence[tuple[Study, bool | None]]) -> bool | None:
    """What another board of equal costs says of this one: it is enough and has no more of any budget, or is not and has no less."""
    for other, meets in tried:
        if meets is None or set(board.limits) != set(other.limits):
            continue
        less, more = (other.limits, board.limits) if meets else (board.limits, other.limits)
        if all(less[name] <= more[name] for name in less) and _costs(board) == _costs(other):
            return meets
    return None


def _costs(board: Study) -> Refiner:
    """The terms of a board without what it has: what any bits cost there, and which are legal."""
    return replace(board.refiner, limits=Limits(), arenas=())


def _on(study: Study, device: Device) -> Study | None:
    """The study on another device; None where its runtime does not run there, or nothing is left of a memory."""
    if missing_isa(device, study.runtime):
        return None
    try:
        there = study.on(device)
        return there if there.limits else None
    except ValueError:
        return None


def _meets(study: Study, name: str, best: Structure) -> bool | None:
    """Whether some structure meets every budget of a study, the best of another device first; None where nothing is proven."""
    refiner, space = study.refiner, study.open_space
    limit = refiner.limits[name]
    beside = [other for other in refiner.limits if other != name]
    need = least_need(refiner, study.subject.expand(best, study.task), name, only(refiner.limits, beside))
    if need is not None and need <= limit:
        return True
    if space is None:
        return False
    if excludes_all(space, study.task, refiner):
        return False
    least = least_of(space, study.task, refiner, name, beside, start=best, enough=limit)
    return True if least.amount is not None and least.amount <= limit else None

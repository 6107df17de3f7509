"""Why no structure of a space fits, and with which budgets some structure does, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qeopt.check.change import Change, change_by, has_addresses, tell_change, tell_device
from qeopt.check.findings import Finding, Weight
from qeopt.check.words import allowed, key, quantity, title
from qeopt.infeasibility import Least, SpaceMisfit, only
from qeopt.infeasibility.network import explain_misfit
from qeopt.network import Network
from qeopt.qbr import PROVER, Compiled
from qeopt.qbr.reasons import shortages
from qeopt.space import Structure
from qeopt.spec.library import Library
from qeopt.study import Study


def check_space(study: Study, found: SpaceMisfit, library: Library) -> Iterator[Finding]:
    """Say what is too little for every structure, what would help, and where a device is short, which device would do."""
    yield from why_none_fits(study, found)
    if not has_legal_bits(study, found):
        return
    changes = changes_of_space(study, found) or _changes_of_one(study, found)
    yield from (tell_change(study, change, is_one_of_several=len(changes) > 1) for change in changes)
    yield from tell_device(study, changes, library)


def why_none_fits(study: Study, found: SpaceMisfit) -> Iterator[Finding]:
    """Say what is too little for every structure, or that nothing is proven."""
    for floor in found.floors:
        yield Finding(Weight.ERROR, _say_floor(study, floor), key(study, floor.name))
    if found.floors:
        return
    if not found.excluded:
        yield Finding(Weight.WARNING, f"no structure that fits was found, which proves nothing yet: {_reason(study, found)}")
    elif has_legal_bits(study, found):
        yield Finding(Weight.ERROR, "no structure of the space meets all budgets together, though each can be met by itself")
    else:
        text = f"no structure of the space has legal bits, whatever the budgets: {_reason(study, found)}"
        yield Finding(Weight.ERROR, text)


def has_legal_bits(study: Study, found: SpaceMisfit) -> bool:
    """Whether the structure that comes nearest has legal bits, budgets aside."""
    return isinstance(study.refiner.compile(expand(study, found.structure)), Compiled)


def changes_of_space(study: Study, found: SpaceMisfit) -> tuple[Change, ...]:
    """The changes with which some structure fits: of one budget each, or else of several together; nothing where none is known."""
    singles: list[tuple[Least, ...]] = [(single,) for single in found.singles if single.amount is not None]
    none_alone = all(single.proven for single in found.singles) and not singles
    changes = []
    for group in singles or ([found.joint] if found.joint else []):
        amounts = {least.name: least.amount for least in group if least.amount is not None}
        network = expand(study, group[-1].structure)
        proven = all(least.proven for least in group)
        changes.append(Change(amounts, network, proven, none_alone, has_addresses(study.refiner, network, amounts)))
    return tuple(changes)


def expand(study: Study, structure: Structure) -> Network:
    """The network of a structure, by the study's name for it."""
    return study.subject.expand(structure, study.task, study.subject.name or "network")


def _changes_of_one(study: Study, found: SpaceMisfit) -> tuple[Change, ...]:
    """With what the structure that comes nearest fits; another may fit with less."""
    network = expand(study, found.structure)
    joint = explain_misfit(study.refiner, network).joint
    if joint is None or not joint.suffices:
        return ()
    return (replace(change_by(study, network, joint, none_alone=False), proven=False),)


def _reason(study: Study, found: SpaceMisfit) -> str:
    """Why the structure that comes nearest does not fit."""
    return study.refiner.refine(expand(study, found.structure), PROVER).reason


def _say_floor(study: Study, floor: Least) -> str:
    limit = allowed(study, floor.name)
    if floor.amount is None or not floor.proven:
        return f"no structure of the space is within {title(floor.name)}: {limit}"
    said = f"every structure of the space needs {quantity(study, floor.name, floor.amount)} or more, {limit}"
    return said if floor.name != "sram" else f"{said}; of one that needs least: {_step(study, floor)}"


def _step(study: Study, floor: Least) -> str:
    """Where the structure that needs least SRAM needs it."""
    terms = replace(study.refiner, limits=only(study.limits, ["sram"]))
    compiled = terms.compile(expand(study, floor.structure))
    found = shortages(compiled, study.runtime) if isinstance(compiled, Compiled) else ()
    return found[0].text if found else "several steps together"

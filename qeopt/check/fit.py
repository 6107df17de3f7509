"""Whether anything of a study can ever fit; if not, why, and the smallest change of its budgets with which something does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qeopt.check.change import Change, has_addresses, tell_change, tell_device
from qeopt.check.findings import Finding, Weight
from qeopt.check.words import allowed, key, quantity, spell, title
from qeopt.leanest import Least, SpaceMisfit, explain_space, only
from qeopt.network import Network
from qeopt.qbr import Compiled, Refined
from qeopt.qbr.reasons import Shortage, shortages
from qeopt.relief import MEMORIES, Misfit, Relief, explain_misfit, fixed_totals, stated
from qeopt.solve import PROVER
from qeopt.space import Structure
from qeopt.spec.library import Library
from qeopt.study import Study
from qeopt_solvers import Status


def check_fit(study: Study, library: Library) -> tuple[Finding, ...]:
    """Say whether the structure that needs least has bits, and if not whether any has. Nothing is called impossible unproven."""
    smallest = _expand(study, study.subject.smallest())
    refined = study.refiner.refine(smallest, PROVER)
    is_one = study.space is None or study.space.size == 1
    if refined.score is not None and not fixed_totals(study.refiner, smallest):
        return (Finding(Weight.NOTE, "the network fits" if is_one else "the smallest structure fits"),)
    if study.space is None or is_one:
        return tuple(_of_network(study, smallest, refined, library))
    found = explain_space(study.space, study.task, study.refiner)
    if isinstance(found, SpaceMisfit):
        return tuple(_of_space(study, found, library))
    refined = study.refiner.refine(_expand(study, found), PROVER)
    if refined.score is not None:
        return (Finding(Weight.NOTE, "the smallest structure does not fit, but another one does"),)
    return (Finding(Weight.WARNING, f"no structure that fits was found, which proves nothing yet: {refined.reason}"),)


def _of_network(study: Study, network: Network, refined: Refined, library: Library) -> Iterator[Finding]:
    """What is too little for the only structure."""
    misfit = explain_misfit(study.refiner, network)
    weight = Weight.ERROR if refined.status is Status.INFEASIBLE or misfit.totals else Weight.WARNING
    worst = {shortage.kind: shortage for shortage in reversed(misfit.shortages)}
    for name, shortage in worst.items():
        yield Finding(weight, _say_shortage(study, shortage), key(study, name))
    for total in misfit.totals:
        text = f"the network has {quantity(study, total.name, total.needed)} whatever its bits, {allowed(study, total.name)}"
        yield Finding(weight, text, key(study, total.name))
    if not worst and not misfit.totals:
        yield Finding(weight, refined.reason)
    if misfit.joint is None:
        yield Finding(Weight.NOTE, "no budget helps: this is about what the runtime executes")
        return
    changes = _changes_of_network(study, network, misfit)
    yield from (tell_change(study, change, is_one_of_several=len(changes) > 1) for change in changes)
    yield from tell_device(study, changes, library)


def _say_shortage(study: Study, shortage: Shortage) -> str:
    if shortage.step is not None:
        return shortage.text
    needed = _units(study, shortage.kind, shortage.needed)
    said = f"{spell(study, shortage.kind, needed)} needed at the fewest legal bits, {allowed(study, shortage.kind)}"
    return f"{title(shortage.kind)} of the whole network: {said}"


def _units(study: Study, name: str, amount: int) -> int:
    """Bytes of memory, which rows may count in bits."""
    return -(-amount // study.runtime.unit_per_byte) if name in MEMORIES else amount


def _changes_of_network(study: Study, network: Network, misfit: Misfit) -> list[Change]:
    """One budget alone where that is enough; else all that must grow."""
    singles = [single for single in misfit.singles if single.suffices]
    reliefs = singles or ([misfit.joint] if misfit.joint is not None and misfit.joint.suffices else [])
    none_alone = not singles and all(single.proven for single in misfit.singles)
    changes = [_change(study, network, relief, none_alone=none_alone) for relief in reliefs]
    return [change for place, change in enumerate(changes) if change.amounts not in [other.amounts for other in changes[:place]]]


def _change(study: Study, network: Network, relief: Relief, *, none_alone: bool) -> Change:
    """Budgets as a relief would have them; where addresses need more, as much as was found to be enough for those."""
    limits = stated(study.limits)
    is_laid_out = relief.refined is not None and relief.refined.bits is not None
    more = relief.extra if is_laid_out or not relief.with_addresses else relief.with_addresses
    amounts = {name: limits[name] + extra for name, extra in more if extra}
    return Change(amounts, network, relief.proven and more == relief.extra, none_alone, is_laid_out or more != relief.extra)


def _of_space(study: Study, found: SpaceMisfit, library: Library) -> Iterator[Finding]:
    """What is too little for every structure."""
    compiled = study.refiner.compile(_expand(study, found.structure))
    nearest = study.refiner.refine(_expand(study, found.structure), PROVER)
    for floor in found.floors:
        yield Finding(Weight.ERROR, _say_floor(study, floor), key(study, floor.name))
    if not found.floors and not found.excluded:
        yield Finding(Weight.WARNING, f"no structure that fits was found, which proves nothing yet: {nearest.reason}")
    elif not found.floors and not isinstance(compiled, Compiled):
        yield Finding(Weight.ERROR, f"no structure of the space has legal bits, whatever the budgets: {nearest.reason}")
    elif not found.floors:
        yield Finding(Weight.ERROR, "no structure of the space meets all budgets together, though each can be met by itself")
    if not isinstance(compiled, Compiled):
        return
    changes = list(_changes_of_space(study, found))
    yield from (tell_change(study, change, is_one_of_several=len(changes) > 1) for change in changes)
    yield from tell_device(study, changes, library)


def _say_floor(study: Study, floor: Least) -> str:
    limit = allowed(study, floor.name)
    if floor.amount is None or not floor.proven:
        return f"no structure of the space is within {title(floor.name)}: {limit}"
    said = f"every structure of the space needs {quantity(study, floor.name, floor.amount)} or more, {limit}"
    return said if floor.name != "sram" else f"{said}; of one that needs least: {_step(study, floor)}"


def _step(study: Study, floor: Least) -> str:
    """Where the structure that needs least SRAM needs it."""
    terms = replace(study.refiner, limits=only(study.limits, ["sram"]))
    compiled = terms.compile(_expand(study, floor.structure))
    found = shortages(compiled, study.runtime) if isinstance(compiled, Compiled) else ()
    return found[0].text if found else "several steps together"


def _changes_of_space(study: Study, found: SpaceMisfit) -> Iterator[Change]:
    """As many as are known: of one budget each, else of several together."""
    singles: list[tuple[Least, ...]] = [(single,) for single in found.singles]
    for group in singles or [found.joint]:
        amounts = {least.name: least.amount for least in group if least.amount is not None}
        if amounts:
            network = _expand(study, group[-1].structure)
            proven = all(least.proven for least in group)
            yield Change(amounts, network, proven, len(found.floors) > 1, has_addresses(study.refiner, network, amounts))
            continue
        network = _expand(study, found.structure)
        joint = explain_misfit(study.refiner, network).joint
        if joint is not None and joint.suffices:
            yield replace(_change(study, network, joint, none_alone=False), proven=False)


def _expand(study: Study, structure: Structure) -> Network:
    return study.subject.expand(structure, study.task, study.subject.name or "network")

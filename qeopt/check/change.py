"""Changes of budgets with which something fits: how they are said, and the smallest device that would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from qeopt.budgets import FLASH, SRAM
from qeopt.check.findings import Finding, Weight
from qeopt.check.words import key, listed, quantity, setting, spell, title
from qeopt.hardware import Device
from qeopt.hardware.costs import missing_isa
from qeopt.infeasibility.network import Relief, fast_exact, fixed_totals
from qeopt.memory import Limits
from qeopt.network import Network
from qeopt.qbr import Refiner
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.study import Study
from qeopt.study.file_kinds import KINDS


@dataclass(frozen=True)
class Change:
    """Budgets with which something fits."""

    amounts: Mapping[str, int]
    """By budget, what it must be: bytes or units."""
    network: Network
    """What fits then."""
    proven: bool
    """Whether none of these can be smaller while the others are so."""
    none_alone: bool
    """Whether it is proven that no budget alone is enough."""
    with_addresses: bool
    """Whether bits with addresses for all buffers, and with all their code, were found."""


def tell_change(study: Study, change: Change, *, is_one_of_several: bool = False) -> Finding:
    """Say what to write, or what to look for, and how far that is proven to be the least."""
    many = len(change.amounts) > 1
    if not change.proven:
        head = "a change that is enough, though not proven to be the smallest"
    elif many:
        head = "no budget alone is enough; together these are" if change.none_alone else "these are enough together"
        head += ", and none can be less while the others stay"
    else:
        head = f"the smallest change of {title(next(iter(change.amounts)))} alone" if is_one_of_several else "the smallest change"
    tail = ""
    if not change.with_addresses:
        tail = "; with addresses for all buffers it may take more"
    wanted = [_wanted(study, name, amount) for name, amount in change.amounts.items()]
    keys = tuple(
        (".".join(where), setting(study, name, amount)) for name, amount in change.amounts.items() if (where := _own(study, name))
    )
    return Finding(Weight.NOTE, f"{head}: {listed(wanted)}{tail}", change=keys)


def _own(study: Study, name: str) -> tuple[str, ...]:
    """Path of a budget that the study states itself; empty where a device or runtime gives it."""
    found = key(study, name)
    return found if found[0] == "budgets" else ()


def _wanted(study: Study, name: str, amount: int) -> str:
    """What one budget must be."""
    more = amount - study.limits[name]
    found = key(study, name)
    if _own(study, name):
        said = f"`{'.'.join(found)}: {setting(study, name, amount)}`"
        return f"{said} ({spell(study, name, more)} more)"
    if found == ("device",):
        return f"a device that leaves {quantity(study, name, amount)}, {spell(study, name, more)} more"
    return f"a runtime that takes {quantity(study, name, amount)}"


def change_by(study: Study, network: Network, relief: Relief, *, none_alone: bool) -> Change:
    """Budgets as a relief would have them; where addresses need more, as much as was found to be enough for those."""
    limits = study.limits
    is_laid_out = relief.refined is not None and relief.refined.bits is not None
    more = relief.extra if is_laid_out or not relief.with_addresses else relief.with_addresses
    amounts = {name: limits[name] + extra for name, extra in more if extra}
    return Change(amounts, network, relief.proven and more == relief.extra, none_alone, is_laid_out or more != relief.extra)


def has_addresses(refiner: Refiner, network: Network, amounts: Mapping[str, int]) -> bool:
    """Whether bits for `network` are found within other budgets, addresses of all buffers and all code included."""
    terms = replace(refiner, limits=_with(refiner.limits, amounts))
    return not fixed_totals(terms, network) and terms.refine(network, fast_exact(refiner)).score is not None


def _with(limits: Limits, amounts: Mapping[str, int]) -> Limits:
    return limits.but(**amounts)


def tell_device(study: Study, changes: Sequence[Change], library: Library) -> Iterator[Finding]:
    """Name the smallest known device with which something fits, where memory that a device gives is what is short."""
    short = [change for change in changes if any(key(study, name) == ("device",) for name in change.amounts)]
    if study.device is None or not short:
        return
    for device in devices_by_size(library):
        if any(_holds(study, device, change) for change in short):
            arena, flash = (spell(study, name, size) for name, size in zip((SRAM.name, FLASH.name), _size(device), strict=True))
            said = f"the smallest known device that holds it: {device.name}, {arena} of SRAM in one piece and {flash} of flash"
            yield Finding(Weight.NOTE, said, change=(("device", device.name),))
            return


def devices_by_size(library: Library) -> list[Device]:
    """Every device that can be named, those with little memory first; a file that cannot be read is none."""
    kind, found = KINDS["device"], []
    for named in library.available(kind.folder, kind.name):
        try:
            found.append(load(Device, named.path, library=library, kind=kind.name, folder=kind.folder).value)
        except SpecError:
            continue
    return sorted(found, key=lambda device: (*_size(device), device.name))


def _size(device: Device) -> tuple[int, int]:
    return device.arena_bytes, device.flash_bytes


def _holds(study: Study, device: Device, change: Change) -> bool:
    """Whether what fits after a change has bits on another device, which is known to have what the runtime needs."""
    runtime = study.runtime
    if missing_isa(device, runtime) or (runtime.needs_isa and device.isa is None):
        return False
    try:
        refiner = study.on(device).refiner
    except ValueError:
        return False
    own = {name: amount for name, amount in change.amounts.items() if _own(study, name)}
    limits = _with(refiner.limits, own)
    if any(amount > limits.get(name, amount) for name, amount in change.amounts.items()):
        return False
    return has_addresses(refiner, change.network, own)

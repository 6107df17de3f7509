"""Can this ever work? What loading a file cannot see, found before anything is solved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from qeopt.hardware import Device, Runtime
from qeopt.hardware.costs import mac_count
from qeopt.leanest import leanest
from qeopt.memory import Limits, Resources
from qeopt.network import Network, OpKind
from qeopt.qbr import BitChoices, Refined, Refiner
from qeopt.solve import PROVER
from qeopt.spec.units import format_bytes
from qeopt.study import Study

BLOCK_KINDS = (OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.ADD, OpKind.POOL)
"""What the blocks of spaces are made of; a runtime without one of these runs few of them."""


class Weight(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """It cannot work."""
    WARNING = "warning"
    """It works, but perhaps not as meant."""
    NOTE = "note"
    """A fact to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found."""

    weight: Weight
    text: str


def check_study(study: Study) -> tuple[Finding, ...]:
    """Check budgets and runtime by themselves, and the smallest structure at the fewest bits against every budget."""
    smallest = study.subject.expand(study.subject.smallest(), study.task, study.subject.name or "network")
    return (
        *_budgets(study.limits),
        *check_trades(study.runtime, study.bits),
        *_size(study),
        *_totals(smallest, study),
        *_fewest_bits(study, smallest),
        *_rate(smallest, study),
    )


def check_device(device: Device) -> tuple[Finding, ...]:
    """Say what a network can have of a device."""
    found = [Finding(Weight.NOTE, f"the largest contiguous memory for activations has {format_bytes(device.arena_bytes)}")]
    found.append(Finding(Weight.NOTE, f"flash for weights: {format_bytes(device.flash_bytes)}"))
    if device.macs_per_second is None:
        found.append(Finding(Weight.NOTE, "no macs_per_cycle: nothing can be said about speed"))
    return tuple(found)


def check_runtime(runtime: Runtime) -> tuple[Finding, ...]:
    """Say which kinds of operator a runtime lacks, and whether its bits can trade memory."""
    if runtime.kernels == "any":
        return (Finding(Weight.NOTE, "every bit-width is legal: an analytic count, not a library"),)
    missing = [kind.value for kind in BLOCK_KINDS if kind not in runtime.kernels]
    found = [Finding(Weight.WARNING, f"there is no kernel for {', '.join(missing)}")] if missing else []
    widths = tuple(range(1, 17))
    return (*found, *check_trades(runtime, BitChoices(weights=widths, activations=widths)))


def check_trades(runtime: Runtime, bits: BitChoices) -> tuple[Finding, ...]:
    """Say where the bits a runtime executes leave nothing to choose."""
    found = []
    for role, memory, position, allowed in (("activation", "SRAM", 0, bits.activations), ("weight", "flash", 1, bits.weights)):
        usable = sorted(set(allowed) & _executed(runtime, position, allowed))
        if not usable:
            found.append(Finding(Weight.ERROR, f"the runtime executes no convolution with {role} bits {_listed(allowed)}"))
        elif len(usable) == 1 and len(allowed) > 1:
            found.append(
                Finding(
                    Weight.WARNING, f"{memory} cannot be traded by bits: of the {role} bits allowed, only {usable[0]} is executed"
                )
            )
    return tuple(found)


def _executed(runtime: Runtime, position: int, allowed: Iterable[int]) -> set[int]:
    """Bits of inputs (0) or weights (1) for which the runtime has some convolution."""
    if runtime.kernels == "any":
        return set(allowed)
    kernels = [runtime.kernels[kind] for kind in (OpKind.CONV, OpKind.DEPTHWISE) if kind in runtime.kernels]
    return {entry[position] for kernel in kernels for entry in kernel.legal(has_weights=True)}


def _budgets(limits: Limits) -> list[Finding]:
    nothing = Resources((), 0, 0, 0, 0, 0, 0)
    stated = [
        f"{use.name} {format_bytes(use.limit) if use.unit else format(use.limit, ',')}" for use in limits.uses(nothing) if use.limit
    ]
    if not stated:
        return [Finding(Weight.WARNING, "there is no budget at all: every tensor gets the most bits")]
    return [Finding(Weight.NOTE, f"budgets: {', '.join(stated)}")]


def _size(study: Study) -> list[Finding]:
    if study.subject.size == 1:
        return [Finding(Weight.NOTE, "a single structure: only its bits are chosen")]
    return [Finding(Weight.NOTE, f"{study.subject.size:,} structures, rules between blocks aside")]


def _totals(smallest: Network, study: Study) -> list[Finding]:
    """Totals that no bits change."""
    found = []
    limits = study.limits
    for name, least, limit in (("layers", smallest.layers, limits.layers), ("macs", _macs(smallest, study.runtime), limits.macs)):
        if limit is not None and least > limit:
            found.append(Finding(Weight.ERROR, f"the smallest structure has {least:,} {name}, {limit:,} are allowed"))
    return found


def _fewest_bits(study: Study, smallest: Network) -> list[Finding]:
    """Whether the structure that needs least has bits. Nothing is called impossible that is not proven to be."""
    refined: Refined = study.refiner.refine(smallest, PROVER)
    if refined.score is not None:
        return [Finding(Weight.NOTE, "the smallest structure fits")]
    unfit = Finding(Weight.ERROR, f"the smallest structure does not fit: {refined.reason}")
    # Of flash and all that no bits change, nothing needs less than the smallest structure; of SRAM, one with other channels may.
    if study.space is None or _without_sram(study.refiner).refine(smallest, PROVER).score is None:
        return [unfit]
    least = leanest(study.space, study.task, study.refiner)
    nearest = study.refiner.refine(study.space.expand(least.structure, study.task), PROVER)
    if nearest.score is not None:
        return [Finding(Weight.NOTE, "the smallest structure does not fit, but one whose channels allow fewer bits does")]
    allowed = study.limits.sram_bytes or 0
    if least.least_sram_bytes is not None and least.least_sram_bytes > allowed:
        need = f"less than {format_bytes(least.least_sram_bytes)} of SRAM, {format_bytes(allowed)} are allowed"
        return [Finding(Weight.ERROR, f"no structure of the space runs with {need}: {nearest.reason}")]
    return [Finding(Weight.WARNING, f"no structure that fits was found, which proves nothing yet: {nearest.reason}")]


def _without_sram(refiner: Refiner) -> Refiner:
    return replace(refiner, limits=replace(refiner.limits, sram_bytes=None))


def _rate(smallest: Network, study: Study) -> list[Finding]:
    """Set MACs against what the core can do; a score without a MAC budget makes networks as slow as memory allows."""
    device, budget = study.device, study.limits.macs
    ceiling = None if device is None else device.macs_per_second
    if device is None or ceiling is None:
        return []
    rate = f"{device.name} finishes at most {ceiling:,} MACs a second"
    if _macs(smallest, study.runtime) > ceiling:
        return [Finding(Weight.WARNING, f"{rate}, and the smallest structure has {_macs(smallest, study.runtime):,}")]
    if study.subject.size == 1:
        return []
    if budget is None:
        return [Finding(Weight.NOTE, f"{rate}; there is no MAC budget, so designs may take longer than that")]
    return [Finding(Weight.WARNING, f"{rate}, and the MAC budget allows {budget:,}")] if budget > ceiling else []


def _macs(network: Network, runtime: Runtime) -> int:
    return sum(int(mac_count(runtime, op)) for op in network.ops)


def _listed(widths: Iterable[int]) -> str:
    return ", ".join(map(str, widths))

"""Count a design again from its own study, structure and bits. No solver takes part."""

from __future__ import annotations

from qeopt.design.arena import arena_faults
from qeopt.design.model import Alternative, Design, uses
from qeopt.memory import count
from qeopt.network import Bits, Network
from qeopt.qbr import Impossible, Refiner
from qeopt.score import evaluate
from qeopt.study import Study
from qeopt_solvers.recount import violations

WIDEST = 32
"""Bits of the widest integer that can be counted."""


def recount(design: Design) -> tuple[str, ...]:
    """Count everything again from the design's own study, structures and bits; return what disagrees."""
    study = design.load_study()
    try:
        network = design.network()
    except ValueError as error:
        return (f"structure: {error}",)
    found = _recount(study, design, network)
    for number, alternative in enumerate(design.alternatives, start=1):
        faults = _misnamed(study, alternative) or _recount(study, alternative, _network(study, alternative))
        found += [f"alternative {number}: {text}" for text in faults]
    return tuple(found)


def _misnamed(study: Study, alternative: Alternative) -> list[str]:
    """What keeps an alternative from being counted at all."""
    try:
        network = _network(study, alternative)
    except ValueError as error:
        return [f"structure: {error}"]
    has = (set(alternative.weights), set(alternative.activations))
    needs = ({op.name for op in network.weighted_ops}, {tensor.name for tensor in network.tensors})
    return width_faults(alternative) if has == needs else ["its bits are not those of its operators and tensors"]


def width_faults(design: Design | Alternative) -> list[str]:
    """Say whether some width is none at which anything can be counted."""
    widths = (*design.weights.values(), *design.activations.values())
    return [] if all(1 <= width <= WIDEST for width in widths) else [f"bits: a width is not from 1 to {WIDEST}"]


def _network(study: Study, alternative: Alternative) -> Network:
    return study.subject.expand(study.subject.structure(alternative.structure), study.task, study.name)


def _recount(study: Study, design: Design | Alternative, network: Network) -> list[str]:
    """Count one network again."""
    bits = Bits(design.weights, design.activations)
    resources = count(network, study.runtime, bits)
    counted = uses(study.limits.uses(resources))
    strange = design.uses.keys() ^ counted.keys()
    if strange:
        return [f"uses: {', '.join(sorted(strange))}: the budgets of the study and those of the design differ"]
    found = [
        f"{name}: the design says {claimed.used:,}, the recount {counted[name].used:,}"
        for name, claimed in design.uses.items()
        if counted[name] != claimed
    ]
    found += [
        f"{name}: {use.used:,} is over the budget of {use.limit:,}"
        for name, use in counted.items()
        if use.limit is not None and use.used > use.limit
    ]
    score = evaluate(study.objective, network, bits)
    if abs(score - design.score) > 1e-9 * abs(score):
        found.append(f"score: the design says {design.score}, the recount {score}")
    if isinstance(design, Design):
        found += arena_faults(design.arena, network, study.runtime, bits, study.limits.sram_bytes, study.runs)
    return [*found, *_broken(study.refiner, network, bits)]


def _broken(refiner: Refiner, network: Network, bits: Bits) -> list[str]:
    """Rows and links of the integer program that the bits break, and widths that are no option at all."""
    compiled = refiner.compile(network)
    if isinstance(compiled, Impossible):
        return [compiled.reason]
    picks = compiled.picks(bits)
    if picks is None:
        return ["some bits are not among those that the runtime can execute and the study allows"]
    return [
        f"{broken.kind} {broken.name!r}: {broken.used:,} {broken.unit}, limit {broken.limit:,}"
        for broken in violations(compiled.problem, picks)
    ]

"""Count a design again from its own study, structure and bits. No solver takes part."""

from __future__ import annotations

from qeopt.design.arena import arena_faults
from qeopt.design.claims import Claim, claims_of
from qeopt.design.model import Design, uses
from qeopt.memory import count
from qeopt.network import Network
from qeopt.qbr import Impossible
from qeopt.score import evaluate
from qeopt.study import Study
from qeopt_solvers.recount import violations


def recount(design: Design) -> tuple[str, ...]:
    """Count everything again from the design's own study, structures and bits; return what disagrees."""
    study = design.load_study()
    return tuple(fault for claim in claims_of(design, study) for fault in recount_claim(study, claim))


def recount_claim(study: Study, claim: Claim) -> list[str]:
    """Count one design of a file again."""
    if claim.network is None or claim.faults:
        return [claim.where + fault for fault in claim.faults]
    return [claim.where + fault for fault in _recount(study, claim, claim.network)]


def _recount(study: Study, claim: Claim, network: Network) -> list[str]:
    said, bits = claim.said, claim.bits
    counted = uses(study.limits.uses(count(network, study.runtime, bits)))
    found = [
        f"{name}: the design says {claimed.used:,}, the recount {counted[name].used:,}"
        for name, claimed in said.uses.items()
        if counted[name].used != claimed.used
    ]
    found += [
        f"{name}: the design says that the budget is {claimed.limit}, the study {counted[name].limit}"
        for name, claimed in said.uses.items()
        if counted[name].limit != claimed.limit
    ]
    found += [
        f"{name}: {use.used:,} is over the budget of {use.limit:,}"
        for name, use in counted.items()
        if use.limit is not None and use.used > use.limit
    ]
    score = evaluate(study.objective, network, bits)
    if abs(score - said.score) > 1e-9 * abs(score):
        found.append(f"score: the design says {said.score}, the recount {score}")
    if isinstance(said, Design):
        found += arena_faults(said.arena, network, study.runtime, bits, study.limits.sram_bytes, study.runs)
    return [*found, *_broken(claim, network)]


def _broken(claim: Claim, network: Network) -> list[str]:
    """Rows and links of the integer program that the bits break, and widths that are no option at all."""
    compiled = claim.refiner.compile(network)
    if isinstance(compiled, Impossible):
        return [compiled.reason]
    picks = compiled.picks(claim.bits)
    if picks is None:
        return ["some bits are not among those that the runtime can execute and the study allows"]
    return [
        f"{broken.kind} {broken.name!r}: {broken.used:,} {broken.unit}, limit {broken.limit:,}"
        for broken in violations(compiled.problem, picks)
    ]

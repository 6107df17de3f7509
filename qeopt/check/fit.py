"""Whether anything of a study can ever fit; if not, why, and the smallest change of its budgets with which something does."""

from __future__ import annotations

from collections.abc import Iterator

from qeopt.check.change import Change, change_by, tell_change, tell_device
from qeopt.check.findings import Finding, Weight
from qeopt.check.space import check_space, expand
from qeopt.check.words import key, say_shortage, say_total
from qeopt.infeasibility import SpaceMisfit, explain_space
from qeopt.infeasibility.network import Misfit, explain_misfit, fixed_totals
from qeopt.network import Network
from qeopt.qbr import PROVER, Refined
from qeopt.spec.library import Library
from qeopt.study import Study
from qeopt_solvers import Status


def check_fit(study: Study, library: Library) -> tuple[Finding, ...]:
    """Say whether the structure that needs least has bits, and if not whether any has. Nothing is called impossible unproven."""
    smallest = expand(study, study.subject.smallest())
    refined = study.refiner.refine(smallest, PROVER)
    space = study.open_space
    if refined.score is not None and not fixed_totals(study.refiner, smallest):
        return (Finding(Weight.NOTE, "the network fits" if space is None else "the smallest structure fits"),)
    if space is None:
        return tuple(_of_network(study, smallest, refined, library))
    found = explain_space(space, study.task, study.refiner)
    if isinstance(found, SpaceMisfit):
        return tuple(check_space(study, found, library))
    refined = study.refiner.refine(expand(study, found), PROVER)
    if refined.score is not None:
        return (Finding(Weight.NOTE, "the smallest structure does not fit, but another one does"),)
    return (Finding(Weight.WARNING, f"no structure that fits was found, which proves nothing yet: {refined.reason}"),)


def _of_network(study: Study, network: Network, refined: Refined, library: Library) -> Iterator[Finding]:
    """What is too little for the only structure."""
    misfit = explain_misfit(study.refiner, network)
    weight = Weight.ERROR if refined.status is Status.INFEASIBLE or misfit.totals else Weight.WARNING
    worst = {shortage.kind: shortage for shortage in reversed(misfit.shortages)}
    for name, shortage in worst.items():
        yield Finding(weight, say_shortage(study, shortage), key(study, name))
    for total in misfit.totals:
        yield Finding(weight, say_total(study, total), key(study, total.name))
    if not worst and not misfit.totals:
        yield Finding(weight, refined.reason)
    if misfit.joint is None:
        yield Finding(Weight.NOTE, "no budget helps: this is about what the runtime executes")
        return
    changes = _changes_of_network(study, network, misfit)
    yield from (tell_change(study, change, is_one_of_several=len(changes) > 1) for change in changes)
    yield from tell_device(study, changes, library)


def _changes_of_network(study: Study, network: Network, misfit: Misfit) -> list[Change]:
    """One budget alone where that is enough; else all that must grow."""
    singles = [single for single in misfit.singles if single.suffices]
    reliefs = singles or ([misfit.joint] if misfit.joint is not None and misfit.joint.suffices else [])
    none_alone = not singles and all(single.proven for single in misfit.singles)
    changes = [change_by(study, network, relief, none_alone=none_alone) for relief in reliefs]
    return [change for place, change in enumerate(changes) if change.amounts not in [other.amounts for other in changes[:place]]]

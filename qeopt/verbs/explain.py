"""Explain a study: why nothing fits, or which budgets hold the best design back and what more of them would buy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from qeopt.budgets import structural
from qeopt.check import Change, changes_of_space
from qeopt.design.prove import prove
from qeopt.infeasibility import SpaceMisfit, explain_space
from qeopt.infeasibility.network import Misfit, explain_misfit, fast_exact, fixed_totals
from qeopt.network import Network
from qeopt.qbr import Refined, Refiner
from qeopt.search import Progress, SearchResult, Stop, explore, open_workers
from qeopt.space import Space, Structure
from qeopt.spec.errors import SpecError, did_you_mean, one_of
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study
from qeopt.study.load import StudySource, load_study
from qeopt.verbs.marginal_values import worths
from qeopt.verbs.searches import STUDY
from qeopt_solvers import Status
from qeopt_solvers.explain import Worth


@dataclass(frozen=True)
class Explanation:
    """Why a study has the answer it has."""

    loaded: Loaded[Study]
    structure: Structure
    """The network; of a space, the best one found, or where none fits the one that comes nearest."""
    network: Network
    proofs: tuple[Refined, ...]
    """Its best bits and their proofs, the answer first; where no bits fit, what says so."""
    misfit: Misfit | None
    """Why no bits fit; None where some do."""
    worths: tuple[Worth, ...]
    """What each budget is worth to the bits of this network, in units of its rows."""
    search: SearchResult | None
    """How the network was found; None where the study has only one, or where no search was needed to know that none fits."""
    space_misfit: SpaceMisfit | None = None
    """Why no structure of a space fits; None where one does, or there is no space."""
    changes: tuple[Change, ...] = ()
    """With which budgets some structure of the space fits: of one budget each, or else of several together."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search early."""
        return self.search is not None and self.search.stopped is Stop.INTERRUPTED

    @property
    def fits(self) -> bool:
        """Whether there is a design."""
        return self.misfit is None

    @property
    def is_proven(self) -> bool:
        """Whether it is proven that there is no design, or that these bits are the best of this network."""
        if self.fits:
            return self.proofs[0].status is Status.OPTIMAL
        if self.is_of_space:
            return self.space_misfit is not None and self.space_misfit.excluded
        return self.proofs[0].status is Status.INFEASIBLE or bool(self.misfit and self.misfit.totals)

    @property
    def is_of_space(self) -> bool:
        """Whether there were structures to choose from."""
        return self.loaded.value.open_space is not None


def explain(
    source: StudySource,
    *,
    weights: Mapping[str, int] | None = None,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[str, Progress], None] | None = None,
    workers: int | str = 0,
) -> Explanation:
    """Explain why nothing fits, or what the budgets are worth to the best design.

    A space is searched unless it is proven that none of its structures fits.

    Args:
        source: A study file, the name of a shipped one, or a study that was read before.
        weights: By budget ("sram"), bytes or units by which it grows in one step of the joint relaxation. By default a thousandth
            of every budget that matters.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the name of the search and its progress.
        workers: Who takes the islands of the search on, as for `solve`.

    Raises:
        SpecError: when the study is not sound, or a weight is of a budget that bits are not under.
        VerificationError: when two exact engines disagree.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    study = loaded.value
    _check_weights(weights or {}, study.refiner)
    space = study.open_space
    if space is None:
        return _explained(loaded, study.subject.smallest(), None, weights)
    near = explain_space(space, study.task, study.refiner)
    if isinstance(near, SpaceMisfit) and near.excluded:
        return _nowhere(loaded, near, None, weights)
    search = _search(study, space, report, workers)
    if search.best is not None:
        return _explained(loaded, search.best.structure, search, weights)
    if isinstance(near, SpaceMisfit):
        return _nowhere(loaded, near, search, weights)
    return _explained(loaded, near, search, weights)


def _search(study: Study, space: Space, report: Callable[[str, Progress], None] | None, workers: int | str) -> SearchResult:
    told = None if report is None else partial(report, STUDY)
    settings = study.search.model_copy(update={"alternatives": 0})
    with open_workers(workers) as crew:
        return explore(space, study.task, study.refiner.scouting(), settings, told, workers=crew, closes=False)


def _nowhere(
    loaded: Loaded[Study], found: SpaceMisfit, search: SearchResult | None, weights: Mapping[str, int] | None
) -> Explanation:
    """Explain a space of which no structure was found to fit."""
    explained = _explained(loaded, found.structure, search, weights)
    return replace(explained, space_misfit=found, changes=changes_of_space(loaded.value, found))


def _explained(
    loaded: Loaded[Study], structure: Structure, search: SearchResult | None, weights: Mapping[str, int] | None
) -> Explanation:
    study = loaded.value
    network = study.subject.expand(structure, study.task, study.subject.name)
    refined = study.refiner.refine(network, fast_exact(study.refiner))
    if refined.bits is None or fixed_totals(study.refiner, network):
        misfit = explain_misfit(study.refiner, network, weights)
        return Explanation(loaded, structure, network, (refined,), misfit, (), search)
    proofs = prove(study.refiner, refined)
    return Explanation(loaded, structure, network, proofs, None, worths(study.refiner, network), search)


def _check_weights(weights: Mapping[str, int], refiner: Refiner) -> None:
    fixed = [record.name for record in structural(refiner.runtime)]
    known = [name for name in refiner.limits if name not in fixed]
    for name, amount in weights.items():
        if name in fixed:
            raise SpecError.at(None, f"no bits change {name!r}, which grows by what is missing; {one_of(known)} was expected")
        if name not in known:
            said = f"the bits of this study are under no budget {name!r}; {one_of(known)} was expected{did_you_mean(name, known)}"
            raise SpecError.at(None, said)
        if amount < 1:
            raise SpecError.at(None, f"the weight of {name!r} is {amount}; at least 1 was expected")

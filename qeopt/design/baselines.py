"""Write down what the searches under narrower terms found, or why they found nothing."""

from __future__ import annotations

from collections.abc import Mapping

from qeopt.design.build import describe_baseline, describe_certificate
from qeopt.design.model import Baseline, NoBaseline
from qeopt.qbr import PROVER, Refiner
from qeopt.relaxation.cells.left_out import left_out
from qeopt.search import SearchResult, Stop
from qeopt.study import Study
from qeopt_solvers import Status


def describe_baselines(study: Study, results: Mapping[str, SearchResult]) -> tuple[dict[str, Baseline], dict[str, NoBaseline]]:
    """Describe what was found under narrower terms, and why nothing was where that is so.

    Args:
        study: The study that names its baselines.
        results: What every search ended with, by its name; the search of a baseline has the baseline's.
    """
    found: dict[str, Baseline] = {}
    none: dict[str, NoBaseline] = {}
    for name in study.search.baselines:
        result = results.get(name)
        if result is None and all(other.stopped is not Stop.INTERRUPTED for other in results.values()):
            none[name] = NoBaseline(reason="out of time")
        elif result is None or result.stopped is Stop.INTERRUPTED:
            none[name] = NoBaseline(reason="interrupted")
        elif result.best is None:
            none[name] = _no_baseline(study, study.terms(name), result)
        else:
            found[name] = describe_baseline(study, result.best.structure, result.best.refined)
    return found, none


def _no_baseline(study: Study, terms: Refiner, result: SearchResult) -> NoBaseline:
    """Why a search that ended by itself found nothing: a proof that there is nothing, or no more than that."""
    if result.none_fits:
        return NoBaseline(reason="none fits", certificate=describe_certificate(result.none_fits, left_out(terms)))
    if result.stopped is not Stop.SINGLE:
        return NoBaseline(reason="none found")
    network = study.subject.expand(study.subject.smallest(), study.task, study.name)
    is_proven = terms.refine(network, PROVER).status is Status.INFEASIBLE
    return NoBaseline(reason="none fits" if is_proven else "none found")

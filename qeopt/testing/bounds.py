"""The bound of a small space against all of its designs."""

from __future__ import annotations

from qeopt.relaxation.bound import bound_space, recheck
from qeopt.relaxation.rating.relax import Relaxer
from qeopt.testing.small_studies import SmallStudy, structures

ROUNDING = 1e-9


def best_of_all(study: SmallStudy) -> float | None:
    """The best score of any structure at any bits, by solving every one of them; None where none fits.

    Asserts on the way that what arrays say of a structure is never below it.
    """
    every = list(structures(study.space))
    rated = Relaxer(study.space, study.task, study.refiner).relax(every)
    best: float | None = None
    for structure, bound in zip(every, rated.tolist(), strict=True):
        refined = study.refiner.refine(study.space.expand(structure, study.task))
        if refined.score is None or refined.resources is None:
            continue
        if all(use.fits for use in study.refiner.limits.uses(refined.resources)):
            assert bound >= refined.score - ROUNDING, f"the rating {bound} of {structure} is below its score {refined.score}"
            best = refined.score if best is None else max(best, refined.score)
    return best


def check_bound(study: SmallStudy) -> None:
    """Assert that the bound is not below the best design, and that the second evaluator proves the same from its prices."""
    best = best_of_all(study)
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-6, most_walks=30)
    assert bound is not None, "a chain of blocks has a bound"
    if best is not None:
        assert bound.value >= best - ROUNDING, f"the bound {bound.value} is below a design that scores {best}"
    for part in bound.parts:
        proven = recheck(study.space, study.task, study.refiner, part.prices, part.overhead)
        assert proven is not None
        assert proven == part.value or abs(proven - part.value) <= 1e-8 * max(1.0, abs(part.value))

"""The Pareto frontier of one network: the best score at every amount of one budget, all other budgets held."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qeopt.budgets import table
from qeopt.design.prove import prove
from qeopt.infeasibility.network import fast_exact, fixed_totals, overuse
from qeopt.memory import count
from qeopt.network import Bits, Network
from qeopt.qbr import Refined, Refiner
from qeopt.search import Stop
from qeopt.space import Structure
from qeopt.spec.errors import SpecError, did_you_mean, one_of
from qeopt.spec.library import Library
from qeopt.study.load import StudySource, load_study
from qeopt.verbs.sweep import Sweep, SweepPoint
from qeopt_solvers import Status

POINTS = 64
SAME = 1e-9
"""Scores are sums of floats; equal sums of integers differ by less."""
WHOLE = "the whole frontier: nothing between these points scores more for less, proven"


def frontier(
    source: StudySource,
    over: str,
    *,
    most: int = POINTS,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    reached: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Find bits of which none score more with less of a budget. Ctrl-C ends it with the points so far, the most lavish first.

    Beginning without a limit, the limit is put just below what the last answer uses, until nothing fits (the epsilon-constraint
    method, exact as every answer is proven). Where that would be more than `most` points, it is lowered by larger steps: every
    point is on the frontier still, but some of it is left out, and the sweep says so.

    Args:
        source: A study of one network.
        over: The budget: "flash", "sram", "bitops", ...
        most: Points at most.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        reached: Called with the number of points found and the most there can be.

    Raises:
        SpecError: when the study is not sound, is of a space, or there is no such budget.
        VerificationError: when two engines disagree.
    """
    if over not in table():
        raise SpecError.at(None, f"--frontier {over}: {one_of(table())} was expected{did_you_mean(over, table())}")
    loaded = load_study(source, overrides=overrides, library=library)
    study = loaded.value
    if study.open_space is not None:
        said = (
            f"{study.name!r} is of a space; a frontier is of the bits of one network: give ranges, such as --flash 16KiB:64KiB:8KiB"
        )
        raise SpecError.at(None, said)
    structure = study.subject.smallest()
    network = study.subject.expand(structure, study.task, study.subject.name)
    free = replace(study.refiner, limits=study.refiner.limits.but(**{over: None}))
    totals = fixed_totals(free, network)
    if totals:
        raise SpecError.at(None, overuse(totals))
    walk = _Walk(free, structure, network, over, most, reached)
    points, end = walk.down(1)
    step = 1
    if end is None and len(points) > most:
        step = max((points[0].limits[over] - _least(free, network, over)) // most, 1)
        points, end = walk.down(step)
    if not points:
        reason = "interrupted" if end is None else end.reason
        raise SpecError.at(None, f"no bits fit whatever the limit of {over}: {reason}; `qeopt explain` says more")
    is_whole = step == 1 and end is not None and end.status is Status.INFEASIBLE
    proven = is_whole and all(point.status is Status.OPTIMAL for point in points)
    note = WHOLE if proven else f"points of the frontier, at least {step:,} apart"
    points.reverse()
    limits = tuple(point.limits[over] for point in points)
    return Sweep(loaded, {over: limits}, tuple(points), walk.interrupted, note)


@dataclass
class _Walk:
    """Goes down a frontier."""

    free: Refiner
    structure: Structure
    network: Network
    over: str
    most: int
    reached: Callable[[int, int], None] | None
    interrupted: bool = False

    def down(self, step: int) -> tuple[list[SweepPoint], Refined | None]:
        """The points, the most lavish first, and what ended it; None where there are too many, or Ctrl-C came."""
        points: list[SweepPoint] = []
        terms = self.free
        refined = terms.refine(self.network, fast_exact(terms))
        try:
            while len(points) <= self.most:
                if refined.bits is None:
                    return points, refined
                proofs = prove(terms, refined)
                point = self._point(proofs)
                if points and abs((points[-1].score or 0.0) - (point.score or 0.0)) < SAME:
                    points.pop()  # as good with less
                points.append(point)
                if self.reached is not None:
                    self.reached(len(points), self.most)
                terms = replace(self.free, limits=self.free.limits.but(**{self.over: max(point.limits[self.over] - step, 0)}))
                refined = terms.refine(self.network, fast_exact(terms), proofs[0].bits)
        except KeyboardInterrupt:
            self.interrupted = True
        return points, None

    def _point(self, proofs: Sequence[Refined]) -> SweepPoint:
        best = proofs[0]
        is_best = best.status is Status.OPTIMAL
        engines = tuple(proof.engine for proof in proofs if proof.status is Status.OPTIMAL)
        limits = {self.over: _used(best, self.over)}
        bound = best.score if is_best else best.bound
        return SweepPoint(limits, best.status, Stop.SINGLE, self.structure, best, engines, bound)


def _used(refined: Refined, over: str) -> int:
    return 0 if refined.resources is None else math.ceil(refined.resources.used[over])


def _least(refiner: Refiner, network: Network, over: str) -> int:
    """What is used at the fewest bits on offer, whether these fit or not: only the size of steps follows from it."""
    widths = (min(refiner.choices.weights), min(refiner.choices.activations))
    both = [Bits.uniform(network, width) for width in widths]
    return math.ceil(count(network, refiner.runtime, Bits(both[0].weights, both[1].activations)).used[over])

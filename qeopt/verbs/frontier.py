"""The Pareto frontier of one network over two of: the score, and the budgets. All other budgets are held."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from qeopt.budgets import FLASH, SRAM, Budget, Kind, table
from qeopt.design import VerificationError
from qeopt.design.prove import prove
from qeopt.infeasibility.network import fast_exact, fixed_totals, overuse
from qeopt.network import Bits, Network
from qeopt.qbr import PROVER, Impossible, LeastUse, Refined, Refiner
from qeopt.qbr.answers import has_addresses, overflow
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
SCORE = "score"
"""The axis that is no budget."""


def frontier(
    source: StudySource,
    *axes: str,
    floor: float | None = None,
    most: int = POINTS,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    reached: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Find bits that no others beat on two axes: that score more with less of a budget, or use less of two budgets.

    Beginning without a limit on either axis, one is limited to just below what the last answer uses and the other made the best it
    can be, until nothing fits (the epsilon-constraint method, exact as every answer is proven; of answers that are as good, the one
    that uses least is taken). Where that would be more than `most` points, the limit is lowered by larger steps: every point is on
    the frontier still, but some of it is left out, and the sweep says so. Ctrl-C ends it with the points so far.

    Args:
        source: A study of one network.
        axes: One or two of "score" and the budgets ("flash", "sram", "bitops", "latency_ms", ...); one budget alone is a frontier
            of it and the score.
        floor: Of two budgets: the least score of a point, as `solve` tells it; any by default. A point has the highest score that
            there is with so much of both.
        most: Points at most.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        reached: Called with the number of points found and the most there can be.

    Raises:
        SpecError: when the study is not sound, is of a space, or the axes or the floor are not.
        VerificationError: when two engines disagree.
    """
    over, best = check_axes(axes, floor)
    loaded = load_study(source, overrides=overrides, library=library)
    study = loaded.value
    if study.open_space is not None:
        said = (
            f"{study.name!r} is of a space; a frontier is of the bits of one network: give ranges, such as --flash 16KiB:64KiB:8KiB"
        )
        raise SpecError.at(None, said)
    for name in {over, best} - {SCORE}:
        _refuse_constant(table()[name], study.refiner)
    structure = study.subject.smallest()
    network = study.subject.expand(structure, study.task, study.subject.name)
    lifted = {name: None for name in (over, best) if name != SCORE}
    free = replace(study.refiner, limits=study.refiner.limits.but(**lifted))
    totals = fixed_totals(free, network)
    if totals:
        raise SpecError.at(None, overuse(totals))
    walk = _Walk(free, structure, network, over, best, floor, most, reached)
    points, end = walk.down(1)
    step = 1
    if end is None and len(points) > most:
        step = max((points[0].limits[over] - walk.least) // most, 1)
        points, end = walk.down(step)
    if not points:
        raise SpecError.at(None, _why_none(walk, lifted, end))
    asked = tuple(dict.fromkeys((*map(_named, axes), SCORE)))[:2]
    first = next(name for name in asked if name != SCORE)
    points.sort(key=lambda point: point.limits[first])
    limits = tuple(point.limits[first] for point in points)
    note = walk.note(points, end, step)
    return Sweep(loaded, {first: limits}, tuple(points), walk.interrupted, note, asked, floor)


def _named(text: str) -> str:
    """The name of an axis by what it is called: the score, or a budget as studies state it or as it is counted.

    Raises:
        SpecError: there is no such axis.
    """
    known = {SCORE: SCORE, **{found.key: name for name, found in table().items()}}
    names = {**known, **{name: name for name in table()}}
    if text not in names:
        raise SpecError.at(None, f"--frontier {text}: {one_of(known)} was expected{did_you_mean(text, known)}")
    return names[text]


def check_axes(texts: Sequence[str], floor: float | None) -> tuple[str, str]:
    """The budget that is limited, and what is made the best it can be: the score, or a budget that adds up over operators.

    Flash is the one that is limited where it can be: limits count the code of kernels as it is, sums over operators cannot.

    Raises:
        SpecError: there is no such axis, these two make no frontier, or no floor goes with them.
    """
    names = tuple(map(_named, texts))
    asked = names if len(names) != 1 or SCORE in names else (*names, SCORE)
    if len(asked) != 2 or len(set(asked)) != 2:
        said = f"--frontier {','.join(texts)}: one budget, or two different axes such as flash,bitops, were expected"
        raise SpecError.at(None, said)
    peaks = [name for name in asked if name != SCORE and table()[name].kind is Kind.PEAK]
    if len(peaks) == 2:
        said = (
            f"--frontier {','.join(texts)}: both are maxima over steps; one that adds up over operators, or the score, was expected"
        )
        raise SpecError.at(None, said)
    first = [SCORE, *(name for name in asked if name not in (*peaks, FLASH.name, SCORE)), FLASH.name, *peaks]
    best, over = sorted(asked, key=first.index)
    if floor is not None and best == SCORE:
        raise SpecError.at(None, "--floor: holds where neither axis is the score: --frontier flash,bitops")
    if floor is not None and not math.isfinite(floor):
        raise SpecError.at(None, f"--floor {floor}: a score was expected")
    return over, best


def _refuse_constant(record: Budget, refiner: Refiner) -> None:
    """Refuse a budget that the runtime does not count, or that no bits change."""
    lacking = record.lacks(refiner.runtime)
    if lacking is not None:
        raise SpecError.at(None, f"--frontier {record.key}: {lacking}")
    if record.is_structural(refiner.runtime):
        raise SpecError.at(None, f"--frontier {record.key}: no bits change it, so it has no frontier")


def _why_none(walk: _Walk, lifted: Mapping[str, None], end: Refined | None) -> str:
    if end is None:
        return "interrupted before any point was found"
    if walk.floor is not None:
        best = walk.highest
        if best is not None and best < walk.floor:
            return f"--floor {walk.floor:g}: the best bits score {best:.4f}; no more than that was expected"
    if end.status is not Status.INFEASIBLE:
        return f"no bits were found, and it is not proven that there are none: {end.reason or 'engines stopped at their limits'}"
    return f"no bits fit whatever the limit of {' and '.join(lifted)}: {end.reason}; `qeopt explain` says more"


@dataclass
class _Walk:
    """Goes down a frontier."""

    free: Refiner
    structure: Structure
    network: Network
    over: str
    best: str
    floor: float | None
    most: int
    reached: Callable[[int, int], None] | None
    interrupted: bool = False
    unproven: int = field(default=0, init=False)
    """Points of which it is not proven that they are on the frontier."""

    def down(self, step: int) -> tuple[list[SweepPoint], Refined | None]:
        """The points, the most lavish of `over` first, and what ended it; None where there are too many, or Ctrl-C came."""
        points: list[SweepPoint] = []
        self.unproven = 0
        try:
            limit, found = None, self._at(None, None)
            while found.bits is not None and len(points) <= self.most:
                need = self._need(found)
                further = self._at(need - 1, found.bits)
                if self._is_as_good(further, found):
                    found = further
                    continue
                points.append(self._point(limit, need, found, step))
                if self.reached is not None:
                    self.reached(len(points), self.most)
                limit = need - step
                found = further if step == 1 else self._at(limit, found.bits)
            if found.bits is None:
                self._agree_that_none(found, limit)
                return points, found
        except KeyboardInterrupt:
            self.interrupted = True
        return points, None

    @cached_property
    def goal(self) -> LeastUse | None:
        """What is sought at each limit: the score, or the least of the other budget."""
        if self.best == SCORE:
            return None
        adds_up = table()[self.over].kind is not Kind.PEAK
        return LeastUse((self.best, self.over) if adds_up else (self.best,), self.floor)

    @cached_property
    def highest(self) -> float | None:
        """The highest score without a limit on either axis."""
        return self.free.refine(self.network, fast_exact(self.free)).score

    @property
    def least(self) -> int:
        """No bits of the frontier use less of `over`: only the size of steps follows from it."""
        if self.goal is not None and table()[self.over].kind is not Kind.PEAK:
            terms = self._terms(LeastUse((self.over, self.best), self.floor))
            return _used(terms.refine(self.network, fast_exact(terms)), self.over)
        compiled = replace(self.free, limits=self.free.limits.but(**{self.over: 1})).compile(self.network)
        if isinstance(compiled, Impossible):
            return 0
        unit = self.free.runtime.unit_per_byte if table()[self.over].unit.is_memory else 1
        return max((row.least() for row in compiled.problem.rows if row.kind == self.over), default=0) // unit

    def note(self, points: Sequence[SweepPoint], end: Refined | None, step: int) -> str:
        """How far the points go."""
        if self.unproven:
            return (
                f"{self.unproven:,} of {len(points):,} points are not proven to be on the frontier: engines stopped at their limits"
            )
        if step == 1 and end is not None and end.status is Status.INFEASIBLE:
            beaten = "scores more for less" if self.best == SCORE else "uses less of one without more of the other"
            return f"the whole frontier: nothing between these points {beaten}, proven"
        return f"points of the frontier, at least {step:,} apart"

    def _terms(self, goal: LeastUse | None, **limits: int | None) -> Refiner:
        return replace(self.free, goal=goal, limits=self.free.limits.but(**limits))

    def _at(self, limit: int | None, hint: Bits | None) -> Refined:
        """The best within a limit of `over`."""
        if limit is not None and limit < 0:
            return Refined(self.network, Status.INFEASIBLE, PROVER, reason="nothing uses less than nothing")
        terms = self._terms(self.goal, **{self.over: limit})
        found = terms.refine(self.network, fast_exact(terms), hint)
        return found if self.goal is None or found.bits is None else self._with_all_code(found, limit)

    def _with_all_code(self, found: Refined, limit: int | None) -> Refined:
        """The least where kernels of other bits may take less code than those of `found`: by halving what it may use."""
        if found.outcome is None or found.outcome.bound is None or self.best != FLASH.name:
            return found
        low, high = -(found.outcome.bound // self.free.runtime.unit_per_byte), _used(found, self.best)
        while low < high:
            middle = (low + high) // 2
            terms = self._terms(self.goal, **{self.over: limit, self.best: middle})
            tried = terms.refine(self.network, fast_exact(terms), found.bits)
            if tried.bits is not None:
                found, high = tried, _used(tried, self.best)
            elif tried.status is Status.INFEASIBLE:
                low = middle + 1
            else:
                return replace(found, status=Status.FEASIBLE)
        return replace(found, status=Status.OPTIMAL)

    def _is_as_good(self, further: Refined, found: Refined) -> bool:
        if further.bits is None:
            return False
        if self.best == SCORE:
            return abs((further.score or 0.0) - (found.score or 0.0)) < SAME
        return _used(further, self.best) == _used(found, self.best)

    def _need(self, found: Refined) -> int:
        """The least limit of `over` within which bits fit: of SRAM, one within which their buffers find addresses."""
        low = high = _used(found, self.over)
        if self.over != SRAM.name:
            return high
        high += overflow(self._terms(None, **{self.over: low}), found)[0]
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if has_addresses(self._terms(None, **{self.over: middle}), found) else (middle + 1, high)
        return high

    def _point(self, limit: int | None, need: int, found: Refined, step: int) -> SweepPoint:
        """A point, the best within `limit` and all that it needs, once two engines have proven it."""
        limits = {self.over: need}
        if self.goal is None:
            best, proofs = found, prove(self._terms(None, **{self.over: limit}), found)
        else:
            limits[self.best] = _used(found, self.best)
            terms = self._terms(None, **limits)
            proofs = prove(terms, terms.refine(self.network, fast_exact(terms), found.bits))
            best = proofs[0]
        proven = found.status is Status.OPTIMAL and proofs[0].status is Status.OPTIMAL
        if self.goal is not None:
            proven &= self._none_within({self.over: limit, self.best: limits[self.best] - 1}, limits)
            if step > 1:  # otherwise the next point is proven from there on
                proven &= self._none_within({**limits, self.over: need - 1}, limits)
        self.unproven += not proven
        engines = tuple(proof.engine for proof in proofs if proof.status is Status.OPTIMAL)
        bound = best.score if best.status is Status.OPTIMAL else best.bound
        return SweepPoint(limits, best.status if proven else Status.FEASIBLE, Stop.SINGLE, self.structure, best, engines, bound)

    def _none_within(self, less: Mapping[str, int | None], limits: Mapping[str, int]) -> bool:
        """Whether the second engine proves that no bits fit `less`, which would beat the point at `limits` or be one beside it.

        Raises:
            VerificationError: when it finds some.
        """
        if any(limit is not None and limit < 0 for limit in less.values()):
            return True
        answer = self._terms(self.goal, **less).refine(self.network, PROVER)
        if answer.bits is not None:
            raise VerificationError(f"{PROVER} finds bits that beat a point of the frontier, {dict(limits)}, or lie beside it")
        return answer.status is Status.INFEASIBLE

    def _agree_that_none(self, found: Refined, limit: int | None) -> None:
        """Where it is said to be proven that nothing fits within `limit`, the second engine has to agree.

        Raises:
            VerificationError: when it does not.
        """
        if found.status is Status.INFEASIBLE and found.engine != PROVER:
            second = self._terms(self.goal, **{self.over: limit}).refine(self.network, PROVER)
            if second.bits is not None:
                raise VerificationError(f"{found.engine} finds no bits below the last point of the frontier, {PROVER} does")


def _used(refined: Refined, name: str) -> int:
    return 0 if refined.resources is None else math.ceil(refined.resources.used[name])

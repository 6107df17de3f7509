"""Sweep a study: the best design, and what is proven, at every point of a grid of budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from qeopt.budgets import table
from qeopt.design import VerificationError
from qeopt.design.prove import prove
from qeopt.design.refuse import refuse_overuse
from qeopt.infeasibility.network import fast_exact, fixed_totals, overuse
from qeopt.network import Network
from qeopt.qbr import PROVER, Refined, Refiner
from qeopt.score.gap import known_gap
from qeopt.search import Progress, Stop, Workers, explore, open_workers
from qeopt.space import Structure
from qeopt.spec.errors import SpecError, did_you_mean, one_of
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study
from qeopt.study.load import StudySource, load_study
from qeopt_solvers import Status
from qeopt_solvers.sweep import over_grid

MOST_POINTS = 1024
"""Points of a grid; each is several solves, or a whole search."""
TOLERANCE_NATS = 1e-6
"""Per tensor: scores are sums of floats, gains integers of this unit."""


@dataclass(frozen=True)
class SweepPoint:
    """The best design found within some budgets, and a bound on every design within them."""

    limits: Mapping[str, int]
    """By budget of the grid: bytes, or units."""
    status: Status
    """Of the bits of this structure; without a design, `infeasible` where that is proven, else `unknown`."""
    stopped: Stop
    structure: Structure | None = None
    refined: Refined | None = None
    """The bits, counted; None without a design."""
    engines: tuple[str, ...] = ()
    """Engines that proved the status."""
    bound: float | None = None
    """No design within these budgets scores higher; None where that is not known or none is possible."""
    reason: str = ""
    """Why there is no design."""
    carried: bool = False
    """The design is that of a point with less, which fits here too and is better than what was found here."""

    @property
    def score(self) -> float | None:
        """Score of the design, in nats."""
        return None if self.refined is None else self.refined.score

    @property
    def gap(self) -> float | None:
        """(bound - score) / |score|."""
        return known_gap(self.score, self.bound)


@dataclass(frozen=True)
class Sweep:
    """A grid of budgets and its points, tighter ones first; the last budget varies fastest."""

    loaded: Loaded[Study]
    axes: Mapping[str, tuple[int, ...]]
    """By budget, its limits ascending."""
    points: tuple[SweepPoint, ...]
    interrupted: bool = False
    note: str = ""
    """What a reader must know of how far the points go."""
    frontier: tuple[str, ...] = ()
    """Axes of a frontier, as they were asked for; the points then have limits of the budgets among them."""
    floor: float | None = None
    """The least score of its points, where it was asked for."""

    @property
    def limited(self) -> tuple[str, ...]:
        """Budgets that every point has a limit of."""
        return tuple(name for name in self.frontier if name in table()) or tuple(self.axes)

    @property
    def asked(self) -> int:
        """Points that were asked for."""
        return math.prod(len(values) for values in self.axes.values())


def sweep(
    source: StudySource,
    grid: Mapping[str, Sequence[int]],
    *,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[str, Progress], None] | None = None,
    reached: Callable[[int, int], None] | None = None,
    workers: int | str = 0,
) -> Sweep:
    """Answer a study at every combination of the limits in `grid`. Ctrl-C ends it with the points so far.

    A network gets exact bits at each point, started from those of the tighter points. A space is searched at each point; the search
    knows the best structures of the tighter points. Scores and bounds never fall as budgets grow: a design that fits a tighter
    point is an answer, and a bound that holds at a looser point holds, too.

    Args:
        source: A study file, the name of a shipped one, or a study that was read before.
        grid: By budget ("sram", "flash"), the limits in bytes or units.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the name of a point and the progress of its search.
        reached: Called with the number of points done and asked for.
        workers: Who takes the islands of searches on, as for `solve`.

    Raises:
        SpecError: when the study or the grid is not sound.
        VerificationError: when engines disagree, or a score is above what is proven of a looser point.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    axes = {name: tuple(sorted(set(values))) for name, values in grid.items()}
    check_grid(axes)
    done: list[SweepPoint] = []
    found = Sweep(loaded, axes, ())
    with open_workers(workers) as crew:
        sweeper = _Sweeper(loaded.value, crew, report, found.asked)
        try:
            for _, point in over_grid(axes, sweeper.answer):
                done.append(point)
                if reached is not None:
                    reached(len(done), found.asked)
        except KeyboardInterrupt:
            found = replace(found, interrupted=True)
    return replace(found, points=_tightened(done))


@dataclass(frozen=True)
class _Sweeper:
    """Answers points of one study."""

    study: Study
    workers: Workers
    report: Callable[[str, Progress], None] | None
    asked: int

    def answer(self, limits: dict[str, int], tighter: Sequence[SweepPoint]) -> SweepPoint:
        """The point at `limits`; `tighter` are the points next to it, whose designs fit there."""
        refiner = self.study.refiner
        refiner = replace(refiner, limits=refiner.limits.but(**limits))
        known = max((point for point in tighter if point.score is not None), key=_score, default=None)
        of_one = self.study.subject.size == 1
        found = self._network(refiner, limits, known) if of_one else self._space(refiner, limits, tighter)
        if known is None or _score(found) >= _score(known) - _tolerance(known):
            return found
        if found.status is Status.INFEASIBLE:
            raise VerificationError(f"nothing is said to fit {limits}, yet a design fits {dict(known.limits)}")
        return replace(
            found, status=Status.FEASIBLE, engines=(), structure=known.structure, refined=known.refined, reason="", carried=True
        )

    def _network(self, refiner: Refiner, limits: Mapping[str, int], known: SweepPoint | None) -> SweepPoint:
        """Exact bits of the only structure."""
        structure = self.study.subject.smallest()
        network = self._expand(structure)
        totals = fixed_totals(refiner, network)
        if totals:
            reason = overuse(totals)
            return SweepPoint(limits, Status.INFEASIBLE, Stop.SINGLE, reason=reason)
        hint = None if known is None or known.refined is None else known.refined.bits
        refined = refiner.refine(network, fast_exact(refiner), hint)
        if refined.bits is None:
            return self._none(refiner, limits, refined)
        return _point(limits, Stop.SINGLE, structure, _kept(refiner, prove(refiner, refined)))

    def _none(self, refiner: Refiner, limits: Mapping[str, int], refined: Refined) -> SweepPoint:
        """No bits; CP-SAT has to agree if that is said to be proven."""
        engines: tuple[str, ...] = ()
        if refined.status is Status.INFEASIBLE:
            second = refiner.refine(refined.network, PROVER)
            if second.bits is not None:
                raise VerificationError(f"{refined.engine} finds no bits for {refined.network.name!r}, {PROVER} does")
            engines = tuple(dict.fromkeys((refined.engine, PROVER)))
        return SweepPoint(limits, refined.status, Stop.SINGLE, engines=engines, bound=refined.bound, reason=refined.reason)

    def _space(self, refiner: Refiner, limits: Mapping[str, int], tighter: Sequence[SweepPoint]) -> SweepPoint:
        """A search that knows the best structures of tighter points."""
        report = self.report
        name = f"point at {', '.join(f'{key} {value:,}' for key, value in limits.items())}"
        found = explore(
            self.study.subject,
            self.study.task,
            refiner.scouting(),
            self.study.search.model_copy(update={"alternatives": 0}),
            None if report is None else lambda progress: report(name, progress),
            workers=self.workers,
            seeds=tuple(dict.fromkeys(point.structure for point in tighter if point.structure is not None)),
        )
        if found.stopped is Stop.INTERRUPTED:
            raise KeyboardInterrupt
        bound = None if found.bound is None else found.bound.value
        if found.best is None:
            status = Status.INFEASIBLE if bound == -math.inf else Status.UNKNOWN
            return SweepPoint(limits, status, found.stopped, bound=None if bound == -math.inf else bound, reason=found.reason)
        proofs = _kept(refiner, prove(refiner, found.best.refined))
        return replace(_point(limits, found.stopped, found.best.structure, proofs), bound=bound)

    def _expand(self, structure: Structure) -> Network:
        return self.study.subject.expand(structure, self.study.task, self.study.subject.name)


def _kept(refiner: Refiner, proofs: tuple[Refined, ...]) -> tuple[Refined, ...]:
    """The proofs, once it is seen that the answer keeps its budgets."""
    if proofs[0].resources is not None:
        refuse_overuse(refiner.limits, proofs[0].resources, f"the point of {proofs[0].network.name!r}")
    return proofs


def _point(limits: Mapping[str, int], stopped: Stop, structure: Structure, proofs: Sequence[Refined]) -> SweepPoint:
    """A design; `bound` is that over the bits of its structure."""
    best = proofs[0]
    is_best = best.status is Status.OPTIMAL
    engines = tuple(proof.engine for proof in proofs if proof.status is Status.OPTIMAL)
    return SweepPoint(limits, best.status, stopped, structure, best, engines, best.score if is_best else best.bound)


def _tightened(points: Sequence[SweepPoint]) -> tuple[SweepPoint, ...]:
    """Lower every bound to those of looser points, which hold for tighter ones, and check what must hold then.

    Raises:
        VerificationError: when a score is above the bound or the score of a point with more.
    """
    found = []
    for point in points:
        looser = [other for other in points if all(other.limits[name] >= limit for name, limit in point.limits.items())]
        bounds = [other.bound for other in looser if other.bound is not None]
        bound = None if point.status is Status.INFEASIBLE else min(bounds, default=None)
        for other in looser:
            _compare(point, other, bound)
        found.append(replace(point, bound=bound))
    return tuple(found)


def _compare(point: SweepPoint, looser: SweepPoint, bound: float | None) -> None:
    if point.score is None:
        return
    most = min(_score(looser), math.inf if bound is None else bound)
    if point.score > most + _tolerance(point):
        at, there = dict(point.limits), dict(looser.limits)
        raise VerificationError(f"a sweep that cannot be: {point.score} at {at} is above {most}, which is claimed of {there}")


def _score(point: SweepPoint) -> float:
    return -math.inf if point.score is None else point.score


def _tolerance(point: SweepPoint) -> float:
    return 0.0 if point.refined is None else TOLERANCE_NATS * len(point.refined.network.tensors)


def check_grid(axes: Mapping[str, Sequence[int]]) -> None:
    """Refuse a grid that is empty, too large, or of budgets that there are not.

    Raises:
        SpecError: saying which.
    """
    if not axes or not all(axes.values()):
        raise SpecError.at(None, "a sweep needs a range of a budget, such as --sram 128KiB:512KiB:32KiB")
    for name, values in axes.items():
        if name not in table():
            raise SpecError.at(None, f"there is no budget {name!r}; {one_of(table())} was expected{did_you_mean(name, table())}")
        if min(values) < 1:
            raise SpecError.at(None, f"a limit of {name!r} is {min(values)}; at least 1 was expected")
    points = math.prod(len(values) for values in axes.values())
    if points > MOST_POINTS:
        counted = " x ".join(f"{len(values):,} {name}" for name, values in axes.items())
        message = f"a sweep of {points:,} points ({counted}); at most {MOST_POINTS} were expected: take longer steps"
        raise SpecError.at(None, message)

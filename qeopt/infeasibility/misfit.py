"""Why no structure of a space fits, and what would have to give: the least that budgets must be for some structure to fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from qeopt.infeasibility.descent import descend, overuse, shares_of
from qeopt.infeasibility.space import Least, excludes_all, least_need, least_of, only
from qeopt.memory import Limits
from qeopt.qbr import Refiner
from qeopt.space import Space, Structure, Task


@dataclass(frozen=True)
class SpaceMisfit:
    """Why no structure of a space was found to fit."""

    structure: Structure
    """One that comes near: where changes are known, it fits with the smallest of them."""
    excluded: bool
    """Whether it is proven that none fits."""
    floors: tuple[Least, ...]
    """Budgets that are too small for every structure by themselves, each proven to be, and the least that some structure needs."""
    singles: tuple[Least, ...]
    """Of every budget, the least to which it alone must grow for some structure to fit; its amount is None where none was found to
    be enough. Nothing where no bits are legal."""
    joint: tuple[Least, ...]
    """Where no budget alone was found to be enough: to what several must grow, each the least while the others stay so."""


def explain_space(space: Space, task: Task, refiner: Refiner) -> SpaceMisfit | Structure:
    """Find out why no structure of `space` fits, and the least that would help; a structure, where one fits after all.

    Addresses of buffers, and code beyond the least, are left aside.
    """
    return _Case(space, task, refiner).explain()


@dataclass(frozen=True)
class _Case:
    """One space under one set of terms."""

    space: Space
    task: Task
    refiner: Refiner

    def explain(self) -> SpaceMisfit | Structure:
        """Everything that is to be said."""
        limits, start = self.refiner.limits, self.space.smallest()
        shares = shares_of(self.refiner, self.space.expand(start, self.task))
        if shares is None:
            start = _nearest(self.space, self.task, self.refiner)
            shares = shares_of(self.refiner, self.space.expand(start, self.task))
        if shares is None:
            return SpaceMisfit(start, self._nothing_is_legal(), (), (), ())
        short = [name for name in limits if shares.get(name, 0.0) > 1]
        alone = [self._least(self.refiner, name, (), start, limits[name]) for name in short]
        for found in alone:
            if self._fits(found.structure):
                return found.structure
        floors = tuple(found for found in alone if self._is_too_little(found, limits[found.name]))
        if len(floors) > 1:
            best = floors[-1].structure
            joint = self._together(floors) or self._in_turn(floors, best)
            return self._misfit(best, True, floors, {}, joint)
        return self._one_alone(floors, short)

    def _one_alone(self, floors: tuple[Least, ...], short: Sequence[str]) -> SpaceMisfit | Structure:
        """To what one budget must grow: the one that is too little by itself, or any where none is."""
        limits = self.refiner.limits
        best = floors[0].structure if floors else _nearest(self.space, self.task, self.refiner)
        if self._fits(best):
            return best
        singles: dict[str, Least] = {}
        for name in [floors[0].name] if floors else sorted(limits, key=lambda name: name not in short):
            found = self._single(name, floors, best)
            if found.amount is not None and found.amount <= limits[name]:
                return found.structure
            singles[name] = found
        proven = any(found.proven for found in singles.values())
        excluded = bool(floors) or proven or excludes_all(self.space, self.task, self.refiner)
        none_alone = all(found.amount is None for found in singles.values())
        return self._misfit(best, excluded, floors, singles, self._in_turn(floors, best) if none_alone else ())

    def _misfit(
        self, best: Structure, excluded: bool, floors: tuple[Least, ...], singles: Mapping[str, Least], joint: tuple[Least, ...]
    ) -> SpaceMisfit:
        """What was found; a budget that is not among the singles is of no use, as another is too little whatever it is."""
        limits = self.refiner.limits
        told = tuple(singles.get(name) or Least(name, None, best, proven=True) for name in limits)
        shares = [(single.amount / max(limits[single.name], 1), single.structure) for single in told if single.amount is not None]
        if shares:
            best = min(shares, key=lambda share: share[0])[1]
        elif joint:
            best = joint[-1].structure
        return SpaceMisfit(best, excluded, floors, told, joint)

    def _fits(self, structure: Structure) -> bool:
        """Whether a structure has bits within all budgets."""
        network = self.space.expand(structure, self.task)
        return least_need(self.refiner, network, "layers", self.refiner.limits) is not None

    def _nothing_is_legal(self) -> bool:
        return excludes_all(self.space, self.task, replace(self.refiner, limits=Limits()))

    def _is_too_little(self, found: Least, limit: int) -> bool:
        """Whether it is proven that every structure needs more of a budget than `limit`."""
        if found.amount is None or found.amount <= limit:
            return False
        alone = replace(self.refiner, limits=only(self.refiner.limits, [found.name]))
        return found.proven or excludes_all(self.space, self.task, alone)

    def _single(self, name: str, floors: tuple[Least, ...], best: Structure) -> Least:
        """The least of one budget while all others hold."""
        others = [other for other in self.refiner.limits if other != name]
        if floors:
            return self._beside(self.refiner, floors[0], others)
        return self._least(self.refiner, name, others, best, self.refiner.limits[name])

    def _together(self, floors: tuple[Least, ...]) -> tuple[Least, ...]:
        """One budget after the other at its least while those before it are at theirs; nothing where some has none."""
        short = {found.name for found in floors}
        held = [name for name in self.refiner.limits if name not in short]
        refiner, joint = self.refiner, []
        for floor in floors:
            found = self._beside(refiner, floor, held)
            if found.amount is None:
                return ()
            refiner = replace(refiner, limits=refiner.limits.but(**{found.name: found.amount}))
            held.append(found.name)
            joint.append(found)
        return tuple(joint)

    def _in_turn(self, floors: tuple[Least, ...], start: Structure) -> tuple[Least, ...]:
        """What each budget must be while those before it hold, those too small by themselves first; told of those that grow."""
        limits = self.refiner.limits
        by_name = {floor.name: floor for floor in floors}
        refiner = self.refiner
        held: list[str] = []
        grown: list[Least] = []
        for name in (*by_name, *(name for name in limits if name not in by_name)):
            floor = by_name.get(name)
            found = self._beside(refiner, floor, held) if floor else self._least(refiner, name, held, start, limits[name])
            if found.amount is None:
                return ()
            if found.amount > limits[name]:
                grown.append(found)
                refiner = replace(refiner, limits=refiner.limits.but(**{name: found.amount}))
            held.append(name)
            start = found.structure
        return tuple(grown)

    def _beside(self, refiner: Refiner, floor: Least, beside: Iterable[str]) -> Least:
        """The least of a budget while others hold: what it is by itself, where its structure is within the others."""
        held = only(refiner.limits, beside)
        if least_need(refiner, self.space.expand(floor.structure, self.task), floor.name, held) == floor.amount:
            return floor
        return self._least(refiner, floor.name, beside, floor.structure)

    def _least(self, refiner: Refiner, name: str, beside: Iterable[str], start: Structure, enough: int = 0) -> Least:
        return least_of(self.space, self.task, refiner, name, beside, start=start, enough=enough)


def _nearest(space: Space, task: Task, refiner: Refiner) -> Structure:
    """The end of a descent from the smallest structure, or the first structure on the way that meets each budget by itself."""
    return descend(space, task, space.smallest(), lambda network: overuse(refiner, network), enough=(1.0, math.inf))

"""What would have to give for a network to fit: the least by which budgets must grow, each proven by two exact engines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qeopt.budgets import budget
from qeopt.memory import count
from qeopt.memory.arena import overflow_bytes
from qeopt.network import Network
from qeopt.qbr import PROVER, Compiled, Impossible, Refined, Refiner
from qeopt.qbr.reasons import Shortage, shortages
from qeopt_solvers import Limits as SolveLimits
from qeopt_solvers import Status, table
from qeopt_solvers.budgets import kinds, relaxed
from qeopt_solvers.explain import Relaxation, explain_infeasible, least_relaxation
from qeopt_solvers.solve import solve

PARTS = 1000
"""By default a joint relaxation grows every budget in steps of one part in so many of itself."""

Amounts = tuple[tuple[str, int], ...]
"""(budget, amount) in bytes of memory, units of anything else."""


@dataclass(frozen=True, slots=True)
class Total:
    """A total that no bits change, over its budget."""

    name: str
    needed: int
    limit: int


@dataclass(frozen=True)
class Relief:
    """The least by which some budgets must grow for bits to exist."""

    names: tuple[str, ...]
    """The budgets that grow."""
    extra: Amounts
    """How much more of each; nothing where it does not suffice."""
    suffices: bool
    """Whether any amount does."""
    proven: bool
    """Whether it was proven that less is not enough; where it does not suffice, that nothing is."""
    engines: tuple[str, ...]
    """Engines that proved it; none where it takes no engine to see it."""
    refined: Refined | None = None
    """The best bits with exactly this much more, addresses and code included; its `bits` are None where none were found."""
    steps: int = 0
    """Of a joint relaxation: steps of all budgets together, of which one less was not enough; `extra` is what is needed of them."""
    with_addresses: Amounts = ()
    """Where bits exist but none with addresses and all their code were found: so much more is enough for those too."""


@dataclass(frozen=True)
class Misfit:
    """Why a network fits at no bits."""

    reason: str
    shortages: tuple[Shortage, ...]
    """Rows that are over their limit by themselves, the worst first; there may be none."""
    totals: tuple[Total, ...]
    """Totals that are over their budgets whatever the bits."""
    singles: tuple[Relief, ...]
    """Growing one budget alone; nothing where no bits are legal."""
    joint: Relief | None
    """Growing budgets together: in steps of `weights` first, then each of them back by what it need not grow while the others stay;
    None where no bits are legal."""
    weights: Amounts
    """The step of each budget in the joint relaxation; totals that no bits change grow by what they need."""


def fixed_totals(refiner: Refiner, network: Network) -> tuple[Total, ...]:
    """List the totals of `network` that no bits change and that are over their budgets."""
    limits = refiner.limits
    found = refiner.structural_totals(network)
    return tuple(Total(name, needed, limits[name]) for name, needed in found.items() if needed > limits.get(name, needed))


def overuse(totals: Iterable[Total]) -> str:
    """Totals that are over their budgets, in words."""
    return "; ".join(f"{total.needed:,} {total.name}, {total.limit:,} are allowed" for total in totals)


def fast_exact(refiner: Refiner) -> str:
    """The engine for many solves: the scout where it is exact; exact engines agree."""
    scout = refiner.settings.scout
    return scout if table.traits(scout).exact else PROVER


def grown(refiner: Refiner, extra: Mapping[str, int]) -> Refiner:
    """The same terms with more of some budgets, in bytes or units."""
    more = {name: refiner.limits[name] + amount for name, amount in extra.items()}
    return replace(refiner, limits=refiner.limits.but(**more))


def explain_misfit(refiner: Refiner, network: Network, weights: Mapping[str, int] | None = None) -> Misfit:
    """Find out why `network` fits at no bits, and the least that would make it fit.

    Args:
        refiner: The terms under which it does not fit.
        network: The network.
        weights: Bytes or units by which each budget grows in a step of the joint relaxation; budgets that are not named do not
            grow. By default a thousandth of each budget that bits touch.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
    """
    compiled = refiner.compile(network)
    totals = fixed_totals(refiner, network)
    touched = () if isinstance(compiled, Impossible) else kinds(compiled.problem)
    default = {name: max(1, limit // PARTS) for name, limit in refiner.limits.items() if name in touched}
    shares = default if weights is None else dict(weights)
    if isinstance(compiled, Impossible):
        return Misfit(compiled.reason, (), totals, (), None, tuple(shares.items()))
    return _Case(refiner, network, compiled, totals, shares).explain()


@dataclass(frozen=True)
class _Case:
    """One network under one set of terms."""

    refiner: Refiner
    network: Network
    compiled: Compiled
    totals: tuple[Total, ...]
    shares: dict[str, int]

    def explain(self) -> Misfit:
        """Everything that is to be said."""
        problem = self.compiled.problem
        steps = {name: share * self._unit(name) for name, share in self.shares.items() if name in kinds(problem)}
        found = explain_infeasible(problem, engine=fast_exact(self.refiner), limits=self._limits, weights=steps)
        singles = [self._single(single) for single in found.singles]
        singles += [self._total_alone(total) for total in self.totals]
        short = shortages(self.compiled, self.refiner.runtime)
        joint = self._joint(found.joint, steps)
        return Misfit(self._reason(short), short, self.totals, tuple(singles), joint, tuple(self.shares.items()))

    @property
    def _limits(self) -> SolveLimits:
        return SolveLimits(deterministic=self.refiner.settings.deterministic_limit)

    def _unit(self, name: str) -> int:
        """Units of a row in one unit of its budget."""
        return self.refiner.runtime.unit_per_byte if budget(name).unit.is_memory else 1

    def _reason(self, short: tuple[Shortage, ...]) -> str:
        if short:
            return short[0].text
        if self.totals:
            return overuse(self.totals)
        return self.refiner.refine(self.network, PROVER).reason

    def _single(self, found: Relaxation) -> Relief:
        """One kind of row alone, which is of no use while a total is over its budget."""
        names = tuple(name for name, _ in found.extra)
        if found.suffices and self.totals:
            return Relief(names, (), suffices=False, proven=True, engines=())
        return self._relief(found, dict.fromkeys(names, 1), names, self._amounts(found))

    def _total_alone(self, total: Total) -> Relief:
        """One total alone, which is enough if it is the only one and bits meet all rows as they are."""
        engine = fast_exact(self.refiner)
        if len(self.totals) > 1:
            return Relief((total.name,), (), suffices=False, proven=True, engines=())
        if not solve(self.compiled.problem, engine, self._limits).has_picks:
            engines = tuple(dict.fromkeys((engine, PROVER)))
            return Relief((total.name,), (), suffices=False, proven=self._is_too_little({}), engines=engines)
        extra = {total.name: total.needed - total.limit}
        refined = grown(self.refiner, extra).refine(self.network, engine)
        return Relief((total.name,), tuple(extra.items()), suffices=True, proven=True, engines=(), refined=refined)

    def _joint(self, found: Relaxation, steps: Mapping[str, int]) -> Relief:
        """All budgets with a share together; totals by what they need, which nothing else can make up for."""
        wanted = tuple((total.name, total.needed - total.limit) for total in self.totals)
        names = (*self.shares, *(name for name, _ in wanted))
        if not found.suffices:
            return self._relief(found, steps, names, ())
        trimmed = self._trimmed(found)
        rows = self._amounts(replace(found, extra=trimmed))
        relief = self._relief(found, steps, names, (*((name, more) for name, more in rows if more), *wanted))
        times = max((amount // steps[name] for name, amount in found.extra), default=0)
        tight = all(self._is_too_little({**dict(trimmed), name: amount - 1}) for name, amount in trimmed if amount)
        return replace(relief, steps=times, proven=relief.proven and tight)

    def _trimmed(self, found: Relaxation) -> Amounts:
        """Take from one budget after the other what it need not grow by while the others stay as they are."""
        extra = dict(found.extra)
        for name in extra:
            others = {other: amount for other, amount in extra.items() if other != name}
            least = least_relaxation(
                relaxed(self.compiled.problem, others), {name: 1}, engine=fast_exact(self.refiner), limits=self._limits
            )
            if least.suffices:
                extra[name] = dict(least.extra)[name]
        return tuple(extra.items())

    def _relief(self, found: Relaxation, steps: Mapping[str, int], names: tuple[str, ...], extra: Amounts) -> Relief:
        """Have CP-SAT confirm a relaxation, and find the bits that it allows."""
        less = {name: amount - steps[name] * found.suffices for name, amount in found.extra}
        engines: tuple[str, ...] = ()
        proven = True
        if not found.suffices or max(less.values(), default=-1) >= 0:
            proven = found.proven and self._is_too_little(less)
            engines = tuple(dict.fromkeys((fast_exact(self.refiner), PROVER)))
        if not found.suffices or found.outcome is None:
            return Relief(names, (), suffices=False, proven=proven, engines=engines)
        refined = grown(self.refiner, dict(extra)).refine(self.network, fast_exact(self.refiner))
        more = () if refined.bits is not None else self._with_addresses(found, dict(extra))
        return Relief(names, extra, suffices=True, proven=proven, engines=engines, refined=refined, with_addresses=more)

    def _is_too_little(self, extra: Mapping[str, int]) -> bool:
        """Whether CP-SAT proves that rows cannot be met with so much more, in their units."""
        return solve(relaxed(self.compiled.problem, extra), PROVER, self._limits).status is Status.INFEASIBLE

    def _amounts(self, found: Relaxation) -> Amounts:
        """Whole bytes or units that hold the units of a relaxation."""
        return tuple((name, -(-amount // self._unit(name))) for name, amount in found.extra)

    def _with_addresses(self, found: Relaxation, extra: dict[str, int]) -> Amounts:
        """What the bits of a relaxation need once their buffers have addresses and all their kernels take code."""
        if found.outcome is None or found.outcome.picks is None:
            return ()
        bits = self.compiled.bits(found.outcome.picks)
        refiner = grown(self.refiner, extra)
        limits = refiner.limits
        used = count(self.network, self.refiner.runtime, bits)
        over = {
            "sram": 0
            if limits.sram_bytes is None
            else overflow_bytes(self.network, refiner.runtime, bits, limits.sram_bytes, refiner.rooms),
            "flash": 0 if limits.flash_bytes is None else max(math.ceil(used.flash_bytes) - limits.flash_bytes, 0),
        }
        more = {**extra, **{name: extra.get(name, 0) + amount for name, amount in over.items() if amount}}
        return tuple(more.items())

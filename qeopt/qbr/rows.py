"""Turn budgets into rows of the integer program: one over the whole network, or one for each step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import TypeAlias

import numpy as np

from qeopt.budgets import FLASH, SRAM, Budget, Kind
from qeopt.hardware import Runtime
from qeopt.hardware.costs import code_flash, held, persistent, pool_scratch, tensor_elements
from qeopt.hardware.formula import BIT_NAMES
from qeopt.hardware.linked import least_linked_flash
from qeopt.hardware.runtime import Scratch, Tuples
from qeopt.memory import Held, Step, steps
from qeopt.network import Dim, Network, Op, OpKind
from qeopt.qbr.decisions import Decisions, Holder
from qeopt_solvers import Link, LinkTerm, Row, Scope, Term

Costs: TypeAlias = Mapping[tuple[int, int, int], int]
"""What an operator costs at each of its (in, weight, out) bits."""


class _Sum:
    """A row under construction: a fixed part, a cost per width of some decisions, a cost per tuple of some links."""

    def __init__(self) -> None:
        self.fixed = 0
        self.costs: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.linked: dict[int, tuple[int, ...]] = {}

    def add(self, holder: Holder, costs: Mapping[int, int]) -> None:
        """Add a cost per width of the holder's decision."""
        if holder.index is None:
            self.fixed += costs[holder.widths[0]]
            return
        for width in holder.widths:
            self.costs[holder.index][width] += costs[width]

    def terms(self) -> tuple[Term, ...]:
        return tuple(
            Term(index, tuple(by_width[width] for width in sorted(by_width))) for index, by_width in sorted(self.costs.items())
        )

    def link_terms(self) -> tuple[LinkTerm, ...]:
        return tuple(LinkTerm(link, costs) for link, costs in sorted(self.linked.items()))


class RowBuilder:
    """Builds the rows of one network; links that rows or legality need are numbered as they come up."""

    def __init__(self, network: Network, runtime: Runtime, decisions: Decisions) -> None:
        self._network = network
        self._runtime = runtime
        self._decisions = decisions
        self._links: dict[str, tuple[int, Link]] = {}
        self._wholes: dict[str, _Sum] = {}
        self.steps: dict[str, Step] = {}
        """By name of a row over memory, the step that it is about."""
        for op in network.ops:
            for number, tuples in enumerate(decisions.tuples[op.name]):
                holders = self._holders(op, number)
                if len(tuples) < _combinations(holders):
                    self._link(op, number)

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link in use."""
        return tuple(link for _, link in self._links.values())

    @property
    def unit(self) -> str:
        """The unit in which memory rows count."""
        return "bit" if self._runtime.memory.unit == "bits" else "B"

    def of(self, record: Budget, limit: int) -> tuple[Row, ...]:
        """The rows of a budget; none where it is no matter of bits.

        Args:
            record: The budget.
            limit: What may be used of it, in bytes or units.
        """
        limit *= self._runtime.unit_per_byte if record.unit.is_memory else 1
        if record.cost is None:
            return self._sram(limit)
        if record.is_structural(self._runtime):
            return ()
        if record.kind is Kind.PEAK:
            rows = ((f"{record.name} of {op.name}", self._total(record, [op])) for op in self._network.ops)
            return tuple(self._row(record, name, Scope.LOCAL, limit, total) for name, total in rows)
        fixed = self._least_code() if record is FLASH else 0
        return (self._row(record, record.name, Scope.TOTAL, limit, self._whole(record), fixed),)

    def _sram(self, limit: int) -> tuple[Row, ...]:
        """One row per step over its live set, what lasts and scratch.

        Scratch that is held all the time is a maximum over operators: it becomes a row for each that may need most.
        """
        own = [pool for pool in self._runtime.pools if pool.aggregate == "per_step"]
        lasting = sum(int(persistent(self._runtime, op)) for op in self._network.ops)
        hungriest = list(product(*(self._hungriest(pool) for pool in self._runtime.shared_pools)))
        rows = []
        for step in steps(self._network, self._runtime):
            needed = self._scratch_of(step.op, own)
            for together in hungriest:
                total = self._live(step)
                total.fixed += lasting
                self._add_op_cost(total, step.op, needed)
                for op, costs in together:
                    self._add_op_cost(total, op, costs)
                name = step.name + "".join(f" with scratch of {op.name}" for op, _ in together)
                self.steps[name] = step
                rows.append(Row(name, SRAM.name, self.unit, Scope.LOCAL, limit, total.terms(), total.link_terms(), total.fixed))
        return tuple(rows)

    def _row(self, record: Budget, name: str, scope: Scope, limit: int, total: _Sum, fixed: int = 0) -> Row:
        unit = self.unit if record.unit.is_memory else record.row_unit
        return Row(name, record.name, unit, scope, limit, total.terms(), total.link_terms(), total.fixed + fixed)

    def _whole(self, record: Budget) -> _Sum:
        """What all operators cost together, summed once."""
        if record.name not in self._wholes:
            self._wholes[record.name] = self._total(record, self._network.ops)
        return self._wholes[record.name]

    def _total(self, record: Budget, ops: Sequence[Op]) -> _Sum:
        """What some operators cost together."""
        total = _Sum()
        for op in ops:
            self._add_cost(total, record, op)
        return total

    def _add_cost(self, total: _Sum, record: Budget, op: Op) -> None:
        """Add what a budget asks of an operator, evaluated once for each of the widths that it depends on."""
        cost, widths = record.cost, record.widths(self._runtime, op.kind)
        if cost is None:
            raise ValueError(f"{record.name} is no cost of operators")
        entries = self._tuples(op)
        read = [position for position, name in enumerate(BIT_NAMES) if name in widths]
        if not read:
            total.fixed += int(cost(self._runtime, op, *entries[0]))
        elif len(read) == 1:
            (position,) = read
            examples = {entry[position]: entry for entry in entries}
            by_width = {width: int(cost(self._runtime, op, *entry)) for width, entry in examples.items()}
            if len(set(by_width.values())) == 1:
                total.fixed += by_width[entries[0][position]]
            else:
                total.add(self._holders(op)[position], by_width)
        else:
            known: dict[tuple[int, ...], int] = {}
            found = {}
            for entry in entries:
                key = tuple(entry[position] for position in read)
                if key not in known:
                    known[key] = int(cost(self._runtime, op, *entry))
                found[entry] = known[key]
            self._add_op_cost(total, op, found)

    def flash_terms(self) -> tuple[Term, ...]:
        """Flash of each weight decision."""
        return self._whole(FLASH).terms()

    def traffic_terms(self) -> tuple[Term, ...]:
        """Size of each activation decision's tensors."""
        total = _Sum()
        for tensor in self._network.tensors:
            self._add_held(total, Held(tensor, tensor_elements(self._runtime, tensor)))
        return total.terms()

    def _live(self, step: Step) -> _Sum:
        total = _Sum()
        for item in step.live:
            self._add_held(total, item)
        return total

    def _add_held(self, total: _Sum, item: Held) -> None:
        holder = self._decisions.activation[item.tensor.name]
        total.add(holder, {bits: int(held(self._runtime, item.elements, bits)) for bits in holder.widths})

    def _tuples(self, op: Op) -> Tuples:
        return self._decisions.tuples[op.name][0]

    def _costs(self, op: Op, cost: Callable[[Dim, Dim, Dim], Dim]) -> Costs:
        """A cost of (in, weight, out) bits at all of them, evaluated at once."""
        entries = self._tuples(op)
        columns = np.array(entries, dtype=object).reshape(-1, 3).T  # as objects, so that no cost can overflow
        return dict(zip(entries, np.broadcast_to(np.asarray(cost(*columns)), len(entries)).tolist(), strict=True))

    def _scratch_of(self, op: Op, pools: Sequence[Scratch]) -> Costs:
        """Working memory in some pools."""

        def scratch(*bits: Dim) -> Dim:
            return sum((pool_scratch(self._runtime, pool, op, *bits) for pool in pools), start=0)

        return self._costs(op, scratch)

    def _least_code(self) -> int:
        """Flash of the smallest kernel that each kind of operator can do with; what more kernels take is known with the bits."""
        least: dict[OpKind, int] = defaultdict(int)
        for op in self._network.ops if self._runtime.code else ():
            smallest = min(code_flash(self._runtime, op, entry) for entry in self._tuples(op))
            least[op.kind] = max(least[op.kind], smallest)
        linked = least_linked_flash(self._runtime, ((op.kind, self._tuples(op)) for op in self._network.ops))
        return sum(least.values()) + linked

    def _hungriest(self, pool: Scratch) -> list[tuple[Op, Costs]]:
        """Operators one of which needs most of a pool at any bits, with what they need; those that cannot are left out."""
        found = [(op, self._scratch_of(op, [pool])) for op in self._network.ops]
        floor = max(min(costs.values()) for _, costs in found)
        steady = next(place for place, (_, costs) in enumerate(found) if min(costs.values()) == floor)
        others = found[:steady] + found[steady + 1 :]
        return [found[steady], *((op, costs) for op, costs in others if max(costs.values()) > floor)]

    def _holders(self, op: Op, number: int = 0) -> tuple[Holder, Holder, Holder]:
        """Who holds the (in, weight, out) bits of `op` for its input `number`."""
        none = Holder(None, (0,))
        activation = self._decisions.activation
        return activation[op.inputs[number].name], self._decisions.weight.get(op.name, none), activation[op.output.name]

    def _add_op_cost(self, total: _Sum, op: Op, costs: Costs) -> None:
        """Add a cost of (in, weight, out) bits as plainly as it allows: fixed, per decision, or per linked tuple."""
        holders = self._holders(op)
        if len(set(costs.values())) == 1:
            total.fixed += next(iter(costs.values()))
            return
        positions = _open_positions(holders)
        for position in positions:
            by_width = {entry[position]: cost for entry, cost in costs.items()}
            if all(by_width[entry[position]] == cost for entry, cost in costs.items()):
                total.add(holders[position], by_width)
                return
        needed = _needed(positions, costs)
        index, link = self._link(op, 0, needed)
        by_labels = {tuple(entry[p] for p in needed): cost for entry, cost in costs.items()}
        widths = [holders[p].widths for p in needed]
        before = total.linked.get(index, (0,) * len(link.allowed))
        total.linked[index] = tuple(
            cost + by_labels[tuple(w[pick] for w, pick in zip(widths, picks, strict=True))]
            for cost, picks in zip(before, link.allowed, strict=True)
        )

    def _link(self, op: Op, number: int, positions: Sequence[int] | None = None) -> tuple[int, Link]:
        """The link over open decisions of `op` (all of them unless positions are given), made when first needed."""
        holders = self._holders(op, number)
        every = _open_positions(holders)
        positions = every if positions is None else positions
        name = op.name if number == 0 else f"{op.name} input {number + 1}"
        if len(positions) < len(every):
            name += " (" + ", ".join(("input", "weights", "output")[p] for p in positions) + ")"
        if name not in self._links:
            allowed = {
                tuple(holders[p].widths.index(entry[p]) for p in positions) for entry in self._decisions.tuples[op.name][number]
            }
            choices = tuple(index for p in positions if (index := holders[p].index) is not None)
            self._links[name] = (len(self._links), Link(name, choices, tuple(sorted(allowed))))
        return self._links[name]


def _open_positions(holders: tuple[Holder, Holder, Holder]) -> list[int]:
    """Positions of (in, weight, out) with a decision, each decision once (an operator may read and write under one tie)."""
    seen: dict[int, int] = {}
    for position, holder in enumerate(holders):
        if holder.index is not None:
            seen.setdefault(holder.index, position)
    return sorted(seen.values())


def _needed(positions: Sequence[int], costs: Mapping[tuple[int, int, int], int]) -> Sequence[int]:
    """The fewest of some positions of (in, weight, out) that decide a cost: a link over two is far smaller than one over three."""
    for size in range(2, len(positions)):
        for chosen in combinations(positions, size):
            by_labels = {tuple(entry[p] for p in chosen): cost for entry, cost in costs.items()}
            if all(by_labels[tuple(entry[p] for p in chosen)] == cost for entry, cost in costs.items()):
                return chosen
    return positions


def _combinations(holders: tuple[Holder, Holder, Holder]) -> int:
    sizes = {holder.index: len(holder.widths) for holder in holders if holder.index is not None}
    total = 1
    for size in sizes.values():
        total *= size
    return total

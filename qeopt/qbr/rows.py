"""Turn budgets into rows of the integer program: one over the whole network, or one for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import product

import numpy as np

from qeopt.budgets import FLASH, SRAM, Budget, Kind
from qeopt.hardware import Runtime
from qeopt.hardware.costs import held, persistent, pool_scratch, tensor_elements
from qeopt.hardware.formula import BIT_NAMES
from qeopt.hardware.runtime import Scratch, Tuples
from qeopt.memory import Held, Step, steps
from qeopt.network import Dim, Network, Op
from qeopt.qbr.code import least_code
from qeopt.qbr.decisions import Decisions
from qeopt.qbr.links import Costs, Links, Sum
from qeopt_solvers import Link, Row, Scope, Term


class RowBuilder:
    """Builds the rows of one network; links that rows or legality need are numbered as they come up."""

    def __init__(self, network: Network, runtime: Runtime, decisions: Decisions) -> None:
        self._network = network
        self._runtime = runtime
        self._decisions = decisions
        self._links = Links(network, decisions)
        self._wholes: dict[str, Sum] = {}
        self.steps: dict[str, Step] = {}
        """By name of a row over memory, the step that it is about."""

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link in use."""
        return self._links.made

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
        fixed = least_code(self._network, self._runtime, self._decisions) if record is FLASH else 0
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
                self._links.add(total, step.op, needed)
                for op, costs in together:
                    self._links.add(total, op, costs)
                name = step.name + "".join(f" with scratch of {op.name}" for op, _ in together)
                self.steps[name] = step
                rows.append(Row(name, SRAM.name, self.unit, Scope.LOCAL, limit, total.terms(), total.link_terms(), total.fixed))
        return tuple(rows)

    def _row(self, record: Budget, name: str, scope: Scope, limit: int, total: Sum, fixed: int = 0) -> Row:
        unit = self.unit if record.unit.is_memory else record.row_unit
        return Row(name, record.name, unit, scope, limit, total.terms(), total.link_terms(), total.fixed + fixed)

    def _whole(self, record: Budget) -> Sum:
        """What all operators cost together, summed once."""
        if record.name not in self._wholes:
            self._wholes[record.name] = self._total(record, self._network.ops)
        return self._wholes[record.name]

    def _total(self, record: Budget, ops: Sequence[Op]) -> Sum:
        """What some operators cost together."""
        total = Sum()
        for op in ops:
            self._add_cost(total, record, op)
        return total

    def _add_cost(self, total: Sum, record: Budget, op: Op) -> None:
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
                total.add(self._decisions.holders(op)[position], by_width)
        else:
            self._links.add(total, op, _costs(_examples(entries, tuple(read)), partial(cost, self._runtime, op)), read)

    def flash_terms(self) -> tuple[Term, ...]:
        """Flash of each weight decision."""
        return self._whole(FLASH).terms()

    def traffic_terms(self) -> tuple[Term, ...]:
        """Size of each activation decision's tensors."""
        total = Sum()
        for tensor in self._network.tensors:
            self._add_held(total, Held(tensor, tensor_elements(self._runtime, tensor)))
        return total.terms()

    def _live(self, step: Step) -> Sum:
        total = Sum()
        for item in step.live:
            self._add_held(total, item)
        return total

    def _add_held(self, total: Sum, item: Held) -> None:
        holder = self._decisions.activation[item.tensor.name]
        total.add(holder, {bits: int(held(self._runtime, item.elements, bits)) for bits in holder.widths})

    def _tuples(self, op: Op) -> Tuples:
        return self._decisions.tuples[op.name][0]

    def _scratch_of(self, op: Op, pools: Sequence[Scratch]) -> Costs:
        """Working memory in some pools."""

        def scratch(*bits: Dim) -> Dim:
            return sum((pool_scratch(self._runtime, pool, op, *bits) for pool in pools), start=0)

        return _costs(self._tuples(op), scratch)

    def _hungriest(self, pool: Scratch) -> list[tuple[Op, Costs]]:
        """Operators one of which needs most of a pool at any bits, with what they need; those that cannot are left out."""
        found = [(op, self._scratch_of(op, [pool])) for op in self._network.ops]
        floor = max(min(costs.values()) for _, costs in found)
        steady = next(place for place, (_, costs) in enumerate(found) if min(costs.values()) == floor)
        others = found[:steady] + found[steady + 1 :]
        return [found[steady], *((op, costs) for op, costs in others if max(costs.values()) > floor)]


def _costs(entries: Tuples, cost: Callable[[Dim, Dim, Dim], Dim]) -> Costs:
    """A cost of (in, weight, out) bits at some of them, evaluated at once."""
    columns = np.array(entries, dtype=object).reshape(-1, 3).T  # as objects, so that no cost can overflow
    return dict(zip(entries, map(int, np.broadcast_to(np.asarray(cost(*columns)), len(entries)).tolist()), strict=True))


@lru_cache(maxsize=64)  # operators of a kind mostly have the same
def _examples(entries: Tuples, read: tuple[int, ...]) -> Tuples:
    """One of the (in, weight, out) bits for all that are equal at some positions."""
    return tuple({tuple(entry[position] for position in read): entry for entry in entries}.values())

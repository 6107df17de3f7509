"""Code of the kernels in use: the least that is charged before bits are known, and kernels that are paid for or done without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qeopt.hardware import Runtime
from qeopt.hardware.costs import code_flash
from qeopt.hardware.linked import Kernel, least_linked_flash, linked_kernel
from qeopt.hardware.runtime import Tuples
from qeopt.network import Bits, Network, Op, OpKind
from qeopt.qbr.decisions import Decisions
from qeopt_solvers import Row, Scope, Term

KIND = "kernels"
Sizes: TypeAlias = Mapping[Kernel, int]
"""Flash of kernels, in the runtime's unit."""


@dataclass(frozen=True)
class Branch:
    """Bits that use some kernels at most: those `without` never, and those `paid` whether or not they need them."""

    paid: frozenset[Kernel] = frozenset()
    without: frozenset[Kernel] = frozenset()

    def paying(self, kernel: Kernel) -> Branch:
        """The same bits, with room for a kernel."""
        return Branch(self.paid | {kernel}, self.without)

    def parted(self, kernel: Kernel) -> tuple[Branch, Branch]:
        """The same bits in two branches: with a kernel, and without it."""
        return self.paying(kernel), Branch(self.paid, self.without | {kernel})


def least_code(network: Network, runtime: Runtime, decisions: Decisions, branch: Branch = Branch()) -> int:
    """The least that code of the bits of a branch takes, in the runtime's unit: no operator can do without a kernel."""
    choices = [(op, _left(runtime, op, decisions.tuples[op.name][0], branch)) for op in network.ops]
    return _least_stated(runtime, choices, branch) + least_linked_flash(
        runtime, ((op.kind, tuples) for op, tuples in choices), branch.paid
    )


def _least_stated(runtime: Runtime, choices: Sequence[tuple[Op, Tuples]], branch: Branch) -> int:
    """What kernels take whose size a formula states: the largest that some operator of a kind needs, or all that are paid."""
    least: dict[OpKind, int] = defaultdict(int)
    paid: dict[Kernel, int] = {}
    for op, tuples in choices if runtime.code else ():
        sizes = {entry: code_flash(runtime, op, entry) for entry in tuples}
        least[op.kind] = max(least[op.kind], min(sizes.values(), default=0))
        paid.update({(op.kind, entry): size for entry, size in sizes.items() if (op.kind, entry) in branch.paid})
    return sum(max(size, sum(more for (of, _), more in paid.items() if of is kind)) for kind, size in least.items())


def in_use(network: Network, runtime: Runtime, bits: Bits) -> Sizes:
    """The kernels that bits need."""
    return {kernel: size for op in network.ops for kernel, size in _kernels(runtime, op, bits.of(op))}


def rows_without(network: Network, runtime: Runtime, decisions: Decisions, branch: Branch) -> tuple[Row, ...] | None:
    """Rows that keep every operator from the kernels of a branch that it does without; None where one cannot."""
    found: dict[tuple[Term, ...], Row] = {}
    for op in network.ops if branch.without else ():
        for entry in decisions.tuples[op.name][0]:
            used = {kernel for kernel, _ in _kernels(runtime, op, entry)} & branch.without
            for kind, widths in used:
                positions = entry[: len(widths)]
                held = dict(zip(decisions.holders(op), positions, strict=False))
                terms = tuple(
                    Term(holder.index, tuple(int(width == one) for one in holder.widths))
                    for holder, width in held.items()
                    if holder.index is not None
                )
                if not terms:
                    return None
                row = Row(f"{op.name} without {kind} {widths}", KIND, "", Scope.LOCAL, len(terms) - 1, terms)
                found.setdefault(terms, row)
    return tuple(found.values())


def _left(runtime: Runtime, op: Op, tuples: Tuples, branch: Branch) -> Tuples:
    if not branch.without:
        return tuples
    return tuple(entry for entry in tuples if not any(kernel in branch.without for kernel, _ in _kernels(runtime, op, entry)))


def _kernels(runtime: Runtime, op: Op, entry: tuple[int, int, int]) -> Iterator[tuple[Kernel, int]]:
    """The kernels that run an operator at (in, weight, out) bits, with their sizes; those without any size are left out."""
    stated = code_flash(runtime, op, entry)
    if stated:
        yield (op.kind, entry), stated
    kernel, size = linked_kernel(runtime, op.kind, entry)
    if size:
        yield kernel, size

"""Numbers too large to be counted exactly: found by interval arithmetic over a whole space before anything is searched.

Counts are added up in arrays of 64 bits, and floats carry them, exactly as far as 2^53. What an operator of the space can come to
at most follows from its largest dimensions, and what a formula can come to from the intervals of all that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from qeopt.budgets import TABLE, Kind, table
from qeopt.hardware.costs import bitops_formula, executed
from qeopt.hardware.formula import SHAPE_NAMES, Formula
from qeopt.network import Dim, Op, OpKind, macs, weight_count
from qeopt.network.builder import FIXED_BITS
from qeopt.network.graph import LARGEST
from qeopt.space import Space, Structure
from qeopt.study.model import Study

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Repeated:
    """An operator of the largest structure, and how often it stands there at most."""

    op: Op
    times: int
    block: int
    """Number of its block; 0 in a network."""


def too_large(study: Study) -> tuple[Place, str] | None:
    """The place in a study of a number that cannot be counted exactly, and what is wrong there; None where all can."""
    ops = list(_largest(study))
    return _shape(study, ops) or _formula(study, ops) or _cost(study, ops)


def _largest(study: Study) -> Iterator[_Repeated]:
    """The operators of the structure whose every choice is the largest, those of repeated cells once."""
    space = study.space
    if space is None:
        subject = study.subject
        yield from (_Repeated(op, 1, 0) for op in subject.expand(subject.smallest(), study.task).ops)
        return
    values = [min(choices[-1], 2) if gene == "units" else choices[-1] for _, gene, choices in space.genes]
    units = {block: int(choices[-1]) for block, gene, choices in space.genes if gene == "units"}
    structure = Structure(tuple(values))
    blocks = {placed.name: placed.block for placed in space.cells(structure, study.task)}
    for op in space.expand(structure, study.task).ops:
        block = blocks[op.unit]
        name = space.blocks[block].name
        yield _Repeated(op, units[name] - 1 if op.unit == f"{name}.2" else 1, block)


def _shape(study: Study, ops: list[_Repeated]) -> tuple[Place, str] | None:
    """Counts of the network itself."""
    bits = 8 * max(FIXED_BITS, *study.bits.all_weights, *study.bits.all_activations)  # what memory is counted in, at the most
    counts: dict[str, Callable[[Op], Dim]] = {
        "multiply-accumulates": macs,
        "weights": lambda op: weight_count(op) * bits,
        "values of a tensor": lambda op: max(int(t.elements) for t in (*op.inputs, op.output)) * bits,
    }
    for what, count in counts.items():
        total = 0
        for found in ops:
            total += int(count(executed(study.runtime, found.op))) * found.times
            if total >= LARGEST:
                where = _where(study.space, found)
                return where, f"{_spelled(where)} comes to more {what} than can be counted exactly (2^53)"
    return None


def _spelled(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _where(space: Space | None, found: _Repeated) -> Place:
    return ("network",) if space is None else ("space", "blocks", found.block)


def _formula(study: Study, ops: list[_Repeated]) -> tuple[Place, str] | None:
    """Formulas of the runtime."""
    for place, by_kind in _formulas(study):
        total = 0
        for found in ops:
            formula = by_kind.get(found.op.kind)
            if formula is None:
                continue
            total += max(formula.interval(_bounds(study, found.op))[1], 0) * found.times
            if total >= LARGEST:
                where = ("runtime", *place, found.op.kind.value)
                said = f"{formula.text!r} can come to more than can be counted exactly (2^53) in this study"
                return where, f"{_spelled(where)}: {said}"
    return None


def _bounds(study: Study, op: Op) -> dict[str, tuple[int, int]]:
    run = executed(study.runtime, op)
    most = max(FIXED_BITS, *study.bits.all_weights, *study.bits.all_activations)
    shapes = {name: (0, int(read(run))) for name, read in SHAPE_NAMES.items()}
    return {**shapes, "in_bits": (0, most), "w_bits": (0, most), "out_bits": (0, most)}


def _formulas(study: Study) -> Iterator[tuple[Place, Mapping[OpKind, Formula]]]:
    runtime = study.runtime
    yield ("parameters",), runtime.parameters
    yield ("weight_bytes",), runtime.weight_bytes
    yield ("code",), runtime.code
    yield ("memory", "persistent"), runtime.memory.persistent
    yield ("bitops",), {kind: found for kind in OpKind if (found := bitops_formula(runtime, kind)) is not None}
    if runtime.timing is not None:
        yield ("latency", "cycles"), runtime.timing.cycles
    if runtime.powering is not None:
        yield ("energy", "picojoules"), runtime.powering.picojoules
    for number, pool in enumerate(runtime.pools):
        path: Place = ("scratch", number) if isinstance(runtime.scratch, tuple) else ("scratch",)
        yield (*path, "bytes"), pool.bytes


def _cost(study: Study, ops: list[_Repeated]) -> tuple[Place, str] | None:
    """Budgets from outside, at the most bits."""
    most = max(FIXED_BITS, *study.bits.all_weights, *study.bits.all_activations)
    for name in study.limits:
        record = table()[name]
        if record.key in TABLE.builtin or record.cost is None or record.kind is Kind.PEAK:
            continue
        if sum(int(record.cost(study.runtime, found.op, most, most, most)) * found.times for found in ops) >= LARGEST:
            return ("budgets", record.key), "counts more than can be counted exactly (2^53) in this study"
    return None

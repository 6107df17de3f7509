"""Say in words why no bits fit."""

from __future__ import annotations

from qeopt.hardware import Runtime
from qeopt.hardware.costs import held
from qeopt.memory import steps
from qeopt.qbr.compile import Compiled
from qeopt.qbr.rows import scratch_suffix
from qeopt.spec.units import format_bytes
from qeopt_solvers import Row


def why_infeasible(compiled: Compiled, runtime: Runtime) -> str:
    """Name the row that is over its limit even at the fewest legal bits: the step, its tensors and their bytes.

    Where every row fits by itself, legality or several rows together rule the network out, and the text says so.
    """
    worst = max(compiled.problem.rows, key=lambda row: _minimum(row) / max(row.limit, 1), default=None)
    if worst is None or _minimum(worst) <= worst.limit:
        return "each budget can be met by itself, but legal bits cannot meet all of them together"
    need = _minimum(worst)
    text = f"{_amount(need, worst.unit)} needed at the fewest legal bits, {_amount(worst.limit, worst.unit)} allowed"
    if worst.kind == "sram":
        return f"SRAM at step {worst.name!r}: {text} ({_residents(compiled, runtime, worst)})"
    return f"{worst.kind} of the whole network: {text}"


def _minimum(row: Row) -> int:
    return row.fixed + sum(min(term.costs) for term in row.terms) + sum(min(term.costs, default=0) for term in row.link_terms)


def _residents(compiled: Compiled, runtime: Runtime, row: Row) -> str:
    """What lies in memory during the step of an SRAM row, at the fewest legal bits."""
    names = {step.name: step for step in steps(compiled.network, runtime)}
    step = names[row.name.split(scratch_suffix(""))[0]]
    parts, rest = [], _minimum(row)
    for item in step.live:
        width = compiled.decisions.activation[item.tensor.name].widths[0]
        size = int(held(runtime, item.elements, width))
        rest -= size
        parts.append(f"{item.tensor.name} {_amount(size, row.unit)} at {width} bits")
    if rest:
        parts.append(f"{'scratch and lasting' if runtime.memory.persistent else 'scratch'} {_amount(rest, row.unit)}")
    return ", ".join(parts)


def _amount(value: int, unit: str) -> str:
    if unit == "bit":
        return format_bytes(-(-value // 8))
    return format_bytes(value) if unit == "B" else f"{value:,}"

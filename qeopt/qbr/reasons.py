"""Say in words why no bits fit."""

from __future__ import annotations

from qeopt.qbr.compile import Compiled
from qeopt.spec.units import format_bytes
from qeopt_solvers import Row


def why_infeasible(compiled: Compiled) -> str:
    """Name the row that is over its limit even at the fewest legal bits: the step, its tensors and their bytes.

    Where every row fits by itself, legality or several rows together rule the network out, and the text says so.
    """
    worst = max(compiled.problem.rows, key=lambda row: _minimum(compiled, row) / max(row.limit, 1), default=None)
    if worst is None or _minimum(compiled, worst) <= worst.limit:
        return "each budget can be met by itself, but legal bits cannot meet all of them together"
    need = _minimum(compiled, worst)
    text = f"{_amount(need, worst.unit)} needed at the fewest legal bits, {_amount(worst.limit, worst.unit)} allowed"
    if worst.kind == "sram":
        return f"SRAM at step {worst.name!r}: {text} ({_tensors(compiled, worst)})"
    return f"{worst.kind} of the whole network: {text}"


def _minimum(compiled: Compiled, row: Row) -> int:
    return row.fixed + sum(min(term.costs) for term in row.terms) + sum(min(term.costs, default=0) for term in row.link_terms)


def _tensors(compiled: Compiled, row: Row) -> str:
    domains = compiled.decisions.domains
    parts = [
        f"{' + '.join(domains[term.choice].tensors) or domains[term.choice].name} {_amount(min(term.costs), row.unit)}"
        f" at {domains[term.choice].widths[0]} bits"
        for term in row.terms
    ]
    if row.fixed:
        parts.append(f"fixed {_amount(row.fixed, row.unit)}")
    return ", ".join(parts)


def _amount(value: int, unit: str) -> str:
    if unit == "bit":
        return format_bytes(-(-value // 8))
    return format_bytes(value) if unit == "B" else f"{value:,}"

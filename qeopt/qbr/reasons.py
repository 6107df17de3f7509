"""Say in words why no bits fit."""

from __future__ import annotations

from dataclasses import dataclass

from qeopt.hardware import Runtime
from qeopt.hardware.costs import held
from qeopt.qbr.compile import Compiled
from qeopt.spec.units import format_bytes
from qeopt_solvers import Row


@dataclass(frozen=True, slots=True)
class Resident:
    """What holds memory during a step."""

    name: str
    """A tensor, or what else holds memory."""
    size: int
    """In the unit of the row, at the fewest legal bits."""
    bits: int | None
    """Fewest legal bits; None for what has none."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A row that is over its limit even at the fewest legal bits."""

    kind: str
    step: str | None
    """The step whose memory the row counts; None where it counts the whole network."""
    unit: str
    needed: int
    limit: int
    residents: tuple[Resident, ...] = ()

    @property
    def text(self) -> str:
        """The row in words."""
        said = f"{_amount(self.needed, self.unit)} needed at the fewest legal bits, {_amount(self.limit, self.unit)} allowed"
        if self.step is None:
            return f"{self.kind} of the whole network: {said}"
        return f"SRAM at step {self.step!r}: {said} ({', '.join(self._resident(item) for item in self.residents)})"

    def _resident(self, item: Resident) -> str:
        size = _amount(item.size, self.unit)
        return f"{item.name} {size}" + ("" if item.bits is None else f" at {item.bits} bits")


def shortages(compiled: Compiled, runtime: Runtime) -> tuple[Shortage, ...]:
    """List the rows that are over their limit even at the fewest legal bits, the worst first by share of the limit."""
    over = [row for row in compiled.problem.rows if _minimum(row) > row.limit]
    over.sort(key=_share, reverse=True)
    return tuple(_shortage(compiled, runtime, row) for row in over)


def least_shares(compiled: Compiled) -> dict[str, float]:
    """By kind of row: the share of its tightest limit that is needed at the fewest legal bits."""
    shares: dict[str, float] = {}
    for row in compiled.problem.rows:
        shares[row.kind] = max(shares.get(row.kind, 0.0), _share(row))
    return shares


def why_infeasible(compiled: Compiled, runtime: Runtime) -> str:
    """Name the row that is over its limit even at the fewest legal bits: the step, its tensors and their bytes.

    Where every row fits by itself, legality or several rows together rule the network out, and the text says so.
    """
    found = shortages(compiled, runtime)
    return found[0].text if found else "each budget can be met by itself, but legal bits cannot meet all of them together"


def _shortage(compiled: Compiled, runtime: Runtime, row: Row) -> Shortage:
    if row.name not in compiled.steps:
        return Shortage(row.kind, None, row.unit, _minimum(row), row.limit)
    return Shortage(row.kind, row.name, row.unit, _minimum(row), row.limit, _residents(compiled, runtime, row))


def _minimum(row: Row) -> int:
    return row.fixed + sum(min(term.costs) for term in row.terms) + sum(min(term.costs, default=0) for term in row.link_terms)


def _share(row: Row) -> float:
    return _minimum(row) / max(row.limit, 1)


def _residents(compiled: Compiled, runtime: Runtime, row: Row) -> tuple[Resident, ...]:
    """What lies in memory during the step of an SRAM row, at the fewest legal bits."""
    step = compiled.steps[row.name]
    found, rest = [], _minimum(row)
    for item in step.live:
        width = compiled.decisions.activation[item.tensor.name].widths[0]
        size = int(held(runtime, item.elements, width))
        rest -= size
        found.append(Resident(item.tensor.name, size, width))
    if rest:
        found.append(Resident("scratch and lasting" if runtime.memory.persistent else "scratch", rest, None))
    return tuple(found)


def _amount(value: int, unit: str) -> str:
    if unit == "bit":
        return format_bytes(-(-value // 8))
    return format_bytes(value) if unit == "B" else f"{value:,}"

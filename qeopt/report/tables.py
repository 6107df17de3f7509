"""Tables about one design."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table

from qeopt.design import Alternative, Baseline, Design
from qeopt.escape import line
from qeopt.report.budgets import BudgetRow
from qeopt.report.console import can_say
from qeopt.report.counted import Counted, Layer, layers
from qeopt.report.words import BASELINES, amount, percent

MIN_BAR, MAX_BAR = 8, 28
GAP = 3
"""Columns that a table puts between two of its columns."""


def plain_table(*, title: str = "") -> Table:
    """Return an empty table of the house style."""
    return Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


@dataclass(frozen=True)
class RowsTable:
    """A table of texts that fits where it is printed: whole columns are left out, never the middle of a name or a number."""

    columns: Mapping[str, str]
    rows: Sequence[tuple[str, ...]]
    least: Sequence[str]
    """Headings of the columns that matter least, the least first; then come the last ones."""
    title: str
    note: str = ""
    """A line below."""

    def shown(self, width: int) -> tuple[str, ...]:
        """Headings of the columns that there is room for in so many characters."""
        return tuple(self._fitted(width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table | str]:
        """The table, and which columns it does without."""
        widths = self._fitted(options.max_width)
        table = plain_table(title=self.title)
        for heading, width in widths.items():
            justify: Literal["left", "right"] = "right" if self.columns[heading] == "right" else "left"
            table.add_column(heading, justify=justify, overflow="fold", width=width)
        places = [place for place, heading in enumerate(self.columns) if heading in widths]
        for row in self.rows:
            table.add_row(*(row[place] for place in places))
        yield table
        left_out = [heading for heading in self.columns if heading not in widths]
        if left_out:
            yield f"not shown at this width: {', '.join(left_out)}"
        if self.note:
            yield self.note

    def _fitted(self, room: int) -> dict[str, int]:
        """Widths of the columns that are shown, by heading."""
        cells = dict(zip(self.columns, zip(*self.rows, strict=True), strict=True)) if self.rows else dict.fromkeys(self.columns, ())
        widths = {heading: max(map(cell_len, (heading, *texts))) for heading, texts in cells.items()}
        least = {
            heading: max(
                _longest_word(heading),
                *(cell_len(text) if self.columns[heading] == "right" else _longest_word(text) for text in texts),
                0,
            )
            for heading, texts in cells.items()
        }
        first, *others = self.columns
        droppable = [*self.least, *(heading for heading in reversed(others) if heading not in self.least)]
        while (
            droppable
            and _taken(widths) > room
            and (droppable[0] in self.least or _taken({name: least[name] for name in widths}) > room)
        ):
            widths.pop(droppable.pop(0))
        while _taken(widths) > room and any(widths[name] > least[name] for name in widths):
            widths[max((name for name in widths if widths[name] > least[name]), key=lambda name: widths[name])] -= 1
        widths[first] = min(widths[first], max(room, 1))
        return widths


def _taken(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1) + 1


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def rows_table(
    columns: Mapping[str, str], rows: Iterable[Iterable[str]], *, title: str = "", least: Sequence[str] = (), note: str = ""
) -> RowsTable:
    """Return a table of texts; `columns` gives "left" or "right" by heading, `least` what a narrow terminal does without."""
    return RowsTable(columns, [tuple(map(line, row)) for row in rows], least, title, note)


def layer_table(counted: Counted, console: Console) -> Table:
    """One row an operator: shape, bits, flash, and SRAM while it runs, drawn against the budget.

    A narrow console loses whole columns, never the digits of one.
    """
    limit = counted.study.limits.sram_bytes
    scale = limit or counted.resources.sram_bytes or 1
    rows = layers(counted)
    columns = dict(zip(_LAYER_HEADINGS, zip(*map(_layer_cells, rows), strict=True), strict=True))
    for heading in ("ms", "of time"):
        if not any(columns[heading]):
            del columns[heading]
    for heading in _DISPENSABLE:
        if heading in columns and _bar_room(columns, console) < MIN_BAR:
            del columns[heading]
    width = min(MAX_BAR, _bar_room(columns, console))
    full, empty = ("█", "·") if can_say(console, "█·") else ("#", ".")
    if width < MIN_BAR:  # no room for bars: the share alone, beside what there is room for
        for heading in _LAST_RESORT:
            if _bar_room(columns, console) < 0:
                del columns[heading]
        columns["share"] = tuple(_bar(row, scale, 0, full, empty)[1:] for row in rows)
    else:
        columns["of the SRAM budget" if limit is not None else "of the peak"] = tuple(
            _bar(row, scale, width, full, empty) for row in rows
        )
    table = plain_table()
    for heading in columns:
        table.add_column(
            heading, justify="right" if heading in _NUMBERS else "left", overflow="fold", no_wrap=heading != "operator"
        )
    for row, cells in zip(rows, zip(*columns.values(), strict=True), strict=True):
        table.add_row(*map(line, cells), style="bold" if row.is_peak else None)
    return table


def _bar_room(columns: Mapping[str, tuple[str, ...]], console: Console) -> int:
    """Columns of the console that are left for bars."""
    taken = sum(GAP + max(len(heading), *map(len, cells)) for heading, cells in columns.items())
    return console.width - taken - len(" 100 % peak")


_LAYER_HEADINGS = ("operator", "kind", "output", "in", "weights", "out", "MACs", "ms", "of time", "flash B", "SRAM B")
_NUMBERS = frozenset(_LAYER_HEADINGS) - {"operator", "kind"}
_DISPENSABLE = ("ms", "MACs", "kind", "flash B", "of time", "output")
"""What a narrow console does without, in this order; layers.csv has all of it."""
_LAST_RESORT = ("out", "in")
"""What one does without that has no room for bars either."""


def _layer_cells(layer: Layer) -> tuple[str, ...]:
    return (
        layer.op,
        layer.kind,
        "x".join(map(str, layer.shape)),
        str(layer.input_bits),
        "" if layer.weight_bits is None else str(layer.weight_bits),
        str(layer.output_bits),
        f"{layer.macs:,}" if layer.macs else "",
        "" if layer.ms is None else f"{layer.ms:,.2f}",
        "" if layer.time_share is None else percent(layer.time_share),
        amount(layer.weight_bytes) if layer.weight_bytes else "",
        "" if layer.step_bytes is None else amount(layer.step_bytes),
    )


def _bar(layer: Layer, scale: float, width: int, full: str, empty: str) -> str:
    if layer.step_bytes is None:
        return ""
    filled = min(round(width * layer.step_bytes / scale), width)
    return f"{full * filled}{empty * (width - filled)} {100 * layer.step_bytes / scale:3.0f} %{' peak' if layer.is_peak else ''}"


RESERVED = "start-up code, stack and application"
"""What is reserved of a memory, and in no budget."""
KEPT, NO_LIMIT = "reserved", "without a limit"


def budget_table(rows: Iterable[BudgetRow]) -> RowsTable:
    """Used and allowed, which budgets hold the design back, and what more of them would buy these layers."""
    headings = ("used", "limit", "share", "binds", "more of it buys", NO_LIMIT)
    columns = {"budget": "left", **dict.fromkeys(headings, "right"), "binds": "left"}
    cells = [cells for row in rows if row.used or row.limit is not None for cells in _budget_rows(row)]
    kept = any(name == KEPT for name, *_ in cells)
    return rows_table(columns, cells, least=("share", NO_LIMIT), note=f"{KEPT}: for {RESERVED}" if kept else "")


def _budget_rows(row: BudgetRow) -> Iterator[tuple[str, ...]]:
    yield _budget_cells(row)
    if row.reserved:
        yield (KEPT, in_bytes(row.reserved, row.unit), "", "", "", "", "")


def _budget_cells(row: BudgetRow) -> tuple[str, ...]:
    used = (row.name, in_bytes(row.used, row.unit))
    if row.limit is None or row.share is None:
        return (*used, "none", "", "", "", "")
    return (*used, amount(row.limit, row.unit), percent(row.share), binds(row), *buys(row))


def in_bytes(value: float, unit: str) -> str:
    """A quantity beside its limit, which has the KiB."""
    return f"{amount(value)} {unit}".rstrip()


def binds(row: BudgetRow) -> str:
    """Whether a budget holds the bits back; nothing where there is none, or nobody could prove it."""
    if row.limit is None or (row.step is not None and row.gain_without is None and not row.is_full):
        return ""
    return "yes" if row.gain_without else "full" if row.is_full else "no"


def buys(row: BudgetRow) -> tuple[str, str]:
    """The least more of a budget that gains anything, and all that could be used of it, each with what it gains; or nothing."""
    if not row.gain_without or row.gain_of_least is None or row.least_step is None or row.used_without is None:
        return "", ""
    unit = f" {row.unit}" if row.unit else ""
    return (
        f"{row.least_step:,.15g}{unit}: {row.gain_of_least:+.4f}",
        f"{row.used_without:,.15g}{unit}: {row.gain_without:+.4f}",
    )


def structure_table(structure: Mapping[str, Mapping[str, float]]) -> RowsTable:
    """One row a block: the values chosen for it."""
    genes = list(dict.fromkeys(gene for values in structure.values() for gene in values))
    cells = ((block, *(f"{values[gene]:g}" if gene in values else "" for gene in genes)) for block, values in structure.items())
    return rows_table({"block": "left", **dict.fromkeys(genes, "right")}, cells)


def why_none(design: Design, name: str) -> str:
    """Why there is no design under narrower terms."""
    said = design.no_baselines.get(name)
    return "none found" if said is None else "none fits (proven)" if said.reason == "none fits" else said.reason


def baseline_table(design: Design, asked: Iterable[str]) -> RowsTable:
    """The design beside its alternatives and what the same search finds under other terms; `asked` names those terms."""
    budgets = tuple(name for name, use in design.uses.items() if use.limit is not None)
    rows = [("this design", f"{design.score:.4f}", "", *(amount(design.uses[name].used) for name in budgets))]
    others: list[tuple[str, Alternative | Baseline]] = [
        (f"alternative {number}, at distance {other.distance:.2f}", other)
        for number, other in enumerate(design.alternatives, start=1)
    ]
    others += [(BASELINES.get(name, name), baseline) for name, baseline in design.baselines.items()]
    for name, other in others:
        used = (amount(other.uses[budget].used) if budget in other.uses else "" for budget in budgets)
        rows.append((name, f"{other.score:.4f}", f"{other.score - design.score:+.4f}", *used))
    missing = [name for name in asked if name not in design.baselines]
    rows += [(BASELINES.get(name, name), why_none(design, name), "", *("" for _ in budgets)) for name in missing]
    return rows_table({"compared": "left", "score": "right", "difference": "right", **dict.fromkeys(budgets, "right")}, rows)

"""The page of a design."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from qeopt.design import Design
from qeopt.report.budgets import BudgetRow, estimates, mac_rate
from qeopt.report.counted import Counted, Layer, layers
from qeopt.report.judgement import judgement
from qeopt.report.page.content import BlockCard, Blocks, Cell, Chip, Commands, Fact, Page, Part, Section, Shown, Table, Words
from qeopt.report.page.depth import depth_parts
from qeopt.report.page.learning import marks_of
from qeopt.report.page.parts import budget_table, command_line, machine, ran
from qeopt.report.pictures.arena import arena_picture
from qeopt.report.pictures.convergence import convergence_pictures
from qeopt.report.pictures.memory import bits_differ, bits_picture, bits_words, memory_picture, shade
from qeopt.report.pictures.time import time_picture
from qeopt.report.tables import why_none
from qeopt.report.words import BASELINES, TIED, amount, arena_size, bits_proof, evolution_words, left_out_words, space_proof
from qeopt.score import QEScore
from qeopt.score.fitted import Fitted
from qeopt.score.objective import kind_of


def solution_page(
    design: Design, budgets: Sequence[BudgetRow], run: Mapping[str, Any], folder: str, trained: Sequence[Mapping[str, Any]] = ()
) -> Page:
    """Everything that is known of a design.

    Args:
        design: The design.
        budgets: Every quantity against its budget.
        run: The run record; empty where there is none.
        folder: Where the run lies, as a person would type it.
        trained: Records of its trainings, one a seed.
    """
    counted, marks = Counted.of_design(design), marks_of(trained) if trained else None
    device = counted.study.device
    where = "given budgets" if device is None else device.title or device.name
    runtime = counted.study.runtime.title or counted.study.runtime.name
    names = [use.step.op.name for use in counted.resources.steps]
    found: list[Section | None] = [
        Section("meaning", "What it says", [Words(_meaning(design, counted, run.get("from_bound")))]),
        Section("budgets", "Budgets", [budget_table(budgets)]),
        Section("structure", "Structure", [_blocks(counted), *_choices(design)]),
        Section("memory", "Memory over time", [Shown(memory_picture(counted))]) if names else None,
        _arena(design, counted),
        Section("bits", "Bits by layer", [*_bits(counted), _layer_table(counted)]),
        Section("depth", "Bits from front to back", depth)
        if (depth := depth_parts(counted.network.name, run.get("depth", ())))
        else None,
        _time(counted),
        _search(run.get("history", ())),
        _compared(design),
        Section("accuracy", "Accuracy", marks.shown) if marks else None,
        Section(
            "origin",
            "Where it comes from",
            [_provenance(design, run), Commands(_commands(folder, run, design.provenance.overrides))],
        ),
    ]
    return Page(
        f"{design.study_name}: a design for {where}",
        f"with {runtime}",
        [*_facts(design, counted, budgets), *(marks.facts[:1] if marks else ())],
        [section for section in found if section is not None],
        f"made by qeopt {design.provenance.made_by}{_when(run)}",
    )


def _when(run: Mapping[str, Any]) -> str:
    return f", {run['started']}, in {ran(run)}" if run.get("started") else ""


def _facts(design: Design, counted: Counted, budgets: Sequence[BudgetRow]) -> list[Fact]:
    proof = space_proof(design).removeprefix("space: ")
    found = [Fact(f"score ({_unit(counted)})", f"{design.score:.4f}", proof)]
    for row in budgets:
        if row.used or row.limit is not None:
            value = f"{row.used / 1024:,.1f} KiB" if row.unit == "B" else _short(row.used)
            limit = "" if row.limit is None else f"of {row.limit / 1024:,.1f} KiB" if row.unit == "B" else f"of {_short(row.limit)}"
            found.append(Fact(row.name, value, limit, row.share))
    return found


def _short(number: float) -> str:
    """A count at a look; the table of budgets has all digits."""
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:,.1f} {letter}"
    return amount(number)


def _unit(counted: Counted) -> str:
    """What the score counts: entropy is in nats, a learnt score in what it was learnt from, another in a unit of its own."""
    objective = counted.study.objective
    if isinstance(objective, QEScore):
        return "QE-Score, nats"
    return objective.unit if isinstance(objective, Fitted) else kind_of(objective)


def _meaning(design: Design, counted: Counted, from_bound: float | None) -> list[str]:
    proofs = [bits_proof(design.bits), space_proof(design), f"search stopped: {design.stopped}"]
    said = [*proofs, *left_out_words(design), *evolution_words(design, from_bound), *judgement(counted, design)]
    rate = mac_rate(counted)
    return [*said, *estimates(counted), *([] if rate is None else [rate])]


def _blocks(counted: Counted) -> Blocks:
    """Units as cards, in the order in which they run; an operator of no unit is one by itself."""
    rows = {layer.op: layer for layer in layers(counted)}
    top = max((layer.step_bytes or 0 for layer in rows.values()), default=0) or 1
    ops = [(op.unit or op.name, rows[op.name]) for op in counted.network.ops]
    cards = [_card(unit, [layer for _, layer in group], top) for unit, group in groupby(ops, key=lambda pair: pair[0])]
    return Blocks(
        cards, f"{len(cards):,} blocks, one after the other, with the bits of their weights, their bytes and their memory"
    )


def _card(unit: str, found: Sequence[Layer], top: float) -> BlockCard:
    chips = [
        Chip(str(layer.weight_bits), layer.weight_bits, shade(layer.weight_bits), "#000" if layer.weight_bits < 6 else "#fff",
             f"{layer.op}: {layer.kind}, weights of {layer.weight_bits} bits, reads {layer.input_bits}, writes {layer.output_bits}")
        for layer in found
        if layer.weight_bits is not None
    ]  # fmt: skip
    flash, sram = sum(layer.weight_bytes for layer in found), max((layer.step_bytes or 0 for layer in found), default=0)
    facts = [f"flash {_size(flash)}"] * bool(flash) + [f"SRAM {_size(sram)}"] * bool(sram)
    return BlockCard(unit, "x".join(map(str, found[-1].shape)), chips, facts, sram / top, any(layer.is_peak for layer in found))


def _size(number: float) -> str:
    return f"{number / 1024:,.1f} KiB" if number >= 1024 else f"{amount(number)} B"


def _choices(design: Design) -> list[Part]:
    genes = list(dict.fromkeys(gene for values in design.structure.values() for gene in values))
    rows = [
        [Cell(block), *(Cell(f"{values[gene]:g}", float(values[gene])) if gene in values else Cell("") for gene in genes)]
        for block, values in design.structure.items()
    ]
    return [Table("Values chosen for every block", ("block", *genes), rows, folded=len(rows) > 12)] if rows else []


def _arena(design: Design, counted: Counted) -> Section | None:
    if design.arena is None:
        return None
    return Section(
        "arena", "Where every buffer lies", [Words([arena_size(design.arena)]), Shown(arena_picture(counted, design.arena))]
    )


def _bits(counted: Counted) -> list[Part]:
    """The bits of every operator as a picture, unless they are all the same."""
    shown = bits_differ(counted)
    return [Shown(bits_picture(counted, [op.name for op in counted.network.ops])) if shown else Words([bits_words(counted)])]


def _layer_table(counted: Counted) -> Table:
    rows = layers(counted)
    cells = [
        [
            Cell(str(number), number),
            Cell(row.op),
            Cell(row.kind),
            Cell("x".join(map(str, row.shape))),
            Cell(str(row.input_bits), row.input_bits),
            Cell("" if row.weight_bits is None else str(row.weight_bits), row.weight_bits),
            Cell(str(row.output_bits), row.output_bits),
            Cell(f"{row.macs:,}" if row.macs else "", row.macs),
            Cell(amount(row.weight_bytes) if row.weight_bytes else "", row.weight_bytes),
            Cell("" if row.step_bytes is None else amount(row.step_bytes), row.step_bytes),
        ]
        for number, row in enumerate(rows, start=1)
    ]
    peak = next((number for number, row in enumerate(rows) if row.is_peak), None)
    headings = ("step", "operator", "kind", "output", "bits in", "weights", "out", "MACs", "flash B", "SRAM B")
    return Table("Every operator", headings, cells, folded=True, strong=peak)


def _time(counted: Counted) -> Section | None:
    picture = time_picture(counted)
    return None if picture is None else Section("time", "Time by operator", [Shown(picture)])


def _search(history: Sequence[Mapping[str, Any]]) -> Section | None:
    pictures = convergence_pictures(history)
    return Section("search", "How it was found", [Shown(picture) for picture in pictures]) if pictures else None


def _compared(design: Design) -> Section | None:
    """The design beside its alternatives and what the same search finds under other terms."""
    names = [name for name, use in design.uses.items() if use.limit is not None]
    rows = [
        [
            Cell("this design"),
            Cell(f"{design.score:.4f}", design.score),
            Cell(""),
            *(_used(design.uses[name].used) for name in names),
        ]
    ]
    others = [(f"alternative {number}, at distance {one.distance:.2f}", one) for number, one in enumerate(design.alternatives, 1)]
    for said, other in [*others, *((BASELINES.get(name, name), one) for name, one in design.baselines.items())]:
        difference = other.score - design.score
        used = (_used(other.uses[name].used) if name in other.uses else Cell("") for name in names)
        rows.append([Cell(said), Cell(f"{other.score:.4f}", other.score), Cell(f"{difference:+.4f}", difference), *used])
    for name in design.no_baselines:
        rows.append([Cell(BASELINES.get(name, name)), Cell(why_none(design, name)), Cell(""), *(Cell("") for _ in names)])
    if len(rows) == 1:
        return None
    table = Table("This design beside others of the same study", ("design", "score", "difference", *names), rows, strong=0)
    return Section("compared", "Compared", [table, *([Words([TIED])] if "tied" in design.baselines else [])])


def _used(number: float) -> Cell:
    return Cell(amount(number), number)


def _provenance(design: Design, run: Mapping[str, Any]) -> Table:
    rows = [[Cell(file.role), Cell(file.name), Cell(file.sha256, is_code=True)] for file in design.provenance.files]
    rows += [[Cell("version"), Cell(name), Cell(number)] for name, number in design.provenance.versions.items()]
    rows += [[Cell("override"), Cell(text), Cell("")] for text in design.provenance.overrides]
    rows.append([Cell("seed"), Cell(str(design.provenance.seed)), Cell("")])
    rows += [[Cell("command"), Cell(command_line(run), is_code=True), Cell("")]] if run.get("command") else []
    rows += machine(run)
    return Table(
        "Files, versions and seeds that decide the design, and the machine that found it",
        ("what", "which", "SHA-256 or version"),
        rows,
    )


def _commands(folder: str, run: Mapping[str, Any], overrides: Sequence[str]) -> list[tuple[str, str]]:
    place, asked = shlex.quote(folder), [part for text in overrides for part in ("--set", text)]
    found = [("count it all again and prove it once more", f"qeopt verify {place}")]
    if len(run.get("command", ())) > 1 and run["command"][1] in {"solve", "resume"}:
        found.append(("go on where it was cut off", f"qeopt resume {place}"))
    return [
        *found,
        ("what holds it back", shlex.join(["qeopt", "explain", run["sources"][0]["path"], *asked]))
        if run.get("sources")
        else ("this page again", f"qeopt report {place}"),
        ("hand it over", f"qeopt export {place} --format onnx"),
        ("train it with its bits", f"qeopt train {place} --data DATA"),
    ]

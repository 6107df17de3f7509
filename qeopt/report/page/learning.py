"""The pages of what was learnt: trained designs, and predictors against measured accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from qeopt.report.page.content import Cell, Fact, Page, Part, Section, Shown, Table, Words
from qeopt.report.page.detector import HALF, detector_facts, detector_parts, detector_words
from qeopt.report.page.parts import COSTS, commands, machine, when
from qeopt.report.pictures.correlations import correlations_picture
from qeopt.report.pictures.training import confusion_picture, curve_picture
from qeopt.spec.units import counted

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Marks:
    """What trainings of one design are told to reach, whatever it does."""

    words: str
    facts: Sequence[Fact]
    parts: Sequence[Part]

    @property
    def shown(self) -> list[Part]:
        """The words and what stands below them."""
        return [Words([self.words]), *self.parts]


def is_marked(record: Document) -> bool:
    """Whether a training ended, and its integer network was tested."""
    return "accuracy" in record or HALF in record


def marks_of(records: Sequence[Document]) -> Marks:
    """What the integer network gets right, of one or several seeds: of images, or of boxes."""
    if HALF in records[0]:
        return Marks(detector_words(records), detector_facts(records), detector_parts(records))
    return Marks(_words(records), _facts(records), _parts(records[0]))


def _words(records: Sequence[Document]) -> str:
    """How accurate a trained design is, and on what."""
    shares = [record["accuracy"] for record in records]
    data = records[0]["data"]
    on = f"of {data['test']:,} test images of {data['name']} are told right by the integer network"
    if len(records) == 1:
        return f"{100 * shares[0]:.2f} % {on} (seed {records[0]['seed']})"
    return (
        f"{100 * fmean(shares):.2f} % {on}, on average of {len(records)} seeds, {100 * stdev(shares):.2f} points from seed to seed"
    )


def _facts(records: Sequence[Document]) -> list[Fact]:
    """The numbers at a look."""
    accuracy = f"{100 * fmean(record['accuracy'] for record in records):.2f} %"
    return [
        Fact("accuracy", accuracy, f"integer network, test images of {records[0]['data']['name']}"),
        Fact("ONNX Runtime", f"{100 * records[0]['accuracy_onnxruntime']:.2f} %"),
    ]


def _parts(first: Document) -> list[Part]:
    """The pictures of the first seed."""
    parts: list[Part] = []
    if first.get("curve"):
        parts.append(Shown(curve_picture(first["curve"])))
    if first.get("confusion"):
        names = list(first["by_class"])
        parts.append(Shown(confusion_picture(f"{100 * first['accuracy']:.2f} % right", first["confusion"], names)))
    shares = [(name, share) for name, share in first["by_class"].items() if share is not None]
    rows = [[Cell(name), Cell(f"{100 * share:.2f} %", share, share)] for name, share in sorted(shares, key=lambda pair: pair[1])]
    return [*parts, Table("Test images told right, by class", ("class", "right"), rows, folded=len(rows) > 12)]


def training_page(records: Sequence[Document], folder: str) -> Page:
    """A trained design."""
    first, marks = records[0], marks_of(records)
    facts = [
        *marks.facts,
        Fact("steps", f"{first['steps']:,}"),
        Fact("time", f"{sum(record['seconds'] for record in records):,.0f} s", str(first["device"])),
    ]
    recipe = [[Cell(name), Cell(str(value))] for name, value in first["recipe"].items()]
    versions = [[Cell(name), Cell(value)] for name, value in first["versions"].items()]
    known = [name for name in ("core_seconds", "gco2e") if all(name in record for record in records)]
    costs = [[Cell(COSTS[name]), Cell(f"{sum(record[name] for record in records):.4g}")] for name in known]
    sections = [
        Section("accuracy", "Accuracy", marks.shown),
        Section(
            "origin",
            "Where it comes from",
            [Table("Recipe and versions", ("what", "value"), [*recipe, *versions, *costs]), commands(folder, {})],
        ),
    ]
    return Page(f"{first['design']}: trained with its bits", marks.words, facts, sections, when({}))


def correlations_page(document: Document, run: Document, folder: str) -> Page:
    """How well what is known before training orders what training gave."""
    picture = correlations_picture(document)
    facts = [
        Fact("trained designs", f"{document['designs']:,}", counted(document["structures"], "structure")),
        Fact("predictors", f"{len(document['predictors']):,}"),
    ]
    sections = [
        Section("meaning", "What it says", [Words([picture.title])]),
        Section("predictors", "Predictors", [Shown(picture), _predictors(document)]),
        Section("origin", "Where it comes from", [_machine(run), commands(folder, run)]),
    ]
    return Page("predictors against measured accuracy", f"{document['designs']:,} trained designs", facts, sections, when(run))


def _machine(run: Document) -> Table:
    return Table("The machine that computed it", ("what", "which", ""), machine(run))


def _predictors(document: Document) -> Table:
    rows = [
        [
            Cell(one["name"]),
            *(_estimate(one["overall"].get(name)) for name in ("spearman", "kendall")),
            _estimate((one["within_depth"] or {}).get("spearman")),
            _estimate(one["partial"]),
            _estimate(one["regret"]),
        ]
        for one in document["predictors"]
    ]
    headings = ("predictor", "Spearman's rho", "Kendall's tau", "rho within depth", "rho given depth and MACs", "regret, points")
    return Table(f"Every predictor, with {100 * document['level']:.0f} % intervals", headings, rows)


def _estimate(value: Document | None) -> Cell:
    if value is None:
        return Cell("")
    low, high = value["low"], value["high"]
    return Cell(f"{value['value']:+.2f} [{low:+.2f},\u00a0{high:+.2f}]", value["value"])

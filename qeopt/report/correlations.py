"""The report on correlations of predictors with measured accuracies."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.files import write_atomically
from qeopt.report.folder import Run, write_json
from qeopt.report.page import write_page
from qeopt.report.pictures.correlations import correlations_picture
from qeopt.report.pictures.picture import write_picture
from qeopt.report.tables import rows_table
from qeopt.statistics.bootstrap import LEVEL, Estimate
from qeopt.statistics.features import DEPTH
from qeopt.verbs.correlate import Correlations, Predictor

FORMAT = "qeopt.correlations/1"
MOST_SHOWN = 6
"""Predictors that are drawn."""
LEAST = ("Kendall", "of", "p", "given depth, MACs")
"""Columns that a narrow terminal does without."""


def print_correlations(console: Console, found: Correlations) -> None:
    """Every predictor in one table, what noise allows, and what choosing by each costs."""
    data = found.data
    console.print(_heading(found), soft_wrap=True)
    if data.untrained:
        console.print(f"{data.untrained:,} designs of the table have no result and are left out")
    console.print(_noise(found), soft_wrap=True)
    console.print()
    columns = ("Spearman", "Kendall", "within depth", "given depth, MACs", "p", "regret", "of")
    rows = [
        (
            one.name,
            str(one.overall["spearman"]),
            f"{one.overall['kendall'].value:+.2f}",
            "" if one.within_depth is None else str(one.within_depth["spearman"]),
            "" if one.partial is None else str(one.partial),
            f"{one.corrected['overall']:.3f}",
            f"{one.regret.value:.2f}",
            "most" if one.most else "least",
        )
        for one in found.predictors
    ]
    table = rows_table({"predictor": "left", **dict.fromkeys(columns, "right")}, rows, least=LEAST)
    console.print(table)
    console.print()
    shown, chance = table.shown(console.width), found.chance
    rank = "; all columns but Kendall: Spearman" if "Kendall" in shown else "; columns: Spearman"
    tested = f"; p: overall, corrected by Holm for {found.looks} looks" if "p" in shown else ""
    console.print(f"intervals: {LEVEL:.0%}, {found.resamples:,} bootstrap samples of structures{rank}{tested}", soft_wrap=True)
    if "regret" in shown:
        console.print(
            "regret: points below the best design that the one with most, or least, of the predictor is; "
            f"of choosing at random {chance.value:.2f} [{chance.low:.2f}, {chance.high:.2f}]",
            soft_wrap=True,
        )


def _heading(found: Correlations) -> str:
    data = found.data
    depths = found.depths
    over = "" if not depths else f", {depths[0]} layers" if len(depths) == 1 else f", {depths[0]} to {depths[-1]} layers"
    low, high = float(data.accuracy.min()), float(data.accuracy.max())
    return f"{len(data.designs):,} trained designs of {data.structures:,} structures{over}; accuracy {low:.2f} to {high:.2f} %"


def _noise(found: Correlations) -> str:
    if found.noise is None:
        return "noise: unknown, as no design was trained with two seeds; a correlation below 1 may be all that noise allows"
    said = f"noise between seeds {found.noise.deviation:.2f} points ({found.noise.designs:,} designs with several)"
    return f"{said}; it leaves a correlation of {found.noise.ceiling} at most"


def correlations_document(found: Correlations) -> dict[str, Any]:
    """Everything as one JSON document; the same tables give the same one."""
    return {
        "format": FORMAT,
        "designs": len(found.data.designs),
        "structures": found.data.structures,
        "untrained": found.data.untrained,
        "depths": list(found.depths),
        "level": LEVEL,
        "resamples": found.resamples,
        "looks": found.looks,
        "noise": None if found.noise is None else asdict(found.noise),
        "regret_of_chance": asdict(found.chance),
        "predictors": [_predictor(one) for one in found.predictors],
        "shown": _shown(found),
        "points": _points(found),
    }


def _shown(found: Correlations) -> list[str]:
    """Predictors that are drawn: the best, the score among them."""
    names = [one.name for one in found.predictors]
    best = names[:MOST_SHOWN]
    return [*best[:-1], "score"] if "score" in names and "score" not in best else best


def _points(found: Correlations) -> list[dict[str, Any]]:
    """Every design with its accuracies and the predictors that are drawn."""
    data, shown = found.data, _shown(found)
    depths = data.column(DEPTH) if DEPTH in data.names else [None] * len(data.designs)
    columns = {name: data.column(name) for name in shown}
    return [
        {
            "design": one.design,
            "depth": None if depth is None else float(depth),
            "low": min(one.accuracies),
            "high": max(one.accuracies),
            "values": {name: float(columns[name][place]) for name in shown},
        }
        for place, (one, depth) in enumerate(zip(data.designs, depths, strict=True))
    ]


def _predictor(one: Predictor) -> dict[str, Any]:
    return {
        "name": one.name,
        "overall": {key: asdict(value) for key, value in one.overall.items()},
        "within_depth": None if one.within_depth is None else {key: asdict(value) for key, value in one.within_depth.items()},
        "partial": None if one.partial is None else asdict(one.partial),
        "corrected_p": dict(one.corrected),
        "direction": "most" if one.most else "least",
        "regret": asdict(one.regret),
    }


def correlations_csv(found: Correlations) -> str:
    """One row a predictor, for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    measures = (
        "spearman",
        "kendall",
        "pearson",
        "within_spearman",
        "within_kendall",
        "within_pearson",
        "partial_spearman",
        "regret",
    )
    writer.writerow(["predictor", *(f"{name}{end}" for name in measures for end in ("", "_low", "_high")), "p_corrected"])
    for one in found.predictors:
        within = one.within_depth or {}
        estimates = [one.overall[key] for key in ("spearman", "kendall", "pearson")]
        optional = [within.get(key) for key in ("spearman", "kendall", "pearson")]
        cells = [cell for value in (*estimates, *optional, one.partial, one.regret) for cell in _cells(value)]
        writer.writerow([one.name, *cells, f"{one.corrected['overall']:.6g}"])
    return text.getvalue()


def _cells(value: Estimate | None) -> tuple[str, ...]:
    return ("", "", "") if value is None else tuple(f"{number:.6g}" for number in (value.value, value.low, value.high))


def write_correlations(folder: Path, found: Correlations, run: Run, *, pictures: bool = True) -> dict[str, Path]:
    """Write the document, the table for spreadsheets, the run record and, if asked for, the picture."""
    written = {
        "correlations": folder / "correlations.json",
        "table": folder / "correlations.csv",
        "run": folder / "run.json",
    }
    document = correlations_document(found)
    write_json(written["correlations"], document)
    write_atomically(written["table"], correlations_csv(found))
    if pictures:
        written["picture"] = folder / "correlations.png"
        write_picture(correlations_picture(document), written["picture"])
    write_json(written["run"], run.document())
    written["page"] = write_page(folder)
    return written

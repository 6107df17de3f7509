"""What a trained design that finds boxes is told to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from qeopt.report.page.content import Fact, Part, Shown
from qeopt.report.pictures.training import curve_picture, precision_picture

HALF = "average_precision_at_half"
"""What records of trainings on boxes have."""
Document = Mapping[str, Any]


def detector_words(records: Sequence[Document]) -> str:
    """How well a trained design finds objects, and where."""
    halves, test = [record[HALF] for record in records], records[0]["data"]["test"]
    where = f"{test['boxes']:,} objects in {test['images']:,} test images of {records[0]['data']['name']}"
    on = f"at an overlap of 0.5, by the integer network, of {where}"
    if len(records) == 1:
        return f"average precision {halves[0]:.3f} {on} (seed {records[0]['seed']})"
    return f"average precision {fmean(halves):.3f} {on}, on average of {len(records)} seeds, {stdev(halves):.3f} from seed to seed"


def detector_facts(records: Sequence[Document]) -> list[Fact]:
    """The numbers at a look."""
    found = [Fact("average precision", f"{fmean(record[HALF] for record in records):.3f}", "integer network, overlap of 0.5")]
    return [*found, Fact("over 0.5 to 0.95", f"{fmean(record['average_precision'] for record in records):.3f}")]


def detector_parts(records: Sequence[Document]) -> list[Part]:
    """What the integer network finds: the pictures of the first seed."""
    first = records[0]
    parts: list[Part] = []
    if first.get("curve"):
        points = [{**point, "accuracy": point["anchors_right"]} for point in first["curve"]]
        parts.append(Shown(curve_picture(points, "matched anchors")))
    return [*parts, Shown(precision_picture(str(first["design"]), first["precision_by_recall"], first[HALF]))]

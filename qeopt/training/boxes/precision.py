"""Average precision by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.export.errors import require
from qeopt.training.boxes.objects import BoxSplit, Corners

MOST_FOUND = 300
"""Boxes of an image that count, the surest first; WIDER FACE has pictures of hundreds of faces."""


@dataclass(frozen=True)
class Found:
    """What a detector says of one image."""

    boxes: Corners
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class Precision:
    """How well objects are found; means over classes."""

    whole: float
    """Average precision, mean over overlaps of 0.5, 0.55, ... 0.95: the number of COCO."""
    half: float
    """Average precision at an overlap of 0.5: that of WIDER FACE, over all faces."""
    recall: float
    """Share of the objects that are found, at an overlap of 0.5."""
    curve: tuple[float, ...]
    """Precision at recalls of 0, 0.01, ... 1, at an overlap of 0.5."""
    objects: int
    """To be found."""


def average_precision(
    detect: Callable[[NDArray[np.float64]], Sequence[Found]], images: BoxSplit, classes: int, chunk: int
) -> Precision:
    """Mark what a detector finds.

    Args:
        detect: Images between 0 and 1, shape (images, channels, height, width), to what is found in each.
        images: What is looked at.
        classes: Number of classes without the background.
        chunk: Images in one go.

    Raises:
        ExportError: when pycocotools is missing.
    """
    coco, evaluation = (require(f"pycocotools.{name}", "boxes", "average precision") for name in ("coco", "cocoeval"))
    claims: list[dict[str, Any]] = []
    for at in range(0, len(images), chunk):
        for place, found in enumerate(detect(images.pixels[at : at + chunk] / 255.0), start=at):
            claims += _claims(place, found)
    if not claims:
        return Precision(0.0, 0.0, 0.0, (0.0,) * 101, images.boxes)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = _truth(images, classes)
        truth.createIndex()
        marks = evaluation.COCOeval(truth, truth.loadRes(claims), "bbox")
        marks.params.maxDets = [MOST_FOUND]
        marks.evaluate()
        marks.accumulate()
    precision = marks.eval["precision"][:, :, :, 0, 0]  # (overlaps, recalls, classes), -1 for a class without objects
    recall = marks.eval["recall"][0, :, 0, 0]
    known = [number for number in range(classes) if recall[number] >= 0]
    at_half = precision[0][:, known].mean(axis=1)
    return Precision(
        float(precision[:, :, known].mean()),
        float(at_half.mean()),
        float(recall[known].mean()),
        tuple(float(value) for value in at_half),
        images.boxes,
    )


def _claims(image: int, found: Found) -> list[dict[str, Any]]:
    return [
        {"image_id": image, "category_id": int(label), "bbox": _sides(box), "score": float(score)}
        for box, label, score in zip(found.boxes, found.labels, found.scores, strict=True)
    ]


def _truth(images: BoxSplit, classes: int) -> dict[str, Any]:
    """The data set as COCO writes it. What is to be ignored is of every class, and a crowd: whoever finds it is not blamed."""
    height, width = images.pixels.shape[2:]
    marked: list[tuple[int, Any, int, int]] = []
    for image, one in enumerate(images.objects):
        marked += [(image, box, int(label), 0) for box, label in zip(one.boxes, one.labels, strict=True)]
        marked += [(image, box, label, 1) for box in one.ignored for label in range(1, classes + 1)]
    return {
        "info": {},
        "images": [{"id": image, "width": width, "height": height} for image in range(len(images))],
        "categories": [{"id": number, "name": str(number)} for number in range(1, classes + 1)],
        "annotations": [
            {"id": number, "image_id": image, "category_id": label, "bbox": _sides(box), "area": _area(box), "iscrowd": crowd}
            for number, (image, box, label, crowd) in enumerate(marked, start=1)
        ],
    }


def _sides(box: NDArray[np.float32]) -> list[float]:
    """Left, top, width and height."""
    left, top, right, bottom = map(float, box)
    return [left, top, right - left, bottom - top]


def _area(box: NDArray[np.float32]) -> float:
    _, _, width, height = _sides(box)
    return width * height

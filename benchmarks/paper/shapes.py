"""A designed detector learns: squares and discs on noise, average precision by pycocotools.

Needs requirements.txt beside this file.

python benchmarks/paper/shapes.py [--steps 300]
"""

from __future__ import annotations

import argparse
import contextlib
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from qeopt.training.network import module_of
from qeopt.verbs.solve import solve

SIDE, MOST_OBJECTS, BATCH, TESTED = 64, 3, 16, 200
CLASSES = ("square", "disc")


def picture(rng: np.random.Generator) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    """One image of shapes that do not touch each other, and their boxes."""
    image = rng.uniform(0, 0.4, (SIDE, SIDE)).astype(np.float32)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    taken = np.zeros((SIDE, SIDE), dtype=bool)
    boxes, labels = [], []
    for _ in range(rng.integers(1, MOST_OBJECTS + 1)):
        side = int(rng.integers(10, 29))
        top, left = rng.integers(0, SIDE - side, 2)
        if taken[top : top + side, left : left + side].any():
            continue
        taken[top : top + side, left : left + side] = True
        label = int(rng.integers(len(CLASSES)))
        inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
        if label == 1:
            centre = (top + (side - 1) / 2, left + (side - 1) / 2)
            inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= (side / 2) ** 2
        image[inside] = rng.uniform(0.6, 1.0)
        boxes.append([left, top, left + side, top + side])
        labels.append(label + 1)
    return image, {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(labels)}


def batch(rng: np.random.Generator, size: int) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    images, targets = zip(*(picture(rng) for _ in range(size)), strict=True)
    return torch.from_numpy(np.stack(images))[:, None], list(targets)


def learn(module: ModuleType, steps: int) -> Any:
    """Train a detector on pictures that are made anew for every step."""
    rng = np.random.default_rng(1)
    detector = module.Detector().train()
    optimiser = torch.optim.Adam(detector.parameters(), 0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, total_steps=steps)
    for step in range(steps):
        loss = detector.loss(*batch(rng, BATCH))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        if step % max(steps // 5, 1) == 0:
            print(f"step {step}: loss {loss.item():.2f}", flush=True)
    return detector.eval()


@torch.no_grad()
def average_precision(detector: Any) -> tuple[float, float]:
    """Average precision over overlaps of 0.5 to 0.95, and at 0.5."""
    images, targets = batch(np.random.default_rng(2), TESTED)
    found = detector(images)
    truth = {
        "info": {},
        "images": [{"id": number, "width": SIDE, "height": SIDE} for number in range(TESTED)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)],
        "annotations": [],
    }
    claims = []
    for number, (target, answer) in enumerate(zip(targets, found, strict=True)):
        for box, label in zip(_corners(target["boxes"]), target["labels"].tolist(), strict=True):
            place = len(truth["annotations"]) + 1
            truth["annotations"].append(
                {"id": place, "image_id": number, "category_id": label, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            )
        for box, label, score in zip(_corners(answer["boxes"]), answer["labels"].tolist(), answer["scores"].tolist(), strict=True):
            claims.append({"image_id": number, "category_id": label, "bbox": box, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        marks = COCOeval(coco, coco.loadRes(claims), "bbox")
        marks.evaluate()
        marks.accumulate()
        marks.summarize()
    return float(marks.stats[0]), float(marks.stats[1])


def _corners(boxes: torch.Tensor) -> list[list[float]]:
    """Boxes as left, top, width and height."""
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1).tolist()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--steps", type=int, default=300)
    steps = asked.parse_args().steps
    torch.set_num_threads(1)
    torch.manual_seed(0)
    design = solve(Path(__file__).with_name("shapes.yaml")).design
    assert design is not None
    uses = ", ".join(f"{name} {use.used:,}" for name, use in design.uses.items())
    print(f"{uses}; within {100 * (design.gap or 0):.3f} % of the best score")
    whole, at_half = average_precision(learn(module_of(design), steps))
    print(f"after {steps} steps of {BATCH} images: average precision {whole:.3f}, at an overlap of 0.5 {at_half:.3f}")


if __name__ == "__main__":
    main()

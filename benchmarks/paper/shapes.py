"""A designed detector learns: discs among squares in noise, written in the text format of WIDER FACE.

Makes the pictures, designs a detector (shapes.yaml), trains it as `qeopt train` does, and tells average precision by pycocotools
before and after. Needs requirements.txt beside this file.

python benchmarks/paper/shapes.py [--out FOLDER] [--epochs 3] [--seeds 1]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from qeopt.design import Design
from qeopt.training.boxes.evaluation import find_torch
from qeopt.training.boxes.objects import BoxDataset
from qeopt.training.boxes.open import FILES, FOLDERS, open_boxes
from qeopt.training.boxes.train import train_boxes
from qeopt.training.network import module_of
from qeopt.training.recipe import Recipe
from qeopt.verbs.solve import solve

SIDE, MOST_SHAPES = 64, 4
COUNTS = {"train": 1600, "test": 200}
BATCH = 16


def write_shapes(folder: Path, counts: dict[str, int], side: int = SIDE) -> None:
    """Write pictures and the boxes of their discs; squares are there to be told apart from them."""
    for number, (split, count) in enumerate(counts.items()):
        rng = np.random.default_rng(number)
        pictures = folder / FOLDERS[split][0]
        (pictures / "shapes").mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        for place in range(count):
            name = f"shapes/{place:05}.png"
            pixels, boxes = picture(rng, side)
            Image.fromarray(pixels).save(pictures / name)
            lines += [name, str(len(boxes)), *(f"{x} {y} {size} {size} 0 0 0 0 0 0" for x, y, size in boxes or [(0, 0, 0)])]
        (folder / FILES[split]).write_text("\n".join(lines) + "\n")


def picture(rng: np.random.Generator, side: int) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """One picture, shape (side, side), of shapes that do not touch each other; left, top and size of its discs."""
    image = rng.uniform(0, 0.4, (side, side))
    rows, columns = np.mgrid[:side, :side]
    taken, discs = np.zeros((side, side), dtype=bool), []
    for _ in range(rng.integers(1, MOST_SHAPES + 1)):
        size = int(rng.integers(side // 6, side // 2 - 2))
        top, left = rng.integers(0, side - size, 2)
        if taken[top : top + size, left : left + size].any():
            continue
        taken[top : top + size, left : left + size] = True
        inside = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
        if rng.random() < 0.6:
            centre = (top + (size - 1) / 2, left + (size - 1) / 2)
            inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= (size / 2) ** 2
            discs.append((int(left), int(top), size))
        image[inside] = rng.uniform(0.6, 1.0)
    return (255 * image).astype(np.uint8), discs


def designed() -> Design:
    """The detector of shapes.yaml."""
    design = solve(Path(__file__).with_name("shapes.yaml")).design
    assert design is not None
    uses = ", ".join(f"{name} {use.used:,}" for name, use in design.uses.items())
    print(f"{uses}; within {100 * (design.gap or 0):.3f} % of the best score", flush=True)
    return design


def told(design: Design, data: BoxDataset, folder: Path, epochs: float, seeds: int) -> Iterator[str]:
    """A line before training, and one for every seed."""
    module = module_of(design)
    torch.manual_seed(0)
    before = find_torch(module.Network(), module, data.test, len(data.classes))
    yield f"untrained: average precision {before.whole:.3f}, at an overlap of 0.5 {before.half:.3f}"
    for seed in range(seeds):
        found = train_boxes(
            design, "shapes", data, Recipe(epochs=epochs, batch=BATCH, step_rate=1.0, seed=seed), folder / f"seed-{seed}"
        )
        assert found is not None
        yield (
            f"seed {seed}, {found.state.step} steps of {BATCH}: average precision {found.integers.whole:.3f}, at an overlap of 0.5 "
            f"{found.integers.half:.3f} (integer network; "
            f"ONNX Runtime {found.onnxruntime.half:.3f}, PyTorch {found.simulated.half:.3f})"
        )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, metavar="FOLDER", help="keep pictures, design and weights here")
    asked.add_argument("--epochs", type=float, default=3)
    asked.add_argument("--seeds", type=int, default=1)
    given = asked.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.out or Path(temporary)
        write_shapes(folder / "shapes", COUNTS)
        design = designed()
        (folder / "design").mkdir(exist_ok=True)
        design.save(folder / "design" / "design.json")
        data = open_boxes(str(folder / "shapes"), design.load_study().task)
        for line in told(design, data, folder, given.epochs, given.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()

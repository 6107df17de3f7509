"""A tiny design, images that it can learn to tell apart, and a folder of pictures of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qeopt.design import Design
from qeopt.training.data.dataset import Dataset, Split
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {input: [8, 8, 1], classes: 3}
network:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 1, width: 8, kernel: 3, ratio: 2, units: 2}
    - {kind: conv, name: head, width: 16}
    - {kind: classifier}
runtime: ideal
budgets: {sram: 380, flash: 500}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {baselines: []}
"""
NAMES = ("left", "right", "none")


def patterns(count: int, seed: int, sides: tuple[int, int, int] = (1, 8, 8)) -> Split:
    """Noise that is brighter on the left, on the right, or nowhere."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = rng.integers(0, 120, (count, *sides), dtype=np.uint8)
    half = sides[2] // 2
    pixels[labels == 0, :, :, :half] += 130
    pixels[labels == 1, :, :, half:] += 130
    return Split(pixels, labels.astype(np.int64))


@pytest.fixture(scope="session")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A network of 8 x 8 grey images and three classes, with bits of 2, 4 and 8."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.yaml"
    path.write_text(STUDY)
    found = solve(path).design
    assert found is not None
    assert {2, 8} < set(found.weights.values()) | set(found.activations.values())
    return found


@pytest.fixture(scope="session")
def data() -> Dataset:
    """240 training images and 60 test images."""
    return Dataset("patterns", NAMES, patterns(240, 0), patterns(60, 1))


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of pictures, a subfolder a class, and returns it."""

    def write(count: int = 15, sides: tuple[int, int] = (8, 8), names: tuple[str, ...] = NAMES, under: str = "") -> Path:
        images = patterns(count, 2, (1, *sides))
        for number, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
            folder = tmp_path / "pictures" / under / names[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[0]).save(folder / f"{number:03}.png")
        return tmp_path / "pictures"

    return write

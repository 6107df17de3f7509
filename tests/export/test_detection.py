"""A design with detection heads as a PyTorch module: anchors, decoding, suppression by torchvision, and a loss that teaches."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qeopt.design import Design
from qeopt.export import export
from qeopt.training.errors import TrainingError
from qeopt.training.network import refuse_detectors
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {input: [32, 48, 1], classes: 2}
space:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: [8, 16], ratio: 2}
    - {kind: detection, name: near, anchors: 2}
    - {kind: k1dwk1, name: b2, stride: 2, width: [16, 24], ratio: 2}
    - {kind: detection, name: far, style: ssd}
runtime: ideal
budgets: {sram: 64 KiB, flash: 64 KiB, layers: 20}
bits: {weights: [4, 8], activations: [4, 8]}
objective: {kind: qe, stage_weights: [0, 1, 1]}
search: {evaluations: 20, baselines: []}
"""


@pytest.fixture(scope="module")
def detecting(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A small design with two heads."""
    path = tmp_path_factory.mktemp("detecting") / "detecting.yaml"
    path.write_text(STUDY)
    design = solve(path).design
    assert design is not None
    return design


@pytest.fixture(scope="module")
def text(detecting: Design, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("module") / "detecting.py"
    export(detecting, "pytorch", path)
    return path.read_text()


@pytest.fixture
def torch() -> Any:
    found = pytest.importorskip("torch")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):  # RuntimeError: built for another PyTorch
        pytest.skip("no torchvision that fits this PyTorch")
    found.set_num_threads(1)
    found.manual_seed(0)
    return found


@pytest.fixture
def module(text: str, torch: Any) -> Iterator[ModuleType]:
    found = ModuleType("detecting_under_test")
    sys.modules[found.__name__] = found
    exec(compile(text, "detecting.py", "exec"), found.__dict__)
    yield found
    del sys.modules[found.__name__]


def test_heads_are_told_with_their_outputs_and_anchors(detecting: Design, text: str) -> None:
    outputs = [tensor.name for tensor in detecting.network().outputs]
    found = re.findall(r"^    Head\((\d+), (\d+), (\(.*\))\),$", text, flags=re.MULTILINE)
    assert [(outputs[int(boxes)], outputs[int(scores)], sides) for boxes, scores, sides in found] == [
        ("near.boxes", "near.scores", "(16.0, 22.627)"),
        ("far.boxes", "far.scores", "(32.0,)"),
    ]
    assert "SHAPES = ((8, 12), (4, 6))" in text
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    if Path(ruff).exists():
        rules = ["--isolated", "--select", "E,F,I,B,UP", "--line-length", "200", "--target-version", "py311", "-"]
        subprocess.run([ruff, "check", *rules], input=text, text=True, check=True, timeout=60)


def test_training_on_classes_refuses_it(detecting: Design) -> None:
    with pytest.raises(TrainingError, match=r"^the network has 4 outputs \(near.boxes, near.scores, far.boxes, far.scores\); one"):
        refuse_detectors(detecting.network())


def test_boxes_come_back(module: ModuleType, torch: Any) -> None:
    detector = module.Detector()
    images = torch.zeros(1, 1, 32, 48)
    anchors = detector.anchors(images)
    assert anchors.shape == (8 * 12 * 2 + 4 * 6, 4)
    assert anchors[0].tolist() == [2.0, 2.0, 16.0, 16.0]
    assert anchors[-1].tolist() == [44.0, 28.0, 32.0, 32.0]
    boxes = torch.rand(len(anchors), 2) * 20
    wanted = torch.cat([boxes, boxes + 1 + torch.rand(len(anchors), 2) * 20], dim=1)
    back, _ = module.decoded(anchors, module.encoded(anchors, wanted), torch.zeros(len(anchors), 3))
    assert torch.allclose(back, wanted, atol=1e-3)


def test_outputs_are_read_by_anchor(module: ModuleType, torch: Any) -> None:
    output = torch.arange(2 * 4 * 8 * 12).reshape(1, 8, 8, 12)
    read = module.by_anchor(output, 2)
    assert read.shape == (1, 8 * 12 * 2, 4)
    row, column, anchor = 3, 5, 1
    assert read[0, (row * 12 + column) * 2 + anchor].tolist() == output[0, 4:, row, column].tolist()


def test_of_boxes_that_overlap_the_best_is_left(module: ModuleType, torch: Any) -> None:
    detector = module.Detector(least_score=0.3)
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 60, 30], [0, 0, 10, 10]])
    scores = torch.tensor([[0.1, 0.8, 0.1], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0], [0.2, 0.0, 0.8]])
    found = detector.found((boxes, scores), (32, 48))
    assert found["labels"].tolist() == [2, 1, 2]
    assert found["scores"].tolist() == pytest.approx([1.0, 0.9, 0.8])
    assert found["boxes"].tolist() == [[20, 20, 48, 30], [1, 0, 11, 10], [0, 0, 10, 10]]


def test_every_object_has_an_anchor(module: ModuleType, torch: Any) -> None:
    anchors = module.Detector().anchors(torch.zeros(1, 1, 32, 48))
    boxes = torch.tensor([[3.0, 3, 5, 5], [8, 4, 30, 26]])
    labels, _ = module.matched(anchors, boxes, torch.tensor([1, 2]), 0.35)
    assert set(labels.tolist()) == {0, 1, 2}
    none, _ = module.matched(anchors, torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0.35)
    assert set(none.tolist()) == {0}


def test_nobody_is_blamed_where_a_box_is_ignored(module: ModuleType, torch: Any) -> None:
    detector, images = module.Detector().eval(), torch.rand(1, 1, 32, 48, generator=torch.Generator().manual_seed(1))
    anchors = detector.anchors(images)
    near, ignored = torch.tensor([[2.0, 2, 18, 18]]), torch.tensor([[24.0, 8, 40, 24]])
    plain, _ = module.matched(anchors, near, torch.tensor([1]), 0.35)
    labels, _ = module.matched(anchors, near, torch.tensor([1]), 0.35, ignored)
    overlaps = module.box_iou(module.box_convert(anchors, "cxcywh", "xyxy"), ignored)[:, 0] >= 0.35
    assert labels[overlaps & (plain == 0)].tolist() == [-1] * int((overlaps & (plain == 0)).sum())
    assert labels[~overlaps].tolist() == plain[~overlaps].tolist()
    assert int((labels == -1).sum()) > 4
    target = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    everything = torch.cat([module.box_convert(anchors, "cxcywh", "xyxy")])
    assert float(detector.loss(images, [target]).detach()) > 0
    loss, right = detector.learn(images, [{**target, "ignored": everything}])
    assert (float(loss.detach()), float(right)) == (0.0, 0.0)


def test_it_learns_where_squares_are(module: ModuleType, torch: Any) -> None:
    rng = np.random.default_rng(0)
    images, targets = [], []
    for _ in range(8):
        image = np.zeros((1, 32, 48), dtype=np.float32)
        side, top, left = rng.integers(12, 20), rng.integers(0, 12), rng.integers(0, 28)
        image[0, top : top + side, left : left + side] = 1.0
        images.append(image)
        box = torch.tensor([[float(left), float(top), float(left + side), float(top + side)]])
        targets.append({"boxes": box, "labels": torch.tensor([1])})
    batch = torch.from_numpy(np.stack(images))
    detector = module.Detector().train()
    optimiser = torch.optim.Adam(detector.parameters(), 0.01)
    losses = []
    for _ in range(60):
        loss = detector.loss(batch, targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]

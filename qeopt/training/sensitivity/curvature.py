"""Losses by curvature: mean trace of the Hessian, or of the Fisher information, times the squared error of rounding (HAWQ-V2).

Hutchinson's estimate needs no matrix: for a vector v of random signs, v^T H v has the trace as its mean, and H v is the gradient of
g^T v, g the gradient of the loss. One vector over all tensors gives each of them its own estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qeopt.design import Design
from qeopt.export.arithmetic.fill import fitting_scale
from qeopt.export.arithmetic.numbers import read_weights
from qeopt.export.arithmetic.quantised import Grid, weight_range
from qeopt.export.functions import functions, unsigned_tensors
from qeopt.network.lowering import unranked
from qeopt.training.data.dataset import Split
from qeopt.training.errors import torch
from qeopt.training.sensitivity.losses import Choice, Loss, choices, losses
from qeopt.training.sensitivity.real_network import outputs

Curvature = Literal["hessian", "fisher"]
PROBES = 64


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of a diagonal block of the Hessian, or of the Fisher information, of the mean cross-entropy."""

    value: float
    error: float
    """Standard error of the estimate."""
    size: int
    """Numbers in the tensor: rows of the block."""


def by_curvature(
    method: Curvature,
    design: Design,
    weights: Path,
    images: Split,
    weight_widths: Sequence[int],
    activation_widths: Sequence[int],
    *,
    probes: int = PROBES,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> list[Loss]:
    """Mean trace times squared rounding error, for every tensor with a choice of bits and every width.

    Args:
        method: "hessian" by Hutchinson's estimate, or "fisher": squared gradients image by image.
        design: The network, in real numbers; its own bits do not matter.
        weights: Its learnt values.
        images: Some images and their classes.
        weight_widths: Widths of weights.
        activation_widths: Widths of activations.
        probes: Random vectors.
        seed: Of these.
        report: Called with the number of vectors, or images, done and of all.

    Raises:
        ExportError: when PyTorch is missing, or weights do not fit, or an operator cannot be differentiated.
    """
    network, _ = unranked(design.network())  # the loss has a softmax of its own
    ends = functions(design, network)
    arrays = {name: np.asarray(array) for name, array in read_weights(weights, network).items()}
    wanted = choices(network)
    problem = _Differentiable(network, ends, arrays, images, wanted)
    traces = problem.hessian(probes, seed, report) if method == "hessian" else problem.fisher(report)
    unsigned = unsigned_tensors(network, ends)
    found: list[Loss] = []
    for choice in wanted:
        widths = weight_widths if choice.is_weights else activation_widths
        measured = []
        for width in widths:
            values = [0.0, 0.0]
            for name in (choice.name,) if choice.is_weights else choice.tensors:
                trace = traces[choice.is_weights, name]
                array = arrays[name] if choice.is_weights else problem.activation(name)
                lost = weight_error(array, width) if choice.is_weights else activation_error(array, width, name not in unsigned)
                values[0] += trace.value / trace.size * lost
                values[1] += (trace.error / trace.size * lost) ** 2
            measured.append((width, values[0], values[1] ** 0.5))
        found += losses(choice, measured)
    return found


def weight_error(weights: NDArray[Any], bits: int) -> float:
    """Squared error of rounding weights, per channel, at the scale that fits best."""
    rows = np.asarray(weights, dtype=np.float64).reshape(len(weights), -1)
    low, high = weight_range(bits)
    scale = fitting_scale(rows, low, high)[:, None]
    return float(((np.clip(np.rint(rows / scale), low, high) * scale - rows) ** 2).sum())


def activation_error(values: NDArray[Any], bits: int, is_signed: bool) -> float:  # a fact of the tensor
    """Squared error of rounding an activation tensor at the scale that fits best."""
    row = np.asarray(values, dtype=np.float64).reshape(1, -1)
    grid = Grid(bits, is_signed, 1.0)
    scale = float(fitting_scale(row, grid.low, grid.high)[0])
    return float(((np.clip(np.rint(row / scale), grid.low, grid.high) * scale - row) ** 2).sum())


class _Differentiable:
    """The mean cross-entropy of some images as a function of weights and activations."""

    def __init__(
        self, network: Any, ends: Mapping[str, str], arrays: Mapping[str, NDArray[Any]], images: Split, wanted: Sequence[Choice]
    ) -> None:
        framework = torch()
        self._network, self._ends = network, ends
        known = {op.name for op in network.weighted_ops} | {f"{op.name}.bias" for op in network.weighted_ops}
        self._learnt = {
            name: framework.tensor(array.astype(np.float32)).double() for name, array in arrays.items() if name in known
        }
        for choice in wanted:
            if choice.is_weights:
                self._learnt[choice.name].requires_grad_()
        self._images = framework.tensor(images.reals(), dtype=framework.float64)
        self._labels = framework.tensor(images.labels)
        self._wanted = wanted
        self._held = outputs(network, ends, self._learnt, self._images)

    def activation(self, name: str) -> NDArray[Any]:
        """(images, channels, height, width) a tensor as it is."""
        return np.asarray(self._held[name].detach().numpy())

    def _tensors(self, held: Mapping[str, Any]) -> dict[tuple[bool, str], Any]:
        found = {}
        for choice in self._wanted:
            for name in (choice.name,) if choice.is_weights else choice.tensors:
                found[choice.is_weights, name] = self._learnt[name] if choice.is_weights else held[name]
        return found

    def _gradients(self, images: Any, labels: Any, *, twice: bool) -> tuple[dict[tuple[bool, str], Any], list[Any]]:
        framework = torch()
        images = images.clone().requires_grad_()  # so that what only the image and fixed weights reach can be differentiated by
        held = outputs(self._network, self._ends, self._learnt, images)
        loss = framework.nn.functional.cross_entropy(held[self._network.outputs[0].name].flatten(1), labels)
        tensors = self._tensors(held)
        gradients = framework.autograd.grad(loss, list(tensors.values()), create_graph=twice, materialize_grads=True)
        return tensors, list(gradients)

    def hessian(self, probes: int, seed: int, report: Callable[[int, int], None] | None) -> dict[tuple[bool, str], Trace]:
        """Estimate the trace of every block with `probes` random vectors."""
        framework = torch()
        tensors, gradients = self._gradients(self._images, self._labels, twice=True)
        generator = framework.Generator().manual_seed(seed)
        samples: dict[tuple[bool, str], list[float]] = {key: [] for key in tensors}
        for done in range(1, probes + 1):
            signs = [framework.randint(0, 2, value.shape, generator=generator).double() * 2 - 1 for value in tensors.values()]
            products = framework.autograd.grad(
                gradients, list(tensors.values()), signs, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for key, sign, product in zip(tensors, signs, products, strict=True):
                samples[key].append(float((sign * product).sum()))
            if report is not None:
                report(done, probes)
        return {key: _trace(values, tensors[key].numel()) for key, values in samples.items()}

    def fisher(self, report: Callable[[int, int], None] | None) -> dict[tuple[bool, str], Trace]:
        """Mean over the images of the squared gradient; of activations, whose gradients are of one image each, their sum."""
        count = len(self._labels)
        samples: dict[tuple[bool, str], list[float]] = {}
        sizes: dict[tuple[bool, str], int] = {}
        for place in range(count):
            part = slice(place, place + 1)
            tensors, gradients = self._gradients(self._images[part], self._labels[part], twice=False)
            for key, tensor, gradient in zip(tensors, tensors.values(), gradients, strict=True):
                samples.setdefault(key, []).append(float((gradient**2).sum()))
                sizes[key] = tensor.numel() * (1 if key[0] else count)
            if report is not None:
                report(place + 1, count)
        return {key: _trace(values, sizes[key]) for key, values in samples.items()}


def _trace(samples: Sequence[float], size: int) -> Trace:
    values = np.array(samples)
    error = float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("inf")
    return Trace(float(values.mean()), error, size)

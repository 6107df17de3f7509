"""Weights on their way in and out: of files into a network, and of a trained network into a file."""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from qeopt.files import write_atomically
from qeopt.training.errors import torch


def save(module: ModuleType, network: Any, path: Path) -> Path:
    """Write what was learnt as an .npz, which every exporter that carries weights reads.

    Args:
        module: The module that the network is of.
        network: The network.
        path: The file; it is replaced at once.
    """
    content = io.BytesIO()
    module.save_weights(network, content)
    write_atomically(path, content.getvalue())
    return path


def load(network: Any, arrays: dict[str, Any], images: Any) -> None:
    """Start from weights whose batch normalisation is folded, as float models and .npz files have them.

    The factors and biases of the network's own normalisation are chosen such that the network computes the same on `images`.

    Args:
        network: The network; it is changed.
        arrays: By name, as `qeopt.export.arithmetic.numbers.read_weights` reads them.
        images: Batches of images between 0 and 1, shape (images, channels, height, width) each.
    """
    framework = torch()
    hooks = []
    folding = [layer for layer in network.modules() if getattr(layer, "folds", False)]
    for layer in folding:  # their normalisation is settled as any other
        layer.folds = False
    with framework.no_grad():
        for name, layer in network.named_modules():
            if not hasattr(layer, "round_weight"):
                continue
            layer.weight.copy_(framework.from_numpy(np.array(arrays[name], np.float32)).reshape(layer.weight.shape))
            bias = framework.from_numpy(np.array(arrays.get(f"{name}.bias", np.zeros(len(layer.weight))), np.float32))
            if hasattr(layer, "norm"):
                hooks.append(layer.norm.register_forward_pre_hook(_Settle(bias.to(layer.weight.device))))
            else:
                layer.bias.copy_(bias)
        for batch in images:
            network(batch)
    for hook in hooks:
        hook.remove()
    for layer in folding:
        layer.folds = True


class _Settle:
    """Before normalisation: take its mean and deviation from what comes, and undo both, so that only the folded bias is added."""

    def __init__(self, bias: Any) -> None:
        self.bias, self.count = bias, 0
        self.sums: Any = 0.0
        self.squares: Any = 0.0

    def __call__(self, norm: Any, arguments: tuple[Any, ...]) -> None:
        values = arguments[0].double()
        self.sums = self.sums + values.sum(dim=(0, 2, 3))
        self.squares = self.squares + (values**2).sum(dim=(0, 2, 3))
        self.count += values.numel() // values.shape[1]
        mean = self.sums / self.count
        variance = (self.squares / self.count - mean**2).clamp_min(1e-12)
        norm.mean.copy_(mean)
        norm.variance.copy_(variance)
        norm.weight.copy_((variance + 1e-5).sqrt())
        norm.bias.copy_(mean + self.bias)

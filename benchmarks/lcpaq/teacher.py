"""A float network to learn from: three convolutions of 48 to 128 channels, trained on the same images by `run.py`."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn


def untrained() -> nn.Module:
    """The network before it is trained."""
    parts: list[nn.Module] = []
    before = 1
    for channels in (48, 96, 128):
        parts += [nn.Conv2d(before, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


def teacher() -> nn.Module:
    """The network with the weights that `run.py` has learnt, in the file that QEOPT_TEACHER names."""
    network = untrained()
    network.load_state_dict(torch.load(Path(os.environ["QEOPT_TEACHER"]), weights_only=True))
    return network

"""First steps of grids, chosen by more than one batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qeopt.training.errors import torch
from qeopt.training.network import grids


def calibrate(network: Any, batches: Iterable[Any]) -> None:
    """Give every grid the mean of the first steps that the batches would choose.

    Args:
        network: Any network of `module_of`; its averages of batch normalisation are not changed.
        batches: Images between 0 and 1, shape (images, channels, height, width) each.
    """
    kept = {name: value.clone() for name, value in network.state_dict().items() if name.endswith((".norm.mean", ".norm.variance"))}
    parts, count = grids(network), 0
    sums: list[Any] = []
    with torch().no_grad():
        for images in batches:
            for grid in parts:
                grid.is_set.fill_(False)
            network(images)
            steps = [grid.step.detach().clone() for grid in parts]
            sums = steps if not sums else [total + step for total, step in zip(sums, steps, strict=True)]
            count += 1
        for grid, total in zip(parts, sums, strict=False):
            grid.start(total / count)
    network.load_state_dict(kept, strict=False)

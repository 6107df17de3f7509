"""What trainings of one design with other seeds say of how well anything could predict an accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qeopt.statistics.bootstrap import Estimate, Floats
from qeopt.statistics.results import Data


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise between seeds and the correlation that it leaves possible."""

    designs: int
    """Designs trained with several seeds."""
    deviation: float
    """Standard deviation between seeds of one design, in points."""
    ceiling: Estimate
    """Correlation of the measured means with noiseless ones: no predictor can be expected to exceed it."""


def noise(data: Data, weights: Floats) -> Noise | None:
    """Split the variance of accuracies into that between designs and that between seeds; None where no design has two seeds.

    The ceiling is the square root of the reliability of a mean over seeds, 1 - s^2 mean(1/k) / variance of the means, with s^2 the
    pooled variance within designs and k the seeds of a design.

    Args:
        data: Trained designs.
        weights: (weightings, designs) how often each counts.
    """
    seeds = np.array([len(one.accuracies) for one in data.designs])
    if not (seeds > 1).any():
        return None
    squares = np.array([np.var(one.accuracies) * len(one.accuracies) for one in data.designs])
    within = (weights @ squares) / np.maximum(weights @ (seeds - 1.0), 1e-12)
    within = np.where(weights @ (seeds - 1.0) > 0, within, float(squares.sum() / (seeds - 1).sum()))
    drawn = weights.sum(axis=1)
    mean = (weights @ data.accuracy) / drawn
    between = (weights * (data.accuracy[None, :] - mean[:, None]) ** 2).sum(axis=1) / np.maximum(drawn - 1, 1)
    share = within * (weights @ (1 / seeds)) / drawn
    reliability = 1 - np.divide(share, between, out=np.ones_like(share), where=between > 1e-12)
    return Noise(int((seeds > 1).sum()), float(within[0] ** 0.5), Estimate.of(np.sqrt(np.clip(reliability, 0, 1))))

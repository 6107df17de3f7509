"""What choosing a design by a predictor costs against the best design there is."""

from __future__ import annotations

import numpy as np

from qeopt.statistics.bootstrap import Estimate, Floats


def regret(weights: Floats, predictor: Floats, accuracy: Floats, *, most: bool) -> Estimate:
    """Points below the best accuracy of the drawn designs that the one chosen by a predictor is; ties are chosen from at random.

    Args:
        weights: (weightings, designs) how often each is drawn.
        predictor: (designs,) what is known before training.
        accuracy: (designs,) what training gave.
        most: Whether the design with most of the predictor is chosen, or with least.
    """
    drawn = weights > 0
    signed = predictor if most else -predictor
    best = np.where(drawn, signed[None, :], -np.inf).max(axis=1, keepdims=True)
    chosen = drawn & (signed[None, :] >= best)
    reached = (chosen * accuracy[None, :]).sum(axis=1) / chosen.sum(axis=1)
    return Estimate.of(_best(drawn, accuracy) - reached)


def regret_of_chance(weights: Floats, accuracy: Floats) -> Estimate:
    """The same of choosing any of the designs at random."""
    drawn = weights > 0
    return Estimate.of(_best(drawn, accuracy) - (drawn @ accuracy) / drawn.sum(axis=1))


def _best(drawn: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], accuracy: Floats) -> Floats:
    best: Floats = np.where(drawn, accuracy[None, :], -np.inf).max(axis=1)
    return best

"""Setting images aside for the test where a data set does not."""

from __future__ import annotations

import numpy as np

from qeopt.training.data.dataset import Split

FIFTH = 5


def parted(images: Split) -> tuple[Split, Split]:
    """Return training images and test images: a fifth of every class, drawn always alike; a single image stays for training."""
    rng, test = np.random.default_rng(0), np.zeros(len(images), bool)
    for label in np.unique(images.labels):
        here = np.flatnonzero(images.labels == label)
        test[rng.permutation(here)[: -(-len(here) // FIFTH) if len(here) > 1 else 0]] = True
    return images.part(np.flatnonzero(~test)), images.part(np.flatnonzero(test))

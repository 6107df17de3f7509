"""What a step of training learns from a part of the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qeopt.training.data.augment import augmented
from qeopt.training.data.dataset import Pixels, Split
from qeopt.training.errors import TrainingError, torch
from qeopt.training.recipe import Recipe


class Lesson(Protocol):
    """From images to a loss."""

    def batch(self, chosen: NDArray[np.int64], rng: np.random.Generator, device: str) -> tuple[Pixels, Any]:
        """Pixels of some images after augmentation, and what a network should tell of them, on the device."""

    def loss(self, network: Any, images: Any, targets: Any) -> tuple[Any, float]:
        """The mean loss, to be differentiated, and how many of the images were told right.

        Raises:
            TrainingError: when a teacher does not fit.
        """


@dataclass(frozen=True)
class ByClass:
    """Learns the class of each image, by cross-entropy and perhaps a teacher."""

    images: Split
    recipe: Recipe
    teacher: Callable[[Any], Any] | None = None
    """What the network learns from beside labels: images to outputs."""

    def batch(self, chosen: NDArray[np.int64], rng: np.random.Generator, device: str) -> tuple[Pixels, Any]:
        """See `Lesson`; a label an image."""
        pixels = augmented(self.images.pixels[chosen], self.recipe, rng)
        return pixels, torch().from_numpy(self.images.labels[chosen]).to(device)

    def loss(self, network: Any, images: Any, targets: Any) -> tuple[Any, float]:
        """See `Lesson`."""
        outputs = network(images).flatten(1)
        right = int((outputs.detach().argmax(1) == targets).sum())
        return self._loss(outputs, targets, images), right

    def _loss(self, outputs: Any, labels: Any, images: Any) -> Any:
        functional, share = torch().nn.functional, self.recipe.distillation
        loss = functional.cross_entropy(outputs, labels, label_smoothing=self.recipe.label_smoothing)
        if self.teacher is None or not share:
            return loss
        with torch().no_grad():
            taught = self.teacher(images).flatten(1)
        if taught.shape != outputs.shape:
            raise TrainingError(f"the teacher has {taught.shape[1]} outputs and the network {outputs.shape[1]}")
        heat = self.recipe.temperature
        apart = functional.kl_div((outputs / heat).log_softmax(1), (taught / heat).softmax(1), reduction="batchmean")
        return (1 - share) * loss + share * heat**2 * apart

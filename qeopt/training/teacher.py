"""A larger network to learn from: a PyTorch module of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qeopt.network.importers.torch_source import load_module
from qeopt.spec.errors import SpecError
from qeopt.training.errors import TrainingError, torch

WANTED = "FILE.py:FUNCTION, which returns a trained torch.nn.Module, was expected"


def refuse_without_teacher(distillation: float, teacher: str) -> None:
    """Refuse a share of the loss that nobody gives.

    Raises:
        TrainingError: when there is none to learn from.
    """
    if distillation and not teacher:
        raise TrainingError("--distillation: needs a --teacher")


def load_teacher(text: str, device: str = "cpu") -> Callable[[Any], Any]:
    """Load a teacher. It reads images between 0 and 1, shape (images, channels, height, width), and gives a value per class.

    Args:
        text: `FILE.py:FUNCTION`; the function takes nothing and returns a trained module.
        device: Where it runs.

    Raises:
        TrainingError: when there is no such thing.
    """
    torch()
    try:
        module = load_module(text, WANTED)
    except SpecError as error:
        raise TrainingError(str(error)) from None
    module.eval().requires_grad_(False)
    teacher: Callable[[Any], Any] = module.to(device)
    return teacher

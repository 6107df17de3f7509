"""A larger network to learn from: a PyTorch module of one's own."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qeopt.training.errors import TrainingError, torch

WANTED = "FILE.py:FUNCTION, which returns a trained torch.nn.Module, was expected"


def load_teacher(text: str, device: str = "cpu") -> Callable[[Any], Any]:
    """Load a teacher. It reads images between 0 and 1, shape (images, channels, height, width), and gives a value per class.

    Args:
        text: `FILE.py:FUNCTION`; the function takes nothing and returns a trained module.
        device: Where it runs.

    Raises:
        TrainingError: when there is no such thing.
    """
    path, _, name = text.rpartition(":")
    if not path or not Path(path).is_file():
        raise TrainingError(f"{text}: there is no such function in a file; {WANTED}")
    module = _called(path, name)
    if not isinstance(module, torch().nn.Module):
        raise TrainingError(f"{text}: gave {type(module).__name__}; {WANTED}")
    module.eval().requires_grad_(False)
    teacher: Callable[[Any], Any] = module.to(device)
    return teacher


def _called(path: str, name: str) -> Any:
    try:
        names = runpy.run_path(path)
        if callable(names.get(name)):
            return names[name]()
    except Exception as error:  # runs the user's own code, which may fail in any way
        raise TrainingError(f"{path}:{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}") from None
    raise TrainingError(f"{path}: has no function {name!r}; {WANTED}")

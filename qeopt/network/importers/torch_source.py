"""PyTorch modules that a person names as FILE.py:FUNCTION. Their code is run, so only people name them, never a file."""

from __future__ import annotations

import re
import runpy
from importlib import import_module
from pathlib import Path
from typing import Any

from qeopt.network.importers.model import ImportOptions
from qeopt.spec.errors import Location, PluginError, SpecError, did_you_mean

WANTED = "FILE.py:FUNCTION, which returns a torch.nn.Module, was expected"


def names_code(text: str) -> bool:
    """Whether a text names Python code instead of a model file."""
    return re.search(r"\.py(:|$)", text) is not None


def function_of(text: str) -> str:
    """`FUNCTION` of `FILE.py:FUNCTION`, by which the network is called."""
    return text.rpartition(":")[2]


def load_module(text: str, wanted: str = WANTED) -> Any:
    """Call the function that a text names and return the module that it makes.

    Args:
        text: `FILE.py:FUNCTION`; the function takes nothing.
        wanted: What was expected, for messages.

    Raises:
        SpecError: when there is no such file or function, it fails, or gives something else.
        PluginError: when torch is not installed.
    """
    path, _, name = text.rpartition(":")
    if not path or not Path(path).is_file():
        raise SpecError.at(None, f"{text}: there is no such function in a file; {wanted}")
    torch = _torch()
    module = _called(path, name, wanted)
    if not isinstance(module, torch.nn.Module):
        raise SpecError.at(None, f"{text}: gave {type(module).__name__}; {wanted}")
    return module


def example_for(text: str, options: ImportOptions | None) -> tuple[Any, ...]:
    """An image for a module, as PyTorch lays it out: one, channels first.

    Raises:
        SpecError: when nothing says how large an image is.
    """
    if options is None or options.input is None:
        raise SpecError.at(Location(text), "a module does not say what it reads; --input H,W,C was expected, such as 96,96,3")
    height, width, channels = options.input
    return (_torch().zeros(1, channels, height, width),)


def _called(path: str, name: str, wanted: str) -> Any:
    try:
        names = runpy.run_path(path)
        if callable(names.get(name)):
            return names[name]()
    except Exception as error:  # runs the user's own code, which may fail in any way
        said = f"{path}:{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise SpecError.at(None, said) from None
    own = [known for known, value in names.items() if callable(value) and not known.startswith("_")]
    raise SpecError.at(None, f"{path}: has no function {name!r}; {wanted}{did_you_mean(name, own)}")


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise PluginError('reading PyTorch modules needs the package torch; install it with: pip install "qeopt[torch]"') from error

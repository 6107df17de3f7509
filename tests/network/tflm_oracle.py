"""The real interpreter of TensorFlow Lite Micro: what it allocates for a file, and what it computes."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOM = 64 << 20
"""Bytes of the arena that the interpreter is given; its own guess is too small for files of few weights."""


@dataclass(frozen=True)
class Allocations:
    """What the recording allocator says after the tensors have been placed."""

    head: int
    """Planned tensors and scratch."""
    tail: int
    """What is held for good."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Bytes of the tail by purpose; the allocator's own structures are in none of them."""


class Micro:
    """A file in the interpreter."""

    def __init__(self, content: bytes) -> None:
        runtime: Any = importlib.import_module("tflite_micro.python.tflite_micro.runtime")  # there is no wheel everywhere
        self._interpreter = runtime.Interpreter.from_bytes(content, arena_size=ROOM)

    @classmethod
    def of(cls, path: Path) -> Micro:
        """Open a file."""
        return cls(path.read_bytes())

    def run(self, *inputs: Any, outputs: int = 1) -> list[np.ndarray[Any, Any]]:
        """Run one inference."""
        for index, values in enumerate(inputs):
            self._interpreter.set_input(values, index)
        self._interpreter.invoke()
        return [self._interpreter.get_output(index).copy() for index in range(outputs)]

    def input(self, index: int = 0) -> dict[str, Any]:
        """Shape, type and scales of an input."""
        found: dict[str, Any] = self._interpreter.get_input_details(index)
        return found

    def output(self, index: int = 0) -> dict[str, Any]:
        """Shape, type and scales of an output."""
        found: dict[str, Any] = self._interpreter.get_output_details(index)
        return found

    def allocations(self) -> Allocations:
        """Read what the recorder prints."""
        text = _printed(self._interpreter.print_allocations)
        sizes = {part: int(size) for part, size in re.findall(r"Arena allocation (\w+) (\d+) bytes", text)}
        parts = {name: int(size) for name, size in re.findall(r"'([^']+)' used (\d+) bytes", text)}
        return Allocations(sizes["head"], sizes["tail"], parts)


def allocated(path: Path, inputs: Sequence[int] = (0,)) -> Allocations:
    """Allocations of a file after one inference on zeros."""
    micro = Micro.of(path)
    micro.run(*(np.zeros(micro.input(index)["shape"], micro.input(index)["dtype"]) for index in inputs), outputs=0)
    return micro.allocations()


def _printed(call: Any) -> str:
    """What a function of C++ writes to stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            call()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode()

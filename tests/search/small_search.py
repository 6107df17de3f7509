"""A search that takes a second, and ways to be killed in it. Imported by tests, by their subprocesses and by their workers."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Sequence
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, TypeVar

from qeopt.search import Workers

T = TypeVar("T")

STUDY = """\
kind: study
task: {input: [48, 48, 3], classes: 2}
space:
  widths: non_decreasing
  blocks:
    - {kind: conv, name: stem, width: [8, 16, 24], kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: {from: 8, to: 96, step: 8}, kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2, 3]}
    - {kind: k1dwk1, name: b2, stride: 2, width: {from: 8, to: 96, step: 8}, kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2, 3]}
    - {kind: conv, name: head, width: {from: 64, to: 256, step: 32}}
    - {kind: classifier}
runtime: cmix-nn
budgets: {sram: 40 KiB, flash: 40 KiB, layers: 14}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe, sigma_a: 5, sigma_w: 4, stage_weights: [0, 1, 6]}
search: {gap: 0, branches: 0, evaluations: 160, islands: 2, migration_every: 2, migrants: 2, children: 10, population: 12}
"""


def write_study(folder: Path) -> Path:
    """Write the study's file."""
    path = folder / "small.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def die_once(marker: Path, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function; the first to find the marker takes it away and is killed instead."""
    try:
        marker.unlink()
    except FileNotFoundError:
        return function(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def die_in_workers(number: int) -> int:
    """Kill every worker that is asked; answer in the process that a test runs in."""
    if parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def run_out_of_memory(number: int, caller: int) -> int:
    """Allocate more than this worker may have; answer in the process that asks."""
    if os.getpid() != caller:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
        return len(bytearray(2 << 30))
    return number


class Deadly:
    """Workers of whom one dies in the middle of a call."""

    def __init__(self, workers: Workers, marker: Path) -> None:
        self._workers = workers
        self._marker = marker

    def map(self, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
        """Make the calls, one of them deadly while the marker is there."""
        return self._workers.map(die_once, [(self._marker, function, *call) for call in calls])

"""Damaged files of every kind: an answer or an error with its place, in time and memory, never a fault of this program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "fuzz"))
from kinds import KINDS  # type: ignore[import-not-found]  # of the benchmark
from run import fuzz  # type: ignore[import-not-found]  # of the benchmark

FEW = {"studies, solved": 15, "studies": 80, "CSV": 60, "journals": 60}
"""Fewer cases of what takes longest; there are 200 of every other kind."""


@pytest.mark.parametrize("kind", KINDS)
def test_some_damaged_files(kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, range(FEW.get(kind, 200) // 15), tmp_path).failed == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files(kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, range(1000, 1000 + FEW.get(kind, 200)), tmp_path).failed == []

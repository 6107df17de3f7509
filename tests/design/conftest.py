"""The small study whose designs are tampered with, recounted and refused."""

from pathlib import Path

import pytest

STUDY = """\
kind: study
task: {input: [24, 24, 3], classes: 3}
space:
  widths: non_decreasing
  blocks:
    - {kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: [8, 16, 24], ratio: [1.5, 2], units: [1, 2]}
    - {kind: conv, name: head, width: [16, 32]}
    - {kind: classifier}
runtime: ideal
budgets: {sram: 4 KiB, flash: 1000 B, layers: 8}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {evaluations: 60, seed: 1}
"""


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    path.write_text(STUDY)
    return path

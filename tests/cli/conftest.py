"""A tiny network and a tiny space to run verbs on, and the runner."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from qeopt.cli.verbs import app
from qeopt.spec.library import builtin_folder

NETWORK = """\
kind: study
task: {input: [32, 32, 3], classes: 2}
network:
  blocks:
    - {kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, width: 16, ratio: 3, units: 2, stride: 2}
    - {kind: k1dwk1, name: b2, width: 32, ratio: 2}
    - {kind: conv, name: head, width: 64}
    - {kind: classifier}
device: stm32f412
runtime: cmix-nn
budgets: {sram: 14 KiB, flash: 10 KiB}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
"""
MOBILENET = """\
kind: study
task: {input: [224, 224, 3], classes: 1000}
network: mobilenet_v2
runtime: ideal
budgets: {sram: 512 KiB, flash: 2 MiB}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
"""
SPACE = """\
kind: study
task: {input: [32, 32, 3], classes: 2}
space:
  widths: non_decreasing
  blocks:
    - {kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: [8, 16, 24, 32, 48], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2]}
    - {kind: k1dwk1, name: b2, stride: 2, width: [16, 32, 48, 64], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2]}
    - {kind: conv, name: head, width: [64, 96, 128]}
    - {kind: classifier}
device: stm32f412
runtime: cmix-nn
budgets: {sram: 14 KiB, flash: 16 KiB, layers: 14}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe, stage_weights: [1, 2, 4]}
search: {evaluations: 64}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a verb in a folder of its own that holds `net.yaml` and `mobilenet.yaml` (bits only) and `tiny.yaml` (a space)."""
    monkeypatch.chdir(tmp_path)
    for name in ("QEOPT_PATH", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "net.yaml").write_text(NETWORK, encoding="utf-8")
    (tmp_path / "mobilenet.yaml").write_text(MOBILENET, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(SPACE, encoding="utf-8")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


@pytest.fixture
def golden(tmp_path: Path) -> Callable[[str, str], None]:
    """Compares a text with `golden/NAME`, folders and times aside; QEOPT_UPDATE_GOLDEN=1 writes it instead."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        said = text.replace(str(builtin_folder()), "BUILT-IN").replace(str(tmp_path), "HERE")
        said = re.sub(r"\b\d+ ms$", "TIME", said, flags=re.MULTILINE)
        said = re.sub(r"^cost: .*$", "cost: COST", said, flags=re.MULTILINE)
        said = re.sub(r" *TIME", " TIME", said)
        said = "\n".join(line.rstrip() for line in said.splitlines()) + "\n"
        if os.environ.get("QEOPT_UPDATE_GOLDEN"):
            path.write_text(said, encoding="utf-8")
        assert _narrowed(said) == _narrowed(path.read_text(encoding="utf-8"))

    return compare


def _narrowed(text: str) -> str:
    """A table with times is as wide as the times are long."""
    return re.sub("─+", "─", re.sub(r" +time$", " time", text, flags=re.MULTILINE))

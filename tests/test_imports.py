"""What importing costs: solvers, plots and model formats are loaded when they are used."""

import subprocess
import sys

import pytest

HEAVY = ("ortools", "pyomo", "highspy", "matplotlib", "onnx", "torch", "distributed", "pandas", "vl_convert", "altair")


@pytest.mark.parametrize("module", ["qeopt", "qeopt.cli.app", "qeopt_solvers"])
def test_nothing_heavy_is_loaded(module: str) -> None:
    script = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []

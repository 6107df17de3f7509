"""What the commands of docs/benchmarks-firmware.md say where the package of a rival is absent."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("command", "option", "value", "said"),
    [
        (
            "run",
            "--emx",
            "no-such-program",
            "no such program; `pip install emx-onnx-cgen`, in an environment of its own, brings it",
        ),
        ("run", "--tflm", "no-such-python", "no such Python; `pip install tflite-micro`, in an environment of its own, brings it"),
        ("run", "--cmsis", "nowhere", "no cmsis_nn/Source in it; `pip install --no-deps --target FOLDER bakenn==1.0.0` brings it"),
        (
            "compared",
            "--emx",
            "no-such-program",
            "no such program; `pip install emx-onnx-cgen`, in an environment of its own, brings it",
        ),
    ],
)
def test_an_absent_package_is_named(command: str, option: str, value: str, said: str, repository: Path) -> None:
    script = repository / f"benchmarks/firmware/{command}.py"
    done = subprocess.run([sys.executable, str(script), option, value], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(f"{command}.py: error: {option} {value}: {said}\n")

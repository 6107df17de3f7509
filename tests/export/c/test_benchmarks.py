"""What the commands of docs/benchmarks-firmware.md say where the package of a rival is absent."""

import runpy
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
def test_an_absent_package_is_named(
    command: str,
    option: str,
    value: str,
    said: str,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = repository / f"benchmarks/firmware/{command}.py"
    monkeypatch.setattr(sys, "argv", [str(script), option, value])
    monkeypatch.syspath_prepend(script.parent)
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().err.endswith(f"{command}.py: error: {option} {value}: {said}\n")

"""The doors of README.md and docs/index.md, walked through: every command there runs, in its order."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app

ROOT = Path(__file__).parents[1]
README, INDEX = ROOT / "README.md", ROOT / "docs" / "index.md"
LESS = {
    "solve": ["--evaluations", "40", "--no-pictures"],
    "sweep": ["--set", "search.evaluations=40", "--no-pictures"],
    "train": ["--limit", "128", "--epochs", "1"],
    "evaluate": ["--limit", "50"],
}
"""What a test adds so that it need not wait."""


def commands(page: Path, door: str) -> list[list[str]]:
    """The commands below one heading."""
    text = re.split(rf"^##+ {door}\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    (block,) = re.findall(r"```sh\n(.*?)```", re.split(r"^##", text, flags=re.MULTILINE)[0], flags=re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def walk(page: Path, door: str) -> list[str]:
    """What each command printed."""
    printed = []
    for program, verb, *arguments in commands(page, door):
        assert program == "qeopt"
        result = CliRunner().invoke(app, [verb, *arguments, *LESS.get(verb, [])])
        assert result.exit_code == 0, (verb, arguments, result.output)
        printed.append(result.stdout)
    return printed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [README, INDEX], ids=["readme", "index"])
def test_a_board(folder: Path, page: Path) -> None:
    *_, solved, reported = walk(page, "I have a board")
    assert "space: within" in solved
    assert "report.html" in reported
    assert (folder / "runs" / "doorbell" / "1" / "report.html").is_file()


def test_a_model(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    maker = np.random.default_rng(0)
    names = {"first": (8, 3, 3, 3), "last": (4, 8, 1, 1)}
    weights = [onnx.numpy_helper.from_array(maker.normal(size=shape).astype("f"), name) for name, shape in names.items()]
    nodes = [
        onnx.helper.make_node("Conv", ["image", "first"], ["a"], name="one", pads=[1, 1, 1, 1]),
        onnx.helper.make_node("Relu", ["a"], ["b"], name="relu"),
        onnx.helper.make_node("Conv", ["b", "last"], ["out"], name="two"),
    ]
    sides = {"image": [1, 3, 8, 8], "out": [1, 4, 8, 8]}
    image, out = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in sides.items())
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "net", [image], [out], weights)), folder / "model.onnx")
    np.savez(folder / "images.npz", images=maker.normal(size=(8, 8, 8, 3)).astype("f"))
    walk(INDEX, "I have a model")
    assert list((folder / "mymodel").rglob("*.onnx"))


def test_a_space(folder: Path) -> None:
    *_, swept, _ = walk(INDEX, "I have a space")
    assert "layers" in swept
    assert (folder / "drawn" / "features.csv").is_file()


@pytest.mark.slow
def test_a_module_of_pytorch(folder: Path) -> None:
    for package in ("torch", "onnxscript", "onnxruntime", "mlxtend"):
        pytest.importorskip(package)
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks", target_is_directory=True)
    chosen, trained, _, evaluated = walk(README, "I have a model")
    assert "bits:" in chosen
    assert "of 1,000 test images right (integer network)" in trained
    assert re.search(r"resnet8.onnx: \d+\.\d\d % of 50 test images right", evaluated)
    assert (folder / "resnet8" / "train" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")), reason="no compiler or emulator")
def test_a_space_to_a_program_that_runs(folder: Path) -> None:
    solved, _, built = walk(README, "I have a space")
    assert "space: within" in solved
    assert "instructions per MAC" in built
    assert (folder / "firmware").is_dir()

"""`qeopt bits` and `qeopt import`: a model file in, a proven design or a network file out."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

sys.path.insert(0, str(Path(__file__).parents[1] / "network" / "importers"))
from tflite_author import small_network  # type: ignore[import-not-found]  # of the importers' tests

Run = Callable[..., Result]
BUDGETS = ("--sram", "2 KiB", "--flash", "2 KiB")


@pytest.fixture
def model(run: Run) -> Path:
    """A small TFLite file in the folder that verbs run in."""
    return Path(small_network().save(Path("small.tflite")))


def test_bits_without_a_study(run: Run, model: Path) -> None:
    result = run("bits", str(model), "--runtime", "ideal", *BUDGETS, "--save-study", "saved.yaml", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["status"], told["bits"]["status"], told["study_name"]) == ("solved", "optimal", "small")
    assert "left out" not in result.stderr
    again = run("solve", "saved.yaml", "--json", "--out", "again")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["score"] == told["score"]
    assert run("verify", "again/design.json").exit_code == 0


def test_bits_that_cannot_fit(run: Run, model: Path) -> None:
    result = run("bits", str(model), "--runtime", "ideal", "--sram", "100 B", "--flash", "2 KiB")
    assert result.exit_code == 1
    assert "no design fits: SRAM at step" in result.stderr


def test_bits_by_the_error_of_the_weights(run: Run, model: Path) -> None:
    result = run("bits", str(model), "--runtime", "ideal", *BUDGETS, "--objective", "weights", "--weight-bits", "4,8", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["score"] < 0
    assert set(told["weights"].values()) <= {4, 8}


def test_bits_of_single_layers(run: Run, model: Path) -> None:
    free = ("bits", str(model), "--runtime", "ideal", "--sram", "2 KiB", "--flash", "unlimited", "--json", "--quiet")
    plain = json.loads(run(*free).stdout)["weights"]
    names = list(plain)
    assert set(plain.values()) == {8}
    told = json.loads(run(*free, "--layer", f"{names[1]}=w2,4a8", "--tie", f"{names[1]},{names[2]}", "--ends", "4").stdout)
    assert told["weights"][names[1]] == told["weights"][names[2]] == 4
    assert told["weights"][names[0]] == told["weights"][names[-1]] == 4
    for options, said in (
        (("--layer", "none=8"), "--layer: no layer of the network is called 'none'"),
        (("--tie", "none,x"), "--tie: no layer of the network is called 'none'"),
        (("--layer", "a=9x"), "--layer: 'a=9x': NAME=8, NAME=w2,4, NAME=a8 or NAME=w2,4a8 was expected"),
        (("--layer", "a=8", "--layer", "a=4"), "--layer: 'a' is given twice"),
        (("--weight-bits", "99"), "--weight-bits: '99' is no number of bits from 1 to 16"),
        (("--prefer", "sram,"), "--prefer: 'sram,': names separated by commas were expected"),
        (("--prefer", "sram"), "--prefer: there is no memory 'sram' that may hold activations; the study states no device"),
        (("--engine", "x"), "--engine: there is no engine 'x'"),
    ):
        result = run(*free, *options)
        assert result.exit_code == 2
        assert said in result.stderr


def test_import_writes_a_network_that_a_study_can_name(run: Run, model: Path) -> None:
    result = run("import", str(model), "--out", "written.yaml", "--json", "-q")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    told = json.loads(result.stdout)
    assert (told["operators"], told["weights"]) == (8, 216 + 72 + 64 + 32)
    study = "kind: study\ntask: {input: [16, 16, 3], classes: 4}\nnetwork: ./written.yaml\nruntime: ideal\n"
    study += "budgets: {sram: 2 KiB, flash: 2 KiB}\nbits: {weights: [2, 4, 8], activations: [2, 4, 8]}\nobjective: qe\n"
    Path("study.yaml").write_text(study, encoding="utf-8")
    assert run("solve", "study.yaml", "--no-baselines").exit_code == 0
    again = run("import", str(model), "--out", "written.yaml")
    assert again.exit_code == 2
    assert "written.yaml: exists already; choose another file" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "none.onnx"), "none.onnx: there is no such file"),
        (("import", "net.yaml"), "net.yaml:1:7: is a study, and `qeopt import` takes a model file"),
        (("bits", "small.tflite", "--runtime", "cmix_nn"), "did you mean 'cmix-nn'?"),
        (("bits", "small.tflite", "--runtime", "ideal"), "no sram budget"),
        (
            ("bits", "small.tflite", "--runtime", "ideal", "--input", "1,2"),
            "height, width and channels were expected, such as 96,96,3",
        ),
        (
            ("bits", "small.tflite", "--runtime", "ideal", "--treat-as", "ADD=x"),
            "OPERATOR=identity, activation, move or cut was expected",
        ),
    ],
)
def test_mistakes(run: Run, model: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr

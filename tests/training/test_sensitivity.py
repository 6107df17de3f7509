"""Losses by trial against the integer network, by curvature against the full Hessian; the program that minimises them."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers, random_stream, weight_shape
from qeopt.export.functions import functions
from qeopt.export.reference import run
from qeopt.memory import count
from qeopt.network import Bits, fan_in
from qeopt.score import evaluate
from qeopt.score.sensitivity import Sensitivity, read_table
from qeopt.spec.model import build
from qeopt.training.data.dataset import Split
from qeopt.training.sensitivity.losses import Choice, choices, losses, table_text
from qeopt.training.sensitivity.trials import CALIBRATION, by_trial
from qeopt.verbs.solve import solve

WIDTHS = (2, 4, 8)
STUDY = """\
kind: study
task: {input: [8, 8, 1], classes: 3}
network:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 1, width: 8, kernel: 3, ratio: 1.5, units: 2}
    - {kind: conv, name: head, width: 12}
    - {kind: classifier}
runtime: ideal
budgets: {sram: 64 KiB, flash: 64 KiB}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {baselines: []}
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A network of 8 x 8 grey images and three classes."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.yaml"
    path.write_text(STUDY, encoding="utf-8")
    found = solve(path).design
    assert found is not None
    return found


@pytest.fixture(scope="module")
def weights(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a usual size, and biases."""
    rng = random_stream("sensitivity")
    arrays: dict[str, Any] = {}
    for op in design.network().weighted_ops:
        arrays[op.name] = rng.normal(0, math.sqrt(2 / int(fan_in(op))), weight_shape(op)).astype(np.float32)
        arrays[f"{op.name}.bias"] = rng.normal(0, 0.1, weight_shape(op)[:1]).astype(np.float32)
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    np.savez(str(path), **arrays)
    return path


@pytest.fixture(scope="module")
def images() -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 256, (24, 1, 8, 8), dtype=np.uint8), np.arange(24) % 3)


def test_choices_are_those_that_an_objective_sees(design: Design) -> None:
    network = design.network()
    found = choices(network)
    assert len({choice.label for choice in found}) == len(found)
    assert "stem weights" not in {choice.label for choice in found}, "8 bits for good"
    shared = [choice for choice in found if len(choice.tensors) > 1]
    assert shared, "what is added shares the bits of the sum"
    bits = Bits.uniform(network, 8)
    changed = shared[0].at(bits, 2)
    assert {name for name, width in changed.activations.items() if width != bits.activations[name]} == set(shared[0].tensors)
    assert changed.weights == bits.weights


def test_losses_never_fall_as_widths_shrink() -> None:
    choice = Choice("a", True)
    found = losses(choice, [(2, 0.1, None), (4, 0.3, 0.1), (8, -0.2, None)])
    assert [(one.bits, one.loss, one.measured) for one in found] == [(2, 0.3, 0.1), (4, 0.3, 0.3), (8, 0.0, -0.2)]


def test_a_trial_is_what_the_integer_network_does(design: Design, weights: Path, images: Split, tmp_path: Path) -> None:
    """One weight tensor and one activation tensor, computed here by the reference that exports agree with."""
    found = by_trial("loss", design, weights, images, (2, 8), (4, 8))
    network = design.network()
    arrays = {**np.load(weights), "image": (images.pixels[:CALIBRATION] / 255.0).astype(np.float32)}
    np.savez(str(tmp_path / "w.npz"), **arrays)
    base_bits = Bits.uniform(network, 8)

    def entropy(bits: Bits) -> float:
        changed = design.model_copy(update={"weights": dict(bits.weights), "activations": dict(bits.activations)})
        model = quantised(changed, Numbers(weights=tmp_path / "w.npz"))
        output = network.outputs[0].name
        logits = run(model, images.pixels / 255.0)[output].reshape(len(images), -1) * model.grids[output].scale
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return float(-np.log(shares[np.arange(len(images)), images.labels]).mean())

    for wanted in ("head weights", next(one.choice.label for one in found if not one.choice.is_weights)):
        narrow = next(one for one in found if one.choice.label == wanted and one.bits < 8)
        assert narrow.measured == pytest.approx(entropy(narrow.choice.at(base_bits, narrow.bits)) - entropy(base_bits), abs=1e-9)
        assert narrow.error is not None
    assert all(one.loss == 0 for one in found if one.bits == 8)
    assert any(one.loss > 0.001 for one in found)


def test_output_errors_are_least_at_most_bits(design: Design, weights: Path, images: Split) -> None:
    found = by_trial("error", design, weights, images, WIDTHS, WIDTHS)
    by_choice: dict[str, list[float]] = {}
    for one in found:
        by_choice.setdefault(one.choice.label, []).append(one.measured)
    assert all(two > four > eight == 0 for two, four, eight in by_choice.values())


def test_the_program_finds_the_least_loss_of_all_assignments(design: Design, weights: Path, images: Split, tmp_path: Path) -> None:
    """The table as a study reads it; the integer program of HAWQ under budgets of size and bit operations, against enumeration."""
    network, study = design.network(), design.load_study()
    path = tmp_path / "losses.csv"
    path.write_text(table_text(by_trial("error", design, weights, images, (4, 8), (8,)), "error"), encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["method"] == "error"
    by_weights, _ = read_table(path, network)
    spelled: Any = {name: {str(width): loss for width, loss in widths.items()} for name, widths in by_weights.items()}
    objective = build(Sensitivity, {"weights": spelled})
    eights, fours = (count(network, study.runtime, Bits.uniform(network, width)).used for width in (8, 4))
    limits = study.limits.but(
        sram=None,
        flash=int((eights["flash"] + fours["flash"]) / 2),
        bitops=int(0.65 * eights["bitops"]),
    )
    refiner = study.refiner
    choices_ = refiner.choices.model_copy(update={"weights": (4, 8), "activations": (8,)})
    refined = replace(refiner, objective=objective, limits=limits, choices=choices_).refine(network)
    names = [op.name for op in network.weighted_ops if op.weight_bits is None]
    best = -math.inf
    for widths in product((4, 8), repeat=len(names)):
        uniform = Bits.uniform(network, 8)
        bits = Bits({**uniform.weights, **dict(zip(names, widths, strict=True))}, uniform.activations)
        used = count(network, study.runtime, bits).used
        if used["flash"] <= limits["flash"] and used["bitops"] <= limits["bitops"]:
            best = max(best, evaluate(objective, network, bits))
    assert refined.score == pytest.approx(best, abs=1e-5)
    assert best < 0, "the budgets bind"


@pytest.mark.slow
def test_traces_of_the_hessian_are_those_of_the_full_matrix(design: Design, weights: Path, images: Split) -> None:
    """Every block of weights within three standard errors of its exact trace , most within two."""
    torch = pytest.importorskip("torch")
    from qeopt.training.sensitivity.curvature import _Differentiable  # noqa: PLC0415
    from qeopt.training.sensitivity.real_network import outputs  # noqa: PLC0415

    network = design.network()
    ends = functions(design, network)
    arrays = dict(np.load(weights))
    torch.set_num_threads(1)
    few = images.part(slice(0, 3))
    wanted = choices(network)
    problem = _Differentiable(network, ends, arrays, few, wanted)
    traces = problem.hessian(100, 0, None)
    pixels = torch.tensor(few.pixels / 255.0, dtype=torch.float64)
    within_two = 0
    names = [choice.name for choice in wanted if choice.is_weights][::2]
    for name in names:

        def loss(values: Any, name: str = name) -> Any:
            learnt = {key: torch.tensor(array.astype(np.float32)).double() for key, array in arrays.items()}
            held = outputs(network, ends, {**learnt, name: values}, pixels)
            return torch.nn.functional.cross_entropy(held[network.outputs[0].name].flatten(1), torch.tensor(few.labels))

        full = torch.autograd.functional.hessian(loss, torch.tensor(arrays[name].astype(np.float32)).double())
        exact = float(full.reshape(arrays[name].size, arrays[name].size).trace())
        found = traces[True, name]
        assert abs(found.value - exact) <= 3 * found.error
        within_two += abs(found.value - exact) <= 2 * found.error
    assert within_two >= 0.8 * len(names)


@pytest.mark.slow
def test_real_numbers_are_what_eight_bits_round(design: Design, weights: Path, images: Split, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from qeopt.training.sensitivity.real_network import outputs  # noqa: PLC0415

    network = design.network()
    bits = Bits.uniform(network, 8)
    arrays = {**np.load(weights), "image": (images.pixels / 255.0).astype(np.float32)}
    np.savez(str(tmp_path / "w.npz"), **arrays)
    changed = design.model_copy(update={"weights": dict(bits.weights), "activations": dict(bits.activations)})
    model = quantised(changed, Numbers(weights=tmp_path / "w.npz"))
    integers = run(model, images.pixels / 255.0)
    learnt = {name: torch.tensor(array).double() for name, array in np.load(weights).items()}
    held = outputs(network, functions(design, network), learnt, torch.tensor(images.pixels / 255.0, dtype=torch.float64))
    for tensor in network.tensors:
        real, rounded = held[tensor.name].numpy().ravel(), integers[tensor.name].ravel() * model.grids[tensor.name].scale
        assert np.corrcoef(real, rounded)[0, 1] > 0.995


@pytest.mark.slow
@pytest.mark.parametrize("method", ["hessian", "fisher"])
def test_curvature_makes_a_table_that_studies_read(
    method: Any, design: Design, weights: Path, images: Split, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from qeopt.training.sensitivity.curvature import by_curvature  # noqa: PLC0415

    found = by_curvature(method, design, weights, images, WIDTHS, WIDTHS, probes=8)
    (tmp_path / "t.csv").write_text(table_text(found, method), encoding="utf-8")
    by_weights, by_activations = read_table(tmp_path / "t.csv", design.network())
    assert len(by_weights) + len(by_activations) == len(choices(design.network()))
    assert all(losses[2] >= losses[4] >= losses[8] >= 0 for losses in (*by_weights.values(), *by_activations.values()))
    assert any(losses[2] > 0 for losses in by_activations.values())


@pytest.fixture
def verb(design: Design, weights: Path, images: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `qeopt sensitivity` in a folder with a design, its weights and images."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(STUDY, encoding="utf-8")
    design.save(tmp_path / "design.json")
    shutil.copy(weights, tmp_path / "weights.npz")
    arrays: dict[str, Any] = {"images": images.pixels, "labels": images.labels}
    np.savez(tmp_path / "data.npz", **arrays)
    return lambda *given: CliRunner().invoke(app, ["sensitivity", *given])


GIVEN = ("design.json", "--weights", "weights.npz", "--data", "data.npz")


@pytest.mark.parametrize(
    "method", ["loss", "error", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hessian", "fisher"))]
)
def test_the_verb_writes_a_table_that_a_study_is_solved_by(method: str, verb: Callable[..., Any], design: Design) -> None:
    if method in {"hessian", "fisher"}:
        pytest.importorskip("torch").set_num_threads(1)
    widths = ("--weight-bits", "2,8", "--activation-bits", "4,8", "--images", "6")
    said = verb(*GIVEN, "--method", method, *widths, "--probes", "4", "--out", "t.csv", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    document = json.loads(said.stdout)
    assert (document["format"], document["method"]) == ("qeopt.sensitivity/1", method)
    wanted = choices(design.network())
    assert {(one["tensor"], one["bits"]) for one in document["losses"]} == {
        (choice.label, width) for choice in wanted for width in ((2, 8) if choice.is_weights else (4, 8))
    }
    limits = ("--set", "bits.weights=[2,8]", "--set", "bits.activations=[4,8]", "--set", "budgets.flash=600 B")
    objective = "objective={kind: sensitivity, table: t.csv}"
    solved = CliRunner().invoke(app, ["solve", "tiny.yaml", "--set", objective, *limits, "--out", "solved", "--json", "--quiet"])
    assert solved.exit_code == 0, solved.stderr
    assert json.loads(Path("solved/design.json").read_text())["score"] <= 0
    text = verb(*GIVEN, "--method", method, *widths, "--probes", "4", "--out", "again.csv").stdout
    assert "objective: {kind: sensitivity, table: again.csv}" in text
    assert Path("again.csv").read_bytes() == Path("t.csv").read_bytes()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--method", "guess"), "--method guess: loss, error, hessian or fisher was expected"),
        (("--weight-bits", "2,9"), "--weight-bits 2,9: widths from 1 to 8 were expected"),
        (("--weight-bits", "two"), "--weight-bits"),
        (("--images", "0"), "--images"),
        (("--weights", "no.npz"), "no.npz"),
        (("--data", "nowhere"), "nowhere: there is no such file or folder"),
        (("--data", "weights.npz"), "weights.npz: images is missing"),
    ],
)
def test_bad_input_of_the_verb_is_told_in_a_line(given: tuple[str, ...], expected: str, verb: Callable[..., Any]) -> None:
    said = verb(*GIVEN, *given)
    assert (said.exit_code, said.stdout) == (2, "")
    assert expected in said.stderr
    assert "Traceback" not in said.stderr
    assert not Path("sensitivity.csv").exists()


def test_a_design_without_weights_is_told(verb: Callable[..., Any]) -> None:
    said = verb("design.json", "--data", "data.npz")
    assert (said.exit_code, said.stdout) == (2, "")
    missing = "the design was not trained, as there is no train/weights.npz; `qeopt train` makes it, or --weights names others"
    assert f"design.json: {missing}" in said.stderr
    said = verb("model.tflite", "--data", "data.npz")
    assert (said.exit_code, said.stderr) == (2, "model.tflite: a design or an ONNX model was expected\n")


def test_weights_of_a_training_are_found(verb: Callable[..., Any]) -> None:
    assert verb(*GIVEN).exit_code == 0
    table = Path("sensitivity.csv").read_text(encoding="utf-8")
    Path("train").mkdir()
    Path("weights.npz").rename("train/weights.npz")
    without = [word for word in GIVEN if word not in {"--weights", "weights.npz"}]
    said = verb(*without)
    assert (said.exit_code, said.stderr) == (2, "sensitivity.csv: exists already; choose another file\n")
    assert verb(*without, "--out", "again.csv").exit_code == 0
    assert Path("again.csv").read_text(encoding="utf-8") == table

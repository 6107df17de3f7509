"""What an imported network ends in is exported: softmax beside what it ranks, a sigmoid over a map; ONNX Runtime is the oracle."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.c.cmsis.arithmetic import Arithmetic
from qeopt.export.c.cmsis.folder import CmsisSources
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import KernelSources
from qeopt.export.c.program import Step
from qeopt.export.design_export import at_eight_bits
from qeopt.export.exporter import configured, left_out
from qeopt.export.reference import run
from qeopt.export.tflite.softmax import constants, softmax
from qeopt.verbs.bits import UNLIMITED, bits

onnxruntime = pytest.importorskip("onnxruntime")
sys.path[:0] = [str(Path(__file__).parents[1] / "network" / "importers")]
from onnx_author import Author  # type: ignore[import-not-found]

SIDE = 8


def model(path: Path, *ends: str) -> Path:
    """A file with some of the outputs "Sigmoid" (of a map of 6 channels), "logits", and functions of logits."""
    net = Author((3, SIDE, SIDE), batch=1)
    body = net.conv("image", 8, 3)
    made = {}
    if "Sigmoid" in ends:
        made["Sigmoid"] = net.node("Sigmoid", [net.conv(body, 6, 1, act="", bn=False, name="map")], name="seen")
    if set(ends) - {"Sigmoid"}:
        made["logits"] = net.classifier(body, 5)
        for kind in set(ends) - {"Sigmoid", "logits"}:
            made[kind] = net.node(kind, [made["logits"]], name="told", axis=1)
    return Path(net.save(path, *(made[end] for end in ends)))


def design_of(path: Path, format_name: str = "onnx-qdq") -> Design:
    found = at_eight_bits(path, configured(format_name, {})).solution.design
    assert found is not None
    return found


def outputs(path: Path, image: Any) -> list[Any]:
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: image}))


ENDS = [("Sigmoid",), ("Softmax",), ("LogSoftmax",), ("logits", "Softmax"), ("Sigmoid", "logits", "Softmax")]


@pytest.mark.parametrize("ends", ENDS, ids=" ".join)
def test_floats_compute_every_output_of_the_file(ends: tuple[str, ...], tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", *ends)
    design, exporter = design_of(path, "onnx"), configured("onnx", {"weights": str(path)})
    assert left_out(design, exporter) == []
    exporter.export(design, tmp_path / "out.onnx")
    image = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    expected, found = outputs(path, image), outputs(tmp_path / "out.onnx", image)
    assert sorted(values.size for values in found) == sorted(values.size for values in expected)
    for values in expected:
        errors = [np.abs(other.ravel() - values.ravel()).max() for other in found if other.size == values.size]
        assert min(errors) < 1e-4 * max(1.0, np.abs(values).max())


@pytest.mark.parametrize("ends", [ends for ends in ENDS if "LogSoftmax" not in ends], ids=" ".join)
@pytest.mark.parametrize("format_name", ["onnx-qdq", "qonnx"])
def test_integers_are_those_of_the_reference_and_follow_the_file(ends: tuple[str, ...], format_name: str, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", *ends)
    design, numbers = design_of(path), Numbers(weights=path, power_of_two=True)
    given = {"weights": str(path), "power_of_two": True}
    reference = quantised(design, numbers)
    wanted = [tensor.name for tensor in reference.network.outputs]
    assert len(wanted) == len(ends)
    export(design, format_name, tmp_path / "out.onnx", given)
    for seed in range(4 if format_name == "onnx-qdq" else 0):  # ONNX Runtime knows no nodes of QONNX
        image = np.random.default_rng(seed).random((1, 3, SIDE, SIDE), np.float32)
        held, found, expected = (
            run(reference, image.astype(np.float64)),
            outputs(tmp_path / "out.onnx", image),
            outputs(path, image),
        )
        for name, values in zip(wanted, found, strict=True):
            integers = values.reshape(-1) / reference.grids[name].scale
            assert np.array_equal(integers, held[name].reshape(-1))
            alike = [np.corrcoef(values.ravel(), other.ravel())[0, 1] for other in expected if other.size == values.size]
            assert max(alike) > 0.95
    for op in reference.network.ops:
        if op.function in {"softmax", "sigmoid"}:
            assert reference.grids[op.output.name].scale == 1 / 256  # whatever the images


def test_a_network_with_gates_in_tflite_follows_the_file(tmp_path: Path) -> None:
    """SiLU, squeeze-and-excite, upsampling by a transposed convolution, a sigmoid over the map, and values with their softmax."""
    pytest.importorskip("tflite_micro", reason="there is no wheel of tflite-micro for this machine")
    sys.path[:0] = [str(Path(__file__).parents[1] / "network")]
    from tflm_oracle import Micro  # type: ignore[import-not-found]  # noqa: PLC0415 - beside the tests of the network

    net = Author((3, SIDE, SIDE), batch=1)

    def gated(source: str) -> str:
        return str(net.node("Mul", [source, net.node("Sigmoid", [source])]))

    body = gated(net.conv("image", 8, 3, 2, act=""))
    squeezed = net.conv(net.node("GlobalAveragePool", [body]), 4, bn=False)
    body = net.node("Mul", [body, net.node("Sigmoid", [net.conv(squeezed, 8, act="", bn=False)])])
    weights = net.constant("up.weight", 8, 4, 4, 4)
    wide = net.node("ConvTranspose", [body, weights], name="up", strides=[2, 2], pads=[1, 1, 1, 1])
    net.channels[wide] = 4
    seen = net.node("Sigmoid", [net.conv(net.node("Tanh", [wide]), 2, 3, act="", bn=False)], name="seen")
    logits = net.classifier(body, 5)
    path = net.save(tmp_path / "m.onnx", seen, logits, net.node("Softmax", [logits], name="told", axis=1))
    images = np.random.default_rng(1).random((24, 3, SIDE, SIDE), np.float32)
    np.save(tmp_path / "images.npy", images[:16])
    design = design_of(path, "tflite")
    export(design, "tflite", tmp_path / "m.tflite", {"weights": str(path), "data": str(tmp_path / "images.npy")})
    micro = Micro.of(tmp_path / "m.tflite")
    pairs: dict[int, list[tuple[Any, Any]]] = {0: [], 1: [], 2: []}
    for image in images[16:]:
        details = micro.input()["quantization_parameters"]
        codes = np.rint(image / details["scales"][0]) + details["zero_points"][0]
        found = micro.run(np.clip(codes, -128, 127).astype(np.int8).transpose(1, 2, 0)[None], outputs=3)
        expected = outputs(path, image[None])
        for index, values in enumerate(found):
            told = micro.output(index)["quantization_parameters"]
            real = (values.astype(np.float64) - told["zero_points"][0]) * told["scales"][0]
            near = [other for other in expected if other.size == real.size]
            wanted = near[0] if len(near) == 1 or abs(real.sum() - 1) > 0.02 else near[1]
            real = real.transpose(0, 3, 1, 2) if real.ndim == 4 else real
            pairs[index].append((real.ravel(), wanted.ravel()))
    for values in pairs.values():
        one, other = (np.concatenate([pair[side] for pair in values]) for side in (0, 1))
        assert np.corrcoef(one, other)[0, 1] > 0.93  # 8 bits of weights far from each other


@pytest.mark.parametrize("format_name", ["onnx-qdq", "qonnx", "tflite"])
def test_a_function_that_no_integers_compute_is_left_out_and_told(format_name: str, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", "LogSoftmax")
    design, exporter = design_of(path, format_name), configured(format_name, {"weights": str(path)})
    assert left_out(design, exporter) == ["left out at the end, as it changes no ranking: log_softmax 'told'"]
    exporter.export(design, tmp_path / "out")
    assert [tensor.name for tensor in quantised(design).network.outputs] == ["classifier"]


def test_an_output_that_is_lost_is_told(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", "logits", "Softmax")
    said = "left out at the end, as it changes no ranking: softmax 'told'; an output less, as 'classifier' is one of its own"
    assert at_eight_bits(path, C()).notes == (said,)
    assert at_eight_bits(path, configured("onnx", {})).notes == ()


def test_a_program_in_c_looks_a_final_sigmoid_up_and_leaves_softmax_out(tmp_path: Path) -> None:
    sigmoid, softmax = (model(tmp_path / f"{end}.onnx", end) for end in ("Sigmoid", "Softmax"))
    design = design_of(sigmoid, "c")
    assert left_out(design, C()) == []
    assert [step.kernel for step in steps(sigmoid, design) if step.op == "seen"] == ["qc_lookup"]
    answer = at_eight_bits(softmax, C())
    assert answer.notes == ("left out at the end, as it changes no ranking: softmax 'told'",)
    assert answer.solution.design is not None
    assert steps(softmax, answer.solution.design)[-1].op == "classifier"


def test_calls_of_cmsis_nn_end_in_that_of_softmax(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", "logits", "Softmax")
    answer = bits(path, runtime="cmsis-nn", budgets=UNLIMITED, weights=(8,), activations=(8,))
    design, exporter = answer.solution.design, C(weights=path)
    assert design is not None
    assert [*answer.notes, *left_out(design, exporter)] == []
    sources = exporter.sources(design)
    assert isinstance(sources, CmsisSources)
    last = sources.calls[-1]
    by = constants(sources.model.grids["classifier"].scale)
    assert (last.op, last.function, last.arguments[1:6]) == ("told", "arm_softmax_s8", ("1", "5", *map(str, by)))
    text = dict(sources.texts())["src/qeopt_m.c"]
    assert re.search(r"\n      arm_softmax_s8\(\(int8_t \*\)\(arena \+ \d+\), 1, 5, ", text)
    image = np.random.default_rng(0).random((1, 3, SIDE, SIDE))
    held = run(sources.model, image, Arithmetic("double").compute)
    assert np.array_equal(held["told"], softmax(held["classifier"], sources.model.grids["classifier"].scale))


def test_a_softmax_of_cmsis_nn_beside_wider_values_is_told(tmp_path: Path) -> None:
    net = Author((3, SIDE, SIDE), batch=1)
    body = net.conv("image", 8, 3)
    shares = net.node("Softmax", [net.conv(body, 4, bn=False, act="", name="map")], name="shares", axis=1)
    path = net.save(tmp_path / "m.onnx", net.node("Concat", [shares, body], axis=1, name="joined"))
    design = bits(path, runtime="cmsis-nn", budgets=UNLIMITED, weights=(8,), activations=(8,)).solution.design
    assert design is not None
    with pytest.raises(
        ExportError, match=r"'shares' is a softmax that writes steps of .*, and the kernel of CMSIS-NN writes 1/256"
    ):
        C(weights=path).sources(design)


def test_tables_hold_every_layer(tmp_path: Path) -> None:
    """Those of `tflm`, whose interpreter computes functions that no program here can."""
    design = design_of(model(tmp_path / "m.onnx", "LogSoftmax"), "tflite")
    assert left_out(design, C(tables=True)) == []
    C(tables=True).export(design, tmp_path / "tables.h")
    assert "QEOPT_M_LAYER_TOLD" in (tmp_path / "tables.h").read_text(encoding="utf-8")


def steps(weights: Path, design: Design) -> tuple[Step, ...]:
    sources = C(weights=weights).sources(design)
    assert isinstance(sources, KernelSources)
    return sources.program.steps


@pytest.mark.parametrize("format_name", ["pytorch", "brevitas", "max78000"])
def test_modules_and_accelerators_leave_the_end_out(format_name: str, tmp_path: Path) -> None:
    design = design_of(model(tmp_path / "m.onnx", "Softmax"), "onnx")
    exporter = configured(format_name, {})
    assert left_out(design, exporter) == ["left out at the end, as it changes no ranking: softmax 'told'"]
    text = exporter.export(design, tmp_path / "out")[0].read_text(encoding="utf-8")
    assert "classifier" in text
    assert "told" not in text
    assert ("The function at the very end is left out, as losses take what it reads." in text) == (format_name != "max78000")


def test_the_command_tells_what_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = model(tmp_path / "m.onnx", "Softmax")
    for format_name, is_told in (("onnx", False), ("pytorch", True)):
        told = CliRunner().invoke(app, ["export", str(path), "--format", format_name, "--out", f"made.{format_name}"])
        assert told.exit_code == 0, told.output
        assert ("left out at the end, as it changes no ranking: softmax 'told'" in told.output) == is_told

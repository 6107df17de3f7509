"""ONNX exports run, and compute what the reference computes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of, shape_of, window
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.arithmetic.quantised import Integers, QuantisedNetwork, Reals
from qeopt.export.arithmetic.reals import step
from qeopt.export.functions import functions
from qeopt.export.onnx.graph import rounded
from qeopt.export.reference import compute, run
from qeopt.network.importers import ImportOptions, import_model
from qeopt.qbr import Compiled
from qeopt.verbs.solve import solve
from qeopt_solvers import recount

onnx = pytest.importorskip("onnx")

IMAGES = 4
TIE = 1e-3
"""How far from half an integer a value may be that single precision rounds the other way."""


def images_for(model: QuantisedNetwork, seed: int = 0) -> Reals:
    return np.random.default_rng(seed).random((IMAGES, *shape_of(image_of(model.network)))).astype(np.float32).astype(np.float64)


def all_values(path: Path, images: Reals, names: list[str], *, optimised: bool = True) -> dict[str, Reals]:
    """Run a model in onnxruntime, with every tensor as an output."""
    runtime = pytest.importorskip("onnxruntime")
    proto = onnx.load(path)
    known = {value.name: value for value in (*proto.graph.value_info, *proto.graph.output)}
    del proto.graph.output[:]
    proto.graph.output.extend(known[name] for name in names)
    settings = runtime.SessionOptions()
    # Its fused kernels saturate sums of two products at 16 bits on processors without VNNI; the model as it is written does not.
    settings.add_session_config_entry("session.disable_quant_qdq", "1")
    if not optimised:
        settings.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(proto.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, {"image": images.astype(np.float32)}), strict=True))


def check_rounding(model: QuantisedNetwork, values: dict[str, Reals], images: Reals) -> int:
    """Compare every tensor with the reference fed with the same inputs; return how many integers differ.

    They may differ by one, and only where the real value is all but half way between two integers.
    """

    def integers(name: str) -> Integers:
        found = values[rounded(model.network.tensor_by_name[name])] / model.grids[name].scale
        whole = np.rint(found)
        assert np.abs(found - whole).max() < TIE
        return whole.astype(np.int64).reshape(len(images), -1, *(1, 1) if found.ndim == 2 else found.shape[2:])

    assert np.array_equal(integers(image_of(model.network).name), model.grids[image_of(model.network).name].quantise(images))
    differing = 0
    for op in model.network.ops:
        grid = model.grids[op.output.name]
        inputs = [integers(tensor.name) for tensor in op.inputs]
        real = step(op, inputs, model.grids, model.weights.get(op.name), model.functions[op.name])
        expected, found = grid.quantise(real), integers(op.output.name)
        wrong = expected != found
        assert np.abs(expected - found).max() <= 1
        assert np.all(np.abs(np.abs(real / grid.scale - np.floor(real / grid.scale)) - 0.5)[wrong] < TIE)
        differing += int(wrong.sum())
    return differing


@pytest.mark.parametrize(("opset", "narrow"), [(21, False), (21, True), (25, False), (25, True)])
def test_qdq_in_onnxruntime_rounds_as_the_reference_does(design: Design, opset: int, narrow: bool, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    assert export(design, "onnx-qdq", out, {"opset": opset, "narrow_activations": narrow, "batch": IMAGES}) == (out,)
    model = quantised(design)
    images = images_for(model)
    values = all_values(out, images, [rounded(tensor) for tensor in model.network.tensors], optimised=opset == 21 and not narrow)
    assert check_rounding(model, values, images) <= sum(found.size for found in values.values()) / 10_000


def test_with_scales_of_two_qdq_equals_the_reference_to_the_bit(design: Design, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    export(design, "onnx-qdq", out, {"power_of_two": True, "batch": IMAGES})
    model = quantised(design, Numbers(power_of_two=True))
    images = images_for(model, seed=1)
    expected = run(model, images)
    found_by_name = all_values(out, images, [rounded(tensor) for tensor in model.network.tensors])
    for name, found in zip(expected, found_by_name.values(), strict=True):
        assert np.array_equal(found.reshape(expected[name].shape), expected[name] * model.grids[name].scale)
    assert len(np.unique(expected[model.network.outputs[0].name])) > 5


@pytest.mark.parametrize("format_name", ["onnx-qdq", "qonnx"])
def test_names_and_bits_are_those_of_the_design(design: Design, format_name: str, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    export(design, format_name, out)
    proto = onnx.load(out)
    network = design.network()
    nodes = {node.name: node for node in proto.graph.node}
    values = {value.name for value in (*proto.graph.value_info, *proto.graph.output)}
    for op in network.ops:
        assert op.name in nodes
        in_bits, weight_bits, out_bits = design.bit_widths().of(op)
        assert nodes[op.name].doc_string.startswith(f"input {in_bits} bits, output {out_bits} bits")
        assert (f"weights {weight_bits} bits" in nodes[op.name].doc_string) == op.has_weights
    for tensor in network.tensors:
        assert rounded(tensor) in values
        assert any(
            name.startswith(f"{rounded(tensor)}/quant") and f"{design.activations[tensor.name]}bit" in name for name in nodes
        )
    stated = {entry.key: entry.value for entry in proto.metadata_props}
    assert stated["qeopt.study"] == design.study_name
    assert json.loads(stated["qeopt.weight_bits"]) == design.weights


def stored(proto: Any) -> dict[str, int]:
    """ONNX types by initializer."""
    return {tensor.name: tensor.data_type for tensor in proto.graph.initializer}


def test_widths_have_types_where_the_opset_has_them(mixed: Design, odd_bits: Design, tmp_path: Path) -> None:
    kind = onnx.TensorProto
    for opset, two_bits in ((21, kind.INT8), (25, kind.INT2)):
        export(mixed, "onnx-qdq", tmp_path / "m.onnx", {"opset": opset, "narrow_activations": opset == 25})
        kinds = stored(onnx.load(tmp_path / "m.onnx"))
        narrow = {kinds[f"{name}/zero"] for name, bits in mixed.activations.items() if bits < 8}
        assert narrow == ({kind.UINT2, kind.UINT4, kind.INT4} if opset == 25 else {kind.UINT8})
        by_bits = {
            bits: {kinds[f"{op}/weights/{bits}bit"] for op, found in mixed.weights.items() if found == bits} for bits in (2, 4, 8)
        }
        assert by_bits == {2: {two_bits}, 4: {kind.INT4}, 8: {kind.UINT8}}
    export(odd_bits, "onnx-qdq", tmp_path / "o.onnx")
    proto = onnx.load(tmp_path / "o.onnx")
    clips = {node.output[0] for node in proto.graph.node if node.op_type == "Clip"}
    assert {f"{op}/weights/{bits}bit/clipped" for op, bits in odd_bits.weights.items() if bits not in {4, 8}} <= clips
    assert {f"{name}/{bits}bit/clipped" for name, bits in odd_bits.activations.items() if bits not in {4, 8}} <= clips


@pytest.mark.parametrize(
    ("format_name", "options"), [("qonnx", {}), ("onnx-qdq", {}), ("onnx-qdq", {"opset": 25, "narrow_activations": True})]
)
@pytest.mark.parametrize("name", ["mixed", "cmix", "odd_bits", "eight_bits"])
def test_the_importer_reads_the_same_network_and_optimum(
    designs: dict[str, Design], name: str, format_name: str, options: dict[str, object], tmp_path: Path
) -> None:
    design = designs[name]
    export(design, format_name, tmp_path / "m.onnx", options)
    network, refiner = design.network(), design.load_study().refiner
    begins = tuple(name for name in ("b2.1.expand", "b3.expand") if name in network.op_by_name)
    terms = ImportOptions(stages=begins, first_weight_bits=network.ops[0].weight_bits, order="as_given")
    found = import_model(tmp_path / "m.onnx", terms, values=True)
    assert found.network.tensors == network.tensors
    plain = [replace(op, pads=None, function="", unit="") for op in network.ops]
    assert [replace(op, pads=None, function="") for op in found.network.ops] == plain
    assert {op.name: op.function for op in found.network.ops} == functions(design, network)
    assert [window(op) for op in found.network.ops] == [window(op) for op in network.ops]
    assert found.bits == {**design.weights, **{f"{tensor} activations": bits for tensor, bits in design.activations.items()}}
    again = refiner.refine(found.network)
    assert (again.score, again.status) == (design.bits.value, design.bits.status)
    assert again.bits is not None
    compiled = refiner.compile(found.network)
    assert isinstance(compiled, Compiled)
    keys = [recount.key(compiled.problem, compiled.picks(bits) or ()) for bits in (again.bits, design.bit_widths())]
    assert keys[0] == keys[1]  # bits may differ where score, flash and traffic are equal
    written = quantised(design)
    for op in network.weighted_ops:
        integers, scales = written.weights[op.name].values, written.weights[op.name].scales
        real = integers * scales.reshape(-1, *(1,) * (integers.ndim - 1))
        np.testing.assert_allclose(found.weights[op.name].weights, real, rtol=1e-6)


def test_a_missing_package_is_named(mixed: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r'pip install "qeopt\[onnx\]"'):
        export(mixed, "onnx-qdq", tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


DIVIDING = """\
kind: study
task: {{input: [{height}, {width}, {channels}], classes: 2}}
network:
  image: {{shape: [{height}, {width}, {channels}]}}
  ops:
    - {{name: first, op: depthwise, reads: [image], shape: [{height}, {width}, {channels}], function: "{function}", stage: 0}}
    - {{name: made, reads: [first], shape: [{rows}, {columns}, {channels}], {operator}}}
    - {{name: scores, op: conv, reads: [made], shape: [{rows}, {columns}, 2], weight_bits: 8, bits: 8}}
  stage_ends: [made]
runtime: ideal
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: [8], activations: [{bits}]}}
objective: {{kind: qe}}
search: {{baselines: []}}
"""
OPERATORS = {
    # input, output and operator
    "3": ((30, 8), (10, 8), "op: pool, kernel: [3, 1], stride: [3, 1]"),
    "6": ((20, 30), (10, 10), "op: pool, kernel: [2, 3], stride: [2, 3]"),
    "7": ((9, 70), (9, 10), "op: pool, kernel: [1, 7], stride: [1, 7]"),
    "9": ((32, 32), (30, 30), "op: pool, kernel: [3, 3], pads: [0, 0, 0, 0]"),
    "4, 6 and 9": ((32, 32), (16, 16), "op: pool, kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1]"),
    "9 with padding": ((32, 32), (16, 16), "op: pool, kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1], counts_padding: true"),
    "6 apart": ((32, 32), (28, 31), "op: pool, kernel: [3, 2], dilation: [2, 1], pads: [0, 0, 0, 0]"),
    "49": ((28, 28), (4, 4), "op: pool, kernel: [7, 7], stride: [7, 7]"),
    "784": ((31, 31), (4, 4), "op: pool, kernel: [28, 28], pads: [0, 0, 0, 0]"),
    "resized by 2": ((8, 9), (16, 18), "op: resize, function: linear half_pixel"),
    "resized to 13": ((8, 8), (13, 13), "op: resize, function: linear half_pixel"),
    "corners": ((8, 9), (13, 20), "op: resize, function: linear align_corners"),
    "shrunk": ((12, 20), (8, 12), "op: resize, function: linear asymmetric"),
}
"""Averages by the counts that they divide by, and linear resizes."""


def dividing(which: str, folder: Path, function: str, bits: int = 8, channels: int = 24) -> Design:
    (height, width), (rows, columns), operator = OPERATORS[which]
    terms = {"height": height, "width": width, "rows": rows, "columns": columns, "operator": operator}
    path = folder / "study.yaml"
    path.write_text(DIVIDING.format(**terms, bits=bits, function=function, channels=channels), encoding="utf-8")
    design = solve(str(path)).design
    assert design is not None
    return design


@pytest.mark.parametrize("power_of_two", [True, False])
@pytest.mark.parametrize("which", OPERATORS)
def test_what_divides_in_integers_equals_the_reference_whatever_the_scales(which: str, power_of_two: bool, tmp_path: Path) -> None:
    """The integers that an operator writes are those that the reference makes of the integers that it reads, at many scales."""
    design, out = dividing(which, tmp_path, ""), tmp_path / "m.onnx"
    rng, shape = np.random.default_rng(0), shape_of(image_of(design.network()))
    ties = 0
    for _ in range(3):
        scales = np.exp2(rng.integers(-9, -5, 2)) if power_of_two else rng.uniform(0.003, 0.02, 2)
        numbers = {"first": rng.normal(size=(shape[0], 1, 1, 1)), "first.scale": scales[0], "made.scale": scales[1]}
        given = tmp_path / "weights.npz"
        np.savez(given, **numbers, scores=rng.normal(size=(2, shape[0], 1, 1)))
        told = {"weights": str(given), "power_of_two": power_of_two, "exact": True, "batch": IMAGES}
        export(design, "onnx-qdq", out, told)
        model = quantised(design, Numbers(weights=given, power_of_two=power_of_two))
        assert model.grids["made"].scale == pytest.approx(scales[1], rel=1e-6)
        values = all_values(out, images_for(model), ["first", "made"])
        read, found = (np.rint(values[name] / model.grids[name].scale).astype(np.int64) for name in ("first", "made"))
        op = model.network.op_by_name["made"]
        assert np.array_equal(found, compute(model, op, {"first": read}))
        steps = step(op, [read], model.grids, None, "") / model.grids["made"].scale
        ties += int((np.abs(steps - np.floor(steps) - 0.5) < 1e-9).sum())
    assert len(np.unique(found)) > 5
    assert (ties > 0) == power_of_two


@pytest.mark.parametrize(("bits", "narrow"), [(3, False), (4, False), (4, True), (16, False)])
def test_what_divides_in_integers_of_other_widths(bits: int, narrow: bool, tmp_path: Path) -> None:
    design, out = dividing("4, 6 and 9", tmp_path, "relu", bits), tmp_path / "m.onnx"
    told = {"exact": True, "batch": IMAGES, "narrow_activations": narrow}
    export(design, "onnx-qdq", out, told)
    model = quantised(design)
    values = all_values(out, images_for(model), ["first", "made"], optimised=not narrow)
    read, found = (np.rint(values[name] / model.grids[name].scale).astype(np.int64) for name in ("first", "made"))
    assert np.array_equal(found, compute(model, model.network.op_by_name["made"], {"first": read}))
    export(design, "onnx-qdq", out, told | {"batch": 1})
    assert [op.kind for op in import_model(out).network.ops] == [op.kind for op in model.network.ops]


def kinds_of(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node if not node.domain]


def test_operators_are_those_that_compilers_look_for_unless_scales_are_powers_of_two(tmp_path: Path) -> None:
    design, out = dividing("49", tmp_path, "relu"), tmp_path / "m.onnx"
    for told, expected in (
        ({}, 1),
        ({"power_of_two": True}, 0),
        ({"exact": True}, 0),
        ({"exact": False, "power_of_two": True}, 1),
    ):
        export(design, "onnx-qdq", out, told)
        assert kinds_of(out).count("AveragePool") == expected
        assert len(onnx.load(out).functions) == 1 - expected


def test_averages_of_more_than_doubles_hold_are_left_to_floats(tmp_path: Path) -> None:
    """Sums of 256 x 256 values of 8 bits times factors of 31 bits leave 53 bits."""
    whole = ((256, 256), (1, 1), "op: pool, kernel: [256, 256]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPERATORS, "65536", whole)
        design = dividing("65536", tmp_path, "relu", channels=2)
    export(design, "onnx-qdq", tmp_path / "m.onnx", {"exact": True})
    assert kinds_of(tmp_path / "m.onnx").count("AveragePool") == 1


def test_networks_that_divide_in_integers_equal_the_reference_as_onnxruntime_runs_them(tmp_path: Path) -> None:
    """All fusions on, and read again: the same operators and windows."""
    runtime = pytest.importorskip("onnxruntime")
    for which in OPERATORS:
        design, out = dividing(which, tmp_path, "relu"), tmp_path / "m.onnx"
        export(design, "onnx-qdq", out, {"power_of_two": True, "batch": IMAGES})
        model = quantised(design, Numbers(power_of_two=True))
        images = images_for(model)
        (found,) = runtime.InferenceSession(out.read_bytes()).run(None, {"image": images.astype(np.float32)})
        assert np.array_equal(found, run(model, images)["scores"] * model.grids["scores"].scale)
        export(design, "onnx-qdq", out, {"power_of_two": True})
        again = import_model(out).network
        assert [op.kind for op in again.ops] == [op.kind for op in model.network.ops]
        assert [window(op) for op in again.ops] == [window(op) for op in model.network.ops]
        told = [(op.function, op.counts_padding) for op in again.ops]
        assert told == [(op.function, op.counts_padding) for op in model.network.ops]

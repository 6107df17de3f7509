"""QONNX exports run in qonnx, whose cost analysis counts what this project counts."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of, shape_of
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.onnx.graph import rounded
from qeopt.export.reference import run
from qeopt.memory import count
from qeopt.network import macs, weight_count

onnx = pytest.importorskip("onnx")


def test_the_checker_passes_and_every_value_has_a_shape(design: Design, tmp_path: Path) -> None:
    export(design, "qonnx", tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(proto, full_check=True)
    stated = {value.name for value in (*proto.graph.value_info, *proto.graph.output)}
    constants = {tensor.name for tensor in proto.graph.initializer}
    assert {name for node in proto.graph.node for name in node.output} - constants <= stated
    quants = [node for node in proto.graph.node if node.op_type == "Quant"]
    assert {node.domain for node in quants} == {"qonnx.custom_op.general"}
    assert len(quants) == len(design.weights) + len(design.activations)


@pytest.fixture
def qonnx() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("qonnx.core.onnx_exec")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("power_of_two", [True, False])
def test_qonnx_computes_what_the_reference_computes(design: Design, power_of_two: bool, qonnx: Any, tmp_path: Path) -> None:
    wrapper = pytest.importorskip("qonnx.core.modelwrapper").ModelWrapper
    export(design, "qonnx", tmp_path / "m.onnx", {"power_of_two": power_of_two})
    model = quantised(design, Numbers(power_of_two=power_of_two))
    images = np.random.default_rng(3).random((1, *shape_of(image_of(model.network)))).astype(np.float32)
    found = qonnx.execute_onnx(wrapper(str(tmp_path / "m.onnx")), {"image": images}, return_full_exec_context=True)
    expected = run(model, images.astype(np.float64))
    values = {tensor.name: found[rounded(tensor)] for tensor in model.network.tensors}
    differing = sum(
        int((np.abs(values[name].reshape(integers.shape) / model.grids[name].scale - integers) > 1e-3).sum())
        for name, integers in expected.items()
    )
    assert differing <= (0 if power_of_two else sum(integers.size for integers in expected.values()) / 1000)


@pytest.mark.filterwarnings("ignore")
def test_the_cost_analysis_of_qonnx_counts_the_same(design: Design, qonnx: Any, tmp_path: Path) -> None:
    inference_cost = pytest.importorskip("qonnx.util.inference_cost").inference_cost
    export(design, "qonnx", tmp_path / "m.onnx")
    cost = inference_cost(str(tmp_path / "m.onnx"), discount_sparsity=False)["total_cost"]
    network, runtime, bits = design.network(), design.load_study().runtime, design.bit_widths()
    assert cost["total_macs"] == sum(int(macs(op)) for op in network.ops)
    assert cost["total_bops"] == sum(int(macs(op)) * bits.of(op)[0] * bits.of(op)[1] for op in network.weighted_ops)
    assert cost["total_mem_w_bits"] == sum(int(weight_count(op)) * bits.weights[op.name] for op in network.weighted_ops)
    assert cost["unsupported"] == "set()"
    if runtime.memory.pad_image_channels == 1:  # else our own count has more: the multiplications with padding
        counted = count(network, runtime, bits)
        assert (cost["total_macs"], cost["total_bops"]) == (counted.used["macs"], counted.used["bitops"])


def test_one_bit_is_refused(mixed: Design, tmp_path: Path) -> None:
    binary = mixed.model_copy(update={"weights": {**mixed.weights, "head": 1}})
    with pytest.raises(ExportError, match="QONNX reads weights of 1 bit as -1 and 1"):
        export(binary, "qonnx", tmp_path / "m.onnx")

"""ONNX graphs of the kinds that exporters write, and what each becomes."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
import published_nets  # type: ignore[import-not-found]  # beside this file
from onnx_author import Author  # type: ignore[import-not-found]  # beside this file

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, OpKind, macs
from qeopt.network.document import GraphBlock, document
from qeopt.network.importers import ImportedModel, ImportOptions, import_model
from qeopt.network.lowering import lower
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.space import Space, Task
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

Read = Callable[..., ImportedModel]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a graph that ends with the last node, and reads it."""

    def write_and_read(net: Any, *outputs: str, values: bool = False, **options: Any) -> ImportedModel:
        return import_model(net.save(tmp_path / "net.onnx", *outputs), build(ImportOptions, options), values=values)

    return write_and_read


def kinds(network: Network) -> list[str]:
    return [op.kind.value for op in network.ops]


def shape(tensor: Any) -> tuple[int, int, int]:
    return tensor.height, tensor.width, tensor.channels


def test_normalisation_goes_into_weights(read: Read) -> None:
    net = Author((3, 8, 8))
    x = net.conv("image", 4, 3, name="c", bias=True, act="")
    x = net.node("Mul", [x, net.constant("scale", 1, 4, 1, 1)])
    x = net.node("Add", [x, net.constant("shift", 4, 1, 1)])
    net.conv(net.node("Relu", [x]), 2, bn=False, act="")
    found = read(net, values=True)
    assert kinds(found.network) == ["conv", "conv"]
    assert found.network.ops[0].function == "relu"
    told = {c.name: np.frombuffer(c.raw_data, np.float32).reshape(tuple(c.dims)) for c in net.constants}
    gain = told["c.bn0"] / np.sqrt(told["c.bn3"] + 1e-5)
    scale, shift = told["scale"].reshape(-1), told["shift"].reshape(-1)
    expected = told["c.weight"] * (gain * scale).reshape(-1, 1, 1, 1)
    bias = ((told["c.bias"] - told["c.bn2"]) * gain + told["c.bn1"]) * scale + shift
    assert np.allclose(found.weights["c"].weights, expected, atol=1e-6)
    shifted = found.weights["c"].bias
    assert shifted is not None
    assert np.allclose(shifted, bias, atol=1e-5)


def test_normalisation_that_others_read_past_stays_an_operator(read: Read) -> None:
    net = Author((3, 8, 8))
    x = net.conv("image", 4, 3, bn=False, act="")
    y = net.node("BatchNormalization", [x, *(net.constant(f"p{n}", 4, positive=True) for n in range(4))], name="norm")
    net.conv(net.node("Add", [x, net.conv(net.node("Relu", [y]), 4, bn=False, act="")]), 2, bn=False, act="")
    network = read(net).network
    assert kinds(network) == ["conv", "affine", "conv", "add", "conv"]
    assert (network.op_by_name["norm"].function, network.op_by_name["norm"].constants) == ("relu", 8)


def test_gates_and_squeeze_and_excitation(read: Read) -> None:
    net = Author((3, 8, 8))
    x = net.conv("image", 8, 3, act="")
    x = net.node("Mul", [x, net.node("Sigmoid", [x])], name="silu")
    s = net.node("GlobalAveragePool", [x], name="squeeze")
    s = net.conv(net.conv(s, 2, bn=False), 8, bn=False, act="HardSigmoid")
    x = net.node("Mul", [s, x], name="excite")
    net.conv(x, 4, bn=False, act="")
    network = read(net).network
    assert kinds(network) == ["conv", "activation", "pool", "conv", "conv", "activation", "mul", "conv"]
    assert network.op_by_name["silu"].function == "silu"
    excite = network.op_by_name["excite"]
    assert shape(excite.inputs[0]) == shape(excite.output) == (8, 8, 8)
    assert network.bits_owner(network.tensor_by_name["silu"]).name == "excite"  # it is seen as the product only
    assert network.bits_owner(excite.inputs[1]).name == "excite"


def test_pools_pads_resizes_and_slices(read: Read) -> None:
    net = Author((4, 12, 10))
    x = net.node("Pad", ["image", net.number("pads", [0, 0, 1, 2, 0, 0, 1, 2])], name="pad")
    net.channels[x] = 4
    x = net.conv(x, 8, 3, bn=False, name="c")
    x = net.node("MaxPool", [x], kernel_shape=[3, 2], strides=[2, 2], name="max")
    x = net.node("Resize", [x, "", net.number("scales", [1, 1, 2, 2], np.float32)], mode="linear", name="up")
    x = net.node("Slice", [x, net.number("from", [1]), net.number("to", [4]), net.number("axis", [1])], name="part")
    net.channels[x] = 3
    x = net.conv(x, 2, bn=False, act="")
    net.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2], name="mean")
    whole = read(net, order="as_given").network
    assert kinds(whole) == ["pad", "conv", "max_pool", "resize", "slice", "conv", "pool"]
    network, _ = lower(whole, ["pad"])
    assert kinds(network) == ["conv", "max_pool", "resize", "slice", "conv", "pool"]
    conv, pooled = network.op_by_name["c"], network.op_by_name["max"]
    assert (conv.pads, shape(conv.output)) == ((2, 3, 2, 3), (14, 14, 8))
    assert (pooled.window, pooled.stride, pooled.stride_width, shape(pooled.output)) == ((3, 2), 2, None, (6, 7, 8))
    assert shape(network.op_by_name["part"].output) == (12, 14, 3)
    assert {network.bits_owner(network.tensor_by_name[name]).name for name in ("max", "up", "part")} == {"c"}


def test_layouts_of_other_tools(read: Read) -> None:
    """An image spelled with channels last, and a flattening that goes through channels last, move nothing."""
    net = Author((6, 5, 3))
    x = net.node("Transpose", ["image"], perm=[0, 3, 1, 2])
    net.channels[x] = 3
    x = net.conv(x, 8, 3, bn=False)
    x = net.node("Transpose", [x], perm=[0, 2, 3, 1])
    x = net.node("Reshape", [x, net.number("flat", [1, -1])])
    net.dense(x, 4, reads=240)
    network = read(net).network
    assert kinds(network) == ["conv", "dense"]
    assert shape(network.tensors[0]) == (6, 5, 3)
    assert int(macs(network.ops[1])) == 960


def test_dimensions_that_shape_arithmetic_gives(read: Read) -> None:
    """A batch left open, and a reshape whose sizes are computed, as PyTorch writes `x.view(x.size(0), -1)`."""
    net = Author((3, 8, 8))
    x = net.conv("image", 4, 3, 2, bn=False)
    size = net.node("Gather", [net.node("Shape", [x]), net.number("first", 0)], axis=0)
    size = net.node("Unsqueeze", [size, net.number("axes", [0])])
    sizes = net.node("Concat", [size, net.number("rest", [-1])], axis=0)
    net.dense(net.node("Reshape", [x, sizes]), 5, reads=64, act="Relu")
    assert kinds(read(net).network) == ["conv", "dense"]


def test_lines_and_grouped_and_dilated_convolutions(read: Read) -> None:
    net = Author((4, 30))
    weight = net.constant("w", 8, 2, 5)
    x = net.node("Conv", ["image", weight], name="line", group=2, dilations=[2], strides=[3], pads=[4, 4])
    net.node("ReduceMean", [x, net.number("axes", [2])], name="mean")
    network = read(net).network
    line, mean = network.ops
    assert (line.window, line.strides, line.dilation, line.groups) == ((1, 5), (1, 3), (1, 2), 2)
    assert (shape(line.output), shape(mean.output)) == ((1, 10, 8), (1, 1, 8))
    assert int(macs(line)) == 2 * 5 * 8 * 10


def test_quantised_graphs(read: Read) -> None:
    """QDQ around int8 weights, a clip between quantiser and dequantiser, and QONNX nodes with other widths."""
    net = Author((3, 8, 8))
    net.number("scale", 0.5, np.float32)
    net.number("zero", 0, np.int8)
    quantised = net.node("QuantizeLinear", ["image", "scale", "zero"])
    clipped = net.node("Clip", [quantised, net.number("low", -8, np.int8), net.number("high", 7, np.int8)])
    x = net.node("DequantizeLinear", [clipped, "scale", "zero"])
    net.number("wq", np.arange(-54, 54).reshape(4, 3, 3, 3), np.int8)
    net.number("ws", [1.0, 0.5, 2.0, 1.0], np.float32)
    w = net.node("DequantizeLinear", ["wq", "ws"], axis=0)
    x = net.node("Conv", [x, w], name="first", pads=[1, 1, 1, 1])
    x = net.node("Relu", [x])
    told = [net.number("qs", 1.0, np.float32), net.number("qz", 0.0, np.float32)]
    x = net.node("Quant", [x, *told, net.number("four", 4.0, np.float32)], domain="qonnx.custom_op.general")
    w = net.node(
        "IntQuant", [net.constant("w2", 2, 4, 1, 1), *told, net.number("two", 2.0, np.float32)], domain="qonnx.custom_op.general"
    )
    net.node("Conv", [x, w], name="second")
    found = read(net, values=True)
    assert kinds(found.network) == ["conv", "conv"]
    assert found.bits == {"image activations": 4, "first": 8, "first activations": 4, "second": 2}
    assert found.weights["first"].weights[2].max() == 2 * 26


def test_results_that_are_read_stay(read: Read) -> None:
    net = Author((3, 8, 8))
    first = net.conv("image", 4, 3, bn=False, act="")
    second = net.conv(first, 4, 3, bn=False)
    third = net.conv(second, 4, 3, bn=False)
    network = read(net, first, third).network
    assert network.results == {network.ops[0].name}
    assert {tensor.name for tensor in network.outputs} == {network.ops[0].name, network.ops[2].name}


def test_unknown_operators_are_all_named(read: Read, tmp_path: Path) -> None:
    net = Author((3, 8, 8))
    x = net.node("LRN", [net.conv("image", 4, 3, bn=False)], name="local", size=3)
    net.conv(net.node("Einsum", [x], name="sum", equation="ijkl->ijkl"), 2, bn=False)
    with pytest.raises(SpecError) as caught:
        read(net)
    assert [problem.message[:40] for problem in caught.value.problems] == [
        "node 'local': operator 'LRN' divides by ",
        "node 'sum': operator 'Einsum' is a sum o",
    ]
    found = read(net, treat_as={"local": "identity", "Einsum": "activation"})
    assert kinds(found.network) == ["conv", "activation", "conv"]
    assert found.notes == ("taken as identity, as declared: LRN 'local'", "taken as activation, as declared: Einsum 'sum'")
    assert kinds(read(net, treat_as={"LRN": "cut", "Einsum": "cut"}).network) == ["conv"]


def test_what_is_behind_an_operator_that_cannot_be_taken_is_told_too(read: Read) -> None:
    net = Author((3, 8, 8))
    x = net.node("LRN", [net.conv("image", 4, 3, bn=False)], name="local", size=3)
    net.node("Concat", [x, net.constant("fixed", 1, 2, 8, 8)], name="joined", axis=1)
    with pytest.raises(SpecError) as caught:
        read(net)
    assert [problem.message for problem in caught.value.problems][1:] == [
        "node 'joined': input 'fixed' is a constant; tensors that depend on the image were expected"
    ]


def test_integers_behind_an_operator_that_cannot_be_taken_tell_nothing_that_is_not_so(read: Read) -> None:
    """Places are no values: what reads them is not refused for their type."""
    net = Author((3, 8, 8), batch=1)
    places = net.node("ArgMax", [net.conv("image", 4, 3, bn=False)], name="largest", axis=1)
    more = net.node("Add", [places, net.number("one", 1)], name="more")
    net.node("Cast", [more], name="real", to=TensorProto.FLOAT)
    with pytest.raises(SpecError) as caught:
        read(net)
    assert [problem.message[:14] for problem in caught.value.problems] == ["node 'largest'"]


def test_a_batch_is_told_together_with_operators_that_are_not_known(read: Read) -> None:
    net = Author((1, 8), batch=5)
    net.node("LSTM", ["image", net.constant("w", 1, 16, 8), net.constant("r", 1, 16, 4)], name="memory", outputs=3, hidden_size=4)
    with pytest.raises(SpecError) as caught:
        read(net)
    assert [problem.message[:42] for problem in caught.value.problems] == [
        "the input 'image' is a batch of 5; a netwo",
        "node 'memory': operator 'LSTM' runs over t",
    ]
    with pytest.raises(SpecError) as caught:
        read(net, treat_as={"LSTM": "cut"})
    assert [problem.message[:42] for problem in caught.value.problems] == ["the input 'image' is a batch of 5; a netwo"]


def test_operators_that_no_output_needs_are_left_out(read: Read) -> None:
    net = Author((3, 8, 8))
    x = net.conv("image", 4, 3, bn=False, name="first")
    side = net.node("LRN", [x], name="local", size=3)
    net.node("ArgMax", [side], name="largest", axis=1)
    y = net.conv(x, 2, bn=False, name="last")
    assert [op.name for op in read(net, y).network.weighted_ops] == ["first", "last"]
    with pytest.raises(SpecError, match="'LRN'"):
        read(net, y, side)
    network = read(net, y, treat_as={"LRN": "cut"}).network  # what it reads is wanted then, though no output needs it
    assert [tensor.name for tensor in network.outputs] == ["first", "last"]


def test_what_second_outputs_and_graphs_inside_read_is_needed(read: Read) -> None:
    net = Author((4, 8, 8), batch=1)
    x = net.conv("image", 4, 3, bn=False, name="first")
    net.node("Split", [x], name="parts", outputs=2, axis=1, num_outputs=2)
    net.channels["parts_out1"] = 2
    part = net.conv("parts_out1", 3, bn=False, name="second")
    told = helper.make_tensor_value_info("told", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Identity", [part], ["told"])], "branch", [], [told])
    net.node("If", [net.number("yes", True, np.bool_)], name="choice", then_branch=branch, else_branch=branch)
    assert [op.name for op in read(net).network.weighted_ops] == ["first", "second"]


@pytest.mark.parametrize("kind", ["If", "Loop", "Scan"])
def test_graphs_inside_operators_that_no_output_needs_are_left_out(kind: str, read: Read) -> None:
    net = Author((3, 8, 8), batch=1)
    x = net.conv("image", 4, 3, bn=False, name="first")
    mean = net.node("ReduceMean", [x], keepdims=0, name="mean")
    truth = helper.make_tensor_value_info("truth", TensorProto.BOOL, [])
    step = helper.make_tensor_value_info("step", TensorProto.INT64, [])
    value, told = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("value", "told"))
    node = helper.make_node("Identity", [mean if kind == "If" else "value"], ["told"])
    if kind == "If":
        branch = helper.make_graph([node], "branch", [], [told])
        sign = net.node("Greater", [mean, net.number("zero", 0.0, np.float32)])
        net.node("If", [sign], name="dead", then_branch=branch, else_branch=branch)
    elif kind == "Loop":
        again = helper.make_node("Identity", ["truth"], ["again"])
        more = helper.make_tensor_value_info("again", TensorProto.BOOL, [])
        body = helper.make_graph([again, node], "body", [step, truth, value], [more, told])
        net.node("Loop", [net.number("times", 3), "", mean], name="dead", body=body)
    else:
        body = helper.make_graph([node], "body", [value], [told])
        net.node("Scan", [x], name="dead", body=body, num_scan_inputs=1)
    y = net.conv(x, 2, bn=False, name="last")
    assert [op.name for op in read(net, y).network.weighted_ops] == ["first", "last"]
    with pytest.raises(SpecError, match=f"'{kind}'"):
        read(net, y, "dead_out")


def test_a_mask_that_depends_on_the_image_or_fills_in_no_number_is_refused(read: Read) -> None:
    net = Author((3, 8, 8), batch=1)
    x = net.conv("image", 4, 3, bn=False, name="first")
    y = net.conv("image", 4, 3, bn=False, name="second")
    mask = net.number("mask", np.tri(8), np.bool_)
    net.node("Where", [mask, x, y], name="either")
    net.node("Where", [mask, x, net.number("least", -np.inf, np.float32)], name="none")
    net.node("Where", [net.node("Greater", [x, net.number("zero", 0.0, np.float32)]), x, "zero"], name="above")
    with pytest.raises(SpecError) as caught:
        read(net, "either_out", "none_out", "above_out")
    messages = [problem.message for problem in caught.value.problems]
    more = "'Where' of several values that depend on the image: a constant mask and one constant can be"
    assert messages[0] == f"node 'either': {more}"
    assert "node 'none': fills in 'least', which is no finite number everywhere" in messages


def test_sides_that_the_user_states_have_an_order(tmp_path: Path) -> None:
    net = Author((3, "h", "w"))
    path = net.save(tmp_path / "net.onnx", net.conv("image", 4, 3, bn=False))
    read = import_model(path, build(ImportOptions, {"input": [16, 12, 3]})).network
    assert shape(read.tensors[0]) == (16, 12, 3)
    said = (
        "the input 'image' has the sides 3 x ? x ? (channels x height x width); `input: [3, 16, 12]` says height 3, width 16 and "
        "channels 12 (--input H,W,C)"
    )
    with pytest.raises(SpecError, match=re.escape(said)):
        import_model(path, build(ImportOptions, {"input": [3, 16, 12]}))


def test_a_table_of_places_in_order_is_another_shape_and_any_other_is_refused(read: Read) -> None:
    """As PyTorch writes `as_strided`."""
    net = Author((4, 8, 8))
    x = net.node("GlobalAveragePool", [net.conv("image", 6, 3, bn=False)])
    x = net.node("Gather", [net.node("Reshape", [x, net.number("flat", [6])]), net.number("order", [[*range(6)]])], axis=0)
    net.dense(net.node("Reshape", [x, net.number("rows", [1, 6])]), 4, reads=6)
    assert kinds(read(net).network) == ["conv", "pool", "dense"]
    net = Author((4, 8, 8))
    x = net.conv("image", 4, 3, bn=False)
    net.conv(net.node("Gather", [x, net.number("places", [[0, 1, 2], [1, 2, 3]])], name="windows", axis=2), 2, bn=False)
    with pytest.raises(SpecError, match=r"node 'windows': takes 6 values in no regular order, which is not known"):
        read(net)


def test_what_is_fixed_and_what_options_change(read: Read) -> None:
    net = published_nets.ds_cnn()
    network = read(net).network
    assert [op.weight_bits for op in network.weighted_ops] == [8, *[None] * 8, 8]
    assert [op.is_scored for op in network.weighted_ops] == [True] * 9 + [False]
    free = read(net, first_weight_bits=None, weight_bits={"conv_3": 4}, stages=["conv_3", "conv_9"]).network
    assert (free.ops[0].weight_bits, free.op_by_name["conv_3"].weight_bits) == (None, 4)
    assert [stage for stage, _ in free.stage_ends] == [0, 1, 2]
    with pytest.raises(SpecError, match="`stages` names 'conv_4', which is no operator of the network; did you mean"):
        read(net, stages=["conv_4"])


def test_a_network_written_out_is_the_same_network(read: Read) -> None:
    for net in (published_nets.shufflenet_v2((48, 96, 192, 1024)), published_nets.resnet8()):
        network = read(net).network
        again = build(GraphBlock, document(network)).network(network.name)
        assert again == network


def test_mobilenet_v2_from_onnx_and_from_blocks_has_the_same_best_bits(read: Read) -> None:
    space = load(Space, "mobilenet_v2", library=Library(), kind="network", folder="networks").value
    blocks = space.expand(space.smallest(), build(Task, {"input": [224, 224, 3], "classes": 1000}))
    imported = read(published_nets.mobilenet_v2()).network
    choices = build(BitChoices, {"weights": [2, 4, 8], "activations": [2, 4, 8]})
    for name in ("ideal", "cmix-nn"):
        runtime = load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value
        assert [count(net, runtime, Bits.uniform(net, 4)).sram_bytes for net in (blocks, imported)] == [
            count(blocks, runtime, Bits.uniform(blocks, 4)).sram_bytes
        ] * 2
        refiner = Refiner(runtime, Limits(sram=1 << 20, flash=2 << 20), choices, build(QEScore, {}), build(QbrSettings, {}))
        found = [refiner.refine(network, "chain") for network in (blocks, imported)]
        assert found[0].score is not None
        assert found[0].score == pytest.approx(found[1].score)
        assert (
            [found[0].resources.flash_bytes] == [found[1].resources.flash_bytes]
            if found[0].resources and found[1].resources
            else False
        )


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(Exception, match=r'pip install "qeopt\[onnx\]"'):
        import_model(tmp_path / "net.onnx")


def test_kinds_of_operators_are_documented(repository: Path) -> None:
    text = (repository / "docs" / "import.md").read_text(encoding="utf-8")
    assert all(f"`{kind.value}`" in text for kind in OpKind)

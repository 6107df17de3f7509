"""TFLite files, written here byte by byte and, where the package that holds the schema is installed, read by it too."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tflite_author import CODES, FLOAT, INT8, INT16, INT32, Author, small_network, stream  # type: ignore[import-not-found]  # beside this file

from qeopt.network import OpKind, macs, weight_count
from qeopt.network.importers import ImportOptions, import_model
from qeopt.network.importers.tflite.schema import OPERATORS, TYPES
from qeopt.network.lowering import ALL, lower
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build


def test_a_small_int8_network(tmp_path: Path) -> None:
    model = import_model(small_network().save(tmp_path / "small.tflite"), values=True)
    network, _ = lower(model.network, ALL)
    assert [(op.name, op.kind) for op in network.ops] == [
        ("stem", OpKind.CONV),
        ("filter", OpKind.DEPTHWISE),
        ("project", OpKind.CONV),
        ("join", OpKind.ADD),
        ("mean", OpKind.POOL),
        ("classifier", OpKind.DENSE),
    ]
    stem, depthwise, project, join, _, classifier = network.ops
    assert (stem.pads, stem.function, stem.stride, stem.weight_bits) == ((1, 1, 1, 1), "relu6", 2, 8)
    assert stem.inputs[0].is_image
    assert (depthwise.pads, depthwise.function) == ((1, 1, 1, 1), "relu6")
    assert join.inputs == (project.output, stem.output)  # the sum goes into what nobody reads afterwards
    assert weight_count(classifier) == 32
    assert sum(int(macs(op)) for op in network.ops) == 64 * (27 * 8 + 9 * 8 + 64) + 32
    assert model.bits["stem"] == 8
    assert model.bits["project activations"] == 8
    assert {name: found.weights.shape for name, found in model.weights.items()} == {
        "stem": (8, 3, 3, 3),
        "filter": (8, 1, 3, 3),
        "project": (8, 8, 1, 1),
        "classifier": (4, 8),
    }
    assert np.abs(model.weights["stem"].weights).max() > 10  # scaled by 0.5


def test_shapes_are_checked_against_windows(tmp_path: Path) -> None:
    net = Author((16, 16, 3))
    output = net.conv("stem", net.image, 8, 3, 2)
    net.tensors[output][0] = ("vector:i", [1, 9, 9, 8])
    with pytest.raises(SpecError, match=r"'stem': writes \[9, 9\] positions where \[8, 8\] follow"):
        import_model(net.save(tmp_path / "wrong.tflite"))


def test_windows_larger_than_what_they_read_are_told_without_negative_sizes(tmp_path: Path) -> None:
    net = Author((3, 9, 3))
    net.tensors[net.conv("stem", net.image, 8, 5, 2, valid=True)][0] = ("vector:i", [1, 1, 3, 8])
    with pytest.raises(SpecError, match=r"'stem': reads \[3, 9\] positions, fewer than the \[5, 5\] that its window needs"):
        import_model(net.save(tmp_path / "small.tflite"))


def test_unknown_operators_are_named_and_can_be_taken(tmp_path: Path) -> None:
    net = Author((16, 16, 3))
    odd = net.simple("CUSTOM", "odd one", net.conv("stem", net.image, 8, 3))
    net.conv("last", odd, 4)
    path = net.save(tmp_path / "odd.tflite")
    with pytest.raises(SpecError, match=r"odd\.tflite: node 'odd one': operator 'CUSTOM' is not known; say how to take it"):
        import_model(path)
    taken = {
        how: import_model(path, build(ImportOptions, {"treat_as": {"CUSTOM": how}}))
        for how in ("identity", "activation", "move", "cut")
    }
    kinds = {how: [op.kind.value for op in model.network.ops] for how, model in taken.items()}
    assert kinds == {
        "identity": ["conv", "conv"],
        "activation": ["conv", "activation", "conv"],
        "move": ["conv", "transpose", "conv"],
        "cut": ["conv"],
    }
    assert "taken as cut, as declared: CUSTOM 'odd one'" in taken["cut"].notes


def test_float_files_have_no_bits_and_hidden_dense_layers_are_scored(tmp_path: Path) -> None:
    net = Author((1, 1, 10))
    hidden = net.dense("hidden", net.image, 6)
    net.dense("out", hidden, 3)
    for tensor in net.tensors:
        tensor[1] = ("b", FLOAT)
        tensor.pop(4, None)
    model = import_model(net.save(tmp_path / "float.tflite"))
    first, last = model.network.ops
    assert (first.is_scored, last.is_scored, last.weight_bits) == (True, False, 8)
    assert model.network.layers == 1
    assert not model.bits


def test_numbers_of_the_schema() -> None:
    builtin = pytest.importorskip("tflite.BuiltinOperator").BuiltinOperator
    names = {name: number for name, number in vars(builtin).items() if isinstance(number, int)}
    assert all(names[name] == number for number, name in OPERATORS.items())
    assert all(names[name] == number for name, number in CODES.items())
    types = pytest.importorskip("tflite.TensorType").TensorType
    assert (types.FLOAT32, types.INT8, types.INT4) == (FLOAT, INT8, 17)
    assert set(TYPES) - set(range(20)) == set()


def test_the_package_with_the_schema_reads_the_same(tmp_path: Path) -> None:
    tflite = pytest.importorskip("tflite")
    content = small_network().content()
    model = tflite.Model.GetRootAsModel(bytearray(content), 0)
    graph = model.Subgraphs(0)
    assert graph.OperatorsLength() == 8
    assert [graph.Tensors(index).Name().decode() for index in (0, 2)] == ["image", "stem/pad"]
    options = tflite.Conv2DOptions()
    table = graph.Operators(1).BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    assert (options.StrideH(), options.Padding(), options.FusedActivationFunction()) == (2, 1, 3)


def test_several_reshaped_inputs_stay_apart(tmp_path: Path) -> None:
    """Detection heads: anchors of two resolutions, flattened and joined."""
    net = Author((8, 8, 3))
    heads = [net.conv(f"head{step}", net.image, width, 3, step) for step, width in ((2, 6), (4, 4))]
    flat = [
        net.simple("RESHAPE", f"flat{index}", head, (1, size, 2))
        for index, (head, size) in enumerate(zip(heads, (48, 8), strict=True))
    ]
    net.op("CONCATENATION", flat, net.tensor("anchors", (1, 56, 2)), {0: ("i", 1), 1: ("b", 0)})
    network = import_model(net.save(tmp_path / "heads.tflite")).network
    assert [op.kind.value for op in network.ops] == ["conv", "conv", "reshape", "reshape", "concat"]
    assert len({op.name for op in network.ops}) == 5
    joined = network.ops[-1]
    assert sorted(int(tensor.elements) for tensor in joined.inputs) == [16, 96]


def test_weights_in_half_precision(tmp_path: Path) -> None:
    net = Author((8, 8, 3))
    values = np.linspace(-1, 1, 24, dtype=np.float16).reshape(8, 1, 1, 3)
    half = net.tensor("half", (8, 1, 1, 3), values, kind=1)
    whole = net.op("DEQUANTIZE", (half,), net.tensor("whole", (8, 1, 1, 3), kind=FLOAT))
    options = {0: ("b", 0), 1: ("i", 1), 2: ("i", 1), 3: ("b", 0), 4: ("i", 1), 5: ("i", 1)}
    net.op("CONV_2D", (net.image, whole, -1), net.tensor("out", (1, 8, 8, 8), kind=FLOAT), options)
    found = import_model(net.save(tmp_path / "half.tflite"), values=True)
    assert np.allclose(found.weights["out"].weights.reshape(8, 3), values.reshape(8, 3))


def test_channels_that_are_padded(tmp_path: Path) -> None:
    net = Author((8, 8, 4))
    stem = net.conv("stem", net.image, 4, 3)
    pads = net.tensor("pads", (4, 2), np.array([[0, 0], [0, 0], [0, 0], [0, 4]], np.int32), kind=INT32)
    wide = net.op("PAD", (stem, pads), net.tensor("wide", (1, 8, 8, 8)))
    net.add("join", wide, net.conv("side", stem, 8))
    kinds = {op.name: op.kind.value for op in import_model(net.save(tmp_path / "wide.tflite")).network.ops}
    assert kinds == {"stem": "conv", "wide": "pad", "side": "conv", "join": "add"}


def test_operators_that_no_hint_helps_are_refused_with_the_reason(tmp_path: Path) -> None:
    net = Author((16, 16, 3))
    gates = net.simple("LSTM", "gates", net.conv("stem", net.image, 8, 3))
    net.simple("CUSTOM", "odd", net.conv("last", gates, 4))
    with pytest.raises(SpecError) as found:
        import_model(net.save(tmp_path / "odd.tflite"))
    assert "node 'gates': operator 'LSTM' is a recurrent layer" in str(found.value)
    assert "treat_as: {LSTM: cut}" in str(found.value)
    assert "node 'odd': operator 'CUSTOM' is not known" in str(found.value)  # all at once


def test_states_lie_in_memory_of_their_own(tmp_path: Path) -> None:
    net = Author((1, 3, 40))
    last = stream(net, net.image, 4)
    path = net.save(tmp_path / "stream.tflite", net.dense("out", last, 4))
    network = import_model(path).network
    assert [op.kind.value for op in network.ops] == ["read_state", "concat", "slice", "write_state", "dense"]
    state = network.tensor_by_name["state window"]
    assert (state.is_state, state.bits, int(state.elements)) == (True, 8, 160)
    written = network.op_by_name["state window (written)"].output
    assert network.home(written) == state
    assert network.bits_owner(network.op_by_name["window joined"].output) == state  # copies have the bits of the state


def test_blocks_as_a_batch_are_a_dilation(tmp_path: Path) -> None:
    net = Author((16, 16, 4))
    blocks = net.op(
        "SPACE_TO_BATCH_ND",
        (net.image, net.integers("block", [2, 2]), net.integers("pads", [[2, 2], [2, 2]])),
        net.tensor("blocks", (4, 10, 10, 4)),
        {},
    )
    weights = net.weights("weights", (8, 3, 3, 4))
    options = {0: ("b", 1), 1: ("i", 1), 2: ("i", 1), 3: ("b", 3), 4: ("i", 1), 5: ("i", 1)}
    inner = net.op("CONV_2D", (blocks, weights, -1), net.tensor("conv", (4, 8, 8, 8)), options)
    crops = net.integers("crops", [[0, 0], [0, 0]])
    net.op("BATCH_TO_SPACE_ND", (inner, net.integers("block2", [2, 2]), crops), net.tensor("out", (1, 16, 16, 8)), {})
    network = import_model(net.save(tmp_path / "blocks.tflite")).network
    (conv,) = network.ops
    assert (conv.kind, conv.dilation, conv.pads, conv.function) == (OpKind.CONV, (2, 2), (2, 2, 2, 2), "relu6")
    assert (int(conv.output.height), int(conv.output.width), int(macs(conv))) == (16, 16, 73728)


def test_a_transposed_convolution(tmp_path: Path) -> None:
    net = Author((4, 4, 3))
    net.transposed("up", net.image, 5, 3, 2)
    model = import_model(net.save(tmp_path / "up.tflite"), values=True)
    (up,) = model.network.ops
    assert (up.kind, up.strides, up.pads) == (OpKind.TRANSPOSED_CONV, (2, 2), (0, 0, 1, 1))
    assert model.weights["up"].weights.shape == (5, 3, 3, 3)
    assert int(macs(up)) == 4 * 4 * 9 * 15


def test_real_numbers_at_the_border_are_told(tmp_path: Path) -> None:
    """A file whose input and output hold real numbers needs more memory than its integers."""
    net = Author((8, 8, 3))
    net.tensors[net.image] = {0: ("vector:i", [1, 8, 8, 3]), 1: ("b", FLOAT), 2: ("I", 0), 3: ("text", "image")}
    stem = net.conv("stem", net.op("QUANTIZE", (net.image,), net.tensor("integers", (1, 8, 8, 3)), {}), 4)
    last = net.op("DEQUANTIZE", (stem,), net.tensor("reals", (1, 8, 8, 4), kind=FLOAT), {})
    notes = import_model(net.save(tmp_path / "border.tflite", last)).notes
    assert [note for note in notes if note.startswith("real numbers before QUANTIZE 'integers'")]
    assert [note for note in notes if note.startswith("real numbers behind DEQUANTIZE 'reals'")]


def test_activations_of_16_bits_are_refused(tmp_path: Path) -> None:
    """Of the tensors that depend on the image; constants of 16 bits are none of them."""
    net = Author((8, 8, 3))
    net.tensor("spare", (4,), np.zeros(4, np.int16), kind=INT16)
    net.conv("stem", net.image, 4)
    path = net.save(tmp_path / "eight.tflite")
    assert import_model(path).bits["stem activations"] == 8
    for index in (net.image, net.shapes.index((1, 8, 8, 4))):
        net.tensors[index][1] = ("b", INT16)
    said = (
        "activations of 16 bits ('image', 'stem'): memory and kernels of such files are not modelled, and a plan of 8 bits would "
        "not be theirs; convert the model with activations of 8 bits"
    )
    with pytest.raises(SpecError, match=re.escape(said)):
        import_model(net.save(tmp_path / "sixteen.tflite"))


@pytest.mark.parametrize("kind", ["MEAN", "REDUCE_MAX"])
@pytest.mark.parametrize("axes", [[3], [1, 2, 3]])
def test_one_value_of_all_channels_is_refused_and_may_be_cut(kind: str, axes: list[int], tmp_path: Path) -> None:
    net = Author((8, 8, 3))
    stem = net.conv("stem", net.image, 4)
    shape = [1, 1, 1, 1] if len(axes) > 1 else [1, 8, 8, 1]
    net.op(kind, (stem, net.integers("axes", axes)), net.tensor("one", shape), {0: ("B", 1)})
    path = net.save(tmp_path / "no.tflite")
    said = (
        f"node 'one': takes one value of all channels (the axes {axes} of [1, 8, 8, 4]), which no operator here does: pools run "
        f"over rows or columns; say where the network ends: treat_as: {{{kind}: cut}}"
    )
    with pytest.raises(SpecError, match=re.escape(said)):
        import_model(path)
    assert [op.name for op in import_model(path, ImportOptions(treat_as={kind: "cut"})).network.ops] == ["stem"]


def test_an_axis_of_a_tensor_without_dimensions_is_refused(tmp_path: Path) -> None:
    net = small_network()
    flat = net.tensor("nothing", ())
    net.op("MEAN", (flat, net.integers("axes", [0])), net.tensor("mean of nothing", ()), {0: ("B", 0)})
    path = net.save(tmp_path / "no.tflite")
    with pytest.raises(SpecError, match="no\\.tflite"):
        import_model(path)


def test_real_numbers_where_a_slice_begins_are_refused(tmp_path: Path) -> None:
    net = small_network()
    begin = net.tensor("begin", (4,), np.array([0, 0, np.nan, 0], np.float32), kind=FLOAT)
    told = (begin, net.integers("end", [1, 8, 8, 3]), net.integers("steps", [1, 1, 1, 1]))
    net.op("STRIDED_SLICE", (net.image, *told), net.tensor("part", (1, 8, 8, 3)), dict.fromkeys(range(5), ("i", 0)))
    with pytest.raises(SpecError, match=r"no\.tflite: is damaged: it holds numbers of the type float32 in 'begin', where integers"):
        import_model(net.save(tmp_path / "no.tflite"))


def test_integer_files_keep_their_operators_and_their_order(tmp_path: Path) -> None:
    net = Author((8, 8, 4))
    scaled = net.op("QUANTIZE", (net.image,), net.tensor("scaled", (1, 8, 8, 4), scale=0.25), {})
    stem = net.conv("stem", scaled, 4, 3, act=0)
    rectified = net.simple("RELU", "rectified", stem)
    one, _ = net.split("parts", rectified, 2)
    net.softmax("ranking", net.dense("classifier", one, 4))
    network = import_model(net.save(tmp_path / "kept.tflite")).network
    assert [op.kind.value for op in network.ops] == ["activation", "conv", "activation", "split", "dense", "activation"]
    assert network.discarded == {"parts:0:1"}

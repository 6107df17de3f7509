"""Files that nobody vouches for: whatever is in them, a network or an error with the file's name, soon and in little memory."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
resource = pytest.importorskip("resource")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "oracle")]
import onnx_graphs  # type: ignore[import-not-found]  # of the oracles
import published_nets  # type: ignore[import-not-found]  # beside this file
from onnx_author import Author  # type: ignore[import-not-found]  # beside this file
from tflite_author import Author as TfliteAuthor  # type: ignore[import-not-found]  # beside this file
from tflite_author import buffer_of, small_network, stream

from qeopt.network.importers import ImportOptions, import_model
from qeopt.network.importers.onnx import exact
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build

MUTANTS = 300
MANY, MOST = 2_000, 10_000
ADDRESS_SPACE = 3 << 30


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """No test here may take more memory than a few times what the interpreter and its libraries map."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE + _mapped(), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _mapped() -> int:
    """Bytes of address space in use, where the system tells; else more than any interpreter maps."""
    told = Path("/proc/self/statm")
    return int(told.read_text(encoding="ascii").split()[0]) * int(resource.getpagesize()) if told.exists() else 64 << 30


def small() -> Author:
    """A few operators of every kind that holds numbers."""
    net = Author((3, 16, 16))
    x = net.conv("image", 8, 3, 2, name="stem")
    y = net.conv(net.depthwise(x), 8, act="")
    x = net.node("Add", [y, x], name="add")
    x = net.node("MaxPool", [x], name="pool0", kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Resize", [x, "", net.number("scales", [1.0, 1.0, 2.0, 2.0], "float32")], name="resize", mode="nearest")
    x = net.node("Pad", [x, net.number("pads", [0, 0, 1, 1, 0, 0, 1, 1])], name="pad")
    x = net.node("Reshape", [x, net.number("five", [1, 2, 4, 10, 10])], name="reshape")
    x = net.node("Transpose", [x], name="transpose", perm=[0, 2, 1, 3, 4])
    x = net.node("Reshape", [x, net.number("four", [1, 8, 10, 10])], name="reshape2")
    net.channels[x] = 8
    net.classifier(net.conv(x, 16, 3), 4)
    return net


def refused(path: Path, match: str, **options: Any) -> None:
    with pytest.raises(SpecError, match=match) as caught:
        import_model(path, build(ImportOptions, options))
    assert str(path) in str(caught.value)


def changed(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    model = small().model("classifier_out")
    change(model)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_the_sound_model_is_read(tmp_path: Path) -> None:
    assert len(import_model(changed(tmp_path, lambda model: None)).network.ops) == 11


@pytest.mark.parametrize("keep", [0, 1, 7, 100, 0.3, 0.9])
def test_truncated(keep: float, tmp_path: Path) -> None:
    for suffix, content in ((".onnx", small().model("classifier_out").SerializeToString()), (".tflite", small_network().content())):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
        refused(path, r"is not|damaged|claims|empty|holds|written|writes|output|shapes")


def test_no_file_a_folder_and_an_unknown_ending(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "there is no such file")
    refused(tmp_path, "no importer reads")
    (tmp_path / "folder.onnx").mkdir()
    refused(tmp_path / "folder.onnx", "there is no such file")
    refused(tmp_path / "model.xyz", "no importer reads 'xyz'; 'onnx', 'tflite' or 'json' was expected")
    refused(tmp_path / "model.h5", "is a model of Keras or TensorFlow")


def test_strings_that_are_no_text(tmp_path: Path) -> None:
    """Whatever is named: its bytes are found by a marker of the same length, since protobuf sets no such string itself."""
    marker, wrong = "MARKER", b"MARK\xff\xfe"
    places: dict[str, Callable[[Any], None]] = {
        "NodeProto.op_type": lambda model: setattr(model.graph.node[0], "op_type", marker),
        "NodeProto.domain": lambda model: setattr(model.graph.node[1], "domain", marker),
        "NodeProto.name": lambda model: setattr(model.graph.node[2], "name", marker),
        "NodeProto.input": lambda model: model.graph.node[3].input.append(marker),
        "NodeProto.output": lambda model: model.graph.node[4].output.append(marker),
        "AttributeProto.name": lambda model: setattr(model.graph.node[0].attribute[0], "name", marker),
        "TensorProto.name": lambda model: setattr(model.graph.initializer[0], "name", marker),
        "ValueInfoProto.name": lambda model: setattr(model.graph.output[0], "name", marker),
        "OperatorSetIdProto.domain": lambda model: setattr(model.opset_import.add(version=1), "domain", marker),
        "Dimension.dim_param": lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[2], "dim_param", marker),
    }
    for field, change in places.items():
        path = changed(tmp_path, change)
        content = path.read_bytes()
        assert content.count(marker.encode()) == 1
        path.write_bytes(content.replace(marker.encode(), wrong))
        refused(path, rf"is damaged: \S*{field} holds 'MARK\\\\xff\\\\xfe', which is not UTF-8")
    path = changed(tmp_path, lambda model: setattr(model.graph.node[0], "doc_string", marker))
    path.write_bytes(path.read_bytes().replace(marker.encode(), wrong))
    assert len(import_model(path).network.ops) == 11


def test_cycles(tmp_path: Path) -> None:
    def circle(model: Any) -> None:
        model.graph.node[0].input[0] = "add_out"

    refused(changed(tmp_path, circle), "nodes wait for each other in a circle")


def test_nodes_out_of_order_are_sorted(tmp_path: Path) -> None:
    def reverse(model: Any) -> None:
        nodes = list(model.graph.node)[::-1]
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    kinds = [op.kind for op in import_model(changed(tmp_path, reverse)).network.ops]
    assert kinds == [op.kind for op in import_model(changed(tmp_path, lambda model: None)).network.ops]


def test_bombs_of_dimensions(tmp_path: Path) -> None:
    def image(model: Any) -> None:
        for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
            dim.dim_value = 1 << 40

    def constant(model: Any) -> None:
        model.graph.initializer[0].dims[:] = [1 << 30, 1 << 30]

    def window(model: Any) -> None:
        next(a for a in model.graph.node[0].attribute if a.name == "strides").ints[:] = [0, 1]

    def huge(model: Any) -> None:
        next(a for a in model.graph.node[0].attribute if a.name == "pads").ints[:] = [1 << 60] * 4

    refused(changed(tmp_path, image), r"sides of 1 to|cannot be inferred|shapes do not fit")
    refused(changed(tmp_path, constant), "claims 1073741824 x 1073741824 values")
    refused(changed(tmp_path, window), "node 'stem': strides is 0; 1 or more was expected")
    refused(changed(tmp_path, huge), "node 'stem': attribute 'pads' is 1152921504606846976")


def test_constants_that_hold_less_than_they_claim(tmp_path: Path) -> None:
    def grow(model: Any) -> None:
        model.graph.initializer[0].dims[0] = 4096

    refused(changed(tmp_path, grow), "constant 'stem.weight' claims 110,592 values and holds 216")


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "", "no_such.bin", "folder/../../secret.bin", "\0"])
def test_values_outside_the_folder_are_not_touched(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    folder = tmp_path / "folder"
    folder.mkdir()

    def point(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", "864")):
            tensor.external_data.add(key=key, value=value)

    refused(changed(folder, point), "which is no file in the model's folder")


def test_values_beside_the_model_are_read(tmp_path: Path) -> None:
    def point(length: int) -> Callable[[Any], None]:
        def change(model: Any) -> None:
            tensor = model.graph.initializer[0]
            (tmp_path / "values.bin").write_bytes(b"\0\0\0\0" + tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in (("location", "values.bin"), ("offset", "4"), ("length", str(length))):
                tensor.external_data.add(key=key, value=value)

        return change

    inside = import_model(changed(tmp_path, lambda model: None), values=True).weights["stem"].weights
    assert (import_model(changed(tmp_path, point(864)), values=True).weights["stem"].weights == inside).all()
    refused(changed(tmp_path, point(865)), "claims bytes beyond the end of 'values.bin'")


def test_functions_and_graphs_inside(tmp_path: Path) -> None:
    def function(model: Any) -> None:
        model.functions.add(name="f", domain="d")

    def branch(model: Any) -> None:
        attribute = model.graph.node[0].attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH)
        attribute.g.name = "inner"

    def forged(model: Any) -> None:
        version = next(entry.version for entry in model.opset_import if not entry.domain)
        model.functions.append(exact.function(onnx, exact.AVERAGE, version))
        model.functions[0].node[-1].input[0] = "whole"

    refused(changed(tmp_path, function), "holds functions of its own; inline them first")
    refused(changed(tmp_path, forged), "holds functions of its own; inline them first")
    refused(changed(tmp_path, branch), "node 'stem': operator 'Conv' holds a graph of its own")


def test_as_many_nodes_as_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small().save(tmp_path / "net.onnx")
    count = len(onnx.load(path).graph.node)
    monkeypatch.setattr("qeopt.network.importers.onnx.file.MAX_NODES", count)
    assert import_model(path).network.ops
    monkeypatch.setattr("qeopt.network.importers.onnx.file.MAX_NODES", count - 1)
    with pytest.raises(SpecError, match=rf"net\.onnx: {count} nodes; at most {count - 1} were expected"):
        import_model(path)


def test_what_a_model_may_not_leave_open(tmp_path: Path) -> None:
    def open_sides(model: Any) -> None:
        for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
            dim.ClearField("dim_value")
            dim.dim_param = "side"

    def two(model: Any) -> None:
        model.graph.input.add().CopyFrom(model.graph.input[0])
        model.graph.input[1].name = "other"

    path = changed(tmp_path, open_sides)
    refused(path, r"leaves dimension 2 open; state `input: \[height, width, channels\]`")
    image = import_model(path, build(ImportOptions, {"input": [16, 16, 3]})).network.tensors[0]
    assert (image.height, image.width, image.channels) == (16, 16, 3)
    found = import_model(changed(tmp_path, two))
    assert [tensor.name for tensor in found.network.sources] == ["image"]
    assert "left out, as nothing reads it: the input 'other'" in found.notes


def test_tflite_claims(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(buffer_of({2: ("tables", [{}] * 2)}))
    refused(path, "2 subgraphs; one, and those that are run once before it")
    content = bytearray(small_network().content())
    for claim in (0x7FFFFFFF, 0xFFFFFFFF):
        content[0:4] = claim.to_bytes(4, "little")
        path.write_bytes(content)
        refused(path, "is damaged: it holds an offset that leads out of the file")
    net = small_network()
    net.tensors[0][0] = ("vector:i", [1, 1 << 30, 1 << 30, 3])
    refused(net.save(path), "is damaged: it holds tensor 0 of 1 x 1073741824 x 1073741824 x 3 values")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"first_conv": 1, "blocks": 2, "classifier": 3}', "[" * 100_000, "\x00", '{"a": NaN}']
)
def test_json_that_is_no_network(text: str, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(text, encoding="utf-8")
    refused(path, "JSON|MCUNet|resolution|layer")


def many_operators() -> bytes:
    """Operators that the small file does not have."""
    net = onnx_graphs.Net(1, (1, 4, 4, 4))
    for name in (
        "conv", "layer norm in pieces", "split channels", "squeeze and excite", "prelu", "two Max", "transposed conv grouped",
        "resize linear", "matmul on channels last", "slice rows", "constant Sub place",
    ):  # fmt: skip
        onnx_graphs.LAYERS[name](net)
    return bytes(net.model().SerializeToString())


def streaming_network() -> bytes:
    """A TFLite file with a state."""
    net = TfliteAuthor((4, 8, 2))
    rows = stream(net, net.reshape("row", net.image, (1, 1, 4, 16)), 6)
    return bytes(net.content(net.dense("out", net.reshape("flat", rows, (1, 6 * 16)), 3)))


def mutants(content: bytes, number: int, seed: int) -> Iterator[bytes]:
    """Copies with bytes changed, dropped, repeated or moved."""
    rng = random.Random(seed)
    for _ in range(number):
        copy = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            at = rng.randrange(len(copy))
            match rng.randrange(5):
                case 0:
                    copy[at] = rng.randrange(256)
                case 1:
                    copy[at] ^= 1 << rng.randrange(8)
                case 2:
                    del copy[at : at + rng.randint(1, 8)]
                case 3:
                    copy[at:at] = bytes(rng.choice((0, 1, 127, 128, 255)) for _ in range(rng.randint(1, 8)))
                case _:
                    copy[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80"))
            if not copy:
                copy = bytearray(b"\0")
        yield bytes(copy)


def fuzz(tmp_path: Path, number: int, seed: int) -> int:
    """Read mutants of small files; return how many were still networks. Anything but a `SpecError` fails."""
    onnx_bytes = small().model("classifier_out").SerializeToString()
    files = [(".onnx", onnx_bytes), (".onnx", many_operators()), (".tflite", small_network().content())]
    files += [(".tflite", streaming_network()), (".json", MCUNET.encode())]
    read = 0
    for suffix, content in files:
        path = tmp_path / f"mutant{suffix}"
        for mutant in mutants(content, number // len(files), seed):
            path.write_bytes(mutant)
            said = _read(path)
            assert said is None or str(path) in said
            read += said is None
    return read


def _read(path: Path) -> str | None:
    """What is said of a file that is no network."""
    try:
        import_model(path, values=True)
    except SpecError as error:
        return str(error)
    return None


MCUNET = """{"resolution": 32,
"first_conv": {"name": "ConvLayer", "kernel_size": 3, "stride": 2, "in_channels": 3, "out_channels": 8},
"blocks": [{"mobile_inverted_conv": {"name": "MBInvertedConvLayer", "in_channels": 8, "out_channels": 8, "kernel_size": 3,
"stride": 1, "expand_ratio": 4, "mid_channels": null}, "shortcut": {"name": "IdentityLayer"}}],
"feature_mix_layer": null, "classifier": {"name": "LinearLayer", "in_features": 8, "out_features": 2}}"""


def test_mutated_files(tmp_path: Path) -> None:
    assert fuzz(tmp_path, MUTANTS, seed=1)


@pytest.mark.slow
def test_many_mutated_files(tmp_path: Path) -> None:
    assert fuzz(tmp_path, MANY, seed=2)


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 7])
def test_most_mutated_files(seed: int, tmp_path: Path) -> None:
    assert fuzz(tmp_path, MOST, seed)


def test_a_large_network_is_read(tmp_path: Path) -> None:
    """16 MiB of weights, so that the limits above are not what makes files small."""
    path = published_nets.mobilenet_v2().save(tmp_path / "large.onnx")
    assert path.stat().st_size > 13 << 20
    assert len(import_model(path, values=True).weights) == 53

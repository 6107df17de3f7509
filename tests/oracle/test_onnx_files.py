"""What an imported network computes is what its file computes: ONNX Runtime on both, over every operator and its neighbours."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parent))
import onnx_graphs  # type: ignore[import-not-found]  # beside this file
import onnx_oracle  # type: ignore[import-not-found]  # beside this file

from qeopt.export import export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.reference import run
from qeopt.network.importers import import_model
from qeopt.network.lowering import lower
from qeopt.spec.errors import SpecError
from qeopt.verbs.bits import bits

CLOSE = 1e-4
NEEDS_EVEN = {"space to depth", "shuffle", "split rows", "grouped", "transposed conv grouped", "split channels"}
NEEDS_FOURS = {"depth to space", "columns to space"}


def grown(names: list[str], seed: int) -> Any:
    """A graph of these layers; None where one of them does not fit the shape it finds."""
    net = onnx_graphs.Net(seed)
    for name in names:
        _, channels, height, width = net.shape
        if name in NEEDS_EVEN and (channels % 2 or height % 2 or width % 2):
            return None
        if (name in NEEDS_FOURS and channels % 4) or min(height, width) < 2 or channels < 2:
            return None
        onnx_graphs.LAYERS[name](net)
    return net


def compare(net: Any, folder: Path, seed: int) -> float:
    path = folder / "net.onnx"
    path.write_bytes(net.model().SerializeToString())
    image = np.random.default_rng(seed).normal(size=net.input_shape).astype(np.float32)
    whole = onnx_oracle.largest_error(path, [image])
    folded = onnx_oracle.largest_error(path, [image], lambda network: lower(network, ["pad", "reshape"])[0])
    return float(max(whole, folded))


@pytest.mark.parametrize("name", list(onnx_graphs.LAYERS))
def test_every_operator(name: str, tmp_path: Path) -> None:
    net = grown([name], 1)
    assert net is not None
    assert compare(net, tmp_path, 1) < CLOSE


@given(names=st.lists(st.sampled_from(list(onnx_graphs.LAYERS)), min_size=2, max_size=4), seed=st.integers(0, 1000))
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
def test_neighbours(names: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    net = grown(names, seed)
    assume(net is not None)
    assert compare(net, tmp_path_factory.mktemp("net"), seed) < CLOSE


def test_a_value_that_is_changed_does_not_pass(tmp_path: Path) -> None:
    """The comparison can fail: a bias that is another gives another network."""
    net = grown(["conv"], 1)
    path = tmp_path / "net.onnx"
    path.write_bytes(net.model().SerializeToString())
    found = import_model(path, values=True)
    (name,) = found.weights
    bias = found.weights[name].bias
    assert bias is not None
    found = replace(found, weights={name: replace(found.weights[name], bias=bias + 0.01)})
    image = np.ones(net.input_shape, np.float32)
    one, two = onnx_oracle.session(path.read_bytes()), onnx_oracle.session(onnx_oracle.plain(found))
    assert np.abs(one.run(None, {"image": image})[0] - two.run(None, {"image": image})[0]).max() > CLOSE


LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def with_random_weights(file: Path) -> Any:
    """A network whose weights are constants of one value, filled with random numbers; a small part of the classifier suffices."""
    model = onnx.load(file)
    rng = np.random.default_rng(0)
    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in shapes:
            dims = shapes[node.input[0]].astype(int).tolist()
            scale = 1 / np.sqrt(max(int(np.prod(dims[1:])), 1))
            values = rng.normal(0, scale, dims) if len(dims) > 1 else np.abs(rng.normal(1, 0.1, dims))
            model.graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float32), node.output[0]))
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet"])
def test_networks_of_the_package(name: str, tmp_path: Path) -> None:
    file = LIGHT / f"light_{name}.onnx"
    if not file.is_file():
        pytest.skip("this version ships no such network")
    model = with_random_weights(file)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    given = {tensor.name for tensor in model.graph.initializer}
    (image,) = (value for value in model.graph.input if value.name not in given)
    shape = [dim.dim_value for dim in image.type.tensor_type.shape.dim]
    assert onnx_oracle.largest_error(path, [np.random.default_rng(1).random(shape).astype(np.float32)]) < CLOSE


def test_which_networks_of_the_package_are_refused() -> None:
    refused = {}
    for file in sorted(LIGHT.glob("*.onnx")):
        try:
            import_model(file)
        except SpecError as error:
            refused[file.stem] = str(error)
    assert all("operator 'LRN'" in said for said in refused.values()), refused


EIGHT_BITS = [
    ["conv", "Relu", "two Add", "global max"],
    ["conv", "Relu", "batch norm", "conv"],
    ["conv", "constant Sub place", "conv"],
    ["conv", "LeakyRelu", "conv stride", "Sigmoid", "conv"],
    ["conv", "HardSwish", "depthwise", "Tanh", "conv"],
    ["conv", "prelu", "max pool", "conv"],
    ["conv", "pad by a value", "average with padding", "conv"],
    ["conv", "shuffle", "grouped", "two Max"],
    ["conv", "split channels", "two Min", "conv"],
    ["conv", "resize nearest", "conv", "resize linear"],
    ["conv", "slice every other channel", "conv"],
    ["conv", "squeeze and excite", "two Sub", "clip"],
    ["depth to space", "silu", "mean of rows"],
    ["conv", "matmul on channels last", "dense"],
    ["conv", "transposed conv", "Relu", "conv"],
    ["conv", "transposed conv grouped", "conv"],
    ["conv", "average", "conv", "average rounded up", "conv"],
    ["conv", "two means"],
    ["conv", "mean of channels"],
    ["conv", "mean of rows"],
    ["conv", "global average"],
]


@pytest.mark.parametrize("names", EIGHT_BITS, ids=" ".join)
def test_eight_bits_are_those_of_the_reference(names: list[str], tmp_path: Path) -> None:
    """The export, run as onnxruntime runs it by default, equals the integer reference to the bit, and follows the file."""
    net = grown(names, 3)
    assert net is not None
    path, out = tmp_path / "net.onnx", tmp_path / "net8.onnx"
    path.write_bytes(net.model().SerializeToString())
    free = {"sram": "unlimited", "flash": "unlimited"}
    design = bits(path, runtime="ideal", budgets=free, weights=[8], activations=[8]).solution.design
    assert design is not None
    export(design, "onnx-qdq", out, {"weights": str(path), "power_of_two": True})
    model = quantised(design, Numbers(weights=path, power_of_two=True))
    image = np.random.default_rng(5).random((1, *net.input_shape[1:])).astype(np.float32)
    (result,) = model.network.outputs
    expected = run(model, image.astype(np.float64))[result.name] * model.grids[result.name].scale
    ran = onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    (found,) = ran.run(None, {ran.get_inputs()[0].name: image})
    assert np.array_equal(found.reshape(expected.shape), expected)
    fine = quantised(design, Numbers(weights=path, calibration="min-max"))
    close = run(fine, image.astype(np.float64))[result.name].ravel() * fine.grids[result.name].scale
    real = onnx_oracle.session(path.read_bytes()).run(None, {"image": image})[0].ravel()
    assert np.abs(close - real).max() < 0.1 * np.abs(real).max()


@pytest.mark.parametrize("name", ["layer norm in pieces", "layer norm by products"])
def test_a_normalisation_in_pieces_is_one_operator(name: str, tmp_path: Path) -> None:
    net = grown(["conv", name], 1)
    assert net is not None
    path = tmp_path / "net.onnx"
    path.write_bytes(net.model().SerializeToString())
    kinds = [op.kind.value for op in import_model(path).network.ops]
    assert kinds.count("layer_norm") == 1
    assert not {"sub", "mul", "add"} & set(kinds)

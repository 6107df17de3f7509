"""Large constants of an ONNX file stay in it until they are wanted; nothing else differs from reading the file whole."""

import io
import random
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

onnx = pytest.importorskip("onnx")
sys.path[:0] = [str(Path(__file__).parent)]
from onnx_author import Author  # type: ignore[import-not-found]  # beside this file

from qeopt.network.importers import import_model
from qeopt.network.importers.onnx import stream


def small() -> Any:
    """A model of a few operators."""
    net = Author((3, 16, 16))
    x = net.conv("image", 8, 3, 2, name="stem")
    net.classifier(net.conv(net.depthwise(x), 16, 3), 4)
    return net.model("classifier_out")


def whole(model: Any, content: bytes) -> Any:
    """A model with what was left in the file put back."""
    for tensor in model.graph.initializer:
        if tensor.data_location == stream.EXTERNAL:
            told = {entry.key: entry.value for entry in tensor.external_data}
            assert told["location"] == "file.onnx"
            start = int(told["offset"])
            tensor.raw_data = content[start : start + int(told["length"])]
            tensor.ClearField("data_location")
            tensor.ClearField("external_data")
    return model


@pytest.mark.parametrize("large", [0, 1, 200, 800, 1 << 30])
def test_the_model_is_that_of_the_whole_file(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LARGE", large)
    model = small()
    for tensor in model.graph.initializer[::3]:  # numbers that are no bytes
        values = onnx.numpy_helper.to_array(tensor).ravel().tolist()
        tensor.ClearField("raw_data")
        tensor.float_data.extend(values)
    content = model.SerializeToString()
    found = stream.parse(onnx, io.BytesIO(content), "file.onnx")
    outside = [tensor for tensor in found.graph.initializer if tensor.data_location == stream.EXTERNAL]
    held = [len(tensor.raw_data) for tensor in model.graph.initializer if tensor.HasField("raw_data")]
    assert len(outside) == sum(size >= large for size in held)
    assert whole(found, content) == model


@given(seed=st.integers(0, 1 << 30))
def test_a_damaged_file_is_the_same_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    content = bytearray(small().SerializeToString())
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.3:
            del content[rng.randrange(len(content)) :]
        else:
            content[rng.randrange(len(content))] = rng.randrange(256)
    try:
        found = stream.parse(onnx, io.BytesIO(bytes(content)), "file.onnx")
    except Exception:
        return
    assert found == onnx.ModelProto.FromString(bytes(content))


def test_a_large_constant_is_not_read_for_its_shape(tmp_path: Path) -> None:
    model = small()
    path = tmp_path / "model.onnx"
    model.graph.initializer.add().CopyFrom(onnx.numpy_helper.from_array(np.zeros(1 << 24, np.float32), "unread"))
    path.write_bytes(model.SerializeToString())
    tracemalloc.start()
    found = import_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.network.ops
    assert peak < 1 << 24  # a quarter of the constant

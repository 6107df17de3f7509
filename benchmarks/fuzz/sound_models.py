"""Sound ONNX and TFLite files of every operator that is read: the small files that the tests hold against other interpreters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

_TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(_TESTS / "oracle"), str(_TESTS / "network" / "importers")]

Made = Callable[[], bytes]


@cache
def onnx_files() -> Mapping[str, Made]:
    """Writers of ONNX files, by what is in them."""
    import onnx_graphs  # type: ignore[import-not-found]  # noqa: PLC0415 - needs the package onnx
    import onnx_quirks  # type: ignore[import-not-found]  # noqa: PLC0415 - needs the package onnx
    import onnx_reports  # type: ignore[import-not-found]  # noqa: PLC0415 - needs the package onnx

    def layer(name: str) -> bytes:
        net = onnx_graphs.Net(1)
        onnx_graphs.conv(net)
        onnx_graphs.LAYERS[name](net)
        return bytes(net.model().SerializeToString())

    found = {f"layer {name}": cache(partial(layer, name)) for name in onnx_graphs.LAYERS}
    files = onnx_quirks.QUIRKS | onnx_reports.REPORTS
    for name in files:
        found[name] = cache(lambda name=name: bytes(onnx_quirks.model_of(name, files).SerializeToString()))
    return found


@cache
def tflite_files() -> Mapping[str, Made]:
    """Writers of TFLite files, by what is in them."""
    import tflite_author  # type: ignore[import-not-found]  # noqa: PLC0415 - of the tests
    import tflite_quirks  # type: ignore[import-not-found]  # noqa: PLC0415 - of the tests

    def quirk(name: str) -> bytes:
        net = tflite_quirks.Net()
        return bytes(net.content(tflite_quirks.QUIRKS[name](net)))

    def streaming() -> bytes:
        net = tflite_author.Author((1, 1, 8))
        seen = net.conv("first", tflite_author.stream(net, net.image, 4), 8, valid=True)
        return bytes(net.content(net.dense("scores", tflite_author.stream(net, seen, 2, "second"), 3)))

    found = {name: cache(partial(quirk, name)) for name in tflite_quirks.QUIRKS}
    found["of integers"] = cache(lambda: bytes(tflite_author.small_network().content()))
    return found | {"with states": cache(streaming)}

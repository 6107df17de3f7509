"""MCUNet and Once-for-All networks: JSON that lists inverted residual blocks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qeopt.network.builder import FIXED_BITS, NetworkBuilder, with_functions
from qeopt.network.graph import Tensor
from qeopt.network.importers.bytes import read_bytes
from qeopt.network.importers.model import ImportedModel, ImportOptions, refuse
from qeopt.spec.errors import one_of, quote

MAX_BYTES = 4 << 20
MAX_BLOCKS = 1000
MAX_NUMBER = 1 << 16
FUNCTIONS = {"relu": "relu", "relu6": "relu6", "h_swish": "hardswish", "swish": "silu", None: "", "none": ""}
"""Names of activation functions in these files, and ours."""
_STAGES_FOLLOW_STRIDES = "stages follow the strides of this format's blocks, so `stages` cannot be stated"


def read_mcunet(path: Path, options: ImportOptions, *, values: bool = False) -> ImportedModel:
    """Read an MCUNet or Once-for-All JSON file; see `Importer`. It holds no learnt values.

    Stages end before each strided block but the first.

    Raises:
        SpecError: it is damaged, or holds a kind of layer that is not known.
    """
    try:
        data = json.loads(read_bytes(path, MAX_BYTES).decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise refuse(path, "is not JSON; the description of an MCUNet or Once-for-All network was expected") from None
    if not isinstance(data, dict) or not {"first_conv", "blocks", "classifier"} <= data.keys():
        raise refuse(path, "is no MCUNet or Once-for-All network: 'first_conv', 'blocks' and 'classifier' were expected")
    if options.stages or options.treat_as:
        raise refuse(path, _STAGES_FOLLOW_STRIDES)
    return ImportedModel(_Reader(path, data, options).network())


class _Reader:
    """Builds the network of one file."""

    def __init__(self, path: Path, data: Mapping[str, Any], options: ImportOptions) -> None:
        self._path = path
        self._data = data
        self._options = options
        side = data.get("resolution")
        if options.input is None and side is None:
            raise refuse(path, "states no resolution; state `input: [height, width, channels]`")
        shape = options.input or (self._number(data, "resolution", "the file"), self._number(data, "resolution", "the file"), 3)
        self._source = Tensor("image", *shape, bits=FIXED_BITS, is_image=True)
        self._builder = NetworkBuilder(path.stem, self._source)
        self._strided = False
        self._functions: dict[str, str] = {}

    def network(self) -> Any:
        current = self._conv("stem", self._mapping(self._data, "first_conv"), self._source)
        blocks = self._data["blocks"]
        if not isinstance(blocks, list) or len(blocks) > MAX_BLOCKS:
            raise refuse(self._path, f"'blocks' is {quote(blocks)}; a list of at most {MAX_BLOCKS} was expected")
        for number, block in enumerate(blocks, start=1):
            current = self._block(f"b{number}", block, current)
        if self._data.get("feature_mix_layer"):
            current = self._conv("head", self._mapping(self._data, "feature_mix_layer"), current)
        self._builder.end_stage()
        classifier = self._mapping(self._data, "classifier")
        self._expect(classifier, "in_features", current.channels, "classifier")
        self._builder.unit = "classifier"
        pooled = self._builder.global_pool("classifier.pool", current)
        classes = self._number(classifier, "out_features", "classifier")
        self._builder.dense("classifier", pooled, classes, weight_bits=self._options.weight_bits.get("classifier", FIXED_BITS))
        return with_functions(self._builder.finish(), self._functions)

    def _conv(self, name: str, layer: Mapping[str, Any], source: Tensor) -> Tensor:
        self._kind(layer, "ConvLayer", name)
        self._expect(layer, "in_channels", source.channels, name)
        if layer.get("groups", 1) != 1 or layer.get("dilation", 1) != 1:
            raise refuse(self._path, "grouped or dilated convolutions are not known in this format", name)
        self._builder.unit = name
        stride = self._number(layer, "stride", name)
        self._begin(stride)
        self._functions[name] = self._function(layer, name)
        return self._builder.conv(
            name,
            source,
            self._number(layer, "out_channels", name),
            kernel=self._number(layer, "kernel_size", name),
            stride=stride,
            weight_bits=self._options.weight_bits.get(name, self._options.first_weight_bits if source.is_image else None),
        )

    def _block(self, name: str, block: Any, source: Tensor) -> Tensor:
        if not isinstance(block, dict):
            raise refuse(self._path, f"is {quote(block)}; a block was expected", name)
        layer = block.get("mobile_inverted_conv")
        if layer is None or (isinstance(layer, dict) and layer.get("name") == "ZeroLayer"):
            return source
        layer = self._mapping(block, "mobile_inverted_conv")
        self._kind(layer, "MBInvertedConvLayer", name)
        self._expect(layer, "in_channels", source.channels, name)
        if layer.get("use_se"):
            raise refuse(self._path, "squeeze-and-excitation is not known in this format", name)
        stride, width = self._number(layer, "stride", name), self._number(layer, "out_channels", name)
        self._begin(stride)
        builder = self._builder
        builder.unit = name
        self._functions |= dict.fromkeys((f"{name}.expand", f"{name}.depthwise"), self._function(layer, name))
        wide = self._expanded(name, layer, source)
        filtered = builder.depthwise(f"{name}.depthwise", wide, kernel=self._number(layer, "kernel_size", name), stride=stride)
        shortcut = block.get("shortcut")
        if shortcut is None:
            return builder.conv(f"{name}.project", filtered, width, weight_bits=self._bits(f"{name}.project"))
        self._kind(self._mapping(block, "shortcut"), "IdentityLayer", name)
        if stride != 1 or width != source.channels:
            raise refuse(self._path, "a shortcut around a block that changes the shape", name)
        projected = builder.conv(
            f"{name}.project", filtered, width, weight_bits=self._bits(f"{name}.project"), tied_to=f"{name}.add"
        )
        return builder.add(f"{name}.add", projected, source)

    def _expanded(self, name: str, layer: Mapping[str, Any], source: Tensor) -> Tensor:
        """The first convolution of a block; an expansion of 1 has none."""
        ratio = layer.get("expand_ratio")
        if ratio == 1:
            return source
        middle = layer.get("mid_channels")
        if middle is None:
            if not isinstance(ratio, int | float) or isinstance(ratio, bool) or not 0 < ratio < MAX_NUMBER:
                raise refuse(self._path, f"expand_ratio is {quote(ratio)}; a positive number was expected", name)
            width = round(int(source.channels) * ratio)
        else:
            width = self._number(layer, "mid_channels", name)
        return self._builder.conv(f"{name}.expand", source, width, weight_bits=self._bits(f"{name}.expand"))

    def _function(self, layer: Mapping[str, Any], place: str) -> str:
        """The function after a convolution; the format's own default where the file does not say."""
        found = layer.get("act_func", "relu6")
        if not isinstance(found, str | None) or found not in FUNCTIONS:
            raise refuse(self._path, f"'act_func' is {quote(found)}; {one_of(map(str, FUNCTIONS))} was expected", place)
        return FUNCTIONS[found]

    def _bits(self, name: str) -> int | None:
        return self._options.weight_bits.get(name)

    def _begin(self, stride: int) -> None:
        """End a stage before each strided block but the first."""
        if stride > 1 and self._strided:
            self._builder.end_stage()
        self._strided = self._strided or stride > 1

    def _mapping(self, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found = data.get(key)
        if not isinstance(found, dict):
            raise refuse(self._path, f"{key!r} is {quote(found)}; a layer was expected")
        return found

    def _number(self, data: Mapping[str, Any], key: str, place: str) -> int:
        found = data.get(key)
        if isinstance(found, list) and len(set(map(str, found))) == 1:
            found = found[0]
        if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= MAX_NUMBER:
            raise refuse(self._path, f"{key!r} is {quote(found)}; a whole number from 1 to {MAX_NUMBER:,} was expected", place)
        return found

    def _expect(self, layer: Mapping[str, Any], key: str, channels: Any, place: str) -> None:
        if self._number(layer, key, place) != channels:
            raise refuse(self._path, f"{key!r} is {layer[key]}, but {channels} channels come in", place)

    def _kind(self, layer: Mapping[str, Any], kind: str, place: str) -> None:
        if layer.get("name", kind) != kind:
            raise refuse(self._path, f"the layer {quote(layer.get('name'))} is not known; {kind!r} was expected", place)

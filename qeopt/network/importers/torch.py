"""PyTorch modules, through `torch.export`: the graph of ATen operators with the shapes that tracing gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qeopt.network.graph import OpKind
from qeopt.network.importers.assemble import assemble
from qeopt.network.importers.draft import Draft, Piece, Shape
from qeopt.network.importers.model import ImportedModel, ImportOptions, Parameters, refuse
from qeopt.network.importers.windows import channels_first, normal_pads, same_pads
from qeopt.spec.errors import Location, PluginError, Problem, SpecError

FUNCTIONS = {
    "relu": "relu", "relu6": "relu6", "hardtanh": "clip", "clamp": "clip", "sigmoid": "sigmoid", "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish", "silu": "silu", "tanh": "tanh", "gelu": "gelu", "elu": "elu", "leaky_relu": "leaky_relu",
    "prelu": "prelu", "mish": "mish", "softmax": "softmax", "_softmax": "softmax", "log_softmax": "softmax", "softplus": "softplus",
}  # fmt: skip
SAME = frozenset({
    "alias", "clone", "contiguous", "detach", "dropout", "feature_dropout", "flatten", "identity", "reshape", "squeeze", "to",
    "_to_copy", "unsqueeze", "view", "lift_fresh_copy", "_unsafe_view",
})  # fmt: skip
"""Operators that move no value."""
SPLITS = frozenset({"chunk", "split", "split_with_sizes", "tensor_split"})


def from_torch(
    module: Any, example: tuple[Any, ...], *, name: str = "model", options: ImportOptions | None = None
) -> ImportedModel:
    """Read a PyTorch module as a network.

    Args:
        module: A `torch.nn.Module`; it is exported in evaluation mode.
        example: Its arguments: one image with a batch of one.
        name: What to call it.
        options: How to take what is not known here, by ATen name (`aten.sort` is `sort`) or the name of a module.

    Raises:
        SpecError: the module cannot be exported, or holds operators that nothing here can express, all of them named.
        PluginError: torch is not installed.
    """
    try:
        export = import_module("torch.export").export
    except ImportError as error:
        raise PluginError('reading PyTorch modules needs torch; install it with: pip install "qeopt[torch]"') from error
    try:
        program = export(module.eval(), example)
    except Exception as error:  # exporting runs the user's own code, which may fail in any way
        raise refuse(name, f"torch.export cannot trace it: {' '.join(str(error).split())[:300]}") from error
    return _Reader(program, name, options or ImportOptions()).model()


class _Reader:
    """The state of reading one exported program."""

    def __init__(self, program: Any, name: str, options: ImportOptions) -> None:
        self.options = options
        self.draft = Draft(Path(name))
        signature = program.graph_signature
        named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
        held = {**dict(program.state_dict), **dict(program.constants)}
        self.values = {node: held[target] for node, target in named.items() if target in held}
        self.nodes = list(program.graph.nodes)
        images = [node for node in self.nodes if node.op == "placeholder" and node.name in signature.user_inputs]
        if len(images) != 1:
            raise refuse(name, f"{len(images)} inputs; one image was expected")
        if images[0].meta["val"].shape[0] != 1:
            raise refuse(name, f"a batch of {images[0].meta['val'].shape[0]}; one image was expected")
        self.outputs = signature.user_outputs
        self.parameters: dict[str, Parameters] = {}
        self.draft.read_image(images[0].name, self.shape(images[0]))

    def model(self) -> ImportedModel:
        """Read every node."""
        problems = []
        for node in self.nodes:
            if node.op != "call_function" or not self._depends(node):
                continue
            kind = _kind(node)
            escape = self.options.treat_as.get(self.name(node)) or self.options.treat_as.get(kind)
            if escape is not None:
                self._escape(node, escape)
            elif kind in HANDLERS or kind in SPLITS:
                HANDLERS.get(kind, _ignore)(self, node)
            else:
                said = f"node {self.name(node)!r}: operator {kind!r} is not known"
                problems.append(
                    Problem(Location(str(self.draft.path)), f"{said}; say how to take it, such as treat_as: {{{kind}: identity}}")
                )
                self.draft.alias(node.name, next(source.name for source in node.all_input_nodes if self.draft.knows(source.name)))
        if problems:
            raise SpecError(problems)
        self.draft.results += [self.draft.resolve(name) for name in self.outputs if self.draft.knows(name)]
        network = assemble(self.draft, self.options)
        weights = {name: found for name, found in self.parameters.items() if name in network.op_by_name}
        return ImportedModel(network, weights, {}, tuple(self.draft.notes))

    def _depends(self, node: Any) -> bool:
        return any(self.draft.knows(source.name) for source in node.all_input_nodes) or (
            _kind(node) == "getitem" and _kind(node.args[0]) in SPLITS and self.draft.knows(node.args[0].args[0].name)
        )

    def _escape(self, node: Any, escape: str) -> None:
        self.draft.notes.append(f"taken as {escape}, as declared: {_kind(node)} {self.name(node)!r}")
        source = next(source for source in node.all_input_nodes if self.draft.knows(source.name))
        if escape == "identity":
            self.draft.alias(node.name, source.name)
        elif escape == "cut":
            self.draft.results.append(self.draft.resolve(source.name))
        else:
            kind = OpKind.ACTIVATION if escape == "activation" else OpKind.TRANSPOSE
            self.add(node, kind, (self.source(source, node),), function=_kind(node) if escape == "activation" else "")

    def name(self, node: Any) -> str:
        """The module that an operator belongs to, where it is all of it; else the node."""
        stack = list(node.meta.get("nn_module_stack", {}).values())
        path = stack[-1][0] if stack else ""
        return str(path.replace("L['self'].", "")) if path and _kind(node) in {"conv1d", "conv2d", "linear"} else str(node.name)

    def refuse(self, node: Any, message: str) -> Exception:
        return refuse(self.draft.path, message, self.name(node))

    def dims(self, node: Any) -> tuple[int, ...]:
        return tuple(int(side) for side in node.meta["val"].shape)

    def shape(self, node: Any) -> Shape:
        return channels_first(self.dims(node))

    def source(self, source: Any, node: Any) -> str:
        return self.draft.read_as(source.name, self.shape(source), self.name(node))

    def add(self, node: Any, kind: OpKind, reads: tuple[str, ...], shape: Shape | None = None, **told: Any) -> str:
        """Append an operator under the name of its node; returns that name."""
        self.draft.add(Piece(self.name(node), kind, reads, node.name, **told), shape or self.shape(node))
        return self.draft.pieces[-1].name

    def value(self, node: Any) -> Any:
        """A learnt tensor as an array; None for no argument."""
        if node is None:
            return None
        found = self.values.get(getattr(node, "name", ""))
        return None if found is None else found.detach().float().cpu().numpy()

    def affine(self, node: Any, source: Any, scale: Any, shift: Any) -> None:
        """Multiply by and add a value per channel: into the weights before it where nothing else reads those sums."""
        piece = self.draft.made.get(self.draft.resolve(source.name))
        if piece is not None and piece.name in self.parameters and len(source.users) == 1 and not piece.function:
            self.parameters[piece.name] = self.parameters[piece.name].folded(scale, shift)
            self.draft.alias(node.name, source.name)
        else:
            self.add(node, OpKind.ACTIVATION, (self.source(source, node),), function="affine")


def _kind(node: Any) -> str:
    target = node.target
    if getattr(target, "__name__", "") == "getitem":
        return "getitem"
    return str(target).removeprefix("aten.").partition(".")[0].removesuffix("_")


def _argument(node: Any, index: int, default: Any = None) -> Any:
    return node.args[index] if index < len(node.args) else default


def _pair(value: Any, rank: int = 2) -> tuple[int, int]:
    sides = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    sides = sides * rank if len(sides) == 1 else sides
    return (1, int(sides[0])) if rank == 1 else (int(sides[0]), int(sides[1]))


def _conv(reader: _Reader, node: Any) -> None:
    weights = reader.value(node.args[1])
    if weights is None or weights.ndim not in {3, 4}:
        raise reader.refuse(node, "only constant weights of three or four dimensions are known")
    rank = weights.ndim - 2
    window = _pair(weights.shape[2:], rank)
    stride, dilation = _pair(_argument(node, 3, 1), rank), _pair(_argument(node, 5, 1), rank)
    padding, groups = _argument(node, 4, 0), int(_argument(node, 6, 1))
    height, width, channels = reader.shape(node.args[0])
    if padding == "same":
        pads = same_pads((height, width), window, stride, dilation)
    else:
        down, right = (0, 0) if padding == "valid" else _pair(padding, rank)
        pads = (0, right, 0, right) if rank == 1 else (down, right, down, right)
    kind = OpKind.DEPTHWISE if groups == channels > 1 else OpKind.CONV
    made = reader.add(
        node,
        kind,
        (reader.source(node.args[0], node),),
        window=window,
        stride=stride,
        dilation=dilation,
        groups=1 if kind is OpKind.DEPTHWISE else groups,
        pads=normal_pads(pads, (height, width), window, stride, dilation),
    )
    reader.parameters[made] = Parameters(weights.reshape(*weights.shape[:2], *window), reader.value(_argument(node, 2)))


def _linear(reader: _Reader, node: Any) -> None:
    weights = reader.value(node.args[1])
    if weights is None:
        raise reader.refuse(node, "the weights are no constant")
    outputs, inputs = weights.shape
    rows = prod(reader.dims(node.args[0])) // inputs
    if rows == 1:
        made = reader.add(node, OpKind.DENSE, (reader.draft.resolve(node.args[0].name),), (1, 1, outputs))
    else:
        source = reader.draft.read_as(node.args[0].name, (1, rows, inputs), reader.name(node))
        made = reader.add(node, OpKind.CONV, (source,), (1, rows, outputs))
    reader.parameters[made] = Parameters(weights, reader.value(_argument(node, 2)))


def _batch_norm(reader: _Reader, node: Any) -> None:
    source, *parts = node.args[:5]
    scale, bias, mean, variance = (reader.value(part) for part in parts)
    if mean is None or variance is None:
        raise reader.refuse(node, "normalisation without running statistics")
    factor = 1 / np.sqrt(np.maximum(variance, 0) + float(_argument(node, 7, 1e-5)))
    factor = factor if scale is None else factor * scale
    reader.affine(node, source, factor, (0 if bias is None else bias) - mean * factor)


def _binary(kind: OpKind) -> Callable[[_Reader, Any], None]:
    def handle(reader: _Reader, node: Any) -> None:
        known = [item for item in node.args[:2] if reader.draft.knows(getattr(item, "name", ""))]
        if len(known) == 1:
            other = node.args[1] if node.args[0] is known[0] else node.args[0]
            number = np.float32(other) if isinstance(other, int | float) else reader.value(other)
            channels = reader.shape(known[0])[2]
            if number is None or np.size(number) not in {1, channels}:
                reader.add(node, OpKind.ACTIVATION, (reader.source(known[0], node),), function="positional")
            else:
                reader.affine(node, known[0], *((np.asarray(number), None) if kind is OpKind.MUL else (None, np.asarray(number))))
            return
        shape = reader.shape(node)
        sources = sorted((reader.source(item, node) for item in known), key=lambda value: reader.draft.shapes[value] != shape)
        reader.add(node, kind, tuple(sources))

    return handle


def _pool(kind: OpKind) -> Callable[[_Reader, Any], None]:
    def handle(reader: _Reader, node: Any) -> None:
        window = _pair(node.args[1])
        stride = _pair(_argument(node, 2) or window)
        down, right = _pair(_argument(node, 3, 0))
        dilation = _pair(_argument(node, 4, 1)) if kind is OpKind.MAX_POOL else (1, 1)
        height, width, _ = reader.shape(node.args[0])
        pads = normal_pads((down, right, down, right), (height, width), window, stride, dilation)
        reader.add(node, kind, (reader.source(node.args[0], node),), window=window, stride=stride, dilation=dilation, pads=pads)

    return handle


def _global_pool(reader: _Reader, node: Any) -> None:
    height, width, channels = reader.shape(node.args[0])
    written = prod(reader.dims(node))
    if _kind(node) == "mean" and {axis % 4 for axis in node.args[1]} != {2, 3}:
        raise reader.refuse(node, f"a mean over the axes {list(node.args[1])}; all positions were expected")
    if written == channels:
        reader.add(node, OpKind.POOL, (reader.source(node.args[0], node),), (1, 1, channels), window=(height, width))
        return
    down, right, _ = reader.shape(node)
    if height % down or width % right:
        raise reader.refuse(node, f"a mean of {height} x {width} to {down} x {right} positions")
    window = height // down, width // right
    reader.add(node, OpKind.POOL, (reader.source(node.args[0], node),), window=window, stride=window, pads=(0, 0, 0, 0))


def _concat(reader: _Reader, node: Any) -> None:
    if any(not reader.draft.knows(item.name) for item in node.args[0]):
        raise reader.refuse(node, "an input is a constant")
    reader.add(node, OpKind.CONCAT, tuple(reader.source(item, node) for item in node.args[0]))


def _item(reader: _Reader, node: Any) -> None:
    parent = node.args[0]
    if _kind(parent) not in SPLITS:
        raise reader.refuse(node, f"one of the results of {_kind(parent)}")
    reader.add(node, OpKind.SLICE, (reader.source(parent.args[0], node),))


def _slice(reader: _Reader, node: Any) -> None:
    if reader.dims(node) == reader.dims(node.args[0]):
        reader.draft.alias(node.name, node.args[0].name)
    else:
        reader.add(node, OpKind.SLICE, (reader.source(node.args[0], node),))


def _move(reader: _Reader, node: Any) -> None:
    reader.add(node, OpKind.TRANSPOSE, (reader.source(node.args[0], node),))


def _pad(reader: _Reader, node: Any) -> None:
    pads = tuple(node.args[1])
    if len(pads) not in {2, 4} or any(number < 0 for number in pads):
        raise reader.refuse(node, f"padding {list(pads)}; rows and columns were expected")
    left, right, top, bottom = (*pads, 0, 0)[:4]
    constant = _kind(node) == "constant_pad_nd" or _argument(node, 2, "constant") == "constant"
    value = _argument(node, 3 if _kind(node) == "pad" else 2, 0) or 0
    function = "zero" if constant and not value else "other"
    reader.add(node, OpKind.PAD, (reader.source(node.args[0], node),), pads=(top, left, bottom, right), function=function)


def _resize(reader: _Reader, node: Any) -> None:
    mode = "nearest" if "nearest" in _kind(node) else "linear"
    reader.add(node, OpKind.RESIZE, (reader.source(node.args[0], node),), function=mode)


def _same(reader: _Reader, node: Any) -> None:
    reader.draft.alias(node.name, node.args[0].name)


def _ignore(reader: _Reader, node: Any) -> None:
    """A split by itself: its pieces are operators."""


def _function(reader: _Reader, node: Any) -> None:
    kind = _kind(node)
    function = "relu6" if kind in {"hardtanh", "clamp"} and _argument(node, 2) == 6 else FUNCTIONS[kind]
    reader.add(node, OpKind.ACTIVATION, (reader.source(node.args[0], node),), function=function)


HANDLERS: Mapping[str, Callable[[_Reader, Any], None]] = {
    **dict.fromkeys(FUNCTIONS, _function),
    **dict.fromkeys(SAME, _same),
    "conv1d": _conv,
    "conv2d": _conv,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "add": _binary(OpKind.ADD),
    "mul": _binary(OpKind.MUL),
    "max_pool2d": _pool(OpKind.MAX_POOL),
    "avg_pool2d": _pool(OpKind.POOL),
    "adaptive_avg_pool2d": _global_pool,
    "mean": _global_pool,
    "cat": _concat,
    "getitem": _item,
    "slice": _slice,
    "narrow": _slice,
    "permute": _move,
    "transpose": _move,
    "channel_shuffle": _move,
    "native_channel_shuffle": _move,
    "pixel_shuffle": _move,
    "pixel_unshuffle": _move,
    "constant_pad_nd": _pad,
    "pad": _pad,
    "upsample_nearest2d": _resize,
    "upsample_bilinear2d": _resize,
}

"""The text of a PyTorch module: layers from a template, and a network that uses them under the names of the design."""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterable, Mapping
from importlib.resources import files

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import WINDOWED, image_of, vectors, window
from qeopt.export.errors import ExportError
from qeopt.export.functions import functions, unsigned_tensors
from qeopt.export.names import distinct, identifier
from qeopt.export.pytorch.detection import IMPORTS as DETECTION_IMPORTS
from qeopt.export.pytorch.detection import detector_text
from qeopt.network import Bits, Network, Op, OpKind, Tensor
from qeopt.network.lowering import unranked

FUNCTIONS = ("", "relu", "relu6")
_PLACE = '''
def place(network: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer where its dotted name says; a layer may hold others, as `classifier` holds `classifier.pool`."""
    layer.tensor = layer.tensor or name
    *folders, last = name.split(".")
    for folder in folders:
        if folder not in network._modules:
            network.add_module(folder, nn.Module())
        network = network._modules[folder]
    for inner, held in network._modules.pop(last, nn.Module()).named_children():
        layer.add_module(inner, held)
    network.add_module(last, layer)
'''


def module_text(design: Design, imports: str, template: str) -> str:
    """Write a self-contained module. Functions that change no ranking are left out at the very end, as losses take what they read.

    Args:
        design: What it is made from.
        imports: The lines that import what the template needs.
        template: Name of the file that holds the layers.

    Raises:
        ExportError: when the network has operators or names that the module cannot have.
    """
    network, left_out = unranked(design.network())
    vectors(network)
    layers = files("qeopt.export").joinpath("templates", template).read_text(encoding="utf-8")
    ends = functions(design, network)
    detector = detector_text(design, network)
    parts = (
        _opening(design, is_cut=bool(left_out)),
        imports,
        DETECTION_IMPORTS if detector else "",
        "\n\n",
        layers,
        "\n",
        _PLACE,
        "\n\n",
        "\n".join(_network(network, design.bit_widths(), ends, unsigned_tensors(network, ends))),
        detector,
    )
    return "".join(parts) + "\n"


def _opening(design: Design, *, is_cut: bool) -> str:
    uses = "; ".join(f"{name} {use.used:,}" for name, use in design.uses.items())
    version = design.provenance.made_by
    low, high = image_of(design.network()).pixel_range
    return (
        f'"""Network of the study {identifier(design.study_name)}, found by qeopt {version}; score {design.score:.4f}; {uses}.\n\n'
        "Layers are rounded while they train, to the bits of the design; modules have the names of the design. Images hold values\n"
        f"between {low:g} and {high:g}, shape (images, channels, height, width).\n"
        + "The function at the very end is left out, as losses take what it reads.\n" * is_cut
        + '"""\n\n'
    )


def _ends(image: Tensor) -> str:
    """What an image module is told of pixels where they stand for other values than 0 to 1."""
    low, high = image.pixel_range
    return "" if (low, high) == (0.0, 1.0) else f", low={low!r}, high={high!r}"


def _network(network: Network, bits: Bits, ends: Mapping[str, str], unsigned: frozenset[str]) -> Iterable[str]:
    """The lines of the class."""
    image = image_of(network)
    variables = _variables([tensor.name for tensor in network.tensors])
    yield "class Network(nn.Module):"
    yield '    """The network."""'
    yield ""
    yield "    def __init__(self) -> None:"
    yield "        super().__init__()"
    yield f"        place(self, {_name(image.name)}, Image(bits={bits.activations[image.name]}{_ends(image)}))"
    for op in network.ops:
        if op.name == image.name:
            raise ExportError(f"an operator and the image are both called {op.name!r}")
        tensor = {} if op.output.name == op.name else {"tensor": json.dumps(op.output.name)}
        terms = {**_terms(op, bits, ends[op.name]), "signed": repr(op.output.name not in unsigned), **tensor}
        given = ", ".join(value if key.isdigit() else f"{key}={value}" for key, value in terms.items())
        yield f"        place(self, {_name(op.name)}, {_CLASSES[op.kind]}({given}))"
    yield ""
    outputs = [f"plain({variables[tensor.name]})" for tensor in network.outputs]
    yield f"    def forward(self, image: Tensor) -> {'Tensor' if len(outputs) == 1 else 'tuple[Tensor, ...]'}:"
    yield "        at = self.get_submodule"
    yield f"        {variables[image.name]} = at({_name(image.name)})(image)"
    for op in network.ops:
        read = ", ".join(variables[tensor.name] for tensor in op.inputs)
        yield f"        {variables[op.output.name]} = at({_name(op.name)})({read})"
    yield f"        return {', '.join(outputs)}"


_CLASSES: Mapping[OpKind, str] = {
    OpKind.CONV: "Conv",
    OpKind.DEPTHWISE: "Conv",
    OpKind.DENSE: "Dense",
    OpKind.ADD: "Add",
    OpKind.MUL: "Mul",
    OpKind.ACTIVATION: "Function",
    OpKind.POOL: "Pool",
    OpKind.MAX_POOL: "Pool",
    OpKind.CONCAT: "Concat",
}


def _terms(op: Op, bits: Bits, function: str) -> dict[str, str]:
    """What a layer is made from; positional terms have numbers for names."""
    if op.kind not in _CLASSES:
        raise ExportError(f"{op.name!r} is of the kind {op.kind}, which the module cannot have")
    if function not in FUNCTIONS:
        raise ExportError(f"{op.name!r} ends in {function!r}, which the module cannot have")
    if op.kind is OpKind.MAX_POOL and op.dilation != (1, 1):
        raise ExportError(f"{op.name!r} is dilated")
    found, source = window(op), op.inputs[0]
    _, weight_bits, out_bits = bits.of(op)
    terms: dict[str, str] = {}
    if op.kind in {OpKind.CONV, OpKind.DEPTHWISE}:
        terms |= {"0": str(source.channels), "1": str(op.output.channels)}
    if op.kind is OpKind.DENSE:
        terms |= {"0": str(source.elements), "1": str(op.output.channels)}
    if op.kind in WINDOWED:
        terms["2"] = f"({found.height}, {found.width})"
        terms |= {"stride": str(found.strides)} if found.strides != (1, 1) else {}
        terms |= {"pads": str(found.pads)} if any(found.pads) else {}
        terms |= {"dilation": str(found.dilation)} if found.dilation != (1, 1) else {}
    if op.kind is OpKind.MAX_POOL:
        terms["maximum"] = "True"
    groups = int(source.channels) if op.kind is OpKind.DEPTHWISE else op.groups
    terms |= {"groups": str(groups)} if groups > 1 else {}
    terms |= {"weight_bits": str(weight_bits)} if op.has_weights else {}
    terms |= {"function": json.dumps(function)} if function else {}
    return {**terms, "bits": str(out_bits)}


def _name(name: str) -> str:
    """A name as Python text, if a module can have it."""
    if not all(name.split(".")):
        raise ExportError(f"{name!r} cannot be the name of a module")
    return json.dumps(name)


def _variables(names: Iterable[str]) -> dict[str, str]:
    """A variable for each name."""
    given = list(names)
    plain = [identifier(name) for name in given]
    legal = [name if name.isidentifier() and not keyword.iskeyword(name) else f"x_{name}" for name in plain]
    return dict(zip(given, distinct(legal, ("at", "self", "plain")), strict=True))

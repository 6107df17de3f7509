"""Infer the shape of every value of an ONNX graph, node by node, strictly, for one image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.importers.onnx.file import load_onnx
from qeopt.network.importers.onnx.norms import NAME, SINCE
from qeopt.network.importers.onnx.values import Given

Dims = tuple[int, ...]

QUANTISERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc"})
"""QONNX operators: they keep the shape, which standard inference does not know."""
FLOAT = 1


class Inference:
    """What is known of the types of values."""

    def __init__(self, path: Path, model: Any) -> None:
        self._path, self._onnx = path, load_onnx()
        self.opsets = list(model.opset_import)
        self._versions = {entry.domain: entry.version for entry in self.opsets}
        self.types: dict[str, Any] = {}
        self._stated = {value.name: dims_of(value.type) for value in (*model.graph.value_info, *model.graph.output)}

    def version(self) -> int:
        """Version of the standard operators."""
        return int(self._versions.get("", self._versions.get("ai.onnx", 1)))

    def state(self, name: str, dims: Dims, kind: int = FLOAT) -> None:
        """State the dimensions of a value."""
        self.types[name] = self._onnx.helper.make_tensor_type_proto(kind, dims)

    def same(self, output: str, source: str) -> None:
        """Say that a value has the type of another."""
        if source in self.types:
            self.types[output] = self.types[source]

    def dims(self, name: str) -> Dims | None:
        """Dimensions of a value; None where they are not known."""
        known = self.types.get(name)
        return None if known is None else dims_of(known)

    def dims_or_stated(self, name: str) -> Dims | None:
        """Dimensions of a value, or what the file states them to be."""
        return self.dims(name) or self._stated.get(name)

    def kind(self, name: str) -> int:
        """Type of the elements of a value."""
        known = self.types.get(name)
        return 0 if known is None else int(known.tensor_type.elem_type)

    def infer(self, node: Any, constants: Mapping[str, Given], name: str) -> None:
        """Infer what a node writes.

        Raises:
            SpecError: the node contradicts itself or its inputs.
        """
        onnx = self._onnx
        domain = "" if node.domain == "ai.onnx" else node.domain
        version = self._versions.get(domain, self._versions.get("", 1) if not domain else 1)
        if node.op_type == NAME and version < SINCE:  # put for its pieces
            self.same(node.output[0], node.input[0])
            return
        try:
            schema = onnx.defs.get_schema(node.op_type, version, domain)
        except onnx.defs.SchemaError:
            return
        types = {value: self.types[value] for value in node.input if value in self.types}
        data = {value: constants[value].proto for value in node.input if value in constants and constants[value].proto is not None}
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, types, data, opset_imports=self.opsets, ir_version=onnx.IR_VERSION
            )
        except Exception as error:  # the inference is another library's: whatever it says, the file is at fault
            said = " ".join(str(error).split())[:300]
            raise refuse(self._path, f"shapes do not fit each other: {said}", name) from None
        self.types.update(found)


def dims_of(known: Any) -> Dims | None:
    """Dimensions of a TypeProto; None where one of them is open."""
    if not known.HasField("tensor_type") or not known.tensor_type.HasField("shape"):
        return None
    dims = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in known.tensor_type.shape.dim)
    return dims if all(side >= 0 for side in dims) else None


def escape_of(node: Any, options: ImportOptions) -> str | None:
    """What the user says of a node, by its name or its operator's type."""
    return options.treat_as.get(node.name) or options.treat_as.get(node.op_type)


def is_quantiser(node: Any) -> bool:
    """Whether a node is one of QONNX's."""
    return node.op_type in QUANTISERS and ("qonnx" in node.domain or "finn" in node.domain)

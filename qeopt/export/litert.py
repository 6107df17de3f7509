"""A recipe for litert-quantizer (formerly ai-edge-quantizer), which makes .tflite files of 4-bit and 8-bit weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from qeopt.design import Design
from qeopt.export.errors import ExportError
from qeopt.files import write_atomically
from qeopt.network import Network, Op, OpKind
from qeopt.spec.model import Block

OPERATIONS: Mapping[OpKind, str] = {
    OpKind.CONV: "CONV_2D",
    OpKind.DEPTHWISE: "DEPTHWISE_CONV_2D",
    OpKind.DENSE: "FULLY_CONNECTED",
}
LEGAL_WEIGHTS: Mapping[OpKind, tuple[int, ...]] = {OpKind.CONV: (4, 8), OpKind.DEPTHWISE: (8,), OpKind.DENSE: (4, 8)}
"""Weight bits beside 8-bit activations in the default policy of litert-quantizer 0.11."""


class LiteRT(Block):
    """Data only: the package is not needed to write it. Operators are found by name in the names of the tensors they write."""

    SUFFIX: ClassVar[str] = ".recipe.json"

    kind: Literal["litert"] = "litert"
    """Says that this is a recipe."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the recipe.

        Raises:
            ExportError: naming the bits that LiteRT does not have.
        """
        network = design.network()
        problems = list(_problems(design, network))
        if problems:
            raise ExportError(f"LiteRT cannot hold this design: {'; '.join(problems[:10])}")
        recipe = [_entry(".*", "*", 8)]
        recipe += [_entry(_scope(op), OPERATIONS[op.kind], design.weights[op.name]) for op in network.weighted_ops]
        write_atomically(out, json.dumps(recipe, indent=1) + "\n")
        return (out,)


def _problems(design: Design, network: Network) -> list[str]:
    wide = [f"{name!r} has {bits} bits, activations have 8" for name, bits in design.activations.items() if bits != 8]
    legal = {kind: " or ".join(map(str, bits)) for kind, bits in LEGAL_WEIGHTS.items()}
    return wide + [
        f"{op.kind} {op.name!r} has weights of {design.weights[op.name]} bits, {legal[op.kind]} can be"
        for op in network.weighted_ops
        if design.weights[op.name] not in LEGAL_WEIGHTS[op.kind]
    ]


def _scope(op: Op) -> str:
    """A regular expression for the name in a path, so that `b1` is not found in `b11`."""
    return rf"(^|[/;]){re.escape(op.name)}($|[/;:])"


def _entry(scope: str, operation: str, weight_bits: int) -> dict[str, Any]:
    return {
        "regex": scope,
        "operation": operation,
        "algorithm_key": "min_max_uniform_quantize",
        "op_config": {
            "activation_tensor_config": {"num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT"},
            "weight_tensor_config": {"num_bits": weight_bits, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"},
            "compute_precision": "INTEGER",
            "explicit_dequantize": False,
            "skip_checks": False,
            "min_weight_elements": 0,
        },
    }

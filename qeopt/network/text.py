"""A network written out, as a file that a study can name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qeopt.escape import yaml_flow
from qeopt.network.document import document
from qeopt.network.graph import Network
from qeopt.spec.composer import MAX_NODES, count_values
from qeopt.spec.document import MAX_BYTES
from qeopt.spec.errors import QeoptError


def network_text(network: Network) -> str:
    """Write a network out operator by operator, as a file that a study can name.

    Raises:
        QeoptError: when such a file would be larger than a study may read.
    """
    told = document(network)
    text = "".join(f"{line}\n" for line in ("kind: network", *network_lines(told)))
    if 2 + count_values(told) > MAX_NODES or len(text.encode()) > MAX_BYTES:
        said = f"a network of {len(network.ops):,} operators is larger than a file of YAML may be"
        raise QeoptError(f"{said}; a study can name the model itself: `network: MODEL.onnx`")
    return text


def network_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """A line for every operator: a file may be long, its lines may not."""
    for key, value in told.items():
        if key == "ops":
            yield "ops:"
            yield from (f"  - {yaml_flow(entry)}" for entry in value)
        else:
            yield f"{key}: {yaml_flow(value)}"

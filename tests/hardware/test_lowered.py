"""Gates that a library has no kernel for are the operators that files spell them in."""

from typing import Any

from qeopt.hardware import Runtime
from qeopt.hardware.lowered import lowered
from qeopt.network import OpKind
from qeopt.network.document import GraphBlock
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

NETWORK: dict[str, Any] = {
    "image": {"shape": [4, 4, 2]},
    "ops": [
        {"name": "a", "op": "conv", "reads": ["image"], "shape": [4, 4, 8], "tied_to": "gate"},
        {"name": "gate", "op": "activation", "reads": ["a"], "shape": [4, 4, 8], "function": "silu"},
        {"name": "b", "op": "conv", "reads": ["gate"], "shape": [4, 4, 8]},
    ],
}


def runtime(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def test_a_gate_without_a_kernel_is_a_sigmoid_and_a_product() -> None:
    network = build(GraphBlock, NETWORK).network("gates")
    kept, _ = lowered(network, runtime("ideal"))
    assert [op.kind for op in kept.ops] == [OpKind.CONV, OpKind.ACTIVATION, OpKind.CONV]
    found, _ = lowered(network, runtime("tflm"))
    assert [(op.name, op.kind, op.function) for op in found.ops[1:3]] == [
        ("gate.gate", OpKind.ACTIVATION, "sigmoid"),
        ("gate", OpKind.MUL, ""),
    ]
    assert [tensor.name for tensor in found.op_by_name["gate"].inputs] == ["a", "gate.gate"]
    assert found.share_bits(found.tensor_by_name["gate.gate"], found.tensor_by_name["a"])

"""Large inputs: a network that is a long chain, as a study and as a model in ONNX, and a small space to ask much about."""

from __future__ import annotations

import json
from pathlib import Path

WIDTH, SIDE = 8, 8
SPACE = """\
kind: study
task: {input: [32, 32, 3], classes: 2}
space:
  widths: non_decreasing
  blocks:
    - {kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: {from: 8, to: 32, step: 4}, kernel: [3, 5], ratio: [1.5, 2, 2.5, 3], units: [1, 2]}
    - {kind: conv, name: head, width: {from: 32, to: 128, step: 4}}
    - {kind: classifier}
runtime: cmix-nn
budgets: {sram: 16 KiB, flash: 24 KiB, layers: 9}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {evaluations: 200, baselines: []}
"""


def small_study(folder: Path) -> str:
    """A study of a space of some ten thousand structures; returns its file."""
    path = folder / "space.yaml"
    path.write_text(SPACE, encoding="utf-8")
    return str(path)


def chain_study(folder: Path, operators: int) -> str:
    """A study of a network of so many convolutions, one after the other; returns its file."""
    return model_study(chain_onnx(folder, operators, 2), operators)


def model_study(model: Path, operators: int) -> str:
    """A study of a model, in a file beside it; its flash is too small for 8 bits everywhere. Returns its file."""
    study = {
        "kind": "study",
        "task": {"input": [SIDE, SIDE, WIDTH], "classes": WIDTH},
        "network": model.name,
        "runtime": "ideal",
        "budgets": {"sram": "2 KiB", "flash": f"{operators * WIDTH * WIDTH * 3 // 4} B"},
        "bits": {"weights": [4, 8], "activations": [4, 8]},
        "objective": {"kind": "qe"},
    }
    path = model.with_suffix(".study.yaml")
    path.write_text(json.dumps(study), encoding="utf-8")  # JSON is YAML
    return str(path)


def chain_onnx(folder: Path, operators: int, each: int) -> Path:
    """A model of convolutions one after the other, each a chain of `each` nodes: a convolution, an activation, copies."""
    import onnx  # noqa: PLC0415 - an extra
    from onnx import TensorProto, helper  # noqa: PLC0415

    before, made = "image", []
    for number in range(operators * each):
        kind = ("Conv", "Relu")[number % each] if number % each < 2 else "Identity"
        reads = [before, "w"] if kind == "Conv" else [before]
        made.append(helper.make_node(kind, reads, [f"t{number}"], name=f"n{number}"))
        before = f"t{number}"
    weights = helper.make_tensor("w", TensorProto.FLOAT, [WIDTH, WIDTH, 1, 1], [0.01] * WIDTH * WIDTH)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, WIDTH, SIDE, SIDE]) for name in ("image", before)]
    graph = helper.make_graph(made, "chain", ends[:1], ends[1:], [weights])
    path = folder / "chain.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path

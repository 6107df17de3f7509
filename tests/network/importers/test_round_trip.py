"""Networks written by the exporters and read again: the same operators by name, the same bits, the same best bits."""

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parent))
import published_nets  # type: ignore[import-not-found]  # beside this file
from onnx_author import Author  # type: ignore[import-not-found]  # beside this file

from qeopt.export import export
from qeopt.network import Op
from qeopt.network.importers import ImportOptions, import_model
from qeopt.verbs.bits import bits


def branching() -> Author:
    """A shortcut and a concatenation."""
    net = Author((3, 16, 16))
    x = net.conv("image", 8, 3, 2, name="stem")
    x = net.node("Add", [x, net.conv(net.depthwise(x, name="filter"), 8, name="project", act="")], name="add")
    x = net.node("Concat", [net.conv(x, 4, 3, name="left"), net.conv(x, 4, (1, 5), name="right")], name="concat", axis=1)
    net.channels[x] = 8
    net.classifier(net.conv(x, 16, 3, 2, name="head"), 5)
    return net


def spelled(op: Op) -> tuple[Any, ...]:
    reads = tuple(tensor.name for tensor in op.inputs)
    shape = (op.output.height, op.output.width, op.output.channels)
    return op.name, op.kind, reads, shape, op.window, op.strides, op.groups, op.weight_bits, op.is_scored


@pytest.mark.parametrize("form", ["onnx-qdq", "qonnx"])
@pytest.mark.parametrize(("make", "sram", "flash"), [(published_nets.ds_cnn, 12 << 10, 16 << 10), (branching, 1200, 1100)])
def test_what_is_exported_is_what_is_read(form: str, make: Any, sram: int, flash: int, tmp_path: Path) -> None:
    budgets: dict[str, int | str] = {"sram": f"{sram} B", "flash": f"{flash} B"}
    design = bits(make().save(tmp_path / "net.onnx"), runtime="ideal", budgets=budgets).solution.design
    assert design is not None
    written = export(design, form, tmp_path / "again.onnx")[0]
    again = import_model(written, ImportOptions(order="as_given"))
    network = design.network()
    assert sorted(map(spelled, again.network.ops)) == sorted(map(spelled, network.ops))
    assert {name: again.bits[name] for name in design.weights} == design.weights
    assert {name: again.bits[f"{name} activations"] for name in design.activations} == design.activations
    refiner = design.load_study().refiner
    assert refiner.refine(again.network).score == pytest.approx(design.score, abs=1e-5)

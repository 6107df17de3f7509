"""Formats that are data only: CSV, design JSON, LiteRT recipe, MAX78000 description; options, and what is refused."""

import csv
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from qeopt.design import Design, load_design
from qeopt.export import EXPORTERS, ExportError, configure, export
from qeopt.export.functions import functions
from qeopt.memory import count
from qeopt.spec.docstrings import field_docs
from qeopt.spec.errors import SpecError
from qeopt.spec.model import Block

CHAIN = """\
kind: study
task: {input: [16, 16, 3], classes: 5}
network:
  blocks:
    - {kind: conv, name: stem, width: 16, kernel: 3}
    - {kind: conv, name: middle, width: 72, kernel: 3}
    - {kind: conv, name: head, width: 32}
    - {kind: classifier}
runtime: cmsis-nn
budgets: {sram: 64 KiB, flash: 11000}
bits: {weights: [4, 8], activations: [8]}
objective: {kind: qe, sigma_a: 5, sigma_w: 4, stage_weights: [1]}
search: {baselines: []}
"""


@pytest.fixture(scope="module")
def chain(solved: Callable[[str, str], Design]) -> Design:
    """Four layers that the MAX78000 has."""
    return solved("chain", CHAIN)


def test_the_csv_adds_up_to_the_design(design: Design, tmp_path: Path) -> None:
    assert export(design, "csv", tmp_path / "layers.csv") == (tmp_path / "layers.csv",)
    with (tmp_path / "layers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    network = design.network()
    counted = count(network, design.load_study().runtime, design.bit_widths())
    assert [row["name"] for row in rows] == [op.name for op in network.ops]
    assert {row["name"]: int(row["weight_bits"]) for row in rows if row["weight_bits"]} == design.weights
    assert {row["output"]: int(row["out_bits"]) for row in rows} | {"image": 8} == design.activations
    assert all(None not in row and None not in row.values() for row in rows)
    assert {row["name"]: row["function"] for row in rows} == functions(design, network)
    assert sum(int(row["macs"]) for row in rows) == counted.used["macs"]
    assert sum(int(row["bitops"]) for row in rows) == counted.used["bitops"]
    assert sum(float(row["weight_bytes"]) + float(row["parameter_bytes"]) for row in rows) == counted.flash_bytes


def test_the_design_comes_back_from_its_json(design: Design, tmp_path: Path) -> None:
    written = export(design, "json", tmp_path / "d.json")
    assert load_design(written[0]) == design
    schema = json.loads(written[1].read_text())
    assert set(schema["properties"]) == set(json.loads(written[0].read_text()))
    assert export(design, "json", tmp_path / "e.json", {"with_schema": False}) == (tmp_path / "e.json",)


def test_a_recipe_finds_every_layer_by_its_name_alone(designs: dict[str, Design], chain: Design, tmp_path: Path) -> None:
    export(chain, "litert", tmp_path / "recipe.json")
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    assert recipe[0]["regex"] == ".*"
    for name, bits in chain.weights.items():
        found = [entry for entry in recipe[1:] if re.search(entry["regex"], f"net/{name}/Conv2D")]
        assert [entry["op_config"]["weight_tensor_config"]["num_bits"] for entry in found] == [bits]
    assert not any(re.search(entry["regex"], "net/stem2/Conv2D") for entry in recipe[1:])
    with pytest.raises(ExportError, match=r"LiteRT cannot hold this design: '[a-z0-9.]+' has [24] bits, activations have 8"):
        export(designs["mixed"], "litert", tmp_path / "no.json")


def test_a_recipe_is_accepted_by_the_quantizer(chain: Design, tmp_path: Path) -> None:
    manager = pytest.importorskip("litert_quantizer.recipe_manager").RecipeManager()
    export(chain, "litert", tmp_path / "recipe.json")
    manager.load_quantization_recipe(json.loads((tmp_path / "recipe.json").read_text()))
    for op in chain.network().weighted_ops:
        operation = "FULLY_CONNECTED" if op.kind == "dense" else "CONV_2D"
        _, config = manager.get_quantization_configs(operation, f"net/{op.name}/x")
        assert config.weight_tensor_config.num_bits == chain.weights[op.name]


def test_depthwise_weights_of_4_bits_are_refused_by_litert(designs: dict[str, Design], tmp_path: Path) -> None:
    four = [name for name, bits in designs["eight_bits"].weights.items() if bits == 4 and name.endswith("depthwise")]
    assert four
    with pytest.raises(ExportError, match=f"depthwise '{re.escape(four[0])}' has weights of 4 bits, 8 can be"):
        export(designs["eight_bits"], "litert", tmp_path / "no.json")


def test_a_chain_is_described_for_the_max78000(chain: Design, tmp_path: Path) -> None:
    export(chain, "max78000", tmp_path / "net.yaml", {"dataset": "mnist"})
    text = (tmp_path / "net.yaml").read_text()
    described = YAML(typ="safe").load(text)
    assert (described["arch"], described["dataset"]) == ("chain", "mnist")
    found = described["layers"]
    assert [layer["name"] for layer in found] == ["stem", "middle", "head", "classifier.pool", "classifier"]
    assert {layer["name"]: layer["quantization"] for layer in found if "quantization" in layer} == chain.weights
    assert [layer["processors"] for layer in found] == [
        0x7,
        0xFFFF,
        0xFFFFFFFFF,
        0xFFFFFFFF,
        0xFFFFFFFF,
    ]  # 72 channels: 2 turns of 36
    assert "0x0000000FFFFFFFFF" in text
    assert [layer["op"] for layer in found] == ["conv2d", "conv2d", "conv2d", "passthrough", "linear"]
    assert found[3]["avg_pool"] == [16, 16]
    for before, after in pairwise(found):
        assert before["out_offset"] == after["in_offset"]
        assert before["in_offset"] != before["out_offset"]


def test_what_the_max78000_lacks_is_listed(designs: dict[str, Design], chain: Design, tmp_path: Path) -> None:
    narrow = {name: bits for name, bits in designs["odd_bits"].activations.items() if bits < 8}
    with pytest.raises(ExportError) as caught:
        export(designs["odd_bits"], "max78000", tmp_path / "net.yaml")
    assert narrow
    for name, bits in narrow.items():
        assert f"'{name}' has {bits} bits, data has 8" in str(caught.value)
    five = chain.model_copy(update={"weights": {**chain.weights, "stem": 5}})
    with pytest.raises(ExportError, match="'stem' has weights of 5 bits"):
        export(five, "max78000", tmp_path / "net.yaml")
    with pytest.raises(ExportError) as caught:
        export(designs["eight_bits"], "max78000", tmp_path / "net.yaml")
    for said in ("it is no chain", "'stem' is no 1x1 or 3x3 convolution of stride 1", "'b1.1.depthwise' is of the kind depthwise"):
        assert said in str(caught.value)


def test_formats_are_frozen_blocks_that_name_themselves() -> None:
    for name in EXPORTERS.names():
        model = EXPORTERS.load(name)
        assert issubclass(model, Block)
        assert model().kind == name
        assert model.SUFFIX.startswith(".")
        assert model.model_fields.keys() <= field_docs(model).keys()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("onxx-qdq", {}, r"'onxx-qdq' is not among the exporters; .* was expected; did you mean 'onnx-qdq'\?"),
        ("csv", {"opset": 21}, "unknown key 'opset'"),
        ("onnx-qdq", {"opset": 12}, "opset is 12; at least 21 was expected"),
        ("onnx-qdq", {"opset": "21"}, "opset is '21'; a whole number was expected"),
    ],
)
def test_wrong_formats_and_options_are_told(
    mixed: Design, name: str, options: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=said):
        export(mixed, name, tmp_path / "x", options)
    assert not list(tmp_path.iterdir())


def test_options_come_as_texts_too() -> None:
    assert configure("onnx-qdq", ["opset=25", "power_of_two=true"]).model_dump() == {  # type: ignore[attr-defined]
        "kind": "onnx-qdq",
        "opset": 25,
        "power_of_two": True,
        "narrow_activations": False,
        "exact": None,
        "batch": 1,
        "weights": None,
        "data": None,
        "calibration": "mse",
    }
    with pytest.raises(SpecError, match="--set opset"):
        configure("onnx-qdq", ["opset=x"])

"""Studies that name model files, `bits` without a study, and designs that stand without the model."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parent))
import published_nets  # type: ignore[import-not-found]  # beside this file
from onnx_author import Author  # type: ignore[import-not-found]  # beside this file
from tflite_author import small_network  # type: ignore[import-not-found]  # beside this file

from qeopt.design.recount import recount
from qeopt.design.verify import verify
from qeopt.network.importers import ImportOptions, import_model
from qeopt.network.text import network_text
from qeopt.spec.errors import SpecError
from qeopt.spec.new_file import write_new
from qeopt.study.load import load_study
from qeopt.verbs.bits import UNLIMITED, bits
from qeopt.verbs.solve import solve
from qeopt_solvers import Status

BUDGETS = {"sram": "12 KiB", "flash": "16 KiB"}


def study(folder: Path, network: str, **told: Any) -> Path:
    path = folder / "study.yaml"
    fields = {
        "task": "{input: [49, 10, 1], classes: 12}",
        "network": network,
        "runtime": "ideal",
        "budgets": json.dumps(BUDGETS),
        "bits": "{weights: [2, 4, 8], activations: [2, 4, 8]}",
        "objective": "qe",
        "search": "{baselines: []}",
        **told,
    }
    path.write_text("kind: study\n" + "".join(f"{key}: {value}\n" for key, value in fields.items()), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with MLPerf Tiny's keyword spotter in it."""
    author: Author = published_nets.ds_cnn()
    random = Author((1, 49, 10))
    author.constants = [  # the same graph with drawn weights, so that errors of quantisation differ
        constant for constant in author.constants if constant.data_type != 1
    ] + [_drawn(random, constant) for constant in author.constants if constant.data_type == 1]
    author.save(tmp_path / "kws.onnx")
    return tmp_path


def _drawn(random: Author, constant: Any) -> Any:
    random.constant(constant.name, *constant.dims, positive=".bn" in constant.name)
    return random.constants[-1]


def test_every_way_to_name_a_model_gives_the_same_design(folder: Path) -> None:
    write_new(folder / "written.yaml", network_text(import_model(folder / "kws.onnx").network))
    ways = ("kws.onnx", "./written.yaml", "written", "{file: kws.onnx}", "{file: kws.onnx, format: onnx, order: as_given}")
    designs = [solve(study(folder, way)).design for way in ways]
    assert all(design is not None and design.bits.status is Status.OPTIMAL for design in designs)
    assert (
        len({json.dumps([design.weights, design.activations, design.score], sort_keys=True) for design in designs if design}) == 1
    )
    answer = bits(folder / "kws.onnx", runtime="ideal", budgets=BUDGETS, engine="cp_sat")
    assert answer.solution.design is not None
    assert designs[0] is not None
    assert answer.solution.design.weights == designs[0].weights
    assert solve(study(folder, "none.yaml"), overrides=["network=" + str(folder / "kws.onnx")]).design is not None


def test_a_design_stands_without_its_model(folder: Path) -> None:
    design = solve(study(folder, "kws.onnx")).design
    assert design is not None
    assert [file.role for file in design.provenance.files] == ["study", "runtime", "model"]
    design.save(folder / "design.json")
    (folder / "kws.onnx").unlink()
    assert not recount(design)
    assert verify(folder / "design.json").holds


def test_the_study_that_bits_implies(folder: Path) -> None:
    answer = bits(folder / "kws.onnx", runtime="ideal", budgets=BUDGETS, options=ImportOptions(first_weight_bits=None))
    assert answer.study_text.splitlines()[1:3] == [
        'task: {"input": [49, 10, 1], "classes": 12}',
        'network: {"file": "kws.onnx", "first_weight_bits": null}',
    ]
    elsewhere = folder / "studies"
    elsewhere.mkdir()
    for path in (folder / "saved.yaml", elsewhere / "saved.yaml"):
        write_new(path, answer.text_for(path))
        design = solve(path).design
        assert design is not None
        assert answer.solution.design is not None
        assert design.weights == answer.solution.design.weights
    with pytest.raises(SpecError, match="exists already; choose another file"):
        write_new(folder / "saved.yaml", "")


def test_places_of_what_is_wrong(folder: Path) -> None:
    for told, message in (
        (
            {"task": "{input: [49, 10, 3], classes: 12}"},
            r"study\.yaml:2:\d+: the network reads an image of \[49, 10, 1\], the task says",
        ),
        (
            {"task": "{input: [49, 10, 1], classes: 10}"},
            r"study\.yaml:2:\d+: the network writes 12 values, the task has 10 classes",
        ),
        ({"network": "other.onnx"}, r"other\.onnx: there is no such file"),
        ({"network": "{file: kws.onnx, treat: {}}"}, r"study\.yaml:3:\d+: .*'treat'.*did you mean 'treat_as'"),
        (
            {"objective": "{kind: qe, stage_weights: [1, 2]}"},
            r"study\.yaml:7:\d+: objective has 2 stage_weights but .* has 1 stages",
        ),
        ({"objective": "{kind: sensitivity, table: none.csv}"}, r"none\.csv: there is no such file"),
    ):
        with pytest.raises(SpecError, match=message):
            load_study(study(folder, told.get("network", "kws.onnx"), **{k: v for k, v in told.items() if k != "network"}))


def test_a_network_file_that_contradicts_itself(folder: Path) -> None:
    text = network_text(import_model(folder / "kws.onnx").network)
    for old, new, message in (
        ('"reads": ["stem"]', '"reads": ["steam"]', "reads 'steam', which nothing before it writes"),
        ('"name": "conv_3"', '"name": "stem"', "two tensors are called 'stem'"),
        (
            '"shape": [25, 5, 64], "kernel": [3, 3]',
            '"shape": [25, 5, 65], "kernel": [3, 3]',
            "writes 65 channels; a multiple of the 64",
        ),
    ):
        assert old in text
        (folder / "broken.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(SpecError, match=message):
            load_study(study(folder, "./broken.yaml"))


def test_stages_for_objectives_that_weigh_them(folder: Path) -> None:
    path = study(folder, "{file: kws.onnx, stages: [conv_3, conv_15]}", objective="{kind: qe, stage_weights: [1, 2, 3]}")
    design = solve(path).design
    assert design is not None
    assert {op.stage for op in design.network().ops if op.is_scored} == {0, 1, 2}


def test_losses_from_the_weights_of_the_model(folder: Path) -> None:
    design = solve(study(folder, "kws.onnx", objective="{kind: sensitivity, source: weights}")).design
    assert design is not None
    assert design.bits.status is Status.OPTIMAL
    assert -0.5 < design.score < 0
    losses = design.study["objective"]["weights"]
    assert set(losses) == {op.name for op in design.network().ops if op.is_scored and op.weight_bits is None}
    assert all(by["2"] > by["4"] > by["8"] for by in losses.values())
    assert not recount(design)


def test_losses_from_a_table(folder: Path) -> None:
    network = import_model(folder / "kws.onnx").network
    names = [f"{op.name} weights" for op in network.ops if op.is_scored and op.weight_bits is None]
    names += [f"{t.name} activations" for t in network.tensors if t.bits is None]
    rows = [f"{name},{width},{1 / width}" for name in names for width in (2, 4, 8)]
    table = folder / "losses.csv"
    table.write_text("\n".join(["tensor,bits,loss", *rows]), encoding="utf-8")
    path = study(folder, "kws.onnx", objective="{kind: sensitivity, table: losses.csv}")
    loaded = load_study(path)
    assert [file.role for file in loaded.files] == ["study", "runtime", "model", "table"]
    design = solve(path).design
    assert design is not None
    assert not recount(design)
    table.write_text("\n".join(["tensor,bits,loss", *rows[:-1]]), encoding="utf-8")
    with pytest.raises(SpecError, match=r"study\.yaml:7:1: no loss is given for .* activations at 8 bits$"):
        load_study(path)


def test_learnt_values_that_are_not_there(folder: Path) -> None:
    write_new(folder / "net.yaml", network_text(import_model(folder / "kws.onnx").network))
    with pytest.raises(SpecError, match="the learnt weights of 'conv_3' are not in the model; give a `table` of losses"):
        load_study(study(folder, "./net.yaml", objective="{kind: sensitivity, source: weights}"))


def test_tflite_through_bits(tmp_path: Path) -> None:
    small_network().save(tmp_path / "small.tflite")
    answer = bits(tmp_path / "small.tflite", runtime="cmsis-nn", budgets={"sram": "2 KiB", "flash": "2 KiB"}, engine="cp_sat")
    assert answer.notes == ()
    assert answer.solution.design is not None
    assert answer.solution.design.bits.status is Status.OPTIMAL
    assert answer.solution.design.network().op_by_name["ranking"].function == "softmax"
    without = bits(tmp_path / "small.tflite", runtime="tinyengine", budgets=UNLIMITED, engine="cp_sat")
    assert without.notes == ("left out at the end, as it changes no ranking: softmax 'ranking'",)


def test_losses_are_of_one_network(folder: Path) -> None:
    path = study(folder, "kws.onnx", objective="{kind: sensitivity, weights: {stem: {'2': 1.0}}}")
    text = path.read_text(encoding="utf-8").replace("network: kws.onnx", "space: k1dwk1")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"study\.yaml:7:1: a table of losses is about the tensors of one network"):
        load_study(path)

"""Fifty names that do harm where they are not taken as data, through every writer."""

import ast
import csv
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent / "network" / "importers"))
from test_mcunet import description  # type: ignore[import-not-found]  # beside the tests of importers
from tflite_author import Author  # type: ignore[import-not-found]  # beside the tests of importers

from qeopt.cli.verbs import app
from qeopt.escape import comment, csv_text, line, visible, yaml_flow
from qeopt.network.importers.torch import from_torch
from qeopt.network.text import network_text
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.spec.new_file import write_new
from qeopt.spec.node import plain

NAMES = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "bell\x07", "back\x08space", "\x9b31m",
    "del\x7f", "tab\there", "cr\rhere", "nl\nhere",
    "\u202egnp.exe", "\u2066isolate\u2069", "zero\u200bwidth", "join\u200der", "\u2028line", "\u2029paragraph", "\ufeffbom",
    "soft\u00adhyphen",
    "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "'=1",
    "$x^2$", "$", "a$b$c$", r"\frac{1}{2}", "$\\undefined{$", "x_y^z",
    "<script>alert(1)</script>", "&amp;", '"quoted"', "it's", "</title>", "*/ int x; /*", "// line", "??/", 'end\\', "#define X",
    "%s%n",
    "{{ 7*7 }}", "${HOME}", "`id`", "[bold]markup[/bold]", ":smile:", "null", "1e6", "../../etc/passwd", "класс", "名前", "e\u0301",
)  # fmt: skip
"""Of terminals, spreadsheets, pictures, pages, code, templates, YAML and paths."""
HARSHEST = ("\x1b]0;title\x07\x9b\u202e\u2028", "=1+1", "$\\undefined{$", "*/ int x; /*\n#", "</title>", "../../名前\t")
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
STUDY = """\
kind: study
name: {name}
task: {{input: [8, 8, 4], classes: 4}}
network: {network}
device: stm32f412
runtime: ideal
bits: {{weights: [4, 8], activations: [8]}}
objective: {{kind: qe}}
qbr: {{engine: chain}}
"""


def study_of(name: str, names: Sequence[str]) -> str:
    """A study called `name` with an operator and a unit called by each of `names`."""
    before, ops = "picture", []
    for own in names:
        ops.append({"name": own, "op": "conv", "reads": [before], "shape": [8, 8, 4], "kernel": [3, 3], "stage": 0, "unit": own})
        before = own
    ops.append({"name": "sum", "op": "add", "reads": [names[0], before], "shape": [8, 8, 4]})
    return STUDY.format(name=yaml_flow(name), network=yaml_flow({"image": {"name": "picture", "shape": [8, 8, 4]}, "ops": ops}))


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".txt", ".csv", ".json", ".yaml", ".py", ".h", ".c", ".md"}:
            yield path, path.read_text(encoding="utf-8")


def said(*words: str) -> str:
    told = CliRunner().invoke(app, list(words))
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    assert "internal error" not in told.stderr, told.stderr
    return told.stdout + told.stderr


@pytest.mark.parametrize(("name", "names"), [(HARSHEST[0], NAMES), *((name, [f"{name}1"]) for name in HARSHEST[1:])], ids=ascii)
def test_names_go_through_everything_as_data(
    name: str, names: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, out = tmp_path / "study.yaml", tmp_path / "out"
    study.write_text(study_of(name, names), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    check_every_writer(study, out)
    design = json.loads((out / "design.json").read_text(encoding="utf-8"))
    assert design["study_name"] == name
    assert set(design["weights"]) == set(names)


def check_every_writer(study: Path, out: Path) -> None:
    """Solve a study and let everybody write of it: nothing hidden, no formula in a cell, no code that a name has made."""
    told = said("check", str(study)) + said("show", str(study)) + said("solve", str(study), "--no-baselines", "--out", str(out))
    for file_format, suffix in {"csv": ".csv", "c": ".h", "pytorch": ".py", "litert": ".json", "json": ".json"}.items():
        told += said("export", str(out), "--format", file_format, "--out", str(out / f"export_{file_format}{suffix}"))
    told += said("verify", str(out)) + said("explain", str(study))
    assert HIDDEN.search(told) is None
    for path, text in texts(out):
        assert HIDDEN.search(text) is None, path
        if path.suffix == ".csv":
            cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
            assert not [cell for cell in cells if cell[:1] in set("=+-@") and not _is_number(cell)], path
        if path.suffix == ".py":
            ast.parse(text)
        if path.suffix == ".json":
            json.loads(text)
    page = (out / "report.html").read_text(encoding="utf-8")
    before, _, rest = page.partition("<script>")
    specifications = rest.partition('<script id="specs"')[2]
    assert HIDDEN.search(before + specifications) is None
    assert (page.count("<script"), page.count("</title>"), page.count("alert(1)</script>")) == (3, 1, 0)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_survives_yaml(name: str, tmp_path: Path) -> None:
    text = f"a: {yaml_flow(name)}\n"
    assert HIDDEN.search(text) is None
    assert plain(parse(text, str(tmp_path / "f.yaml")).root) == {"a": name}


def onnx_model(folder: Path) -> Path:
    """A chain of convolutions with all names, of its operators and its tensors."""
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    names = [name for name in NAMES if name != "image"]
    nodes = [
        helper.make_node("Conv", [before, "w"], [after], name=after, kernel_shape=[1, 1])
        for before, after in zip(["image", *names], names, strict=False)
    ]
    weights = helper.make_tensor("w", number, [2, 2, 1, 1], [1.0, 0.0, 0.0, 1.0])
    shape = [1, 2, 4, 4]
    graph = helper.make_graph(
        nodes,
        "$g\x1b",
        [helper.make_tensor_value_info("image", number, shape)],
        [helper.make_tensor_value_info(names[-1], number, shape)],
        [weights],
    )
    model = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), model)
    return model


def test_fifty_names_survive_the_importer_of_onnx(tmp_path: Path) -> None:
    imported(onnx_model(tmp_path), tmp_path / "network.yaml")


def imported(model: Path, written: Path) -> str:
    """Import a model and check what was written of it: nothing hidden in either, and a file that works."""
    told = said("import", str(model), "--out", str(written)) + said("check", str(written))
    assert "can work" in told, told
    text = written.read_text(encoding="utf-8")
    assert HIDDEN.search(told + text) is None
    return text


def tflite_model(folder: Path) -> Path:
    """The same."""
    net = Author((4, 4, 2))
    last = net.image
    for name in NAMES:
        last = net.conv(name, last, 2)
    found: Path = net.save(folder / "model.tflite", last)
    return found


def test_fifty_names_survive_the_importer_of_tflite(tmp_path: Path) -> None:
    text = imported(tflite_model(tmp_path), tmp_path / "network.yaml")
    names = [op["name"] for op in plain(parse(text, "network.yaml").root)["ops"]]  # type: ignore[index,call-overload,union-attr]
    assert len(names) == len(set(names)) == len(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if not {"/", "\\"} & set(name)], ids=ascii)
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    """The descriptions of MCUNet name no operators; the network is called as its file is."""
    model = tmp_path / f"{name}.json"
    model.write_text(json.dumps(description("mcunet-10fps_vww")), encoding="utf-8")
    imported(model, tmp_path / "network.yaml")


def mcunet_model(folder: Path) -> Path:
    """Its descriptions name no operators; the network is called as its file is."""
    model = folder / ("".join(sorted(set("".join(NAMES)) - set("/\\"))) + ".json")
    model.write_text(json.dumps(description("mcunet-10fps_vww")), encoding="utf-8")
    return model


def torch_model(folder: Path) -> Path:
    """What PyTorch can export itself, written as a network file."""
    torch = pytest.importorskip("torch")
    modules = torch.nn.Sequential()
    for name in NAMES:
        if set(name) & set('\r\n"\\'):
            continue  # these PyTorch cannot export itself: it writes names into code
        modules.add_module(name.replace(".", "_"), torch.nn.Conv2d(2, 2, 1))
    written = folder / "network.yaml"
    write_new(written, network_text(from_torch(modules, (torch.zeros(1, 2, 4, 4),)).network))
    return written


def test_fifty_names_survive_the_importer_of_torch(tmp_path: Path) -> None:
    written = torch_model(tmp_path)
    assert "can work" in said("check", str(written))
    assert HIDDEN.search(written.read_text(encoding="utf-8")) is None


@pytest.mark.slow
@pytest.mark.parametrize("make", [onnx_model, tflite_model, mcunet_model, torch_model])
def test_names_of_every_importer_go_through_every_writer(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(tmp_path)
    is_mcunet = make is mcunet_model
    image, classes = ([64, 64, 3], 2) if is_mcunet else ([4, 4, 2], 2)
    text = STUDY.format(name=yaml_flow(HARSHEST[0]), network=yaml_flow(f"./{model.name}"))
    study = tmp_path / "study.yaml"
    study.write_text(text.replace("input: [8, 8, 4], classes: 4", f"input: {image}, classes: {classes}"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    check_every_writer(study, tmp_path / "out")


def test_cells_are_texts_again_without_their_apostrophe() -> None:
    rows = list(csv.reader(csv_text(["name", "n"], [[name, -1.5] for name in NAMES]).splitlines()))
    assert all(number == "-1.5" for _, number in rows[1:])
    guarded = ("'=", "'+", "'-", "'@", "'\\t", "'\\r", "'\\n", "''")
    assert [cell[1:] if cell.startswith(guarded) else cell for cell, _ in rows[1:]] == [line(name) for name in NAMES]


def test_borders_keep_plain_names_as_they_are() -> None:
    for name in ("stem", "b1.2.project", "features/0/conv", "класс", "名前"):
        assert visible(name) == line(name) == comment(name) == name
        assert csv_text([name], []) == f"{name}\n"


def test_a_comment_never_ends_early() -> None:
    assert all("*/" not in comment(name) and "\n" not in comment(name) and not comment(name).endswith("\\") for name in NAMES)


def test_a_nul_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="control character"):
        parse('a: "\\0"', str(tmp_path / "f.yaml"))

"""`qeopt export`: files, options and mistakes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.design import load_design

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def solved() -> list[str]:
    """The text of the design, once it is solved."""
    return []


@pytest.fixture
def design(run: Run, solved: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "solved" / "design.json"
    if not solved:
        assert run("solve", "net.yaml", "--no-baselines", "--out", str(path.parent)).exit_code == 0
        solved.append(path.read_text())
    path.parent.mkdir(exist_ok=True)
    path.write_text(solved[0])
    return path


def test_a_design_is_written_beside_itself_or_where_asked(run: Run, design: Path) -> None:
    result = run("export", str(design), "--format", "csv")
    assert result.exit_code == 0
    assert design.with_name("net.csv").read_text().startswith("index,name,kind")
    assert "net.csv" in result.stdout
    result = run("export", str(design), "--format", "json", "--out", "a/b.json", "--json")
    assert json.loads(result.stdout) == {"format": "qeopt.export/1", "files": ["a/b.json", "a/b.schema.json"]}
    assert load_design(Path("a/b.json")) == load_design(design)


def test_options_are_set(run: Run, design: Path) -> None:
    assert run("export", str(design), "--format", "c", "--set", "prefix=tiny", "--out", "x.h").exit_code == 0
    assert "#define TINY_ARENA_BYTES" in Path("x.h").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "onnx_qdq"), "did you mean 'onnx-qdq'?"),
        (("--format", "c", "--set", "prefx=a"), "did you mean 'prefix'?"),
        (("--format", "c", "--set", "prefix=9"), "--set prefix=9: prefix is 9; a text was expected"),
        (("--format", "csv", "--out", "net.yaml/x.csv"), "net.yaml/x.csv: cannot be written: "),
        (("--format", "onnx-qdq", "--out", "solved"), "solved: cannot be written: "),
        (("--format", "max78000"), "the MAX78000 cannot run this design: "),
        (("--format", "onnx-qdq", "--set", "weights=nowhere.npz"), "nowhere.npz: there is no such file"),
    ],
)
def test_mistakes_are_told(run: Run, design: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("export", str(design), *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_what_is_no_sound_design_is_refused(run: Run, design: Path) -> None:
    assert "is a study, and `qeopt export` takes a design or a model file" in run("export", "net.yaml", "--format", "csv").stderr
    data = json.loads(design.read_text())
    del data["weights"]["head"]
    Path("cut.json").write_text(json.dumps(data))
    assert "does not fit the study it carries: bits of head" in run("export", "cut.json", "--format", "csv").stderr
    data["study"]["task"]["input"] = [32]
    Path("broken.json").write_text(json.dumps(data))
    result = run("export", "broken.json", "--format", "csv")
    assert result.exit_code == 2
    assert "the study it carries is not sound: task.input.1" in result.stderr

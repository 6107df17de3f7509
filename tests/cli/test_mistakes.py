"""What newcomers mistype, at every verb: wrong files, folders, names and units are told in one line, never as a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """The folder that verbs run in, with files of every wrong sort."""
    (tmp_path / "adir").mkdir()
    (tmp_path / "afile").touch()
    for suffix in ("yaml", "json", "tflite", "csv"):
        (tmp_path / f"empty.{suffix}").touch()
        (tmp_path / f"binary.{suffix}").write_bytes(bytes(range(256)))
    (tmp_path / "latin.yaml").write_bytes("kind: study  # café\n".encode("latin-1"))
    (tmp_path / "object.json").write_text("{}")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_mistakes_at_every_verb(run: Run, golden: Callable[[str, str], None]) -> None:
    wrong = [
        *((verb, file) for verb in ("solve", "compare", "explain", "show") for file in ("empty.yaml", "adir")),
        *(("sweep", file, "--sram", "8KiB,9KiB") for file in ("empty.yaml", "adir")),
        *(("solve", file) for file in ("binary.yaml", "latin.yaml", "object.json", "nothing.yaml", "")),
        *((verb, file) for verb in ("verify", "score", "check") for file in ("empty.json", "binary.json", "object.json", "adir")),
        *(("export", file, "--format", "c") for file in ("empty.json", "adir", "nothing.json")),
        *(("resume", file) for file in ("adir", "afile", "nowhere")),
        *(("import", file) for file in ("adir", "empty.tflite", "binary.tflite", "object.json", "nothing.onnx", "net.yaml")),
        *(("import", "object.json", "--input", sides) for sides in ("1,2", "0,0,0", "99999999,1,3")),
        ("bits", "empty.tflite", "--runtime", "cmix-nn"),
        *(("bits", file, "--runtime", "cmix-nn") for file in ("net.pt", "net.pt2", "net.keras", "net.py", "net.py:f", "net.exe")),
        ("import", "net.pth"),
        ("import", "nothing.py:f", "--input", "8,8,3"),
        *(("correlate", "--sigma-grid", file) for file in ("empty.csv", "binary.csv", "adir")),
        *(("where", name) for name in ("adir", "", "../x", "stm32f413")),
        ("score", "tiny.yaml"),
        *(("solve", "net.yaml", "--device", name) for name in ("adir", "object.json", "vww_256k")),
        *(("solve", "net.yaml", "--out", path) for path in ("afile", "afile/below")),
        *(("solve", "net.yaml", "--workers", how) for how in ("-1", "two", "dask://", "dask://localhost")),
        ("new", "afile"),
        ("export", "object.json", "--format", "cpp"),
    ]
    said = ""
    for arguments in wrong:
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert result.stdout == "", arguments
        said += f"$ qeopt {' '.join(argument or repr('') for argument in arguments)}\n{result.stderr}"
    assert "internal error" not in said
    golden("mistakes.txt", said)


@pytest.mark.usefixtures("folder")
def test_a_folder_of_names_must_be_there(run: Run) -> None:
    for path in ("nowhere", "afile"):
        result = run("devices", "--path", path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Invalid value for '--path'" in result.stderr


def test_a_folder_stands_for_the_design_in_it(run: Run, folder: Path) -> None:
    assert run("solve", "net.yaml", "--no-baselines", "--out", "out").exit_code == 0
    assert run("verify", "out").exit_code == 0
    assert run("export", "out", "--format", "c").exit_code == 0
    assert (folder / "out" / "net.h").is_file()


def test_a_design_that_does_not_fit_its_study_has_no_score(run: Run, folder: Path) -> None:
    assert run("solve", "net.yaml", "--no-baselines", "--out", "out").exit_code == 0
    design = json.loads((folder / "out" / "design.json").read_text())
    misfit = "does not fit the study it carries; `qeopt verify` says where"
    for path, lie, said in (
        ("no_stem.json", {**design, "weights": {}}, misfit),
        ("no_task.json", {**design, "study": {}}, "the study it carries is not sound: task: Field required"),
    ):
        (folder / path).write_text(json.dumps(lie))
        result = run("score", path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"{path}: {said}\n"


def test_an_import_makes_its_folder(run: Run, folder: Path) -> None:
    conv = {"in_channels": 3, "out_channels": 16, "kernel_size": 3, "stride": 2}
    classifier = {"in_features": 16, "out_features": 2}
    (folder / "model.json").write_text(json.dumps({"first_conv": conv, "blocks": [], "classifier": classifier}))
    result = run("import", "model.json", "--input", "32,32,3", "--out", "a/b/net.yaml")
    assert result.exit_code == 0, result.stderr
    assert (folder / "a" / "b" / "net.yaml").is_file()
    assert "exists already" in run("import", "model.json", "--input", "32,32,3", "--out", "a/b/net.yaml").stderr
    assert "cannot be written" in run("import", "model.json", "--input", "32,32,3", "--out", "afile/net.yaml").stderr


def _shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script = command.replace("qeopt", f"{sys.executable} -m qeopt")
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("qeopt --help | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("qeopt solve -h | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("qeopt engines | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("qeopt engines >&-", 0, ""),
        ("qeopt engines --json >&-", 0, ""),
        ("qeopt where nothing 2>&-", 2, ""),
        ("qeopt engines > /dev/full", 2, "standard output: No space left on device\n"),
        ("qeopt --help > /dev/full", 2, "standard output: No space left on device\n"),
    ],
)
@pytest.mark.usefixtures("run")
def test_output_that_goes_nowhere(tmp_path: Path, command: str, code: int, said: str) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    ended = _shell(command, tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", said)


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.usefixtures("run")
def test_terminals_of_any_width(tmp_path: Path) -> None:
    for columns in ("40", "0", "wide"):
        ended = _shell("qeopt engines", tmp_path, COLUMNS=columns)
        assert ended.returncode == 0
        assert "cp_sat" in ended.stdout
    assert max(map(len, _shell("qeopt engines", tmp_path, COLUMNS="40").stdout.splitlines())) <= 40

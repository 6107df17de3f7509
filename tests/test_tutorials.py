"""The tutorials, walked through from top to bottom: files written, Python and commands run, and what they show is printed."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = "100"
"""Columns of the terminal that the pages show."""


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    yield from re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def walk(page: Path, skipped: str = "") -> None:
    """Do all that a page says, in the current folder; check every line that it shows, in its order.

    A file carries its name in a remark at its top. Where lines of an output are left out, a line of dots stands for them. Several
    blocks may show parts of one output; four spaces go on with a long line. A block of the language `console` holds what differs
    between machines.
    """
    printed: Iterator[str] = iter(())
    for language, text in blocks(page):
        if language in {"yaml", "csv"}:
            name = text.splitlines()[0].removeprefix("# ")
            Path(name).write_text(text, encoding="utf-8")
        elif language == "python":
            with redirect_stdout(io.StringIO()) as stream:
                exec(compile(text, page.name, "exec"), {})
            printed = iter(stream.getvalue().splitlines())
        elif language == "sh":
            printed = iter("".join(run(line) for line in text.splitlines() if not (skipped and skipped in line)).splitlines())
        elif language == "text":
            for line in re.sub(r"\n {4}(?=[a-zA-Z])", " ", text).splitlines():
                assert line == "..." or any(words(line) == words(said) for said in printed), (page.name, line)


def words(line: str) -> str:
    """A line without its spaces, rules and times."""
    return re.sub(r"[\d.]+ m?s$", "", re.sub("─+", "─", " ".join(line.split())))


def run(line: str) -> str:
    """What a command prints; `check` may find that something cannot work. `python` runs a script of the repository."""
    program, verb, *arguments = shlex.split(line)
    if program == "python":
        return subprocess.run([sys.executable, DOCS.parent / verb, *arguments], capture_output=True, text=True, check=True).stdout
    assert program == "qeopt"
    result = CliRunner().invoke(app, [verb, *arguments], env={"COLUMNS": WIDTH})
    refused = re.search("cannot work", result.output) is not None
    assert (result.exit_code == 0) is not refused, (line, result.output)
    return result.output if refused else result.stdout


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_board(folder: Path) -> None:
    tools = shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")
    walk(DOCS / "tutorial-board.md", skipped="" if tools else "--qemu")
    assert (folder / "runs" / "doorbell" / "2" / "report.html").is_file()


def test_a_model(folder: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    walk(DOCS / "tutorial-model.md")
    assert (folder / "small.onnx").is_file()


def test_a_space(folder: Path) -> None:
    pytest.importorskip("scipy")
    walk(DOCS / "tutorial-space.md")
    assert (folder / "drawn" / "features.csv").is_file()

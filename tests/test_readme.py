"""The README keeps its promises: its files load, its code runs, its outputs are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.study.load import load_study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_study_is_the_shipped_one(tmp_path: Path) -> None:
    (study,) = [block for block in blocks("yaml") if "kind: study" in block]
    file = tmp_path / "vww_256k.yaml"
    file.write_text(study, encoding="utf-8")
    told, shipped = load_study(file).value, load_study("vww_256k").value
    assert told.model_copy(update={"search": shipped.search, "qbr": shipped.qbr}) == shipped


def test_a_board_is_one_file_of_at_most_ten_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (board,) = [block for block in blocks("yaml") if "kind: device" in block]
    assert len(board.splitlines()) <= 10
    (tmp_path / "myboard.yaml").write_text(board, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = re.search(r"`qeopt (solve vww_256k --device \S+)`", README)
    assert command is not None
    options = ["--set", "search.strategy=evolution", "--set", "search.evaluations=64", "--no-baselines"]
    result = CliRunner().invoke(app, [*command[1].split(), *options])
    assert result.exit_code == 0, result.output
    assert "My board" in result.output


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    score, gap, status = capsys.readouterr().out.split()
    assert float(score) > 1000
    assert float(gap) < 0.01
    assert status == "optimal"


def test_every_link_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_nothing_is_left_to_fill_in() -> None:
    assert "@" not in README

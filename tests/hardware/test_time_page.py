"""docs/latency.md: its study says what the page says, and its numbers are those of the models."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.hardware import Runtime
from qeopt.hardware.latency import Errors, Latency
from qeopt.report.time import span
from qeopt.spec.library import Library
from qeopt.spec.load import load

PAGE = Path(__file__).parents[2] / "docs" / "latency.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)


def test_the_study_says_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(next(text for kind, text in BLOCKS if kind == "yaml"), encoding="utf-8")
    said = CliRunner().invoke(app, ["solve", "study.yaml", "--no-baselines", "--quiet"]).stdout
    assert next(text for kind, text in BLOCKS if kind == "text") in said
    floor = CliRunner().invoke(app, ["solve", "study.yaml", "--no-baselines", "--quiet", "--runtime", "qeopt-c"]).stdout
    assert "at least 31.2 ms (floor)" in floor
    assert "at least 31.2 ms (floor)" in TEXT


def latency(name: str) -> Latency:
    found = load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value.latency
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["cmsis-nn", "tflm", "x-cube-ai-7"])
def test_the_table_has_the_errors_of_the_models(name: str) -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |")]
    for model in (latency(name).cores or {}).values():
        shown: list[Errors | None] = [model.transferred]
        if model.measured is not None:
            shown = [model.measured.error, model.measured.leave_one_network_out]
        for errors in shown:
            assert errors is None or any(span(errors) in row for row in rows), errors


def test_the_page_has_what_the_benchmark_prints(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("scipy")
    folder = PAGE.parents[1] / "benchmarks" / "latency"
    monkeypatch.syspath_prepend(str(folder))
    __import__("accuracy").main(folder / "measured.csv")
    said = capsys.readouterr().out
    for begin in ("all modelled", "energy: 54 rows"):
        assert next(text for _, text in BLOCKS if text.startswith(begin)) in said


def said_by(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.syspath_prepend(str(PAGE.parents[1] / "benchmarks" / "latency"))
    __import__(name).main()
    return capsys.readouterr().out


def test_flash_and_time_of_the_model_zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """ST's published flash of weights is counted to within 0.1 %."""
    said = said_by("st_zoo", monkeypatch, capsys)
    assert next(text for _, text in BLOCKS if text.startswith("flash of weights")) in said
    flash = [float(line.split("|")[6].removesuffix(" % ")) for line in said.splitlines() if line.startswith("| mobilenet")]
    assert len(flash) == 11
    assert max(map(abs, flash)) <= 0.1


@pytest.mark.slow
def test_vww_at_five_frames_a_second(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    table = said_by("vww", monkeypatch, capsys).partition("\n\n")[0]
    assert table in TEXT
    found = [line.split("|")[-2] for line in table.splitlines() if "found by qeopt" in line]
    assert len(found) == 2
    assert all(float(gap.removesuffix(" % ")) <= 0.05 for gap in found)


def test_energy_that_was_submitted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Both tables of the page are those that the benchmark prints."""
    models, powers = said_by("energy", monkeypatch, capsys).strip().split("\n\n")
    assert models in TEXT
    assert next(text for _, text in BLOCKS if text.startswith("| engine | board | submitter")).strip() == powers


def test_the_study_with_a_budget_of_energy_says_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(next(text for kind, text in BLOCKS if kind == "yaml"), encoding="utf-8")
    said = (
        CliRunner().invoke(app, ["solve", "study.yaml", "--no-baselines", "--quiet", "--set", "budgets={energy_uj: 18000}"]).stdout
    )
    assert next(text for _, text in BLOCKS if text.startswith("energy: about")) in said

"""A study over devices: what stands in the table, and that a sweep that was cut short ends in the same one."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.report.boards import boards_csv, boards_document
from qeopt.spec.errors import SpecError
from qeopt.verbs import boards
from qeopt.verbs.boards import sweep_boards
from qeopt.verbs.check import check_file
from qeopt.verbs.solve import solve

STUDY = (Path(__file__).parents[1] / "separable.yaml").read_text(encoding="utf-8").replace("layers: 5", "layers: 5, latency_ms: 8")

CUT = """
import os, signal
from qeopt.verbs import boards

note = boards._note

def end(*line):
    note(*line)
    os.kill(os.getpid(), signal.{signal})

boards._note = end
from qeopt.cli.app import main
main()
"""
"""A sweep whose process gets a signal as soon as one device is answered."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_a_board_has_what_solve_finds_there_and_a_cut_sweep_goes_on(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = study.parent / "journal"
    whole = sweep_boards(study, "nrf5", journal=journal)
    by_name = {board.device: board for board in whole.boards}
    design = solve(study, overrides=("device=nrf52832",)).design
    assert design is not None
    assert by_name["nrf52832"].score == pytest.approx(design.score)
    assert by_name["nrf52832"].gap == pytest.approx(design.gap)
    assert {board.core for board in whole.boards} == {"cortex-m4", "cortex-m33"}
    told = check_file(study).findings[-1].text
    for board in whole.boards:
        assert (re.search(rf"[( ]{board.device}\b", told) is not None) == (board.score is not None), board.device
    *lines, last = journal.read_text(encoding="utf-8").splitlines()
    journal.write_text("\n".join([*lines, last[: len(last) // 2]]), encoding="utf-8")  # killed while it wrote
    asked: list[str] = []
    answer = boards.answer

    def noted(question: Any) -> boards.Board:
        asked.append(question.device)
        return answer(question)

    monkeypatch.setattr(boards, "answer", noted)
    again = sweep_boards(study, "nrf5", journal=journal)
    assert asked == [json.loads(last)["board"]["device"]]
    assert boards_document(again) == boards_document(whole)
    assert boards_csv(again) == boards_csv(whole)
    study.write_text(STUDY.replace("latency_ms: 8", "latency_ms: 9"), encoding="utf-8")
    sweep_boards(study, "nrf52832", journal=journal)
    assert asked[1:] == ["nrf52832"]  # of another study, so nothing is known of it


def test_what_cannot_run_is_named(study: Path) -> None:
    result = CliRunner().invoke(app, ["sweep", str(study), "--devices", "rp2040", "--workers", "1", "--out", "out", "--quiet"])
    assert result.exit_code == 1
    assert "rp2040: refused: the runtime 'cmsis-nn' needs dsp, which the device 'rp2040' does not have" in result.stdout
    shown = CliRunner().invoke(app, ["sweep", str(study), "--devices", "nrf52832", "--workers", "1", "--out", "shown", "--quiet"])
    assert shown.exit_code == 0
    assert (Path("shown") / "boards.png").read_bytes().startswith(b"\x89PNG")
    page = (Path("shown") / "report.html").read_text(encoding="utf-8")
    assert "Every device with a design" in page
    assert "Devices without one" not in page  # all have one
    assert not (Path("out") / "boards.png").exists()  # none to be shown
    refused = (Path("out") / "report.html").read_text(encoding="utf-8")
    assert "no device of these has a design" in refused
    assert "needs dsp" in refused
    with pytest.raises(SpecError, match="no device has 'nonesuch' in its name, title or core"):
        sweep_boards(study, "nonesuch")


def test_a_process_that_is_killed_is_told_and_what_it_answered_is_kept(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = boards._answers

    def cut_short(questions: Sequence[Any], workers: int) -> Iterator[boards.Board]:
        yield from answers(questions[:1], workers)
        raise BrokenProcessPool("a child of the pool was killed")

    monkeypatch.setattr(boards, "_answers", cut_short)
    result = CliRunner().invoke(app, ["sweep", str(study), "--devices", "nrf5", "--workers", "1", "--out", "out", "--quiet"])
    assert result.exit_code == 2
    assert re.search(r"ended from outside after 1 of \d devices; the same command with the same --out goes on", result.stderr)
    assert len((Path("out") / boards.JOURNAL).read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="a process there cannot send itself these signals")
@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGKILL", marks=pytest.mark.slow)])
def test_a_sweep_ended_by_a_signal_and_resumed_ends_in_the_same_table(study: Path, name: str) -> None:
    """By the command line, in a process of its own: the signal is a real one."""
    command = ["sweep", "study.yaml", "--devices", "nrf528", "--workers", "1", "--quiet", "--no-pictures", "--out"]
    ended = subprocess.run(
        [sys.executable, "-c", CUT.replace("{signal}", name), *command, "cut"], capture_output=True, text=True, check=False
    )
    journal = Path("cut") / boards.JOURNAL
    assert ended.returncode == (130 if name == "SIGTERM" else -signal.SIGKILL), ended.stderr
    assert len(journal.read_text(encoding="utf-8").splitlines()) == 1
    assert not (Path("cut") / "boards.json").exists()
    first = journal.read_bytes()
    for folder in ("cut", "whole"):
        assert CliRunner().invoke(app, [*command, folder]).exit_code == 0
    for file in ("boards.json", "boards.csv"):
        assert (Path("cut") / file).read_bytes() == (Path("whole") / file).read_bytes()
    assert journal.read_bytes().startswith(first)
    assert (
        len(journal.read_text(encoding="utf-8").splitlines()) == len(json.loads(Path("cut/boards.json").read_text())["boards"]) > 1
    )


def test_check_names_the_least_time_and_the_devices_that_reach_it(study: Path) -> None:
    least, devices = check_file(study).findings[-2:]
    found = re.match(
        r"the least time within the other budgets: ([\d.]+) ms \(([\d,]+) cycles\) \(an estimate, measured networks", least.text
    )
    assert found is not None, least.text
    cycles = int(found[2].replace(",", ""))
    assert "stm32l4r5" in devices.text
    for limit, fits in ((cycles / 120_000 + 1e-6, True), ((cycles - 1) / 120_000, False)):
        again = check_file(study, overrides=(f"budgets.latency_ms={limit!r}",))
        assert again.passes == fits
        assert (re.search(r"[( ]stm32l4r5\b", again.findings[-1].text) is not None) == fits

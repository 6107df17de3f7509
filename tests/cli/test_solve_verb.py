"""`qeopt solve`: what it prints and writes, and how it ends."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.runs.cost import GRAMS_PER_CORE_HOUR

Run = Callable[..., Result]

SOLUTION_KEYS = {
    "format", "status", "reason", "study_name", "score", "bound", "gap", "stopped", "bits", "space_certificate", "no_bound",
    "structure", "order", "weights", "activations", "alternatives", "uses", "peak", "arena",
    "baselines", "provenance", "layers", "judgement", "no_baselines", "sign_changes", "warnings", "sources", "files",
}  # fmt: skip


def test_prints_a_report_for_people(run: Run, golden: Callable[[str, str], None]) -> None:
    result = run("solve", "net.yaml")
    assert result.exit_code == 0
    assert result.stderr == ""
    golden("solve_net.txt", result.stdout)


RECORD = {"format", "command", "started", "host", "platform", "python", "sources", "history", "budgets"}
RECORD |= {"seconds", "core_seconds", "gco2e", "gco2e_per_core_hour", "from_bound", "depth"}


def test_what_a_run_cost(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pounds = GRAMS_PER_CORE_HOUR * 32 / 453.6  # half an hour of 64 cores: the paper's table 3
    assert pounds == pytest.approx(0.19, abs=0.002)
    monkeypatch.setenv("QEOPT_GCO2E_PER_CORE_HOUR", "7200")
    result = run("solve", "net.yaml", "--no-baselines", "--out", "a")
    record = json.loads((tmp_path / "a" / "run.json").read_text())
    assert record["core_seconds"] > 0
    assert record["gco2e_per_core_hour"] == 7200
    assert record["gco2e"] == pytest.approx(2 * record["core_seconds"], rel=5e-3)
    assert re.search(r"^cost: [\d.]+ core-seconds, [\d.e+-]+ gCO2e at 7200 g a core-hour$", result.stdout, flags=re.MULTILINE)
    assert "gCO2e" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    refused = run("solve", "net.yaml", "--gco2e-per-core-hour", "-1")
    assert refused.exit_code == 2
    assert "--gco2e-per-core-hour" in refused.stderr


def test_writes_every_file(run: Run, tmp_path: Path) -> None:
    result = run("solve", "net.yaml", "--no-baselines")
    folder = tmp_path / "runs" / "net" / "1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "arena.png",
        "design.json",
        "layers.csv",
        "memory.png",
        "report.html",
        "report.txt",
        "run.json",
        "state",
    ]
    assert (folder / "report.txt").read_text() == result.stdout[: result.stdout.index("\nwritten:")]
    run_record = json.loads((folder / "run.json").read_text())
    assert set(run_record) == RECORD
    header, first, *_ = (folder / "layers.csv").read_text().splitlines()
    assert header == "op,kind,shape,weight_bits,input_bits,output_bits,macs,weight_bytes,step_bytes,is_peak,cycles,ms,time_share"
    assert first.startswith("stem,conv,16x16x16,8,8,")
    assert (folder / "memory.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("verb", [("solve", "--no-baselines"), ("compare",), ("sweep", "--sram", "8KiB,14KiB")])
def test_without_pictures_the_page_still_has_its_own(run: Run, tmp_path: Path, verb: tuple[str, ...]) -> None:
    name, *more = verb
    assert run(name, "net.yaml", *more, "--no-pictures", "--out", "bare").exit_code == 0
    assert not list((tmp_path / "bare").glob("*.png"))
    assert 'role="img"' in (tmp_path / "bare" / "report.html").read_text(encoding="utf-8")


def test_nothing_that_varies_is_in_the_design(run: Run, tmp_path: Path) -> None:
    run("solve", "net.yaml", "--out", "one")
    run("solve", str(tmp_path / "net.yaml"), "--out", "deep/er/two", "--json")
    assert (tmp_path / "one" / "design.json").read_bytes() == (tmp_path / "deep" / "er" / "two" / "design.json").read_bytes()
    assert str(tmp_path) not in (tmp_path / "one" / "design.json").read_text()


def test_json_is_one_document_with_the_promised_keys(run: Run) -> None:
    result = run("solve", "tiny.yaml", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found) == SOLUTION_KEYS
    assert found["format"] == "qeopt.solution/1"
    assert found["status"] == "solved"
    assert set(found["bits"]) == {"status", "engine", "value", "bound", "gap", "certificates", "note"}
    assert found["bits"]["status"] == "optimal"
    assert found["bits"]["value"] == found["score"]
    assert set(found["uses"]) == {"sram", "flash", "bitops", "macs", "layers", "cycles", "picojoules"}
    assert found["uses"]["sram"]["used"] <= found["uses"]["sram"]["limit"] == 14 * 1024
    assert {layer["op"] for layer in found["layers"] if layer["is_peak"]} == {found["peak"]["step"].partition(" ")[0]}
    assert max(layer["step_bytes"] for layer in found["layers"]) == found["uses"]["sram"]["used"]
    assert set(found["files"]) == {"design", "run", "report", "layers", "picture", "map", "convergence", "page"}
    assert found["baselines"]["eight_bits"]["score"] <= found["score"]


def test_short_options_are_recorded_as_overrides(run: Run) -> None:
    options = ("--runtime", "ideal", "--seed", "7", "--engine", "chain", "--time-limit", "60", "--no-baselines")
    result = run("solve", "tiny.yaml", *options, "--set", "search.evaluations=32", "--json")
    found = json.loads(result.stdout)
    assert found["provenance"]["overrides"] == [
        "runtime=ideal",
        "qbr.engine=chain",
        "search.seed=7",
        "search.time_limit_seconds=60",
        "search.baselines=[]",
        "search.evaluations=32",
    ]
    assert found["provenance"]["seed"] == 7
    assert [certificate["engine"] for certificate in found["bits"]["certificates"]] == ["chain", "cp_sat"]
    assert found["baselines"] == {}


def test_no_design_is_a_result_with_a_reason(run: Run, tmp_path: Path) -> None:
    result = run("solve", "net.yaml", "--set", "budgets.sram=3 KiB")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("no design fits: SRAM at step 'stem': ")
    assert [path.name for path in (tmp_path / "runs" / "net" / "1").iterdir()] == ["state"]
    as_json = run("solve", "net.yaml", "--set", "budgets.sram=3 KiB", "--json")
    found = json.loads(as_json.stdout)
    assert (as_json.exit_code, found["status"], found["score"]) == (1, "infeasible", None)
    assert found["reason"] in result.stderr


def test_unproven_bits_are_refused_where_proof_is_asked_for(run: Run, tmp_path: Path) -> None:
    rule = ("solve", "mobilenet.yaml", "--engine", "rusci", "--no-baselines")
    without = run(*rule)
    assert without.exit_code == 0
    assert re.search(r"^bits: within [0-9.]+ % of the best possible for this structure \(chosen by rusci\)$", without.stdout, re.M)
    result = run(*rule, "--require-optimal")
    assert result.exit_code == 3
    assert result.stderr == "the bits are not proven optimal, as --require-optimal asks\n"
    assert (tmp_path / "runs" / "mobilenet" / "1" / "design.json").is_file()
    assert run("solve", "net.yaml", "--require-optimal").exit_code == 0


def test_warns_of_a_slow_network_on_stderr(run: Run) -> None:
    slow = "device={extends: stm32f412, clock_mhz: 0.1}"
    result = run("solve", "net.yaml", "--set", slow)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert "an inference takes" in result.stderr
    assert "warning" not in result.stdout
    assert run("solve", "net.yaml", "--set", slow, "--quiet").stderr == ""
    assert json.loads(run("solve", "net.yaml", "--set", slow, "--json").stdout)["warnings"]


def test_a_name_is_no_way_out_of_the_folder_of_runs(run: Run, tmp_path: Path) -> None:
    run("solve", "net.yaml", "--set", "name=../../elsewhere", "--no-baselines")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["_.._elsewhere"]


def test_a_folder_that_cannot_be_written_is_told_before_the_search(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = run("solve", "net.yaml", "--out", "taken")
    assert result.exit_code == 2
    assert result.stderr.startswith("taken: cannot write here: ")


def test_counts_in_fractions_of_bytes(run: Run, golden: Callable[[str, str], None]) -> None:
    result = run(
        "solve", "net.yaml", "--runtime", "paper", "--set", "bits.activations=[3, 4, 5, 6]", "--set", "bits.weights=[3, 4, 5, 6]"
    )
    assert result.exit_code == 0
    golden("solve_net_paper.txt", result.stdout)


def _qeopt(folder: Path, *arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "qeopt", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.usefixtures("run")
def test_another_process_with_another_hash_seed_writes_the_same_design(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        assert _qeopt(tmp_path, "solve", "tiny.yaml", "--out", seed, hash_seed=seed).returncode == 0
    assert (tmp_path / "1" / "design.json").read_bytes() == (tmp_path / "2" / "design.json").read_bytes()


INTERRUPTING = """
import os, signal
from qeopt.report.progress import ProgressLine

take = ProgressLine.__call__

def interrupt(self, name, progress):
    take(self, name, progress)
    if name == "{search}" and progress.generation >= 8:
        os.kill(os.getpid(), signal.SIGINT)

ProgressLine.__call__ = interrupt
from qeopt.cli.app import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="a process there cannot send itself Ctrl-C")
@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(("search", "stopped"), [("study", "interrupted"), ("eight_bits", "evaluations")])
def test_ctrl_c_saves_the_best_so_far(tmp_path: Path, search: str, stopped: str) -> None:
    script = INTERRUPTING.format(search=search)
    evolution = ("--set", "search.strategy=evolution", "--set", "search.evaluations=400", "--set", "search.children=16")
    done = subprocess.run(
        [sys.executable, "-c", script, "solve", "tiny.yaml", *evolution, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["stopped"], found["baselines"]) == ("interrupted", stopped, {})
    saved = json.loads((tmp_path / "runs" / "tiny" / "1" / "design.json").read_text())
    assert saved["score"] == found["score"]
    assert _qeopt(tmp_path, "verify", "runs/tiny/1/design.json").returncode == 0


def test_a_narrow_terminal_loses_columns_but_no_digits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("solve", "net.yaml", "--no-baselines").stdout.splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("operator"))) :][: 2 + 16]
    assert all(len(line) <= 80 and "…" not in line for line in table)
    assert table[0].split() == ["operator", "output", "in", "weights", "out", "SRAM", "B", "of", "the", "SRAM", "budget"]
    assert "11,328" in next(line for line in table if line.startswith("b1.1.expand"))


def test_nothing_of_an_earlier_run_is_overwritten_or_mixed(run: Run, tmp_path: Path) -> None:
    assert run("solve", "tiny.yaml", "--out", "same").exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "same").rglob("*") if path.is_file()}
    refused = run("solve", "tiny.yaml", "--out", "same", "--set", "budgets.flash=100")
    assert refused.exit_code == 2
    assert "same: holds the results of an earlier run, and nothing is overwritten" in refused.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "same").rglob("*") if path.is_file()} == before
    assert run("solve", "tiny.yaml", "--set", "budgets.flash=100").exit_code == 1
    assert {path.name for path in (tmp_path / "runs" / "tiny" / "1").iterdir()} <= {"history.csv", "state"}
    assert not (tmp_path / "runs" / "tiny" / "latest").exists()

"""Runs that are ended by SIGTERM and resumed, through the verbs. About 8 seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
ENDED = """
import os, signal
from qeopt.report.progress import ProgressLine

take = ProgressLine.__call__

def end(self, name, progress):
    if (name, progress.generation) == ("study", 4):
        os.kill(os.getpid(), signal.SIGTERM)
    take(self, name, progress)

ProgressLine.__call__ = end
from qeopt.cli.app import main
main()
"""
LONG = ("--set", "search.gap=0", "--set", "search.children=16", "--set", "search.evaluations=160")


@pytest.mark.skipif(os.name == "nt", reason="a process there cannot send itself SIGTERM")
def test_sigterm_saves_the_best_and_resume_ends_as_if_uninterrupted(run: Run, tmp_path: Path) -> None:
    assert run("solve", "tiny.yaml", *LONG, "--out", "whole").exit_code == 0
    whole = (tmp_path / "whole" / "design.json").read_bytes()
    ended = subprocess.run(
        [sys.executable, "-c", ENDED, "solve", "tiny.yaml", *LONG, "--out", "ended"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 130, ended.stderr
    assert "qeopt resume ended` goes on" in ended.stderr
    assert json.loads((tmp_path / "ended" / "design.json").read_text())["stopped"] == "interrupted"
    resumed = run("resume", "ended", "--json")
    assert resumed.exit_code == 0, resumed.stderr
    assert json.loads(resumed.stdout)["status"] == "solved"
    assert (tmp_path / "ended" / "design.json").read_bytes() == whole
    rounds = [row.split(",")[:2] for row in (tmp_path / "ended" / "history.csv").read_text().splitlines()[1:]]
    assert rounds == [row.split(",")[:2] for row in (tmp_path / "whole" / "history.csv").read_text().splitlines()[1:]]
    assert len(json.loads((tmp_path / "ended" / "run.json").read_text())["history"]) == len(rounds)
    assert (tmp_path / "ended" / "convergence.png").stat().st_size > 1000


def test_resume_refuses_a_changed_study_and_says_what_changed(run: Run, tmp_path: Path) -> None:
    assert run("solve", "tiny.yaml", "--no-baselines", "--out", "old").exit_code == 0
    study = tmp_path / "tiny.yaml"
    study.write_text(study.read_text().replace("layers: 14", "layers: 11"))
    refused = run("resume", "old")
    assert refused.exit_code == 2
    assert "budgets.layers: was 14, is 11" in refused.stderr


def test_ctrl_c_before_any_design_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qeopt.search.bound_space", interrupt)
    ended = run("solve", "tiny.yaml", "--out", "ended")
    assert (ended.exit_code, ended.stdout) == (130, "")
    assert ended.stderr == "interrupted before a design was found; `qeopt resume ended` goes on\n"


def test_resume_needs_a_run(run: Run) -> None:
    refused = run("resume", "nowhere")
    assert refused.exit_code == 2
    assert "begun with `qeopt solve`" in refused.stderr


def test_workers_and_alternatives_are_options(run: Run, tmp_path: Path) -> None:
    refused = run("solve", "tiny.yaml", "--workers", "ray")
    assert refused.exit_code == 2
    assert "a number, auto or dask://HOST:PORT was expected" in refused.stderr
    assert run("solve", "tiny.yaml", "--no-baselines", "--alternatives", "2", "--workers", "1", "--out", "two").exit_code == 0
    design = json.loads((tmp_path / "two" / "design.json").read_text())
    assert len(design["alternatives"]) == 2
    assert "search.alternatives=2" in design["provenance"]["overrides"]
    assert run("verify", "two/design.json").exit_code == 0


def test_workers_that_will_be_idle_are_warned_of(run: Run) -> None:
    assert "one island in the study: 2 workers" in run("solve", "net.yaml", "--workers", "2", "--out", "idle").stderr
    assert "one island in the study: 2 workers" in run("resume", "idle", "--workers", "2").stderr
    assert run("solve", "net.yaml", "--workers", "2", "--quiet").stderr == ""
    assert "island" not in run("solve", "net.yaml", "--workers", "2", "--set", "search.islands=2").stderr

"""`qeopt runs`, and designs named as people name them."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Run = Callable[..., Result]


def test_runs_are_listed_and_found_by_name(run: Run, tmp_path: Path) -> None:
    assert "no runs here" in run("runs").stdout
    for _ in range(2):
        assert run("solve", "net.yaml", "--no-baselines").exit_code == 0
    (tmp_path / "runs" / "net" / "1" / "design.json").write_text("{")
    (tmp_path / "runs" / "net" / "2" / "train").mkdir()
    (tmp_path / "runs" / "net" / "2" / "train" / "train.json").write_text('{"accuracy": 0.875}')
    table = run("runs").stdout
    assert "runs/net/1" in table
    assert "damaged" in table
    assert "87.5 %" in table
    damaged, sound = json.loads(run("runs", "net", "--json").stdout)["runs"]
    assert (damaged["kind"], sound["kind"], sound["accuracy"], sound["study_name"]) == ("damaged", "design", 0.875, "net")
    for name in ("net", "runs/net", "runs/net/2", "runs/net/latest", "runs/net/2/design.json"):
        assert run("verify", name).exit_code == 0, name
    assert run("export", "net", "--format", "csv").exit_code == 0
    assert (tmp_path / "runs" / "net" / "2" / "net.csv").is_file()
    assert json.loads(run("runs", "other", "--json").stdout)["runs"] == []


def test_a_new_project_names_its_runs(run: Run, tmp_path: Path) -> None:
    assert run("new", "doorbell").exit_code == 0
    assert "name: doorbell" in (tmp_path / "doorbell" / "study.yaml").read_text()


def test_every_verb_that_leaves_a_run_is_listed_by_what_it_did(run: Run) -> None:
    assert run("solve", "net.yaml", "--no-baselines").exit_code == 0
    assert run("compare", "net.yaml", "--engines", "rusci,chain").exit_code == 0
    assert run("compare", "net", "net").exit_code == 0
    assert run("explain", "net.yaml").exit_code == 0
    assert run("sweep", "net.yaml", "--flash", "10KiB,12KiB").exit_code == 0
    assert run("sweep", "net.yaml", "--devices", "stm32f412").exit_code == 0
    kinds = {listed["kind"] for listed in json.loads(run("runs", "--json").stdout)["runs"]}
    assert kinds == {"design", "comparison", "explanation", "sweep", "boards"}

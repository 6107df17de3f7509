"""`qeopt show`, `where`, `schema`, `new`, `score`: files and what is in them."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from qeopt.spec.library import Library, builtin_folder
from qeopt.study.file_kinds import KINDS
from qeopt.study.load import load_study

Run = Callable[..., Result]
STUDIES = [found.name for found in Library().available("", "study")]


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_shown_is_the_same_study(run: Run, tmp_path: Path, name: str) -> None:
    result = run("show", name)
    assert result.exit_code == 0
    (tmp_path / "shown.yaml").write_text(result.stdout)
    shown, original = load_study("shown.yaml").value, load_study(name).value
    assert shown == original
    assert f"# study {Path(name).name}: {builtin_folder()}" in result.stdout


def test_show_says_which_limits_are_in_force(run: Run) -> None:
    text = run("show", "net.yaml", "--device", "stm32f746", "--set", "budgets={macs: 5 M}").stdout
    assert "# limits in force: sram " in text
    assert "macs 5,000,000" in text
    found = json.loads(run("show", "net.yaml", "--json").stdout)
    assert set(found) == {"format", "name", "limits", "study", "sources"}
    assert found["limits"] == {"sram": 14336, "flash": 10240}
    assert [source["role"] for source in found["sources"]] == ["study", "device", "runtime"]


def test_where_names_the_file_that_wins_first(run: Run, tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "stm32f412.yaml").write_text("kind: device\n")
    found = json.loads(run("where", "stm32f412", "--json").stdout)
    assert [(row["kind"], row["origin"]) for row in found["files"]] == [("device", "beside the file"), ("device", "built-in")]
    assert run("where", "stm32f412").stdout.splitlines()[1].endswith(f"{builtin_folder() / 'devices' / 'stm32f412.yaml'}")
    assert run("where", "net.yaml").stdout.split() == ["study", "path", "net.yaml"]
    assert run("where", "nowhere").exit_code == 2


@pytest.mark.parametrize("kind", KINDS)
def test_schema(run: Run, kind: str) -> None:
    found = json.loads(run("schema", kind).stdout)
    assert found["properties"]["kind"]["const"] == kind
    assert json.loads(run("schema").stdout)[kind] == found
    described = list(_keys_of_files(found))
    assert {name for name, key in described if not key.get("description")} == set()
    assert len(described) > 5


def _keys_of_files(schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key that a schema allows anywhere, with its own schema."""
    inner = list(schema.values()) if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield from schema["properties"].items()
    for part in inner:
        yield from _keys_of_files(part)


def test_a_new_project_works_and_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    result = run("new", "mine", "--from", "vww_256k")
    assert result.exit_code == 0
    assert result.stdout.startswith("written: mine/study.yaml, mine/devices/myboard.yaml\n")
    assert run("check", "mine/study.yaml").exit_code == 0
    study = load_study(tmp_path / "mine" / "study.yaml").value
    assert study.device is not None
    assert (study.device.name, study.limits) == ("myboard", load_study("vww_256k").value.limits)
    (tmp_path / "mine" / "study.yaml").unlink()
    again = run("new", "mine")
    assert again.exit_code == 2
    assert again.stderr == "mine/devices/myboard.yaml: is already there; nothing was written\n"
    assert not (tmp_path / "mine" / "study.yaml").exists()


def test_a_new_project_from_a_file_and_from_nothing(run: Run) -> None:
    found = json.loads(run("new", "other", "--from", "tiny.yaml", "--json").stdout)
    assert set(found) == {"format", "study", "board"}
    assert run("check", "other/study.yaml").exit_code == 0
    assert run("new", "more", "--from", "vww_256").exit_code == 2
    assert "names no device" in run("new", "more", "--from", "paper/mixed_7g").stderr


def test_score_of_a_network_by_its_terms(run: Run) -> None:
    found = json.loads(run("score", "net.yaml", "--weight-bits", "4", "--activation-bits", "2", "--json").stdout)
    assert set(found) == {"format", "network", "score", "constant", "layers", "terms"}
    assert found["score"] == pytest.approx(found["constant"] + sum(t["weights"] + t["activations"] for t in found["terms"]))
    assert {term["weight_bits"] for term in found["terms"][1:]} == {4}
    text = run("score", "net.yaml", "--weight-bits", "4", "--activation-bits", "2").stdout
    assert text.splitlines()[-1] == f"score: {found['score']:.6f}"


def test_score_of_a_design_at_its_own_bits(run: Run, tmp_path: Path) -> None:
    run("solve", "net.yaml", "--no-baselines")
    design = json.loads((tmp_path / "runs" / "net" / "1" / "design.json").read_text())
    own = json.loads(run("score", "runs/net/1/design.json", "--json").stdout)
    assert own["score"] == design["score"]
    eight = json.loads(run("score", "runs/net/1/design.json", "--bits", "8", "--json").stdout)
    assert eight["score"] >= own["score"]


def test_score_of_a_bare_network_reads_the_image_it_is_told(run: Run) -> None:
    large = json.loads(run("score", "mobilenet_v2", "--json").stdout)
    small = json.loads(run("score", "mobilenet_v2", "--input", "96,96,3", "--classes", "2", "--json").stdout)
    assert large["layers"] == small["layers"] == 52
    assert large["score"] == small["score"]  # the score sees no resolution
    assert "is a space of" in run("score", "tiny.yaml").stderr


def test_calibration_on_the_table_of_the_paper(run: Run, repository: Path) -> None:
    table = str(repository / "specs" / "calibration" / "mobilenet_v2_table1.csv")
    found = json.loads(run("correlate", table, "--sigma-grid", "--json").stdout)
    assert set(found) == {"format", "table", "points"}
    best = found["points"][0]
    assert (best["sigma_a"], best["sigma_w"], round(best["kendall"], 3), round(best["spearman"], 3)) == (5, 4, 0.972, 0.994)
    lines = run("correlate", table, "--sigma-grid", "--top", "1").stdout.splitlines()
    assert lines[2].split() == ["5", "4", "0.9724", "0.9942"]
    assert lines[-1] == "best 1 of 110 points; in a study: objective: {kind: qe, sigma_a: 5, sigma_w: 4}"
    assert (
        len(json.loads(run("correlate", table, "--sigma-grid", "--sigma-a", "5", "--sigma-w", "4", "--json").stdout)["points"]) == 1
    )


def test_calibration_of_what_is_no_table(run: Run) -> None:
    assert run("correlate", "net.yaml", "--sigma-grid").exit_code == 2
    assert run("correlate", "nothing.csv", "--sigma-grid").exit_code == 2
    assert run("correlate", "net.yaml", "--sigma-grid", "--sigma-a", "-1").exit_code == 2

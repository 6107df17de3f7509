"""`qeopt compare`: greedy rules against exact engines."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt import compare
from qeopt.design import VerificationError
from qeopt.qbr import Refined, Refiner
from qeopt.verbs.compare import ENGINES
from qeopt_solvers import table

Run = Callable[..., Result]
RULES = {"ratio", "paper", "rusci"}
KEYS = {"format", "status", "study_name", "engines", "seed", "asked", "rejected", "summary", "depth", "instances", "sources"}


def test_rules_lose_and_exact_engines_agree_on_a_network(run: Run, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    result = run("compare", "mobilenet.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    golden("compare_mobilenet.txt", result.stdout)
    folder = tmp_path / "runs" / "mobilenet.compare" / "1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "comparison.json",
        "depth.png",
        "gaps.png",
        "report.html",
        "report.txt",
        "run.json",
    ]
    found = json.loads((folder / "comparison.json").read_text())
    assert set(found) == KEYS
    assert found["rejected"] == {}
    exact = next(row for row in found["depth"] if row["engine"] == "chain")
    assert (exact["answered"], exact["both"], len(exact["weights"])) == (1, 1, 52)
    assert exact["weights"][0] is None  # the stem's weights are no choice
    gaps = {answer["engine"]: answer["gap"] for answer in found["instances"][0]["answers"]}
    assert set(gaps) == set(ENGINES)
    assert gaps["ratio"] >= 0
    assert min(gaps["paper"], gaps["rusci"]) > 0
    assert {abs(gap) < 1e-12 for engine, gap in gaps.items() if engine not in RULES} == {True}
    assert set(json.loads((folder / "run.json").read_text())["engine_seconds"]) == set(ENGINES)


def test_on_structures_drawn_from_a_space(run: Run, tmp_path: Path) -> None:
    asked = ("compare", "vww_256k_cmix", "--samples", "6", "--seed", "3", "--engines", "ratio,paper,chain,cp_sat")
    result = run(*asked, "--json", "--out", "a")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found) == {*KEYS, "files"}
    assert (found["format"], found["status"], found["asked"], len(found["instances"])) == ("qeopt.comparison/1", "compared", 6, 6)
    assert found["rejected"]["nothing_fits"] > 0
    for instance in found["instances"]:
        by_engine = {answer["engine"]: answer for answer in instance["answers"]}
        assert by_engine["chain"]["score"] == pytest.approx(by_engine["cp_sat"]["score"], rel=1e-12)
        assert all(answer["score"] <= instance["exact"] + 1e-9 for answer in instance["answers"])
        assert all(answer["sram_bytes"] <= 262_144 and answer["flash_bytes"] <= 1_048_576 for answer in instance["answers"])
        assert by_engine["ratio"]["gap"] == (instance["exact"] - by_engine["ratio"]["score"]) / abs(instance["exact"])
    text = run(*asked, "--out", "b").stdout
    assert "drawn uniformly with seed 3; rejected: " in text
    assert (tmp_path / "a" / "comparison.json").read_bytes() == (tmp_path / "b" / "comparison.json").read_bytes()
    other = json.loads(run("compare", "vww_256k_cmix", "--samples", "6", "--seed", "4", "--engines", "ratio", "--json").stdout)
    assert [instance["structure"] for instance in other["instances"]] != [instance["structure"] for instance in found["instances"]]
    assert {answer["gap"] for instance in other["instances"] for answer in instance["answers"]} == {None}


def test_a_space_in_which_bits_are_no_question(run: Run) -> None:
    result = run("compare", "tiny.yaml", "--samples", "1", "--set", "budgets.sram=1 MiB", "--set", "budgets.flash=10 MiB")
    assert result.exit_code == 2
    assert result.stderr.startswith("no structure was drawn that fits at some bits but not at 8 bits everywhere (nothing fits: ")


def test_a_small_space_gives_what_it_has(run: Run) -> None:
    found = json.loads(run("compare", "tiny.yaml", "--samples", "5", "--engines", "ratio,cp_sat", "--json").stdout)
    assert len(found["instances"]) == 5
    assert len({json.dumps(instance["structure"]) for instance in found["instances"]}) == 5


def test_an_answer_above_a_proof_stops_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refine = Refiner.refine

    def boastful(self: Refiner, *arguments: object) -> Refined:
        found: Refined = refine(self, *arguments)  # type: ignore[arg-type]
        return replace(found, score=(found.score or 0.0) + 1) if found.engine == "ratio" else found

    monkeypatch.setattr(Refiner, "refine", boastful)
    with pytest.raises(VerificationError, match=r"ratio scores .* above the .* that cp_sat proves to be the most"):
        compare("net.yaml", engines=["ratio", "cp_sat"])
    assert run("compare", "net.yaml").exit_code == 4


def test_default_engines_are_in_the_table() -> None:
    assert set(ENGINES) <= set(table.names())


def test_ctrl_c_keeps_what_was_compared(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from qeopt.report.progress import ProgressLine  # noqa: PLC0415

    def interrupt(self: ProgressLine, text: str) -> None:
        if text == "comparing: 2 of 9 structures":
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressLine, "say", interrupt)
    result = run("compare", "tiny.yaml", "--samples", "9", "--engines", "ratio,cp_sat", "--json")
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert (found["status"], len(found["instances"])) == ("interrupted", 2)


def test_two_runs_stand_side_by_side(run: Run) -> None:
    for folder, flash in (("one", "9 KiB"), ("two", "unlimited")):
        assert run("solve", "net.yaml", "--flash", flash, "--no-baselines", "--out", folder).exit_code == 0
    result = run("compare", "one", "two")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(run("compare", "one", "two", "--json").stdout)
    assert [design["study_name"] for design in found["designs"]] == ["net", "net"]
    assert found["structure"] == []
    weights = {name: (first, second) for name, first, second in found["bits"] if name.startswith("weights of ")}
    assert weights
    assert all(int(first) < int(second) for first, second in weights.values())
    assert "the same structure and the same bits" in run("compare", "one", "one").stdout
    page = Path(found["files"]["page"])
    shown = page.read_text(encoding="utf-8")
    assert "two scores " in shown
    assert " more than one" in shown
    assert {"picture-memory-1", "picture-memory-2"} <= set(re.findall(r'id="(picture-[^"]+)"', shown))
    assert run("report", str(page.parent)).exit_code == 0
    assert page.read_text(encoding="utf-8") == shown
    assert run("compare", "one", "three").stderr.startswith("three: no such design: ")


def test_the_time_of_an_inference_is_told_with_its_share_of_the_budget(run: Run) -> None:
    base = ("compare", "net.yaml", "--runtime", "cmsis-nn", "--weight-bits", "4,8", "--activation-bits", "8", "--latency-ms", "60")
    words = (*base, "--sram", "64KiB", "--flash", "64KiB", "--engines", "rusci,chain")
    told = json.loads(run(*words, "--json").stdout)
    taken = told["instances"][0]["answers"][1]["latency_ms"]
    assert told["summary"][1]["mean_latency_ms"] == taken
    assert 0 < taken < 60
    text = run(*words, "--out", "shown").stdout
    assert f"ms, {100 * taken / 60:.0f} %" in text
    assert "mean inference" in Path("shown/report.html").read_text(encoding="utf-8")


def test_bits_of_a_network_that_takes_too_long_are_no_answer(run: Run) -> None:
    said = run("compare", "net.yaml", "--runtime", "qeopt-c", "--macs", "5000")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == "874,624 macs, 5,000 are allowed, whatever the bits; `qeopt explain` says more\n"

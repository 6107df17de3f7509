"""`qeopt sweep`: proven points over budgets."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.report.progress import ProgressLine

Run = Callable[..., Result]
KEYS = {"format", "status", "study_name", "axes", "frontier", "floor", "asked", "points", "monotone", "note", "sources"}
FILES = ["report.html", "report.txt", "run.json", "sweep.csv", "sweep.json", "sweep.png"]


def test_a_network_over_two_budgets(run: Run, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    result = run("sweep", "net.yaml", "--sram", "8KiB:12KiB:2KiB", "--flash", "9KiB,10KiB")
    assert (result.exit_code, result.stderr) == (0, "")
    golden("sweep_net.txt", result.stdout)
    folder = tmp_path / "runs" / "net.sweep" / "1"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads((folder / "sweep.json").read_text())
    assert set(found) == KEYS
    assert found["axes"] == {"sram": [8192, 10240, 12288], "flash": [9216, 10240]}
    assert [point["status"] for point in found["points"]] == ["infeasible"] * 2 + ["optimal"] * 4
    for point in found["points"][2:]:
        assert point["bound"] == point["score"]
        assert point["gap"] == 0
        assert sorted(point["engines"]) == ["chain", "cp_sat"]
        assert point["sram_bytes"] <= point["limits"]["sram"]
        assert point["flash_bytes"] <= point["limits"]["flash"]
        assert set(point["bits"]["weights"].values()) <= {2, 4, 8}
    rows = list(csv.DictReader((folder / "sweep.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["score"] for row in rows] == ["" if p["score"] is None else str(p["score"]) for p in found["points"]]


def test_a_space_over_one_budget_repeats(run: Run, tmp_path: Path) -> None:
    arguments = ("sweep", "tiny.yaml", "--sram", "6KiB,9KiB", "--set", "search.evaluations=24")
    result = run(*arguments, "--json", "--out", "a")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert set(found) == {*KEYS, "files"}
    assert (found["format"], found["status"]) == ("qeopt.sweep/1", "swept")
    first, second = found["points"]
    assert first["score"] <= second["score"] <= second["bound"]
    assert first["score"] <= first["bound"] <= second["bound"]
    assert first["structure"]["b1"]
    run(*arguments, "--out", "b")
    assert (tmp_path / "a" / "sweep.json").read_bytes() == (tmp_path / "b" / "sweep.json").read_bytes()


def test_nothing_fits_anywhere(run: Run) -> None:
    result = run("sweep", "tiny.yaml", "--sram", "1KiB,2KiB", "--set", "search.evaluations=8", "--out", "none")
    assert result.exit_code == 1
    assert "none, proven" in result.stdout
    said = "nothing fits at sram 1 KiB, and alike at 1 more point: the smallest structure of the space does not fit: SRAM at step"
    assert said in result.stdout
    assert said in Path("none/report.html").read_text(encoding="utf-8")


def test_ctrl_c_keeps_the_points_so_far(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: ProgressLine, text: str) -> None:
        if text == "sweeping: 2 of 5 points":
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressLine, "say", interrupt)
    result = run("sweep", "net.yaml", "--sram", "8KiB:12KiB:1KiB", "--json")
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert (found["status"], found["asked"], len(found["points"])) == ("interrupted", 5, 2)


def test_the_frontier_of_the_page(run: Run) -> None:
    """Of two budgets, with a floor: docs/lcpaq.md says what comes out."""
    page = (Path(__file__).parents[2] / "docs" / "lcpaq.md").read_text(encoding="utf-8").split("## The frontier")[1]
    study, command = re.findall(r"```(?:yaml)?\n(.*?)```", page, re.DOTALL)[1:3]
    Path("resnet8.yaml").write_text(study, encoding="utf-8")
    rows = re.findall(r"^\| (\d,\d{3},\d{3}) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)
    result = run(*command.split()[1:], "--out", "front")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "resnet8: the bits of one network over cycles and flash, 5 points" in result.stdout
    assert "proven\nevery point scores 33.2 at least" in result.stdout
    assert sorted(path.name for path in Path("front").iterdir()) == FILES
    found = json.loads(Path("front/sweep.json").read_text(encoding="utf-8"))
    assert (found["frontier"], found["floor"]) == (["cycles", "flash"], 33.2)
    points = [(f"{p['limits']['cycles']:,}", f"{p['limits']['flash']:,}", f"{p['score']:.4f}") for p in found["points"]]
    assert points == rows
    assert all((p["status"], p["gap"], sorted(p["engines"])) == ("optimal", 0, ["chain", "cp_sat"]) for p in found["points"])
    table = list(csv.DictReader(Path("front/sweep.csv").read_text(encoding="utf-8").splitlines()))
    assert [f"{int(row['flash_limit']):,}" for row in table] == [row[1] for row in rows]
    told = Path("front/report.html").read_text(encoding="utf-8")
    assert "nothing between these points uses less of one without more of the other, proven" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--floor", "3"), "--floor is of a frontier of two budgets, such as --frontier flash,bitops"),
        (("--frontier", "flash,bitops", "--floor", "nan"), "--floor nan: a score was expected"),
        (("--frontier", "flash,bitops", "--sram", "8KiB,9KiB"), "--frontier stands alone: it finds the limits itself"),
        (("--frontier", "flash,"), "--frontier : 'score', 'sram', 'flash'"),
        ((), "a sweep needs a range of a budget, such as --sram 128KiB:512KiB:32KiB"),
        (("--sram", "8:12:1"), "--sram 8:12:1: '8' has no unit; write 8 B or 8 KiB"),
        (("--sram", "8kB:12KiB:1KiB"), "'8kB' could mean 8,000 or 8,192 bytes; write 8000 B or 8 KiB"),
        (("--flash", "8KiB:1MiB:1B"), "at most 256 were expected: take a longer step"),
        (("--sram", "1KiB:40KiB:1KiB", "--flash", "1KiB:40KiB:1KiB"), "a sweep of 1,600 points (40 sram x 40 flash)"),
        (("--sram", "12KiB:8KiB:1KiB"), "this one stops before it starts"),
    ],
)
def test_ranges_that_are_refused(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("sweep", "net.yaml", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert not (tmp_path / "runs").exists()


def test_many_points_are_read_at_one_look(run: Run) -> None:
    result = run("sweep", "net.yaml", "--sram", "8KiB:14KiB:1KiB", "--flash", "8KiB:11KiB:1KiB")
    assert result.exit_code == 0, result.output
    table = [line.split() for line in result.stdout.splitlines() if line.lstrip().startswith(tuple("0123456789")) and "KiB" in line]
    assert [row[0] for row in table] == [str(number) for number in range(8, 15)]
    assert "report.html have every point" in result.stdout

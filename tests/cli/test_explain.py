"""`qeopt explain`: why nothing fits, and what budgets are worth."""

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.report.progress import ProgressLine
from qeopt.search import Progress, SearchResult, Stop

Run = Callable[..., Result]
KEYS = {
    "format",
    "status",
    "study_name",
    "fits",
    "proven",
    "chosen",
    "structure",
    "score",
    "engines",
    "budgets",
    "space",
    "misfit",
    "said",
    "files",
    "sources",
}
SMALL = ("--set", "search.evaluations=24")


def test_a_network_that_fits(run: Run, golden: Callable[[str, str], None]) -> None:
    result = run("explain", "net.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    golden("explain_net.txt", result.stdout)
    found = json.loads(run("explain", "net.yaml", "--json").stdout)
    assert set(found) == KEYS
    assert (found["format"], found["status"], found["fits"], found["proven"]) == ("qeopt.explanation/1", "explained", True, True)
    assert (found["space"], found["misfit"], found["chosen"]) == (None, None, None)
    budgets = {budget["name"]: budget for budget in found["budgets"]}
    assert budgets["flash"]["step"] == 1024
    assert budgets["flash"]["gain_of_step"] > 0
    assert budgets["flash"]["left"] == budgets["flash"]["limit"] - budgets["flash"]["used"]
    assert budgets["sram"]["tightest"]


def test_a_network_that_does_not_fit(run: Run, golden: Callable[[str, str], None]) -> None:
    options = ("--set", "budgets.sram=5 KiB", "--set", "budgets.flash=3 KiB", "--set", "budgets.macs=5k")
    result = run("explain", "net.yaml", *options)
    assert (result.exit_code, result.stderr) == (1, "")
    golden("explain_misfit.txt", result.stdout)
    result = run("explain", "net.yaml", *options, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert set(found) == KEYS
    assert (found["fits"], found["proven"], found["score"], found["budgets"]) == (False, True, None, [])
    misfit = found["misfit"]
    assert [single["budgets"] for single in misfit["singles"]] == [["sram"], ["flash"], ["macs"]]
    assert {single["suffices"] for single in misfit["singles"]} == {False}
    assert {single["more"] for single in misfit["singles"]} == {None}
    assert set(misfit["joint"]["more"]) == {"sram", "flash", "macs"}
    assert misfit["joint"]["proven"]
    assert misfit["weights"] == {"sram": 5, "flash": 3}
    assert misfit["shortages"][0]["kind"] == "flash"
    assert misfit["totals"] == [{"name": "macs", "needed": 911488, "limit": 5000}]


def test_stated_weights(run: Run) -> None:
    options = ("--set", "budgets.sram=5 KiB", "--set", "budgets.flash=3 KiB", "--weight", "flash=1 KiB", "--weight", "sram=2KiB")
    text = run("explain", "net.yaml", *options).stdout
    assert "weights: in steps of flash 1,024 B, sram 2,048 B together, 6 steps are needed" in text


def test_only_a_total_excludes_the_network(run: Run) -> None:
    text = run("explain", "net.yaml", "--set", "budgets.macs=5k").stdout
    assert "the network has 911,488 MACs whatever its bits, 5,000 allowed" in text
    assert "other budgets exclude it whatever the bits" in text
    assert "macs +906,488 to 911,488" in text
    assert "steps are needed" not in text


def test_bits_that_are_not_legal(run: Run) -> None:
    result = run("explain", "net.yaml", "--set", "bits.weights=[3]")
    assert result.exit_code == 1
    assert "no bits are legal for conv 'b1.1.expand'" in result.stdout
    assert "no budget helps: this is about what the runtime executes" in result.stdout


def test_a_space(run: Run, golden: Callable[[str, str], None]) -> None:
    result = run("explain", "tiny.yaml", *SMALL)
    assert (result.exit_code, result.stderr) == (0, "")
    golden("explain_space.txt", result.stdout)
    found = json.loads(run("explain", "tiny.yaml", *SMALL, "--json").stdout)
    assert found["chosen"] == "best"
    assert found["structure"]["b1"]
    assert found["space"]["bound"] >= found["score"]
    assert found["space"]["prices"]["flash"]["step"] == 1024
    assert found["space"]["prices"]["flash"]["nats"] > 0


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("explain_space_sram", ("budgets.sram=2 KiB",)),
        ("explain_space_three", ("budgets.sram=2 KiB", "budgets.flash=1 KiB", "budgets.layers=3")),
        ("explain_space_together", ("budgets.sram=5300 B", "budgets.flash=2800 B", "budgets.layers=8")),
        ("explain_space_illegal", ("bits.weights=[3]",)),
        ("explain_space_device", ("task.input=[96, 96, 3]", "device=stm32f103", "runtime=tflm", "budgets={layers: 8}")),
    ],
)
def test_a_space_in_which_nothing_fits(run: Run, golden: Callable[[str, str], None], name: str, changes: tuple[str, ...]) -> None:
    result = run("explain", "tiny.yaml", *(part for change in changes for part in ("--set", change)))
    assert (result.exit_code, result.stderr) == (1, "")
    golden(f"{name}.txt", result.stdout)


WIDE_RUNTIME = """\
kind: runtime
kernels:
  conv: {in: [8], weights: [2, 8], out: [8]}
  pool: {in: [8], out: [8]}
  dense: {in: [8], weights: [8], out: [8]}
code: {conv: 1200 - 100 * w_bits}
source: {url: "https://example.org", date: 2026-01-01}
"""
WIDE = """\
kind: study
task: {input: [16, 16, 3], classes: 2}
space:
  blocks:
    - {kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: conv, name: head, width: [60, 64], kernel: 3}
    - {kind: classifier}
runtime: ./wide_runtime.yaml
budgets: {sram: unlimited, flash: 2800 B, layers: 2}
bits: {weights: [2, 8], activations: [8]}
objective: {kind: qe}
search: {evaluations: 8}
"""


def test_a_space_of_which_nothing_is_proven(run: Run, golden: Callable[[str, str], None], tmp_path: Path) -> None:
    """Code of the kernels in use is left out of the bound: it takes structures to need too little."""
    (tmp_path / "wide_runtime.yaml").write_text(WIDE_RUNTIME)
    (tmp_path / "wide.yaml").write_text(WIDE)
    result = run("explain", "wide.yaml")
    assert (result.exit_code, result.stderr) == (1, "")
    golden("explain_space_unproven.txt", result.stdout)
    found = json.loads(run("explain", "wide.yaml", "--json").stdout)
    assert (found["proven"], found["space"]["misfit"]["proven"], found["space"]["stopped"]) == (
        False,
        False,
        "no new structure found",
    )
    flash, layers = found["space"]["misfit"]["singles"]
    assert (flash["suffices"], flash["proven"]) == (True, False)
    assert (layers["suffices"], layers["proven"]) == (False, False)


def test_multiples_that_weights_ask_for_are_proven_to_be_too_much(run: Run, tmp_path: Path) -> None:
    """60 channels are no multiple of 16, so their weights have 8 bits; the bound knows."""
    rule = 'out: [8], weight_channel_multiple: {"2": 16}}'
    (tmp_path / "wide_runtime.yaml").write_text(re.sub("code: .*\n", "", WIDE_RUNTIME).replace("out: [8]}", rule, 1))
    (tmp_path / "wide.yaml").write_text(WIDE)
    found = json.loads(run("explain", "wide.yaml", "--json").stdout)
    assert found["proven"]
    (flash,) = (single for single in found["space"]["misfit"]["singles"] if single["budgets"] == ["flash"])
    assert (flash["suffices"], flash["proven"]) == (True, True)


def test_what_explain_says_of_a_space_is_what_check_says(run: Run) -> None:
    options = ("tiny.yaml", "--set", "budgets.sram=2 KiB", "--set", "budgets.layers=4", "--json")
    result = run("explain", *options)
    found = json.loads(result.stdout)
    assert (result.exit_code, set(found)) == (1, KEYS)
    assert (found["chosen"], found["proven"], found["fits"], found["score"]) == ("least", True, False, None)
    space = found["space"]
    assert (space["stopped"], space["bound"], space["misfit"]["proven"]) == (None, None, True)
    checked = json.loads(run("check", *options).stdout)["findings"]
    assert space["misfit"]["reasons"] == [finding["text"] for finding in checked if finding["weight"] == "error"]
    assert [(floor["budget"], floor["least"], floor["proven"]) for floor in space["misfit"]["floors"]] == [
        ("sram", 5264, True),
        ("layers", 8, True),
    ]
    none = {"suffices": False, "more": None, "laid_out": False, "proven": True}
    assert space["misfit"]["singles"] == [{"budgets": [name], **none} for name in ("sram", "flash", "layers")]
    joint = space["misfit"]["joint"]
    assert joint == {
        "budgets": ["sram", "layers"],
        "suffices": True,
        "more": {"sram": 3216, "layers": 4},
        "laid_out": True,
        "proven": True,
    }
    (change,) = (finding["change"] for finding in checked if finding["change"])
    assert change == {"budgets.sram": f"{2048 + 3216} B", "budgets.layers": "8"}
    assert found["misfit"]["joint"]["more"] == joint["more"]


def test_ctrl_c_explains_the_best_so_far(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: ProgressLine, name: str, progress: Progress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressLine, "__call__", interrupt)
    result = run("explain", "tiny.yaml", "--json")
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert (found["status"], found["fits"]) == ("interrupted", True)


def test_ctrl_c_before_any_design(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("qeopt.verbs.explain"), "explore", lambda *_, **__: SearchResult(None, Stop.INTERRUPTED))
    result = run("explain", "tiny.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted before a design was found\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--weight", "srm=1KiB"), "did you mean 'sram'?"),
        (("--weight", "sram=1"), "'1' has no unit; write 1 B or 1 KiB"),
        (("--weight", "sram=1kB"), "'1kB' could mean 1,000 or 1,024 bytes"),
        (("--weight", "bitops=1M"), "the bits of this study are under no budget 'bitops'"),
        (("--set", "budgets.sram=5kB"), "'5kB' could mean 5,000 or 5,120 bytes"),
    ],
)
def test_mistakes(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run("explain", "net.yaml", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [((), 0, "hold the bits back; without "), (("--sram", "5KiB"), 1, "the least that helps: sram +")],
)
def test_an_explanation_has_a_page(run: Run, options: tuple[str, ...], code: int, said: str) -> None:
    result = run("explain", "net.yaml", *options, "--json")
    assert result.exit_code == code
    page = Path(json.loads(result.stdout)["files"]["page"])
    text = page.read_text(encoding="utf-8")
    assert said in text
    assert run("report", str(page.parent)).exit_code == 0
    assert page.read_text(encoding="utf-8") == text

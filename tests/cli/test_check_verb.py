"""`qeopt check`: any kind of file, before anything is solved."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def _findings(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith(("error: ", "warning: ", "note: "))]


def test_a_study_that_can_work(run: Run) -> None:
    result = run("check", "tiny.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("study tiny: can work\n  study tiny ")
    assert _findings(result) == [
        "note: budgets: sram 14,336 B (14.0 KiB), flash 16,384 B (16.0 KiB), layers 14",
        "note: 17,280 structures, rules between blocks aside",
        "note: the smallest structure fits",
        "note: stm32f412 finishes at most 200,000,000 MACs a second; there is no MAC budget, so designs may take longer than that",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "budgets.sram=2 KiB",
            "error: no structure of the space runs with less than 5,264 B (5.1 KiB) of SRAM, 2,048 B (2.0 KiB) are",
        ),
        ("budgets.flash=1 KiB", "error: the smallest structure does not fit: flash of the whole network: "),
        ("budgets.layers=3", "error: the smallest structure has 8 layers, 3 are allowed"),
        ("budgets.macs=10", "error: the smallest structure has "),
        ("bits.weights=[3]", "error: the runtime executes no convolution with weight bits 3"),
    ],
)
def test_what_cannot_work_is_found(run: Run, change: str, said: str) -> None:
    result = run("check", "tiny.yaml", "--set", change)
    assert result.exit_code == 1
    assert any(line.startswith(said) for line in _findings(result)), result.stdout
    found = json.loads(run("check", "tiny.yaml", "--set", change, "--json").stdout)
    assert (found["format"], found["status"]) == ("qeopt.check/1", "findings")
    assert "error" in {finding["weight"] for finding in found["findings"]}


def test_a_wider_structure_may_need_less_than_the_smallest(run: Run) -> None:
    """Kernels that want channels in multiples give the narrowest tensors only wide bits."""
    result = run("check", "vww_256k", "--set", "budgets.sram=140 KiB")
    assert result.exit_code == 0
    assert "note: the smallest structure does not fit, but one whose channels allow fewer bits does" in _findings(result)


def test_a_runtime_that_cannot_trade_sram_by_bits_says_so(run: Run) -> None:
    result = run("check", "tiny.yaml", "--runtime", "cmsis-nn")
    assert result.exit_code == 0
    assert "warning: SRAM cannot be traded by bits: of the activation bits allowed, only 8 is executed" in _findings(result)


def test_more_macs_than_the_core_can_do_are_a_warning(run: Run) -> None:
    result = run("check", "tiny.yaml", "--set", "budgets.macs=300 M")
    assert "warning: stm32f412 finishes at most 200,000,000 MACs a second, and the MAC budget allows 300,000,000" in _findings(
        result
    )


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("vww_256k", "study vww_256k: can work"),
        ("stm32f412", "device stm32f412: can work"),
        ("cmix-nn", "runtime cmix-nn: can work"),
        ("k1dwk1", "space k1dwk1: can work"),
        ("mobilenet_v2", "network mobilenet_v2: can work"),
    ],
)
def test_every_kind_of_file(run: Run, name: str, first: str) -> None:
    result = run("check", name)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, first)


def test_a_runtime_without_a_kernel_is_warned_of(run: Run, tmp_path: Path) -> None:
    kernels = "kernels: {conv: {in: [8], weights: [8], out: [8]}}"
    (tmp_path / "bare.yaml").write_text(f"kind: runtime\n{kernels}\nsource: {{url: 'https://example.org', date: 2026-01-01}}\n")
    result = run("check", "bare.yaml")
    assert "warning: there is no kernel for depthwise, dense, add, pool" in _findings(result)


def test_a_network_with_choices_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text("kind: network\nblocks: [{kind: conv, name: a, width: [8, 16]}]\n")
    result = run("check", "open.yaml")
    assert (result.exit_code, _findings(result)) == (1, ["error: a network leaves no structural choice open; this one has some"])


def test_a_design_is_verified(run: Run, tmp_path: Path) -> None:
    run("solve", "net.yaml", "--no-baselines")
    assert run("check", "runs/net/design.json").exit_code == 0
    path = tmp_path / "runs" / "net" / "design.json"
    path.write_text(path.read_text().replace('"used": 11328', '"used": 11329'))
    result = run("check", "runs/net/design.json")
    assert (result.exit_code, _findings(result)) == (1, ["error: sram: the design says 11,329, the recount 11,328"])


def test_problems_have_places_in_text_and_in_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("kind: study\ntusk: 3\n")
    result = run("check", "bad.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("bad.yaml:2:1: ")
    found = json.loads(run("check", "bad.yaml", "--json").stdout)
    assert (found["format"], found["exit_code"]) == ("qeopt.error/1", 2)
    last = found["problems"][-1]
    assert (last["file"], last["line"], last["column"]) == ("bad.yaml", 2, 1)
    assert "did you mean 'task'" in last["message"]


def test_unknown_kinds_and_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("kind: devise\n")
    assert run("check", "odd.yaml").stderr.endswith("did you mean 'device'?\n")
    assert run("check", "odd.yaml").exit_code == 2
    assert run("check", "stm32f413").stderr == "there is no file and nothing shipped named 'stm32f413'; did you mean 'stm32f412'?\n"

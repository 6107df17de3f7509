"""Options mean the same on every verb, and are named where they are wrong; help lists every verb in its panel."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.cli.study_options import OPTIONS
from qeopt.cli.verbs import HIDDEN, PANELS, VERBS

Run = Callable[..., Result]


def test_every_verb_has_a_panel_or_an_heir(run: Run) -> None:
    listed = [verb for verbs in PANELS.values() for verb in verbs]
    assert sorted([*listed, *HIDDEN]) == sorted(VERBS)
    text = run("--help").stdout
    assert all(panel in text for panel in PANELS)
    assert all(f" {verb} " in text for verb in listed)
    assert all(import_module(f"qeopt.cli.{module}").command for module in VERBS.values())


def test_options_replace_what_they_say(run: Run) -> None:
    given = ("--sram", "64 KiB", "--flash", "1 MiB", "--macs", "2,000,000", "--weight-bits", "4,8", "--activation-bits", "8")
    shown = run("show", "net.yaml", *given, "--objective", "qe", "--evaluations", "40", "--seed", "0", "--json")
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    study, limits = found["study"], found["limits"]
    assert (limits["sram"], limits["flash"], limits["macs"]) == (64 * 1024, 1024 * 1024, 2_000_000)
    assert (study["bits"]["weights"], study["bits"]["activations"]) == ([4, 8], [8])
    assert study["search"]["evaluations"] == 40


@pytest.mark.parametrize("text", ["2 M", "2M", "2_000_000", "2e6", "0.002 G"])
def test_counts_are_written_as_in_a_study(run: Run, text: str) -> None:
    found = json.loads(run("show", "net.yaml", "--macs", text, "--json").stdout)
    assert found["limits"]["macs"] == 2_000_000


@pytest.mark.parametrize("verb", ["solve", "check"])
@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--macs", "1.5"),
        ("--layers", "x"),
        ("--macs", "0"),
        ("--fps", "-1"),
        ("--latency-ms", "nan"),
        ("--seed", "-1"),
        ("--weight-bits", "2,b"),
    ],
)
def test_a_wrong_value_names_its_option(run: Run, verb: str, flag: str, text: str) -> None:
    result = run(verb, "net.yaml", flag, text)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{flag}: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_learnt_objective_is_named_by_its_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "learnt.yaml").write_text("kind: fitted\ncoefficients: {layers: -3}\n", encoding="utf-8")
    shown = run("show", "net.yaml", "--objective", "learnt.yaml", "--json")
    assert json.loads(shown.stdout)["study"]["objective"]["coefficients"] == {"layers": -3}
    missing = run("show", "net.yaml", "--objective", "learned.yaml")
    assert missing.exit_code == 2
    assert "learned.yaml" in missing.stderr


@pytest.mark.parametrize(("flag", "text"), [("--sram", "lots"), ("--runtime", "cmixnn"), ("--objective", "entropy")])
def test_a_value_that_no_study_takes_names_its_option(run: Run, flag: str, text: str) -> None:
    result = run("check", "net.yaml", flag, text)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{flag} {text}: ")


def test_the_table_is_sound() -> None:
    assert len({option.key for option in OPTIONS.values()}) == len(OPTIONS)
    assert all(option.flag == f"--{name.replace('_', '-')}" for name, option in OPTIONS.items())


def test_lists_are_filtered_and_sorted(run: Run) -> None:
    found = json.loads(run("list", "devices", "--core", "cortex-m4", "--min-sram", "128KiB", "--sort", "flash", "--json").stdout)
    rows = found["devices"]
    assert rows
    assert all(row["core"] == "cortex-m4" and row["arena_bytes"] >= 128 * 1024 for row in rows)
    sizes = [row["flash_bytes"] for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert run("list", "devices", "stm32f412").stdout.rstrip().splitlines()[-1].startswith("1 device; ")


@pytest.mark.parametrize("what", ["engines", "objectives", "exporters", "runtimes"])
def test_everything_is_listed_by_one_verb(run: Run, what: str) -> None:
    result = run("list", what)
    assert (result.exit_code, result.stderr) == (0, "")
    assert run("list", what, "--core", "x").stderr.startswith("--core, --min-sram, --min-flash, --sort: only devices have")

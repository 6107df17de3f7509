"""Tables in a terminal of 80 columns: what each verb prints, by the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Golden = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def narrow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture `run` takes the width of whoever runs the tests away first."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    "what", ["devices stm32f7", "runtimes cmix-nn", "engines", "objectives", "exporters"], ids=lambda what: what.split()[0]
)
def test_lists(run: Run, golden: Golden, what: str) -> None:
    shown = run("list", *what.split()).stdout
    assert "\x1b" not in shown  # no colours in a pipe
    golden(f"list_{what.split(maxsplit=1)[0]}_80.txt", shown)


def test_a_footer_speaks_of_columns_that_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "reserves SRAM" not in run("list", "runtimes").stdout
    monkeypatch.setenv("COLUMNS", "160")
    assert "; bits are those of convolutions, reserves SRAM + flash" in run("list", "runtimes").stdout


def test_two_designs_and_what_there_is(run: Run, golden: Golden) -> None:
    for number, sram in enumerate(("14 KiB", "16 KiB"), start=1):
        options = ["--no-pictures", "--no-baselines", "--sram", sram, "--out", f"runs/net/{number}"]
        solved = run("solve", "net.yaml", *options)
        assert solved.exit_code == 0, solved.output
    golden("compare_designs_80.txt", run("compare", "runs/net/1", "runs/net/2", "--no-pictures").stdout)
    shown = run("runs").stdout
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_sample(run: Run, golden: Golden) -> None:
    golden("sample_80.txt", run("sample", "tiny.yaml", "--n", "4", "--out", "drawn").stdout)

"""What every verb does alike: mistakes, help, colours, pipes."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.cli.verbs import VERBS
from qeopt.export import EXPORTERS

Run = Callable[..., Result]


def _plain(result: Result) -> str:
    return " ".join(result.stderr.replace("│", " ").split())


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"qeopt {version('qeopt')}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_json_and_debug(run: Run, verb: str) -> None:
    result = run(verb, "-h")
    assert result.exit_code == 0
    assert "--json" in result.stdout
    assert "--debug" in result.stdout


def test_a_mistyped_verb(run: Run) -> None:
    result = run("slolve", "net.yaml")
    assert result.exit_code == 2
    assert "Did you mean 'solve'" in _plain(result)


def test_a_mistyped_option(run: Run) -> None:
    result = run("solve", "net.yaml", "--devise", "stm32f412")
    assert result.exit_code == 2
    assert "--device" in _plain(result)


def test_what_is_missing_is_told_with_what_it_takes(run: Run) -> None:
    result = run("export", "design.json")
    assert result.exit_code == 2
    assert f"Missing option '--format'. One of {', '.join(EXPORTERS.builtin)}." in _plain(result)
    assert "Missing argument 'STUDY'. A study file, or the name of a shipped one." in _plain(run("solve"))


def test_a_number_that_is_too_small(run: Run) -> None:
    assert run("compare", "net.yaml", "--samples", "0").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("solve", "net.yamel"), "there is no study named 'net.yamel'"),
        (("solve", "vww_256"), "did you mean 'vww_256k'?"),
        (("solve", "net.yaml", "--device", "stm32f413"), "did you mean 'stm32f412'?"),
        (("solve", "net.yaml", "--runtime", "cmix_nn"), "did you mean 'cmix-nn'?"),
        (("solve", "net.yaml", "--engine", "cpsat"), "did you mean 'cp_sat'?"),
        (("solve", "net.yaml", "--set", "budgets.sramm=1"), "did you mean 'sram'?"),
        (("solve", "net.yaml", "--set", "budgets.sram=256kB"), "'256kB' could mean 256,000 or 262,144 bytes"),
        (("solve", "net.yaml", "--set", "nonsense"), "KEY=VALUE was expected"),
        (("solve", "net.yaml", "--seed", "-1"), "--seed: "),
        (("compare", "net.yaml", "--engines", "cp_sat,rato"), "did you mean 'ratio'?"),
        (("schema", "devise"), "did you mean 'device'?"),
        (("solve", "net.yaml", "--objective", "sensitivity"), "`qeopt sensitivity` writes one, and `--set 'objective={kind: "),
        (("bits", "nosuch.onnx"), "nosuch.onnx: there is no such file"),
        (("bits", "nosuch.pt"), "nosuch.pt: holds learnt values and no network that could be read"),
        (("score", "cmix-nn"), "cmix-nn: is a runtime, and `qeopt score` takes a network"),
    ],
)
def test_mistakes_are_told_in_our_own_words(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(run: Run) -> None:
    result = run("solve", "nothing.yaml", "--debug")
    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr


def test_a_folder_of_names_given_on_the_command_line(run: Run, tmp_path: Path) -> None:
    boards = tmp_path / "lib" / "devices"
    boards.mkdir(parents=True)
    (boards / "mine.yaml").write_text("kind: device\nextends: stm32f412\ntitle: Mine\n")
    assert run("check", "net.yaml", "--device", "mine").exit_code == 2
    result = run("check", "net.yaml", "--device", "mine", "--path", "lib")
    assert result.exit_code == 0
    assert "lib/devices/mine.yaml" in result.stdout


def _piped(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "qeopt", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.mark.usefixtures("run")
def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    process = _piped(tmp_path, "devices", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


@pytest.mark.usefixtures("run")
def test_a_terminal_without_unicode_gets_plain_bars(tmp_path: Path) -> None:
    out, err = _piped(tmp_path, "solve", "net.yaml", "--no-baselines", PYTHONIOENCODING="ascii", PYTHONUTF8="0").communicate(
        timeout=120
    )
    assert err == b""
    assert b"####" in out
    assert b"\\u" not in out


@pytest.mark.usefixtures("run")
def test_no_color_is_honoured(tmp_path: Path) -> None:
    coloured, _ = _piped(tmp_path, "solve", "net.yaml", "--no-baselines", FORCE_COLOR="1").communicate(timeout=120)
    plain, _ = _piped(tmp_path, "solve", "net.yaml", "--no-baselines", NO_COLOR="1").communicate(timeout=120)
    assert b"\x1b[" in coloured
    assert b"\x1b[" not in plain


def test_a_fault_of_ours_is_told_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("qeopt.cli.verify.verify", fault)
    result = run("verify", "design.json")
    assert result.exit_code == 70
    assert result.stderr == "internal error: ZeroDivisionError: oops; --debug shows where, please report it\n"


def test_ctrl_c_that_a_library_turned_into_an_error_is_still_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise TypeError("no common dtype") from error

    monkeypatch.setattr("qeopt.cli.verify.verify", fault)
    result = run("verify", "design.json")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")

"""One set of words: every verb takes an option of the house, or says which verbs do and what to do instead."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from qeopt.cli import words
from qeopt.cli.study_options import OPTIONS
from qeopt.cli.verb import Verb
from qeopt.cli.verbs import PANELS, VERBS

Run = Callable[..., Result]
LISTED = [verb for verbs in PANELS.values() for verb in verbs]
ASKED = (
    *("--sram", "--flash", "--latency-ms", "--fps", "--layers", "--macs", "--weight-bits", "--activation-bits", "--weights"),
    *("--data", "--device", "--runtime", "--objective", "--evaluations", "--no-baselines", "--no-pictures", "--seed"),
    *("--time-limit", "--out", "--json", "--quiet"),
)
OWN_HELP = {
    "--sram": {"sweep"},
    "--flash": {"sweep"},
    "--device": {"train"},
    "--weight-bits": {"sensitivity", "score"},
    "--activation-bits": {"sensitivity", "score"},
    "--seed": {"compare", "sample", "train", "tune", "sensitivity", "correlate", "fit"},
}
"""Verbs on which an option is about more, or about less, than the study: ranges, one width, other draws."""


@cache
def _options(verb: str) -> dict[str, Any]:
    alone = typer.Typer(add_completion=False)
    alone.command(verb, cls=Verb)(import_module(f"qeopt.cli.{VERBS[verb]}").command)
    return {name: one for one in typer.main.get_command(alone).params for name in one.opts if name.startswith("-")}


def _has(verb: str, word: str) -> bool:
    return word in words.EVERYWHERE or verb in words.WORDS[word]


def test_the_table_knows_every_word_and_verb() -> None:
    assert set(ASKED) <= {*words.WORDS, *words.EVERYWHERE}
    assert {option.flag for option in OPTIONS.values()} <= set(words.WORDS)
    named = {verb for verbs in words.WORDS.values() for verb in verbs} | {verb for one in words.INSTEAD.values() for verb in one}
    assert named <= set(LISTED)
    assert set(words.SYNONYMS.values()) <= {*words.WORDS, *words.EVERYWHERE}
    assert not {*words.SYNONYMS, *words.SPLIT} & {*words.WORDS, *words.EVERYWHERE}
    assert {word for split in words.SPLIT.values() for word in split} <= set(words.WORDS)


@pytest.mark.parametrize("verb", LISTED)
def test_verbs_take_what_the_table_says(verb: str) -> None:
    assert {word for word in (*words.WORDS, *words.EVERYWHERE) if word in _options(verb)} == {
        word for word in (*words.WORDS, *words.EVERYWHERE) if _has(verb, word)
    }
    assert not set(words.SYNONYMS) & {
        name for name, one in _options(verb).items() if name != "--bits" or verb not in {"score", "sample"}
    }


@pytest.mark.parametrize("word", [option.flag for option in OPTIONS.values()])
def test_an_option_of_studies_says_the_same_on_every_verb(word: str) -> None:
    verbs = set(words.WORDS[word]) - OWN_HELP.get(word, set())
    assert len({_options(verb)[word].help for verb in verbs}) == 1
    assert len({_options(verb)[word].metavar for verb in verbs}) == 1


SEVERAL = {
    "--out": {"DIR", "FILE"},
    "--sram": {"SIZE", "START:STOP:STEP"},
    "--flash": {"SIZE", "START:STOP:STEP"},
    "--weight-bits": {"BITS", "A,B,...", "N"},
    "--activation-bits": {"BITS", "A,B,...", "N"},
}
"""Options that take more than one thing: a folder or a file; budgets or ranges of them; widths, or one width to score at."""


def test_an_option_takes_the_same_on_every_verb_and_is_explained() -> None:
    taken: dict[str, set[str]] = {}
    for verb in LISTED:
        for name, one in _options(verb).items():
            if name.startswith("--") and not one.hidden:
                assert one.help, (verb, name)
                taken.setdefault(name, set()).add(one.metavar or "")
    assert {name: found for name, found in taken.items() if len(found) > 1} == SEVERAL


@pytest.mark.parametrize("verb", LISTED)
def test_where_there_is_no_such_option_the_way_is_told(run: Run, verb: str) -> None:
    for word in words.WORDS:
        if _has(verb, word):
            continue
        result = run(verb, word, "1")
        assert (result.exit_code, result.stdout) == (2, ""), (verb, word)
        assert result.stderr.startswith(f"{word}: `qeopt {verb}` takes no such option: "), result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert f"`qeopt {verb} " not in words.INSTEAD.get(word, {}).get(verb, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("solve", "net.yaml", "--ram", "9KiB"), "--ram: is called --sram here\n"),
        (("solve", "net.yaml", "--weights", "x.npz"), "`qeopt bits MODEL --objective weights` goes by those in a model\n"),
        (("solve", "net.yaml", "--data", "digits"), "`qeopt train RUN --data DATA` trains it\n"),
        (("verify", "net", "--rom", "9KiB"), "--rom (here: --flash): `qeopt verify` takes no such option: "),
        (("train", "net", "--data", "digits", "--board", "x"), "--board: is called --device here\n"),
        (("train", "net", "--data", "digits", "--calibration", "8"), "--calibration: is called --calibration-batches here\n"),
        (("export", "net", "--calibration", "mse"), "--calibration: is called --calibration-method here\n"),
        (
            ("solve", "net.yaml", "--calibration", "8"),
            "--calibration-batches: train and tune take it; --calibration-method: export takes",
        ),
        (("solve", "net.yaml", "--sram", "256"), "--sram 256: is 256 bytes; `--sram 256KiB` or `--sram '256 B'` was expected\n"),
        (
            ("net.yaml", "solve", "--sram", "9KiB"),
            "net.yaml: is no verb, and the verb comes first: `qeopt solve net.yaml --sram",
        ),
        (("list", "boards"), "'objectives' or 'exporters' was expected; did you mean 'devices'?\n"),
        (("list", "device"), "'objectives' or 'exporters' was expected; did you mean 'devices'?\n"),
        (("solve", "net.yaml", "--device", "nucleo-f412zg"), "there is no device named 'nucleo-f412zg'; did you mean 'stm32f412'?"),
        (("bits", "net.onnx", "--runtime", "cmix-nn", "--fps", "x"), "--fps: 'x' is no number above 0\n"),
        (("solve", "net.pt"), "net.pt: holds learnt values and no network that could be read"),
        (("solve", "net.onnx"), "net.onnx: is a model, and a study was expected; `qeopt bits` finds the bits of a model"),
        (("show", "net.py:make"), "net.py:make: is code; "),
    ],
)
def test_words_that_people_try(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_option_that_nobody_knows_is_still_told_with_its_neighbours(run: Run) -> None:
    result = run("verify", "net", "--jsn")
    assert result.exit_code == 2
    assert "--json" in result.stderr


def test_quiet_leaves_no_warning(run: Run) -> None:
    assert run("solve", "net.yaml", "--no-baselines", "--no-pictures", "--quiet", "--out", "out").exit_code == 0
    loud, quiet = run("export", "out", "--format", "onnx"), run("export", "out", "--format", "onnx", "--quiet", "--out", "b.onnx")
    assert loud.exit_code == quiet.exit_code == 0
    assert "warning: the weights are random" in loud.stderr
    assert quiet.stderr == ""
    assert run("export", "out", "--format", "onnx", "--out", "c.onnx").stderr == loud.stderr


def test_a_board_is_no_place_where_pytorch_computes(run: Run) -> None:
    assert run("solve", "net.yaml", "--no-baselines", "--no-pictures", "--quiet", "--out", "out").exit_code == 0
    result = run("train", "out", "--data", "digits", "--device", "stm32f412")
    assert result.exit_code == 2
    assert result.stderr.startswith("--device stm32f412: a design carries its device; --torch-device says where")


def test_bits_say_that_they_need_a_runtime(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not looked at before")
    result = run("bits", "net.onnx")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--runtime: a kernel library is needed, such as cmix-nn or qeopt-c")

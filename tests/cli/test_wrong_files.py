"""A file of the wrong kind at every verb: what it is, what was expected and who takes it, in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest
from typer.models import ArgumentInfo
from typer.testing import Result

from qeopt.cli.verbs import HIDDEN, VERBS
from qeopt.cli.wrong_file import ABOUT, TAKES

Run = Callable[..., Result]
FILES: Mapping[str, tuple[str, bytes]] = {
    "study": ("net.yaml", b""),
    "network": ("graph.yaml", b"# mine\nkind: network\n"),
    "space": ("blocks.yaml", b"kind: space\n"),
    "device": ("board.yaml", b"kind: device\n"),
    "runtime": ("kernels.yaml", b'kind: "runtime"\n'),
    "fitted": ("objective.yaml", b"kind: fitted\n"),
    "model": ("model.onnx", b"\x08\x07"),
    "design": ("design.json", b'{\n "format": "qeopt.design/1"}'),
    "run": ("run/design.json", b"{}"),
    "results": ("swept/sweep.json", b"{}"),
    "folder": ("folder/words.txt", b"hello"),
    "table": ("table.csv", b"a,b\n"),
    "page": ("report.html", b"<html>"),
    "picture": ("picture.PNG", b"\x89PNG"),
    "arrays": ("weights.npz", b"PK"),
    "empty": ("empty.yaml", b""),
    "missing": ("nothing.yaml", b""),
    "file": ("words.txt", b"hello"),
}
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "bits": ("--runtime", "cmix-nn"),
    "export": ("--format", "csv"),
    **dict.fromkeys(("train", "tune", "evaluate", "sensitivity"), ("--data", "digits")),
    "sweep": ("--sram", "8KiB"),
    **dict.fromkeys(("correlate", "fit"), ("results.csv",)),
}
NO_FILE = ("list", "new", "runs", "schema", "where")
"""Verbs that take a name or nothing."""
BY_READERS = {"missing", "file"}
"""Kinds that most readers tell better."""
FOLDERS = {"run", "results", "folder"}


def given(kind: str) -> str:
    name = FILES[kind][0]
    return name.partition("/")[0] if kind in FOLDERS else name


@pytest.fixture
def files(run: Run, tmp_path: Path) -> Run:
    for name, text in FILES.values():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if name not in {"net.yaml", "nothing.yaml"}:
            path.write_bytes(text)
    return run


def test_every_kind_and_every_verb_is_here() -> None:
    assert set(FILES) == set(ABOUT)
    assert {kind for _, kinds in TAKES.values() for kind in kinds} <= set(ABOUT)
    assert set(TAKES) == set(VERBS) - set(HIDDEN) - set(NO_FILE)
    for verb in TAKES:
        command = import_module(f"qeopt.cli.{VERBS[verb]}").command
        hints = get_type_hints(inspect.unwrap(command), include_extras=True)
        assert any(isinstance(one, ArgumentInfo) for hint in hints.values() for one in getattr(hint, "__metadata__", ()))


@pytest.mark.parametrize("verb", list(TAKES))
def test_the_verb_says_what_it_is_and_who_takes_it(verb: str, files: Run) -> None:
    wanted, kinds = TAKES[verb]
    for kind in set(FILES) - {*kinds, *BY_READERS}:
        result = files(verb, given(kind), *OPTIONS.get(verb, ()))
        assert (result.exit_code, result.stdout) == (2, ""), (kind, result.output)
        if kind in FOLDERS and "holds no design.json" in result.stderr:
            continue  # a folder where a design is asked for is told before the verb begins
        what, way = ABOUT[kind]
        said = f"is {what}, and `qeopt {verb}` takes {wanted}" + (f"; {way}" if way else "")
        assert said in " ".join(result.stderr.split())
        assert result.stderr.startswith(given(kind))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("solve graph.yaml", "graph.yaml:2:7: is a network, and"),
        ("bits vww_256k --runtime cmix-nn", "vww_256k: is a study, and"),
        ("solve stm32f412", "stm32f412: is a device, and"),
        ("compare run", "run: is the folder of a run, and `qeopt compare` takes a study, or two designs"),
        ("bits nothing.yaml --runtime cmix-nn", "nothing.yaml: is not there, and"),
        ("resume nothing", "nothing: is not there, and"),
        ("report words.txt", "words.txt: is a file, and"),
        ("fit nothing.csv results.csv", "nothing.csv: is not there, and"),
        ("solve net.yml", "there is no study file 'net.yml'; did you mean 'net.yaml'?"),
        ("sample tiny.yaml --rules exat", "--rules exat: 'exact', "),
        ("compare tiny.yaml --engines cpsat", "--engines cpsat: there is no engine 'cpsat'; "),
        ("export design.json --format onxx", "--format onxx: 'onxx' is not among the exporters; "),
        ("where picture.PNG", "picture.PNG: does not say what it is"),
        ("sensitivity nothing.json --data digits", "nothing.json: cannot be read"),
    ],
)
def test_places_and_names(arguments: str, said: str, files: Run) -> None:
    result = files(*arguments.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_json_has_the_place(files: Run) -> None:
    result = files("solve", "graph.yaml", "--json")
    assert result.exit_code == 2
    assert '"line": 2' in result.stdout
    assert '"column": 7' in result.stdout


def test_a_folder_that_holds_a_study_is_answered_with_it(run: Run) -> None:
    Path("bell").mkdir()
    Path("bell/study.yaml").write_text(Path("net.yaml").read_text())
    result = run("solve", "bell")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "bell: is a folder without a run, and `qeopt solve` takes a study; did you mean 'bell/study.yaml'?\n"

"""Python offers what the command line does, by the same functions; docs/python.md does what it says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest

import qeopt
from qeopt.cli.verbs import HIDDEN, VERBS

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "sweep": ("sweep", "frontier", "sweep_boards"),
    "compare": ("compare", "compare_runs"),
    "check": ("check_file",),
    "import": ("import_model",),
    "export": ("export_design",),
    "fit": ("fit_objective",),
    "score": ("score_network",),
    "show": ("load_study", "study_yaml"),
    "new": ("new_project",),
    "list": ("catalogue",),
    "runs": ("list_runs",),
    "report": ("write_report",),
}
"""Functions whose names are not those of their verbs."""
READS = {"load_design"}
"""What no verb is alone."""
PAGE = Path(__file__).parents[1] / "docs" / "python.md"
TAKES = "takes PyTorch"


def functions(verb: str) -> tuple[str, ...]:
    return FUNCTIONS.get(verb, (verb,))


def test_every_verb_is_a_function_and_nothing_else_is_one() -> None:
    offered = {name for name in qeopt.__all__ if name == name.lower()}
    assert offered == {name for verb in VERBS if verb not in HIDDEN for name in functions(verb)} | READS


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in HIDDEN])
def test_the_command_line_calls_the_same_function(verb: str) -> None:
    module = vars(import_module(f"qeopt.cli.{VERBS[verb]}"))
    for name in functions(verb):
        assert any(value is getattr(qeopt, name) for value in module.values()), name


@pytest.mark.parametrize("name", [name for name in qeopt.__all__ if name == name.lower()])
def test_a_function_says_what_it_takes_and_gives(name: str) -> None:
    function = getattr(qeopt, name)
    hints = get_type_hints(function, vars(import_module(function.__module__)))
    assert set(hints) == {*inspect.signature(function).parameters, "return"}
    assert inspect.getdoc(function)
    assert f"`{name}(" in PAGE.read_text(encoding="utf-8")


def run(wanted: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the blocks of the page one after the other, those that take PyTorch if they are wanted."""
    monkeypatch.chdir(folder)
    scope: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        if wanted or TAKES not in code:
            exec(compile(code, PAGE.name, "exec"), scope)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(False, tmp_path, monkeypatch)


@pytest.mark.slow
def test_the_page_runs_with_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "mlxtend", "onnx", "onnxruntime", "optuna"):
        pytest.importorskip(package)
    run(True, tmp_path, monkeypatch)

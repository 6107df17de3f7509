"""Texts in a design are data wherever they stand: none becomes code of what is exported, and none hides in it."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design, load_design
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {input: [8, 8, 3], classes: 2}
network:
  blocks:
    - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: classifier}
device: stm32f412
runtime: qeopt-c
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
search: {baselines: []}
"""
HARSH = '*/ int x; /*"""\nimport os\n# \x1b[31m\u202e</script>?>'
FORMATS = {"csv": ".csv", "c": "", "pytorch": ".py", "litert": ".json", "json": ".json"}


@pytest.fixture(scope="module")
def sound() -> Design:
    found = solve(parse(STUDY, "small.yaml")).design
    assert found is not None
    return found


def texts(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of all texts, but those that say what a kernel can do."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, str):
            yield (*place, key)
        elif isinstance(value, (dict, list)) and key != "kernels":
            yield from texts(value, (*place, key))


def with_text(data: Any, place: tuple[Any, ...], text: str) -> Any:
    changed = holder = copy.deepcopy(data)
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = text
    return changed


def written(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "design.json" and path.suffix in {".csv", ".c", ".h", ".py", ".json"}:
            yield path, path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_no_text_of_a_design_leaves_its_place(sound: Design, tmp_path: Path) -> None:
    data, exported = sound.model_dump(mode="json"), 0
    for number, place in enumerate(texts(data)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "design.json").write_text(json.dumps(with_text(data, place, HARSH)), encoding="utf-8")
        for file_format, suffix in FORMATS.items():
            out = folder / f"{file_format}{suffix}"
            told = CliRunner().invoke(app, ["export", str(folder / "design.json"), "--format", file_format, "--out", str(out)])
            assert told.exit_code in {0, 2}, (place, told.stderr)
            exported += told.exit_code == 0
        for path, text in written(folder):
            assert not {"\x1b", "\u202e"} & set(text), (place, path)
            assert path.suffix not in {".c", ".h"} or "*/ int x" not in text, (place, path)
            assert not re.search("^import os$", text, re.MULTILINE), (place, path)
            if path.suffix == ".py":
                ast.parse(text)
    assert exported > 50


def test_a_version_is_no_program(sound: Design, tmp_path: Path) -> None:
    data = with_text(sound.model_dump(mode="json"), ("provenance", "versions", "qeopt"), HARSH)
    (tmp_path / "design.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(SpecError, match=r"provenance\.versions"):
        load_design(tmp_path / "design.json")


def test_a_design_may_not_say_what_made_it(sound: Design, tmp_path: Path) -> None:
    data = sound.model_dump(mode="json")
    del data["provenance"]["versions"]["qeopt"]
    path = tmp_path / "design.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert load_design(path).provenance.made_by == "of unknown version"
    told = CliRunner().invoke(app, ["export", str(path), "--format", "c", "--out", str(tmp_path / "exported")])
    assert told.exit_code == 0, told.stderr

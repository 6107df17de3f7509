"""The pages of reference that are made of schemas and help: every key, every verb and every option is there."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import PANELS, app
from qeopt.study.file_kinds import KINDS


@pytest.fixture(scope="module")
def reference(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", repository / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(page: str, heading: str) -> str:
    """A page from one heading to the next of its level or above."""
    level = heading.split(" ", maxsplit=1)[0]
    text = page.split(f"\n{heading}\n")[1]
    return re.split(rf"\n#{{1,{len(level)}}} ", text)[0]


def test_keys_of_files(reference: ModuleType) -> None:
    page = reference.files_page()
    for name, kind in KINDS.items():
        told = section(page, f"## Files of the kind `{name}`")
        for key, field in kind.model.model_fields.items():
            assert f"| `{field.alias or key}` |" in told or name == "network", (name, key)
    study = section(page, "## Files of the kind `study`")
    assert "| `budgets` | [Budgets](#budgets) | its defaults | What a design may use at most. |" in study
    assert "| `gap` | number >= 0 | `0.0002` |" in section(page, "### SearchSettings")
    headings = [line.split(" ", maxsplit=1)[1].lower() for line in page.splitlines() if line.startswith("### ")]
    kinds = {f"files-of-the-kind-{name}" for name in KINDS}
    places = [re.sub(r"\W+", "-", heading).strip("-") for heading in headings]
    assert len(places) == len(set(places))
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) - kinds == set(places)  # every block that is spoken of is told, once
    assert "| `url` |" in section(page, "### Source (hardware)")  # two things of one name
    assert "| `state` |" in section(page, "### Source (network)")
    assert all(row.count(" | ") == 3 for row in page.splitlines() if row.startswith("| `"))


@pytest.mark.parametrize("verb", [verb for verbs in PANELS.values() for verb in verbs])
def test_options_of_verbs(reference: ModuleType, verb: str) -> None:
    told = section(reference.verbs_page(), f"### {verb}")
    shown = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"}).stdout
    options = {option for option in re.findall(r"--[a-z0-9][a-z0-9-]*", shown) if option in re.sub(r"\[env.*?\]", "", shown)}
    assert options
    assert {option for option in options if option not in told} == set()

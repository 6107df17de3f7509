"""The code on the pages about engines runs, and following "add an engine" adds one."""

import re
from pathlib import Path

import pytest

from qeopt_solvers import AllocationProblem, Choice, Limits, Row, Scope, Term, table
from qeopt_solvers.solve import solve
from qeopt_solvers.testing.contract import EngineContract

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the page says: the module, and the entry point in the metadata that an installer would write."""
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "my_engine.py").write_text(blocks("add-an-engine.md", "python")[0], encoding="utf-8")
    entry = re.search(r'^(\w+) = "(.*)"$', blocks("add-an-engine.md", "toml")[0], re.MULTILINE)
    assert entry is not None
    metadata = tmp_path / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[{table.GROUP}]\n{entry[1]} = {entry[2]}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("added")
def test_following_the_page_adds_an_engine() -> None:
    assert "my_engine" in table.names()
    row = Row("sum", "flash", "B", Scope.TOTAL, 5, (Term(0, (1, 2)), Term(1, (1, 5))))
    problem = AllocationProblem((Choice("a", (2, 4), (3, 2)), Choice("b", (2, 4), (1, 9))), rows=(row,))
    assert table.load("my_engine")(problem, Limits()).value == 4
    assert solve(problem, "my_engine").engine == "my_engine"


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize("test", [name for name in dir(EngineContract) if name.startswith("test_")])
def test_the_added_engine_keeps_the_contract(test: str) -> None:
    class Added(EngineContract):
        name = "my_engine"
        count = 30

    getattr(Added(), test)()


def test_the_page_about_engines_runs() -> None:
    for block in blocks("engines.md", "python"):
        exec(compile(block, "engines.md", "exec"), {})


def test_the_page_about_engines_names_them_all() -> None:
    page = (DOCS / "engines.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in table.ENGINES)

"""Following the pages adds a part of each kind, of one file, and each keeps its contract."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from qeopt.report.catalogue import objectives
from qeopt.report.counted import Counted
from qeopt.report.judgement import judgement
from qeopt.report.words import space_proof
from qeopt.score import OBJECTIVES
from qeopt.search.island import advance
from qeopt.spec.errors import PluginError, SpecError
from qeopt.spec.plugins import installed_parts, naming_plugins
from qeopt.study.load import load_study
from qeopt.verbs.boards import answer
from qeopt.verbs.solve import solve

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "add-a-budget.md",
    "add-an-objective.md",
    "add-a-block.md",
    "add-a-mutation.md",
    "add-an-exporter.md",
    "add-an-importer.md",
)
STUDY = """\
kind: study
task: {{input: [32, 32, 3], classes: 2}}
space:
  blocks:
    - {{kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: {block}, name: b1, stride: 2, width: [8, 16, 32], kernel: [3, 5], ratio: [1.5, 2], units: [1, 2]}}
    - {{kind: conv, name: head, width: [32, 64]}}
    - {{kind: classifier}}
runtime: ideal
budgets: {{layers: 12, sram: 16 KiB, flash: 24 KiB{budgets}}}
bits: {{weights: [2, 4, 8], activations: [2, 4, 8]}}
objective: {{kind: {objective}}}
search: {{evaluations: 120, baselines: [], mutations: [{mutations}]}}
"""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def install(page: str, folder: Path) -> str:
    """Do what a page says: the module, and the entry point in the metadata that an installer would write. Return the module."""
    entry = re.search(r'\[project\.entry-points\."([^"]+)"\]\n(\w+) = "([\w.]+):(\w+)"', blocks(page, "toml")[0])
    assert entry is not None
    group, name, module, attribute = entry.groups()
    install_module(folder, group, name, f"{module}:{attribute}", blocks(page, "python")[0])
    return module


def install_module(folder: Path, group: str, name: str, target: str, code: str) -> None:
    """Put the code of an entry point into a package, with the metadata that an installer would write."""
    module, _, attribute = target.partition(":")
    package, file = module.split(".")
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    (folder / package / f"{file}.py").write_text(code, encoding="utf-8")
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:{attribute}\n", encoding="utf-8")


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    def add(page: str) -> str:
        module = install(page, tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        installed_parts.cache_clear()
        return module

    yield add
    monkeypatch.undo()
    installed_parts.cache_clear()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_adds_keeps_the_contract_that_it_shows(page: str, added: Callable[[str], str]) -> None:
    module = added(page)
    scope: dict[str, Any] = {**vars(import_module(module)), "__name__": "mine"}
    exec(compile(blocks(page, "python")[1], page, "exec"), scope)
    contract = scope["TestMine"]
    tests = [name for name in dir(contract) if name.startswith("test_")]
    assert len(tests) >= 4
    for name in tests:
        getattr(contract(), name)()


def asked_outside(folder: Path, study: str) -> Any:
    """What every room says of a study whose budget is installed in `folder`, asked by a program of its own."""
    (folder / "study.yaml").write_text(study, encoding="utf-8")
    path = os.pathsep.join([str(folder), *sys.path])
    told = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "outside.py"), str(folder / "study.yaml"), str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_a_budget_from_outside_enters_every_room(tmp_path: Path) -> None:
    install("add-a-budget.md", tmp_path)
    study = STUDY.format(block="k1dwk1", objective="qe", mutations="width, kernel", budgets=", weight_reads: 300 k")
    said = asked_outside(tmp_path, study)
    assert said["limit"] == 300_000
    assert said["use"]["limit"] == 300_000
    assert 0 < said["use"]["used"] <= 300_000
    assert said["mismatches"] == []
    assert said["price"] > 0, "the bound pays for it"
    assert said["space_bound"] == pytest.approx(said["bound"], rel=1e-8)
    assert "weight_reads" in said["explained"]
    assert "weight_reads" in said["priced"]
    assert all(used is None or used <= limit for used, limit in zip(said["swept"], said["limits"], strict=True))
    assert said["swept"][1] is not None
    assert any("bits of weights read" in text for text in said["checked"])
    assert said["about"] == "Bits of weights that are read in one inference."


def test_a_score_that_does_not_add_up_is_searched_without_a_bound(tmp_path: Path, added: Callable[[str], str]) -> None:
    added("add-an-objective.md")
    assert "per_layer" in OBJECTIVES.names()
    study = STUDY.format(block="k1dwk1", objective="per_layer", mutations="width, kernel, ratio, units", budgets="")
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    assert design.bound is None
    assert space_proof(design) == "space: no bound: the objective does not add up"
    assert judgement(Counted.of_design(design), design) == (), "a mean over layers does not grow with depth"
    network = design.network()
    plain = load_study(tmp_path / "study.yaml", overrides=["objective=qe"]).value
    refined = plain.refiner.refine(network)
    assert refined.score is not None
    assert design.score == pytest.approx(refined.score / network.layers)


OBJECTIVE = """
import math
from typing import Literal
from qeopt.score.qe import QEScore


class Mine(QEScore):
    kind: Literal["mine"] = "mine"
{body}
"""
NOT_ADDITIVE = "is_additive = property(lambda self: False)\n    "
BROKEN = {
    "def op_gain(self, op): return math.nan": "gives terms that are no finite numbers",
    "def weight_gain(self, op, bits): return math.inf": "gives terms that are no finite numbers",
    "def op_gain(self, op): raise RuntimeError('oops')": "fails with RuntimeError: oops",
    "def whole(self, network, total): return total / network.layers": "says that its terms add up",
    f"{NOT_ADDITIVE}def whole(self, network, total): return -total": "makes less of a greater sum",
    f"{NOT_ADDITIVE}def whole(self, network, total): return math.nan": "makes scores of its terms that are no finite numbers",
}


@pytest.mark.parametrize(("body", "said"), BROKEN.items(), ids=[f"{number}" for number in range(len(BROKEN))])
def test_an_objective_that_breaks_its_promises_is_refused_by_name(
    body: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = f"broken_{list(BROKEN).index(body)}"  # a module is imported once
    install_module(tmp_path, "qeopt.objectives", "mine", f"{package}.score:Mine", OBJECTIVE.format(body=f"    {body}"))
    installed_parts.cache_clear()
    study = STUDY.format(block="k1dwk1", objective="mine", mutations="width, kernel", budgets="")
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    try:
        with pytest.raises(SpecError, match=r"study\.yaml:\d+") as told:
            load_study(tmp_path / "study.yaml")
    finally:
        installed_parts.cache_clear()
    assert f"the plug-in 'mine' {said}" in str(told.value)


MUTATION = "def mutate(genome, places, rng):\n    return 1 // 0\n"
READER = "def read(path, options, *, values=False):\n    return {}['layers']\n"
WRITER = """
from typing import ClassVar, Literal
from qeopt.spec.model import Block


class Mine(Block):
    SUFFIX: ClassVar[str] = ".mine"
    kind: Literal["mine"] = "mine"

    def export(self, design, out):
        raise RuntimeError("two\\nlines")
"""


def failing_page(page: str, folder: Path, after: str, error: str) -> None:
    """Install what a page says, with a function that fails."""
    file = folder / f"{install(page, folder).replace('.', '/')}.py"
    before, name, rest = file.read_text(encoding="utf-8").partition(after)
    assert name
    file.write_text(f"{before}{name}{rest.replace('    return ', f'    raise {error}  # ', 1)}", encoding="utf-8")


FAILING: dict[str, tuple[str, str]] = {
    "mutation": ("solve study.yaml", "'trade' of qeopt.mutations (mine.part:mutate) fails with ZeroDivisionError"),
    "budget": ("check study.yaml", "'weight_reads' of qeopt.budgets (my_budgets.reads:WEIGHT_READS) fails with TypeError: oops"),
    "block": ("check study.yaml", "'fused_mbconv' of qeopt.blocks (my_blocks.fused:FusedMBConv) fails with KeyError: 'oops'"),
    "importer": ("bits m.mine --runtime ideal", "'mine' of qeopt.importers (mine.part:read) fails with KeyError: 'layers'"),
    "exporter": (
        "export design.json --format mine",
        "'mine' of qeopt.exporters (mine.part:Mine) fails with RuntimeError: two lines",
    ),
}
"""By kind, what is typed and what is said."""


@pytest.mark.parametrize("kind", FAILING)
def test_a_plug_in_that_fails_is_named(kind: str, tmp_path: Path) -> None:
    typed, said = FAILING[kind]
    block, budget, mutations = "k1dwk1", "", "width"
    match kind:
        case "mutation":
            install_module(tmp_path, "qeopt.mutations", "trade", "mine.part:mutate", MUTATION)
            mutations = "width, trade"
        case "budget":
            failing_page("add-a-budget.md", tmp_path, "def ", "TypeError('oops')")
            budget = ", weight_reads: 300 k"
        case "block":
            failing_page("add-a-block.md", tmp_path, "def cell(", "KeyError('oops')")
            block = "fused_mbconv"
        case "importer":
            install_module(tmp_path, "qeopt.importers", "mine", "mine.part:read", READER)
            (tmp_path / "m.mine").write_text("layers", encoding="utf-8")
        case "exporter":
            install_module(tmp_path, "qeopt.exporters", "mine", "mine.part:Mine", WRITER)
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(block=block, objective="qe", mutations=mutations, budgets=budget), encoding="utf-8")
    if kind == "exporter":
        design = solve(study, overrides=["search.evaluations=4"]).design
        assert design is not None
        design.save(tmp_path / "design.json")
    told = subprocess.run(
        [sys.executable, "-m", "qeopt", *typed.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2, told.stderr
    assert f"the plug-in {said}" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_a_failing_plug_in_is_named_before_its_traceback_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install_module(tmp_path, "qeopt.mutations", "trade", "lost.part:mutate", MUTATION)
    move = import_module("lost.part").mutate
    with pytest.raises(PluginError, match=r"the plug-in 'trade' of qeopt\.mutations") as told, naming_plugins():
        move(None, None, None)
    assert isinstance(told.value.__cause__, ZeroDivisionError)
    with pytest.raises(ValueError, match="ours"), naming_plugins():
        raise ValueError("ours")
    for carried in (advance, answer):
        assert hasattr(carried, "__wrapped__"), "both run in other processes"


def test_a_plug_in_that_cannot_be_loaded_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install_module(tmp_path, "qeopt.objectives", "ghost", "ghostly.score:Missing", "")
    installed_parts.cache_clear()
    try:
        found = objectives()
    finally:
        installed_parts.cache_clear()
    assert {"qe", "fitted", "sensitivity"} <= {row["name"] for row in found.rows}
    assert any("ghost" in text for text in found.broken)


def test_a_compound_move_and_a_block_from_outside_are_searched(tmp_path: Path, added: Callable[[str], str]) -> None:
    added("add-a-block.md")
    added("add-a-mutation.md")
    study = STUDY.format(block="fused_mbconv", objective="qe", mutations="trade, width", budgets="")
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    assert design.bound is not None
    assert any(name.endswith(".fused") for name in design.weights)


def test_a_maximum_from_outside_is_kept_and_named_as_left_out(tmp_path: Path) -> None:
    """The most that one operator may read: a row for each in the integer program, and none of the bound's business."""
    module = install("add-a-budget.md", tmp_path)
    file = tmp_path / f"{module.replace('.', '/')}.py"
    file.write_text(file.read_text(encoding="utf-8").replace("Kind.SUM", "Kind.PEAK"), encoding="utf-8")
    said = asked_outside(
        tmp_path, STUDY.format(block="k1dwk1", objective="qe", mutations="width, kernel", budgets=", weight_reads: 30 k")
    )
    assert 0 < said["use"]["used"] <= 30_000
    assert said["use"]["used"] == said["most"]
    assert said["mismatches"] == []
    assert said["price"] is None
    assert "the most that any operator may cost: weight_reads" in said["left_out"]
    assert all(used is None or used <= limit for used, limit in zip(said["swept"], said["limits"], strict=True))

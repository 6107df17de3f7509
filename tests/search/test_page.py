"""The page on the search: its list of settings is whole, and states the defaults; its examples run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from qeopt.search.mutations import Move
from qeopt.search.settings import SearchSettings
from qeopt.spec.model import build
from qeopt.testing.mutations import MutationContract

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
MOVES, WORKERS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def moves() -> dict[str, Any]:
    """What the example of a mutation and a crossover defines."""
    scope: dict[str, Any] = {}
    exec(compile(MOVES, "search.md", "exec"), scope)
    return scope


def test_the_page_states_every_setting_with_its_default() -> None:
    (listed,) = re.findall(r"```yaml\n(search:.*?)```", PAGE, re.DOTALL)
    stated = YAML(typ="safe").load(listed)["search"]
    assert build(SearchSettings, stated) == SearchSettings()
    assert stated.keys() == SearchSettings.model_fields.keys()


class TestMutationOfThePage(MutationContract):
    """The example keeps the contract."""

    def move(self) -> Move:
        found: Move = moves()["mutate"]
        return found


def test_the_crossover_of_the_page_takes_every_gene_from_one_of_two() -> None:
    rng, mixed = np.random.default_rng(0), False
    for genome, places in MutationContract().populations():
        first, second = (places[rng.permutation(len(places))] for _ in range(2))
        children = moves()["cross"](genome, first, second, rng)
        assert ((children == first) | (children == second)).all()
        assert (genome.follow_rules(children) | ~genome.follow_rules(first)).all()
        mixed |= bool(((children != first).any(axis=1) & (children != second).any(axis=1)).any())
    assert mixed


@pytest.mark.slow
def test_the_example_with_workers_runs(tmp_path: Path) -> None:
    less = WORKERS.replace('"search.islands=4"', '"search.islands=4", "search.evaluations=64", "search.baselines=[]"')
    assert less != WORKERS
    script = tmp_path / "script.py"
    script.write_text(f"{less}    print(solution.design.score)\n", encoding="utf-8")
    ran = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) > 0
    assert (tmp_path / "runs" / "mine" / "state").is_dir()

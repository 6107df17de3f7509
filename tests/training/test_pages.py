"""docs/training.md does what it says; the study of docs/truth.md is made again from its committed rows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app


def test_the_tables_are_made_from_the_committed_rows(repository: Path) -> None:
    script = repository / "benchmarks" / "truth" / "tables.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=600, check=True)
    rows = (repository / "benchmarks" / "truth" / "results.csv").read_text().splitlines()
    assert done.stdout.startswith(f"{len(rows) - 1} runs, ")
    assert "### R, the rate: 6 of 6 runs" in done.stdout
    held_out = [row.split(",") for row in rows if row.startswith("R,")]
    assert len(held_out) == 6
    assert all(f"{100 * float(row[7]):.2f}" in done.stdout for row in held_out)
    page = (repository / "docs" / "truth.md").read_text(encoding="utf-8")
    for table in re.findall(r"^\| Rate .*?(?=\n\n)", done.stdout, flags=re.DOTALL | re.MULTILINE):
        assert table in page


def test_every_design_of_the_study_fits_its_budgets(repository: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'benchmarks/truth')\n"
        "from space import read_designs\n"
        "for name, kept in read_designs().items():\n"
        "    design = kept.design()\n"
        "    over = [use for use, found in design.uses.items() if found.limit is not None and found.used > found.limit]\n"
        "    assert not over, (name, over)\n"
        "    assert kept.study != 'fashion' or design.network().layers in {8, 11, 14, 17, 20}\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repository, timeout=600, check=True)


@pytest.mark.slow
def test_the_commands_of_the_page_run(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "mlxtend", "onnxruntime", "optuna"):
        pytest.importorskip(package)
    sys.modules["torch"].set_num_threads(1)
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    (study,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (commands,) = re.findall(r"```\n(qeopt solve.*?)```", page, flags=re.DOTALL)
    (tmp_path / "digits.yaml").write_text(study, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for line in commands.splitlines():
        result = CliRunner().invoke(app, line.split()[1:])
        assert result.exit_code == 0, (line, result.output)
    assert len(json.loads((tmp_path / "digits" / "tune" / "tune.json").read_text())["trials"]) == 4
    record = json.loads((tmp_path / "trained" / "train.json").read_text())
    assert record["accuracy"] > 0.6
    assert abs(record["accuracy"] - record["accuracy_pytorch"]) <= 0.001 + 1e-9
    assert abs(record["accuracy"] - record["accuracy_onnxruntime"]) <= 0.001 + 1e-9

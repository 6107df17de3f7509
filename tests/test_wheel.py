"""The wheel: what it holds, and that it works where the repository is not."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_holds_both_packages_and_every_spec(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    specs = {
        f"qeopt/_specs/{path.relative_to(ROOT / 'specs').as_posix()}" for path in (ROOT / "specs").rglob("*") if path.is_file()
    }
    assert specs <= names
    assert {"qeopt/py.typed", "qeopt_solvers/py.typed", "qeopt/verbs/solve.py", "qeopt_solvers/engines/cp_sat.py"} <= names
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"qeopt", "qeopt_solvers"}


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_every_dependency_is_listed_with_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(entry for name in extras if name not in {"dev", "docs"} for entry in extras[name])]
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    names = {re.split(r"[<>=!~; \[]", entry)[0] for entry in wanted} - {"qeopt"}
    assert sorted(name for name in names if not re.search(rf"\b{re.escape(name)}\b", page)) == []


def test_solvers_is_a_source_root_and_no_package() -> None:
    assert not (ROOT / "solvers" / "__init__.py").exists()


@pytest.mark.slow
def test_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Beside folders and modules of a user's own that have the names of ours."""
    venv.create(tmp_path / "venv", with_pip=True)
    folder = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([folder / "python", "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    for name in ("solvers.py", "specs.py", "tests.py"):
        (tmp_path / name).write_text("raise RuntimeError('a file of the user, not ours')\n")
    solve = [str(folder / "qeopt"), "solve", "vww_256k", "--set", "search.evaluations=64", "--no-baselines"]
    done = subprocess.run(solve, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "optimal for this structure" in done.stdout
    devices = subprocess.run(
        [folder / "python", "-m", "qeopt", "devices"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "stm32f412" in devices.stdout

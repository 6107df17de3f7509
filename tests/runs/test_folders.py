"""Folders that people cannot lose: ten accidents."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.runs import RunFolderError, design_in, open_run, run_in, runs_below
from qeopt.runs.lock import NAME, LockedError, hold
from qeopt.spec.errors import SpecError

HOLDER = """
import sys, time
from pathlib import Path
from qeopt.runs.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ended() -> Callable[..., Path]:
    """Makes a run that ends with a design called `name`."""

    def make(name: str, out: Path | None = None) -> Path:
        with open_run(out, name) as folder:
            (folder / "design.json").write_text(json.dumps({"name": name, "folder": str(folder)}))
        return folder

    return make


def test_runs_of_a_study_are_numbered_and_the_latest_is_known(ended: Callable[..., Path]) -> None:
    folders = [ended("vww") for _ in range(3)]
    assert [folder.as_posix() for folder in folders] == ["runs/vww/1", "runs/vww/2", "runs/vww/3"]
    assert Path("runs/vww/latest").resolve() == folders[-1].resolve()
    assert design_in(Path("vww")).samefile(folders[-1] / "design.json")
    assert design_in(Path("runs/vww")).samefile(folders[-1] / "design.json")
    assert design_in(Path("runs/vww/2")).samefile(folders[1] / "design.json")
    assert runs_below(Path("runs")) == folders


def test_a_run_that_fails_is_not_the_latest_and_keeps_its_number(ended: Callable[..., Path]) -> None:
    first = ended("vww")
    with pytest.raises(KeyboardInterrupt), open_run(None, "vww") as folder:
        raise KeyboardInterrupt
    assert folder.name == "2"
    assert design_in(Path("vww")).samefile(first / "design.json")
    assert run_in(Path("vww")) == Path("runs/vww/2")
    Path("vww").mkdir()
    Path("vww/study.yaml").write_text("kind: study")  # `qeopt new vww` made it: the name still means the runs
    assert design_in(Path("vww")).samefile(first / "design.json")
    assert run_in(Path("vww")) == Path("runs/vww/2")
    assert ended("vww").name == "3"


def test_an_earlier_run_is_never_written_over(ended: Callable[..., Path]) -> None:
    folder = ended("vww", Path("mine"))
    before = (folder / "design.json").read_text()
    with pytest.raises(RunFolderError, match="holds the results of an earlier run"), open_run(Path("mine"), "other"):
        raise AssertionError("was opened")
    assert (folder / "design.json").read_text() == before


def test_foreign_files_stay_as_they_are(ended: Callable[..., Path]) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("precious")
    ended("vww", Path("mine"))
    assert Path("mine/notes.txt").read_text() == "precious"
    Path("runs/other/latest").mkdir(parents=True)
    Path("runs/other/latest/notes.txt").write_text("precious")
    ended("other")
    assert Path("runs/other/latest/notes.txt").read_text() == "precious"


def test_a_file_in_the_way_is_told(ended: Callable[..., Path]) -> None:
    Path("runs").write_text("a file")
    with pytest.raises(SpecError, match="cannot write here"):
        ended("vww")
    assert Path("runs").read_text() == "a file"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_nowhere_is_told_and_not_followed(ended: Callable[..., Path]) -> None:
    Path("victim").write_text("precious")
    Path("mine").mkdir()
    (Path("mine") / NAME).symlink_to("../victim")
    with pytest.raises(SpecError, match="cannot write here"):
        ended("vww", Path("mine"))
    assert Path("victim").read_text() == "precious"


def test_a_folder_has_one_process_and_the_second_is_told_which() -> None:
    Path("mine").mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, "mine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(RunFolderError, match=f"mine: process {holder.pid} on .* is running here"), open_run(Path("mine"), "x"):
        raise AssertionError("was opened")
    holder.kill()  # nothing of the lock but its file is left
    holder.communicate()
    assert Path("mine", NAME).exists()
    with open_run(Path("mine"), "x") as folder:
        assert folder == Path("mine")
    assert not Path("mine", NAME).exists()


def test_a_lock_is_held_once_in_a_process_too() -> None:
    with hold(Path()), pytest.raises(LockedError, match=f"process {os.getpid()}"), hold(Path()):
        raise AssertionError("was held twice")


def test_many_that_begin_at_once_get_a_folder_each() -> None:
    script = "from qeopt.runs import open_run\nwith open_run(None, 'vww') as folder: print(folder.name)"
    begun = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    numbers = sorted(int(process.communicate()[0]) for process in begun)
    assert numbers == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["../../etc", "..", "/etc", ".hidden", "a/b", "", "con\x1b[31m", "x" * 300])
def test_no_name_leads_out_of_the_folder_of_runs(name: str, ended: Callable[..., Path]) -> None:
    folder = ended(name)
    assert folder.resolve().parent.parent == Path("runs").resolve()


def test_a_mistyped_name_is_answered_with_the_nearest(ended: Callable[..., Path]) -> None:
    ended("vww_256k")
    with pytest.raises(SpecError, match=r"no such design.*did you mean 'vww_256k'"):
        design_in(Path("vww_265k"))
    Path("empty").mkdir()
    with pytest.raises(SpecError, match=r"empty: holds no design\.json"):
        design_in(Path("empty"))

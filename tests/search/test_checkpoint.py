"""A run that was killed, interrupted or changed. About 12 seconds, and an hour for what is marked long."""

from __future__ import annotations

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qeopt.cli.verb import BAD_USAGE
from qeopt.runs import ResumeError
from qeopt.search import Progress
from qeopt.search.checkpoint import CheckpointError
from qeopt.spec.errors import SpecError
from qeopt.study.differences import differences
from qeopt.verbs.solve import Solution, resume, solve

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from small_search import STUDY, write_study  # type: ignore[import-not-found]  # beside this file

WRITES = 10
"""Writes of journals in the run that is killed: two searches, each with a header and one line per round."""


def drive(verb: str, study: Path, run: Path, out: Path, *kill: str, hash_seed: str = "0") -> int:
    command = [sys.executable, str(HERE / "kill_driver.py"), verb, str(study), str(run), str(out), *kill]
    return subprocess.run(command, check=False, env={**os.environ, "PYTHONHASHSEED": hash_seed}).returncode


def saved(solution: Solution, path: Path) -> bytes:
    assert solution.design is not None
    solution.design.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def uninterrupted(study: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("uninterrupted")
    return saved(solve(study, run_dir=folder), folder / "design.json")


def check_killed(study: Path, tmp_path: Path, seed: int, uninterrupted: bytes) -> None:
    """Kill a run at one to three random moments, resume it each time, and compare its end."""
    rng = random.Random(seed)
    run, out = tmp_path / "run", tmp_path / "design.json"
    verb, left = "solve", WRITES
    for _ in range(rng.randint(1, 3)):
        if left == 0:
            break
        write, moment = rng.randrange(left), rng.choice(["before", "amid", "after"])
        assert drive(verb, study, run, out, str(write), moment) == -signal.SIGKILL
        assert not out.exists()
        verb = "resume"
        left -= write + (moment == "after")
    assert drive("resume", study, run, out) == 0
    assert out.read_bytes() == uninterrupted


@pytest.mark.parametrize("seed", range(2))
def test_killed_runs_end_as_if_uninterrupted(study: Path, uninterrupted: bytes, tmp_path: Path, seed: int) -> None:
    check_killed(study, tmp_path, seed, uninterrupted)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_a_hundred_killed_runs_end_as_if_uninterrupted(study: Path, uninterrupted: bytes, tmp_path: Path, seed: int) -> None:
    check_killed(study, tmp_path, seed, uninterrupted)


def check_pair(study: Path, folder: Path, seed: int, uninterrupted: bytes) -> int:
    """Two processes at a time in one folder, each killed at a random moment, until there is a design; how many were killed."""
    rng, run, killed = random.Random(seed), folder / "run", 0
    while not (run / "design.json").exists():
        verb = "resume" if (run / "state" / "request.json").exists() else "solve"
        moments = [(rng.randrange(WRITES), rng.choice(["before", "amid", "after"])) for _ in range(2)]
        pair = [start(verb, study, run, str(write), moment) for write, moment in moments]
        for process in pair:
            _, said = process.communicate()
            killed += process.returncode == -signal.SIGKILL
            if process.returncode != -signal.SIGKILL:
                refused = "is running here" in said or "holds the results of an earlier run" in said
                assert process.returncode == (BAD_USAGE if refused else 0), said
    assert (run / "design.json").read_bytes() == uninterrupted
    journals = [(run / "state" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines() for name in ("study", "eight_bits")]
    assert sum(map(len, journals)) == WRITES, "every round stands there once"
    return killed


def start(verb: str, study: Path, run: Path, *kill: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "kill_driver.py"), verb, str(study), str(run), "-", *kill]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_in_one_folder_that_are_killed_lose_and_mix_nothing(
    study: Path, uninterrupted: bytes, tmp_path: Path
) -> None:
    killed = 0
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        killed += check_pair(study, tmp_path / str(seed), seed, uninterrupted)
    assert killed > 2


@pytest.mark.long
def test_a_hundred_kills_of_two_processes_in_one_folder(study: Path, uninterrupted: bytes, tmp_path: Path) -> None:
    killed, seed = 0, 1000
    while killed < 100:
        (tmp_path / str(seed)).mkdir()
        killed += check_pair(study, tmp_path / str(seed), seed, uninterrupted)
        seed += 1


def test_hash_seed_changes_nothing(study: Path, uninterrupted: bytes, tmp_path: Path) -> None:
    assert drive("solve", study, tmp_path / "run", tmp_path / "design.json", hash_seed="12345") == 0
    assert (tmp_path / "design.json").read_bytes() == uninterrupted


def test_the_kill_driver_covers_the_run(study: Path, uninterrupted: bytes, tmp_path: Path) -> None:
    lines = 0
    solve(study, run_dir=tmp_path)
    for name in ("study", "eight_bits"):
        lines += len((tmp_path / "state" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    assert lines == WRITES


def test_interrupted_run_keeps_its_best_and_goes_on(study: Path, uninterrupted: bytes, tmp_path: Path) -> None:
    def interrupt(name: str, progress: Progress) -> None:
        if (name, progress.generation) == ("study", 4):
            raise KeyboardInterrupt

    first = solve(study, run_dir=tmp_path, report=interrupt)
    assert first.interrupted
    assert first.design is not None
    assert first.design.stopped == "interrupted"
    second = resume(tmp_path)
    assert saved(second, tmp_path / "design.json") == uninterrupted
    history = second.histories["study"]
    assert [progress.generation for progress in history] == sorted({progress.generation for progress in history})
    seconds = [progress.seconds for progress in history]
    assert seconds == sorted(seconds)
    rows = (tmp_path / "history.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("search,generation,evaluations,feasible,refined,best_score,bound,seconds")
    assert len(rows) == WRITES - 1  # headers of journals are no rows; the table has its own


def test_a_finished_run_is_not_searched_again(study: Path, uninterrupted: bytes, tmp_path: Path) -> None:
    solve(study, run_dir=tmp_path)
    reports: list[str] = []
    again = resume(tmp_path, report=lambda name, progress: reports.append(name))
    assert saved(again, tmp_path / "design.json") == uninterrupted
    assert reports == []


def test_changed_study_is_refused_with_what_changed(tmp_path: Path) -> None:
    study = Path(write_study(tmp_path))
    solve(study, run_dir=tmp_path / "run", overrides=["search.evaluations=40"])
    study.write_text(STUDY.replace("layers: 14", "layers: 11").replace("width: [8, 16, 24]", "width: [8, 16]"), encoding="utf-8")
    with pytest.raises(ResumeError) as refused:
        resume(tmp_path / "run")
    assert "budgets.layers: was 14, is 11" in str(refused.value)
    assert "space.blocks.0.width: was [8, 16, 24], is [8, 16]" in str(refused.value)
    study.write_text(STUDY, encoding="utf-8")
    assert resume(tmp_path / "run").design is not None


def test_differences_name_values_that_come_and_go() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "d": None}
    now = {"a": {"c": [1, 3]}, "d": None, "e": "x"}
    assert differences(before, now) == ["a.b: was 1, is not given", "a.c: was [1, 2], is [1, 3]", 'e: was not given, is "x"']
    assert differences(before, before) == []


def test_another_search_and_damage_are_refused(study: Path, tmp_path: Path) -> None:
    solve(study, run_dir=tmp_path, overrides=["search.evaluations=40"])
    journal = tmp_path / "state" / "study.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    for text, told in (
        (lines[0].replace("/study", "/other") + lines[1], "another search"),
        ("".join([lines[0], '{"islands": 3}\n']), "damaged"),
        ("".join([lines[0], "[\n", *lines[1:]]), "damaged"),
        ("".join([*lines[:-1], re.sub(r'"used": \{.*?\}', '"used": 1', lines[-1])]), "damaged"),
        ("".join([*lines[:-1], lines[-1].replace('"exhausted": false', '"exhausted": "no"')]), "damaged"),
        ("", "damaged"),
    ):
        journal.write_text(text, encoding="utf-8")
        with pytest.raises(CheckpointError, match=told):
            resume(tmp_path)


@pytest.mark.parametrize(
    ("of_part", "of_bound"),
    [
        ({"prices": {"flash": -1.0}}, {}),
        ({"prices": {"flash": math.inf}}, {}),
        ({"overhead": {"at_least": -1, "at_most": None}}, {}),
        ({"where": {"nosuch": {"width": [8]}}}, {}),
        ({"where": {"stem": {"width": [8, math.inf]}}}, {}),
        ({}, {"structures": [{"values": [2**64] * 10}]}),
        ({}, {"structures": [{"values": [8]}]}),
    ],
)
def test_a_bound_of_what_the_space_does_not_have_is_damage(
    study: Path, tmp_path: Path, of_part: dict[str, object], of_bound: dict[str, object]
) -> None:
    """Found by damaging journals at random: such a bound got as far as the design and ended in an internal error there."""
    solve(study, run_dir=tmp_path, overrides=["search.evaluations=40"])
    journal = tmp_path / "state" / "study.jsonl"
    first, *others = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    header = json.loads(first)
    header["bound"]["parts"][0] |= of_part
    header["bound"] |= of_bound
    journal.write_text("".join([json.dumps(header) + "\n", *others]), encoding="utf-8")
    with pytest.raises(CheckpointError, match="damaged"):
        resume(tmp_path)


def test_folder_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="begun with `qeopt solve` was expected"):
        resume(tmp_path)

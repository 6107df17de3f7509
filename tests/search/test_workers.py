"""Workers change nothing but time, even when they die. About 15 seconds, 8 of them for a dask cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from qeopt.search import SearchResult, Workers, explore, open_workers
from qeopt.search.workers import InProcess, WorkersError
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from small_search import Deadly, die_in_workers, run_out_of_memory, write_study  # type: ignore[import-not-found]  # beside this file

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="dask is an extra")
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def study(study_file: Path) -> Study:
    return load_study(study_file).value


def search(study: Study, workers: Workers | None = None) -> SearchResult:
    return explore(study.subject, study.task, study.refiner.scouting(), study.search, workers=workers)


def essence(result: SearchResult) -> tuple[object, ...]:
    """Everything but the clock."""
    steps = [(step.generation, step.evaluations, step.feasible, step.refined, step.best_score) for step in result.history]
    assert result.best is not None
    return result.best.structure, result.best.refined.bits, result.stopped, steps, result.population


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often and give up soon."""
    monkeypatch.setattr("qeopt.search.workers.resilient.LOOK_SECONDS", 0.2)
    monkeypatch.setattr("qeopt.search.workers.dask.NO_WORKER_SECONDS", 0.5)


@pytest.fixture(scope="module")
def alone(study: Study) -> tuple[object, ...]:
    return essence(search(study))


def test_any_number_of_workers_finds_the_same_design(study_file: Path, tmp_path: Path) -> None:
    designs = []
    for workers in (0, 1, 2, "auto"):
        solution = solve(study_file, workers=workers)
        assert solution.design is not None
        solution.design.save(tmp_path / "design.json")
        designs.append((tmp_path / "design.json").read_bytes())
    assert len(set(designs)) == 1


def test_one_process_for_each_island_and_core() -> None:
    with open_workers("auto") as workers:
        assert isinstance(workers, InProcess)
    with open_workers("auto", 2) as workers:
        assert isinstance(workers, InProcess) == (len(os.sched_getaffinity(0)) == 1)
    with open_workers("auto", 2, 5.0) as workers:
        assert isinstance(workers, InProcess)


def test_a_killed_process_changes_nothing(study: Study, alone: tuple[object, ...], tmp_path: Path) -> None:
    marker = tmp_path / "die"
    marker.touch()
    with open_workers(2) as workers:
        assert essence(search(study, Deadly(workers, marker))) == alone
    assert not marker.exists(), "a worker was killed"


def test_a_call_that_kills_every_worker_is_made_here() -> None:
    with open_workers(2) as workers:
        assert workers.map(die_in_workers, [(1,), (2,)]) == [1, 2]


def test_a_call_for_which_no_worker_has_memory_is_made_here() -> None:
    with open_workers(2) as workers:
        assert workers.map(run_out_of_memory, [(1, os.getpid()), (2, os.getpid())]) == [1, 2]


def test_results_come_in_the_order_of_the_calls() -> None:
    with open_workers(2) as workers:
        assert workers.map(divmod, [(9, 2), (7, 3), (5, 5)]) == [(4, 1), (2, 1), (1, 0)]


def test_errors_of_a_call_are_not_taken_for_dead_workers() -> None:
    with open_workers(2) as workers, pytest.raises(ZeroDivisionError):
        workers.map(divmod, [(1, 0)])


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal\n"
        "from qeopt.search import open_workers\n"
        "if __name__ == '__main__':\n"
        "    with open_workers(2) as workers:\n"
        "        print(*workers.map(os.getpid, [(), ()]), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    told = subprocess.run([sys.executable, str(script)], check=False, capture_output=True, text=True).stdout
    processes = {int(word) for word in told.split()}
    assert processes
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(is_running(process) for process in processes):
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("wanted", ["many", "-1", "1.5", "ray://host:1"])
def test_unknown_workers_are_refused(wanted: str) -> None:
    with pytest.raises(WorkersError, match="a number, auto or dask://HOST:PORT was expected"), open_workers(wanted):
        pass


@dataclass(frozen=True)
class Cluster:
    """A scheduler and workers on this machine, each a process of its own."""

    address: str
    processes: Sequence[subprocess.Popen[bytes]]
    """The scheduler first."""


@contextmanager
def running(tmp_path: Path, workers: int) -> Iterator[Cluster]:
    found = tmp_path / "scheduler.json"
    scheduler = started(tmp_path, "distributed.cli.dask_scheduler", "--port", "0")
    processes = [scheduler, *(start_worker(tmp_path) for _ in range(workers))]
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while not found.exists() or not found.read_text(encoding="utf-8").strip():
            assert time.monotonic() < deadline, "no scheduler"
            time.sleep(0.05)
        yield Cluster(address_in(found), processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def started(folder: Path, module: str, *words: str) -> subprocess.Popen[bytes]:
    """A program of dask whose scheduler's address stands in the folder."""
    command = [sys.executable, "-m", module, "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", "scheduler.json", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_worker(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """One more worker of a cluster."""
    return started(folder, "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", *words)


def wait_for_workers(cluster: Cluster, count: int) -> None:
    """Until the scheduler knows so many."""
    from distributed import Client  # noqa: PLC0415 - an extra

    with Client(cluster.address, set_as_default=False) as client:  # type: ignore[no-untyped-call,unused-ignore]
        client.wait_for_workers(count, timeout=PATIENCE_SECONDS)  # type: ignore[no-untyped-call,unused-ignore]


def address_in(scheduler_file: Path) -> str:
    """The address that a scheduler wrote down, without its protocol."""
    return scheduler_file.read_text(encoding="utf-8").partition("tcp://")[2].partition('"')[0]


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_killed_dask_worker_changes_nothing(study: Study, alone: tuple[object, ...], tmp_path: Path) -> None:
    marker = tmp_path / "die"
    marker.touch()
    with running(tmp_path, 2) as cluster, open_workers(f"dask://{cluster.address}") as workers:
        assert essence(search(study, Deadly(workers, marker))) == alone
    assert not marker.exists(), "a worker was killed"


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_without_a_worker_is_told_and_not_waited_for_for_ever(
    study: Study, alone: tuple[object, ...], tmp_path: Path, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, 0) as cluster, open_workers(f"dask://{cluster.address}") as workers:
        assert essence(search(study, workers)) == alone
    assert "no worker is there; after 0.5 s this process goes on alone" in caplog.text


@dataclass(frozen=True)
class Doomed:
    """Workers of a cluster of which some processes are killed before the second round."""

    workers: Workers
    victims: Sequence[subprocess.Popen[bytes]]
    rounds: list[int] = field(default_factory=list)

    def map(self, function: Any, calls: Any) -> Any:
        self.rounds.append(len(calls))
        if len(self.rounds) == 2:
            for process in self.victims:
                process.kill()
                process.wait()
        return self.workers.map(function, calls)


@needs_dask
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("killed", [slice(1, None), slice(0, 1), slice(None)], ids=["workers", "scheduler", "everybody"])
def test_a_cluster_that_dies_changes_nothing(
    killed: slice, study: Study, alone: tuple[object, ...], tmp_path: Path, impatient: None
) -> None:
    with running(tmp_path, 2) as cluster, open_workers(f"dask://{cluster.address}") as workers:
        doomed = Doomed(workers, cluster.processes[killed])
        assert essence(search(study, doomed)) == alone
        assert len(doomed.rounds) > 2


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_connection_that_is_closed_for_good_is_told_and_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As dask closes it when a scheduler has been away for too long, which is seen anywhere: here between two rounds."""
    with running(tmp_path, 1) as cluster, open_workers(f"dask://{cluster.address}") as workers:
        assert workers.map(divmod, [(9, 2)]) == [(4, 1)]
        workers._executor._client.close()  # type: ignore[attr-defined]
        assert workers.map(divmod, [(9, 2), (7, 3)]) == [(4, 1), (2, 1)]
        assert workers.map(divmod, [(5, 2)]) == [(2, 1)]
    assert caplog.text.count("no worker can be reached any more") == 1


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_worker_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, 1) as cluster:
        wait_for_workers(cluster, 1)
        monkeypatch.setattr("qeopt.search.workers.dask.version", lambda name: "0.0.9")
        with pytest.raises(WorkersError, match=r"must run qeopt 0\.0\.9, as here: tcp://127.* has "):
            open_workers(f"dask://{cluster.address}").__enter__()


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_worker_that_joins_later_with_another_version_is_sent_away_and_changes_nothing(
    study: Study, alone: tuple[object, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    preload = tmp_path / "other_version.py"
    preload.write_text("import qeopt.search.workers.dask as ours\nours.version = lambda name: '0.0.9'\n", encoding="utf-8")
    with running(tmp_path, 1) as cluster, open_workers(f"dask://{cluster.address}") as workers:
        assert workers.map(divmod, [(9, 2)]) == [(4, 1)]
        late = start_worker(tmp_path, "--preload", str(preload))
        try:
            wait_for_workers(cluster, 2)
            assert essence(search(study, workers)) == alone
            late.wait(PATIENCE_SECONDS)
        finally:
            late.kill()
            late.wait()
    assert "has qeopt 0.0.9, here is" in caplog.text


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_dask_worker_without_memory_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path, 1) as cluster, open_workers(f"dask://{cluster.address}") as workers:
        assert workers.map(run_out_of_memory, [(1, os.getpid()), (2, os.getpid())]) == [1, 2]


@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qeopt.search.workers.dask.PATIENCE_SECONDS", 0.5)
    with pytest.raises(WorkersError, match="no dask scheduler answers at 127"), open_workers("dask://127.0.0.1:9"):
        pass

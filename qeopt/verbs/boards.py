"""Which board? The same study on every known device, in parallel: a proven best for each, or why there is none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from qeopt.budgets import LATENCY
from qeopt.design.prove import prove
from qeopt.design.refuse import refuse_overuse
from qeopt.files import sha256_of
from qeopt.hardware import Device
from qeopt.score.gap import known_gap
from qeopt.search import explore, open_workers
from qeopt.search.workers.base import WorkersError
from qeopt.search.workers.pool import settle_in
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded, load
from qeopt.spec.plugins import naming_plugins
from qeopt.spec.units import counted
from qeopt.study import Study
from qeopt.study.file_kinds import KINDS
from qeopt.study.load import StudySource, load_study
from qeopt_solvers import Status

JOURNAL = "boards.jsonl"
"""Boards that were answered, one a line; a sweep that was killed goes on after them."""


@dataclass(frozen=True, slots=True)
class Board:
    """What a study comes to on one device."""

    device: str
    title: str
    core: str
    clock_mhz: float
    status: str
    """`designed`, `infeasible` (proven), `unknown`, or `refused` where the study cannot run there at all."""
    score: float | None = None
    bound: float | None = None
    """No design there scores higher; None where that is not known."""
    sram_bytes: float | None = None
    flash_bytes: float | None = None
    ms: float | None = None
    """Time of an inference by the runtime's estimate; None without one."""
    is_floor: bool = False
    """Whether that is the least it can take, and no estimate."""
    layers: int | None = None
    bits_proven: bool = False
    stopped: str = ""
    reason: str = ""
    """Why there is no design."""

    @property
    def gap(self) -> float | None:
        """(bound - score) / |score|."""
        return known_gap(self.score, self.bound)


@dataclass(frozen=True)
class Boards:
    """A study on many devices, in the order of their names."""

    loaded: Loaded[Study]
    boards: tuple[Board, ...]
    asked: int
    interrupted: bool = False


def sweep_boards(
    source: StudySource,
    part: str = "",
    *,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    journal: Path | None = None,
    reached: Callable[[int, int], None] | None = None,
    workers: int = 0,
) -> Boards:
    """Answer a study on every known device whose name, title or core has `part` in it. Ctrl-C ends it with those done so far.

    Args:
        source: A study file, the name of a shipped one, or a study that was read before.
        part: Filter of devices; all where it is empty.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        journal: File to which every answered board is added; those that it holds for the same study and device are not asked again.
        reached: Called with the number of boards done and asked for.
        workers: Processes; 0 for this one.

    Raises:
        SpecError: when the study is not sound on its own device, or no device has `part` in it.
        VerificationError: when engines disagree.
        WorkersError: when a process ends from outside; what was answered by then stands in the journal.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    file, library = loaded.files[0].path, Library(loaded.paths)
    asked = [_Question(file, loaded.overrides, library, str(path), name) for name, path in _devices(library, part)]
    if not asked:
        raise SpecError.at(None, f"no device has {part!r} in its name, title or core; `qeopt list devices` lists them")
    keys = {question.device: _key(loaded, question) for question in asked}
    found = {} if journal is None else _known(journal, keys)
    interrupted = False
    try:
        for board in _answers([question for question in asked if question.device not in found], workers):
            found[board.device] = board
            if journal is not None:
                _note(journal, keys[board.device], board)
            if reached is not None:
                reached(len(found), len(asked))
    except KeyboardInterrupt:
        interrupted = True
    except BrokenProcessPool as error:
        goes_on = "" if journal is None else "; the same command with the same --out goes on"
        said = f"a process that was answering ended from outside after {len(found):,} of {counted(len(asked), 'device')}{goes_on}"
        raise WorkersError(said) from error
    rows = tuple(found[question.device] for question in asked if question.device in found)
    return Boards(loaded, rows, len(asked), interrupted)


@dataclass(frozen=True)
class _Question:
    """A study and a device: all that a process needs to answer it."""

    source: Path
    overrides: tuple[str, ...]
    library: Library
    path: str
    device: str


def _devices(library: Library, part: str) -> Iterator[tuple[str, Path]]:
    kind = KINDS["device"]
    for named in library.available(kind.folder, kind.name):
        try:
            device = load(Device, named.path, library=library, kind=kind.name, folder=kind.folder).value
        except SpecError:
            continue
        if part.lower() in f"{named.name} {device.title} {device.core}".lower():
            yield named.name, named.path


def _answers(questions: Sequence[_Question], workers: int) -> Iterator[Board]:
    """Boards as they are done."""
    if workers < 2:  # one process has nobody to share with
        yield from map(answer, questions)
        return
    with _processes(workers) as pool:
        waiting: list[Future[Board]] = [pool.submit(answer, question) for question in questions]
        for done in as_completed(waiting):
            yield done.result()


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    """A pool whose questions that nobody took are dropped at the end, however it comes."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=settle_in)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@naming_plugins()
def answer(question: _Question) -> Board:
    """The best design of a study on one device, with its proof."""
    device = load(Device, Path(question.path), library=question.library, kind="device", folder="devices").value
    row = Board(question.device, device.title or question.device, device.core, device.clock_mhz, "refused")
    overrides = (*question.overrides, f"device={json.dumps(question.path)}", "search.baselines=[]", "search.alternatives=0")
    try:
        study = load_study(question.source, overrides=overrides, library=question.library).value
    except SpecError as error:
        return replace(row, reason="; ".join(problem.message for problem in error.problems))
    return _searched(study, row)


def _searched(study: Study, row: Board) -> Board:
    refiner = study.refiner
    with open_workers(0) as crew:
        found = explore(study.subject, study.task, refiner.scouting(), study.search, workers=crew)
    bound = None if found.bound is None or found.bound.value == -math.inf else found.bound.value
    if found.best is None:
        status = Status.INFEASIBLE if found.excluded else Status.UNKNOWN
        return replace(row, status=status.value, bound=bound, stopped=found.stopped.value, reason=found.reason)
    best = prove(refiner, found.best.refined)[0]
    if best.resources is None or best.score is None:
        return replace(row, status=Status.UNKNOWN.value, stopped=found.stopped.value, reason=best.reason)
    refuse_overuse(refiner.limits, best.resources, f"the design for {row.device!r}")
    timing = study.runtime.timing
    return replace(
        row,
        status="designed",
        score=best.score,
        bound=best.score if bound is None and study.subject.size == 1 and best.status is Status.OPTIMAL else bound,
        sram_bytes=best.resources.sram_bytes,
        flash_bytes=best.resources.flash_bytes,
        ms=None if timing is None or study.device is None else best.resources.used[LATENCY.name] / study.device.cycles_per_ms,
        is_floor=timing is not None and timing.is_floor,
        layers=best.network.layers,
        bits_proven=best.status is Status.OPTIMAL,
        stopped=found.stopped.value,
    )


def _key(loaded: Loaded[Study], question: _Question) -> str:
    """What an answer depends on: the study's files, what replaces their values, and the device's file."""
    parts = [*(file.sha256 for file in loaded.files), *question.overrides, sha256_of(Path(question.path))]
    return sha256("\n".join(parts).encode()).hexdigest()


def _known(journal: Path, keys: dict[str, str]) -> dict[str, Board]:
    """Boards that were answered before; a line that was cut short by a kill is none."""
    found: dict[str, Board] = {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else ():
        try:
            entry = json.loads(line)
            board = Board(**entry["board"])
        except (ValueError, TypeError, KeyError):
            continue
        if keys.get(board.device) == entry.get("key"):
            found[board.device] = board
    return found


def _note(journal: Path, key: str, board: Board) -> None:
    journal.parent.mkdir(parents=True, exist_ok=True)
    cut = journal.exists() and journal.stat().st_size and not journal.read_bytes().endswith(b"\n")
    with journal.open("a", encoding="utf-8") as file:
        file.write(("\n" if cut else "") + json.dumps({"key": key, "board": asdict(board)}, allow_nan=False) + "\n")

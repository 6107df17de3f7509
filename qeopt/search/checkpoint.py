"""The journal of a search: enough to go on after any end, with the design that an uninterrupted run would have found.

JSON lines. The first says what is searched and holds the bound; it is written atomically. Each round appends one line, which is on
the disk before the next round begins. A line that was cut short by a crash is dropped when the journal is read: its round is made
again, from the same random streams.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qeopt.files import write_atomically
from qeopt.relaxation.bound import JointBound
from qeopt.search.codes import decode, encode
from qeopt.search.island import Candidate, Island, Leader
from qeopt.search.result import Progress, Stop
from qeopt.space import Space
from qeopt.space.restrict import restricted
from qeopt.spec.errors import QeoptError

FORMAT = "qeopt.search/2"
BOUND: TypeAdapter[JointBound | None] = TypeAdapter(JointBound | None)


class CheckpointError(QeoptError):
    """A saved search cannot be continued."""


@dataclass(frozen=True)
class _IslandLine:
    """An island as a line has it; structures by their codes."""

    number: int
    generation: int
    population: list[tuple[int, float]]
    seen: list[int]
    best: tuple[int, float, dict[str, float]] | None
    evaluations: int
    feasible: int
    refined: int
    exhausted: bool


@dataclass(frozen=True)
class _RoundLine:
    """A line of a journal, but for its first."""

    islands: list[_IslandLine]
    progress: Progress
    stopped: Stop | None


_ROUND: TypeAdapter[_RoundLine] = TypeAdapter(_RoundLine)


@dataclass(frozen=True, slots=True)
class State:
    """Where a search stands between two rounds."""

    islands: tuple[Island, ...]
    history: tuple[Progress, ...]
    """One entry per round; the first after the structures of the bound and those around."""
    stopped: Stop | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What a journal holds."""

    bound: JointBound | None
    state: State | None


class Journal:
    """The journal of one search, in one file."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Args: `fingerprint` says what is searched; a journal with another one is refused."""
        self._path = path
        self._fingerprint = fingerprint

    def begin(self, bound: JointBound | None) -> None:
        """Start a new journal, in place of any other."""
        header = {"format": FORMAT, "fingerprint": self._fingerprint, "bound": BOUND.dump_python(bound, mode="json")}
        write_atomically(self._path, json.dumps(header) + "\n")

    def append(self, space: Space, before: State | None, after: State) -> None:
        """Add what a round has changed."""
        known = [island.seen for island in before.islands] if before is not None else [frozenset()] * len(after.islands)
        line = {
            "islands": [_written(space, island, seen) for island, seen in zip(after.islands, known, strict=True)],
            "progress": asdict(after.history[-1]),
            "stopped": after.stopped,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self, space: Space) -> Saved | None:
        """Return what was saved, None where nothing was; a last line that was cut short is removed from the file.

        Raises:
            CheckpointError: when the file is no journal of this search.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{self._path}: cannot be read: {error}") from None
        whole, _, cut = text.rpartition("\n")
        if cut:
            write_atomically(self._path, whole + "\n")
        try:
            texts = whole.splitlines()
            lines = [json.loads(text) for text in texts]
            for text in texts[1:]:
                _ROUND.validate_json(text, strict=True)
            return self._restored(space, lines)
        except (ValueError, KeyError, TypeError, IndexError, ValidationError) as error:
            raise CheckpointError(f"{self._path}: is damaged ({type(error).__name__}); start again with `qeopt solve`") from None

    def _restored(self, space: Space, lines: Sequence[Mapping[str, Any]]) -> Saved:
        header, *rounds = lines
        if header["format"] != FORMAT or header["fingerprint"] != self._fingerprint:
            raise CheckpointError(f"{self._path}: was written for another search or by another version of this project")
        bound = BOUND.validate_python(header["bound"])
        if bound is not None:
            _check(space, bound)
        if not rounds:
            return Saved(bound, None)
        seen: list[set[int]] = [set() for _ in rounds[-1]["islands"]]
        for line in rounds:
            for known, island in zip(seen, line["islands"], strict=True):
                known.update(island["seen"])
        islands = tuple(_read(space, data, known) for data, known in zip(rounds[-1]["islands"], seen, strict=True))
        history = tuple(Progress(**line["progress"]) for line in rounds)
        stopped = rounds[-1]["stopped"]
        return Saved(bound, State(islands, history, None if stopped is None else Stop(stopped)))


def _check(space: Space, bound: JointBound) -> None:
    """Raise a ValueError where a bound means what the space does not have."""
    for part in bound.parts:
        restricted(space, part.where)
    for structure in bound.structures:
        encode(space, structure)


def _written(space: Space, island: Island, known: frozenset[int]) -> dict[str, Any]:
    """An island as plain data; of the structures seen, only those that were not `known` before."""
    return {
        "number": island.number,
        "generation": island.generation,
        "population": [[encode(space, candidate.structure), candidate.value] for candidate in island.population],
        "seen": sorted(island.seen - known),
        "best": None if island.best is None else [encode(space, island.best.structure), island.best.score, island.best.used],
        "evaluations": island.evaluations,
        "feasible": island.feasible,
        "refined": island.refined,
        "exhausted": island.exhausted,
    }


def _read(space: Space, data: Mapping[str, Any], seen: set[int]) -> Island:
    best = data["best"]
    return Island(
        number=data["number"],
        generation=data["generation"],
        population=tuple(Candidate(decode(space, code), value) for code, value in data["population"]),
        seen=frozenset(seen),
        best=None if best is None else Leader(decode(space, best[0]), *best[1:]),
        evaluations=data["evaluations"],
        feasible=data["feasible"],
        refined=data["refined"],
        exhausted=data["exhausted"],
    )

"""What keeps a file from being read, told all at once, equal complaints together."""

from __future__ import annotations

from pathlib import Path

from qeopt.network.importers.model import NodeError
from qeopt.spec.errors import Location, Problem, SpecError

MOST_NAMES = 5


class Obstacles:
    """Complaints about nodes of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[tuple[str, str], list[str]] = {}

    def add(self, error: SpecError, kind: str) -> None:
        """Note a complaint about a node of some kind."""
        if isinstance(error, NodeError):
            self._found.setdefault((kind, error.said), []).append(repr(error.node))
        else:
            for problem in error.problems:
                self._found.setdefault((kind, problem.message), []).append("")

    def tell(self) -> None:
        """Raise everything noted.

        Raises:
            SpecError: anything was.
        """
        if self._found:
            raise SpecError([Problem(Location(str(self._path)), self._message(*entry)) for entry in self._found.items()])

    @staticmethod
    def _message(key: tuple[str, str], places: list[str]) -> str:
        kind, said = key
        if len(places) == 1:
            return f"node {places[0]}: {said}" if places[0] else said
        shown = ", ".join(places[:MOST_NAMES]) + (", ..." if len(places) > MOST_NAMES else "")
        return f"{len(places)} nodes of {kind} ({shown}): {said}"

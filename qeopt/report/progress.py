"""Progress on a terminal: one line that is drawn over, and nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console

from qeopt.search import Progress

SEARCHES = {"study": "searching", "eight_bits": "the same with 8 bits", "tied": "the same with tied bits"}


class ProgressLine:
    """Shows and remembers how searches proceed; silent unless its console is a terminal."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._status = console.status("starting") if console.is_terminal and not quiet else None
        self.history: list[tuple[str, Progress]] = []
        """What was reported, with the name of the search."""

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the line."""
        if self._status is not None:
            self._status.stop()

    def __call__(self, name: str, progress: Progress) -> None:
        """Take a report."""
        self.history.append((name, progress))
        if self._status is not None:
            best = "none fits yet" if progress.best_score is None else f"best score {progress.best_score:.4f}"
            self._status.update(
                f"{SEARCHES.get(name, name)}: {progress.evaluations:,} structures, {progress.feasible:,} feasible, {best}, "
                f"{progress.seconds:.0f} s"
            )

    def say(self, text: str) -> None:
        """Show a line without a search."""
        if self._status is not None:
            self._status.update(text)

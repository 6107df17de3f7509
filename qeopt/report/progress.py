"""Progress on a terminal: one line that is drawn over, and nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console

from qeopt.report.interrupt import GentleInterrupt
from qeopt.search import Phase, Progress

SEARCHES = {"study": "searching", "eight_bits": "the same with 8 bits", "tied": "the same with tied bits"}


class ProgressLine:
    """Shows and remembers how searches proceed; silent unless its console is a terminal."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._status = console.status("starting") if console.is_terminal and not quiet else None
        self._console = console
        self._interrupt = GentleInterrupt(self._stopping)
        self.history: list[tuple[str, Progress]] = []
        """What was reported, with the name of the search."""

    def __enter__(self) -> Self:
        """Start drawing; from here on, Ctrl-C waits for the end of a round."""
        self._interrupt.__enter__()
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the line."""
        if self._status is not None:
            self._status.stop()
        self._interrupt.__exit__(kind, error, trace)

    def __call__(self, name: str, progress: Progress) -> None:
        """Take a report.

        Raises:
            KeyboardInterrupt: after Ctrl-C; a search ends with the best so far.
        """
        if progress.phase == Phase.EVOLUTION:
            self.history.append((name, progress))
        if self._status is not None:
            best = "none fits yet" if progress.best_score is None else f"best score {progress.best_score:.4f}"
            self._status.update(
                f"{SEARCHES.get(name, name)}: {progress.evaluations:,} structures, {progress.feasible:,} feasible, {best}, "
                f"{progress.seconds:.0f} s"
            )
        self._interrupt.checkpoint()

    def say(self, text: str) -> None:
        """Show a line without a search.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        if self._status is not None:
            self._status.update(text)
        self._interrupt.checkpoint()

    def _stopping(self) -> None:
        self._console.print("stopping after this round; Ctrl-C again stops at once", soft_wrap=True)

"""Progress on a terminal: two lines that are drawn over, and nothing anywhere else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from qeopt.escape import visible
from qeopt.report.live import LiveLines
from qeopt.report.words import gap, seconds
from qeopt.search import Phase, Progress
from qeopt.spec.units import counted

SEARCHES = {"study": "study", "eight_bits": "8 bits", "tied": "tied bits"}
"""Names of searches, short enough for one line."""
STARTING = "starting"
REDRAWN_PER_SECOND = 8


class ProgressLine(LiveLines):
    """Shows and remembers how searches proceed; Ctrl-C waits for the end of a round or of a walk of the bound."""

    def __init__(self, console: Console, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: `clock` tells seconds from any beginning."""
        self._board = Board(clock)
        super().__init__(console, self._board, quiet=quiet, redrawn_per_second=REDRAWN_PER_SECOND)
        self.history: list[tuple[str, Progress]] = []
        """The rounds that were reported, with the name of the search."""

    def __call__(self, name: str, progress: Progress) -> None:
        """Take a report.

        Raises:
            KeyboardInterrupt: after Ctrl-C; a search ends with the best so far.
        """
        if progress.phase == Phase.EVOLUTION:
            self.history.append((name, progress))
        self._board.take(name, progress)
        self.checkpoint()

    def say(self, text: str) -> None:
        """Show a line without a search.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        self._board.said = text
        self.checkpoint()


class Board:
    """What is drawn: where the search stands, and how long it has taken and may still take."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._spinner = Spinner("dots")
        self._name = ""
        self._first: Progress | None = None
        self._last: Progress | None = None
        self.said = STARTING
        """What is shown instead of the name of a search that is not known, and without any search."""

    def take(self, name: str, progress: Progress) -> None:
        """Take a report of the search called `name`."""
        if name != self._name or self._last is None or self._last.phase != progress.phase:
            self._name, self._first = name, progress
        self._last = progress

    def lines(self) -> tuple[str, ...]:
        """One line or two."""
        elapsed = f"{seconds(self._clock() - self._began)} elapsed"
        if self._last is None:
            return (f"{self.said}, {elapsed}",)
        title = SEARCHES.get(self._name, self.said if self.said != STARTING else self._name)
        if self._last.phase == Phase.EVOLUTION:
            return f"{title}: {standing(self._last)}, {elapsed}", ", ".join((*self._pace(self._last), *fullness(self._last)))
        return f"{title}: {bounding(self._last)}", f"{elapsed}, remaining time not known before the bound is"

    def _pace(self, last: Progress) -> list[str]:
        """How long the structures that are left would take, how many there were, and how many a second."""
        count, rate = counted(last.evaluations, "structure"), _rate(self._first, last)
        if rate is None:
            return [count]
        return [f"at most {seconds((last.most - last.evaluations) / rate)} left", count, f"{rate:,.0f}/s"]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the lines, each cut at the edge of the terminal."""
        grid = Table.grid(padding=(0, 1, 0, 0))
        leads: tuple[RenderableType, RenderableType] = (self._spinner, "")
        for lead, line in zip(leads, self.lines(), strict=False):
            grid.add_row(lead, Text(visible(line), no_wrap=True, overflow="ellipsis"))
        yield grid


def _rate(first: Progress | None, last: Progress) -> float | None:
    """Structures a second since the first round that was seen."""
    if first is None or last.seconds <= first.seconds or last.evaluations <= first.evaluations:
        return None
    return (last.evaluations - first.evaluations) / (last.seconds - first.seconds)


def standing(progress: Progress) -> str:
    """Say what is found and what is proven."""
    if progress.best_score is None:
        return "none fits yet"
    best = f"best {progress.best_score:.4f}"
    if progress.bound is None:
        return f"{best}, no bound"
    share = (progress.bound - progress.best_score) / max(abs(progress.best_score), 1e-12)
    return f"{best}, bound {progress.bound:.4f}, gap {gap(share)}"


def fullness(progress: Progress) -> list[str]:
    """Say how much of its budgets the best design uses, rounded down: only what is full is said to be."""
    return [f"{name} {int(100 * share)} %" for name, share in progress.used.items()]


def bounding(progress: Progress) -> str:
    """Say what is proven before any structure is evaluated."""
    proven = "" if progress.bound is None else f", no design exceeds {progress.bound:.4f}"
    if progress.bound == -math.inf:
        return "nothing fits, proven"
    if progress.phase == Phase.RANGES:
        return f"bounding by memory beside tensors, walk {progress.walks + 1}{proven}"
    return f"bounding the space, walk {progress.walks + 1} of at most {progress.most}{proven}"

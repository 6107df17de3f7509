"""What training and evaluation print."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from qeopt.report.interrupt import GentleInterrupt
from qeopt.report.words import seconds


class TrainingLine:
    """One line that is drawn over; silent unless its console is a terminal. Ctrl-C waits for the end of a step."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        live = Live(Text("starting"), console=console, refresh_per_second=4, transient=True)
        self._live = live if console.is_terminal and not quiet else None
        self._console = console
        self._interrupt = GentleInterrupt(self._stopping)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._interrupt.__enter__()
        if self._live is not None:
            self._live.start(refresh=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the line."""
        if self._live is not None:
            self._live.stop()
        self._interrupt.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Show a line.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        if self._live is not None:
            self._live.update(Text(text))
        self._interrupt.checkpoint()

    def _stopping(self) -> None:
        self._console.print("stopping after this step; Ctrl-C again stops at once", soft_wrap=True)


def training_words(step: int, steps: int, loss: float, accuracy: float, left: float) -> str:
    """Where training stands, in a line."""
    return f"step {step:,} of {steps:,}: loss {loss:.3f}, {100 * accuracy:.1f} % right; {seconds(left)} left"

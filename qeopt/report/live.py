"""What is drawn over on a terminal while something runs, and nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

from qeopt.report.interrupt import GentleInterrupt


class LiveLines:
    """Lines that are drawn over; silent unless their console is a terminal. Ctrl-C waits for the next `checkpoint`."""

    def __init__(self, console: Console, shown: RenderableType, *, quiet: bool, redrawn_per_second: float) -> None:
        live = Live(shown, console=console, refresh_per_second=redrawn_per_second, transient=True)
        self.live = live if console.is_terminal and not quiet else None
        self._console = console
        self._interrupt = GentleInterrupt(self._stopping)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._interrupt.__enter__()
        if self.live is not None:
            self.live.start(refresh=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the lines."""
        if self.live is not None:
            self.live.stop()
        self._interrupt.__exit__(kind, error, trace)

    def checkpoint(self) -> None:
        """Stop here if that was asked for.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        self._interrupt.checkpoint()

    def _stopping(self) -> None:
        self._console.print("stopping after this step; Ctrl-C again stops at once", soft_wrap=True)

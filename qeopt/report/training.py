"""What training and evaluation print."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from qeopt.report.live import LiveLines
from qeopt.report.words import seconds


class TrainingLine(LiveLines):
    """One line."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        super().__init__(console, Text("starting"), quiet=quiet, redrawn_per_second=4)

    def say(self, text: str) -> None:
        """Show a line.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        if self.live is not None:
            self.live.update(Text(text))
        self.checkpoint()


def training_words(step: int, steps: int, loss: float, accuracy: float, left: float) -> str:
    """Where training stands, in a line."""
    return f"step {step:,} of {steps:,}: loss {loss:.3f}, {100 * accuracy:.1f} % right; {seconds(left)} left"

"""Consoles that say things the same way on a terminal, in a pipe and in a file."""

from __future__ import annotations

import os
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from qeopt.escape import visible

PIPE_WIDTH = 132
"""Columns where nobody is looking; a table must not lose columns because of it."""


class _Console(Console):
    """A console that obeys no text: what came from a file is spelled out, and a closed pipe is the caller's matter.

    (Rich would exit with 1 on a closed pipe, which has another meaning here.)
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text in which everything a terminal would obey or hide is spelled out."""
        return super().render_str(visible(text), **options)

    def on_broken_pipe(self) -> None:
        """Let the error through."""
        raise BrokenPipeError


def console_for(stream: TextIO) -> Console:
    """Return a console that writes to `stream`: no markup in texts that users wrote, colours only on a terminal."""
    width = None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else PIPE_WIDTH
    return _Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def can_say(console: Console, text: str) -> bool:
    """Whether the encoding of the console has every character of `text`."""
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True

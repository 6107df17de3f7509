"""What Ctrl-C means to the command line. Loaded before anything that takes time: it imports nothing."""

from __future__ import annotations

INTERRUPTED = 130
"""Exit code."""


def was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: libraries in C may turn it into one of their own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None

"""Ctrl-C between two rounds instead of in the middle of one, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


class GentleInterrupt:
    """While it is entered, the first Ctrl-C only asks to stop, and `checkpoint` stops; the second stops at once."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._before: signal.Handlers | Callable[[int, FrameType | None], object] | int | None = None
        self._asked = False

    def __enter__(self) -> Self:
        """Take Ctrl-C over, unless it is ignored (as under nohup) or this is no main thread."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def checkpoint(self) -> None:
        """Stop here if that was asked for.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        if self._asked:
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._told()

"""Ctrl-C or SIGTERM between two rounds instead of in the middle of one, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


class GentleInterrupt:
    """While it is entered, the first Ctrl-C or SIGTERM only asks to stop, and `checkpoint` stops; the second stops at once."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._before: dict[signal.Signals, signal.Handlers | Callable[[int, FrameType | None], object] | int | None] = {}
        self._asked = False

    def __enter__(self) -> Self:
        """Take the signals over, unless they are ignored (as under nohup) or in other hands, or this is no main thread."""
        if threading.current_thread() is threading.main_thread():
            for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
                if signal.getsignal(number) is usual:
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the signals back."""
        while self._before:
            signal.signal(*self._before.popitem())

    def checkpoint(self) -> None:
        """Stop here if that was asked for.

        Raises:
            KeyboardInterrupt: after Ctrl-C or SIGTERM.
        """
        if self._asked:
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._told()

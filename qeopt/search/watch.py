"""Telling of the walks of the bound, and ending it early when whoever is told asks for that."""

from __future__ import annotations

import time
from collections.abc import Callable

from qeopt.qbr import Deadline
from qeopt.relaxation.bound.bounder import outward
from qeopt.search.result import Phase, Progress
from qeopt.search.settings import SearchSettings


class Watch:
    """Reports every walk. A KeyboardInterrupt of the report ends the bound with what is proven so far, instead of losing it.

    So does the end of the time allowed.
    """

    def __init__(self, report: Callable[[Progress], None], started: float, settings: SearchSettings, deadline: Deadline) -> None:
        self._report = report
        self._started = started
        self._settings = settings
        self._deadline = deadline
        self._walks = 0
        self._bound: float | None = None
        self.stopped = False
        """Whether whoever is told asked the bound to end early."""

    def begin(self) -> None:
        """Tell that the bound begins."""
        self._say(Phase.BOUND, self._settings.walks)

    def walked(self, bound: float, part: int) -> bool:
        """Tell of a walk over all designs (part 0) or some, and the best bound so far; True ends the bound."""
        self._walks += 1
        self._bound = outward(bound)
        if part == 0:
            self._say(Phase.BOUND, self._settings.walks)
        else:
            self._say(Phase.RANGES, 0)
        return self.stopped or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether the time allowed is up."""
        return self._deadline.is_past

    def _say(self, phase: Phase, most: int) -> None:
        seconds = time.monotonic() - self._started
        try:
            self._report(Progress(0, 0, 0, 0, None, self._bound, seconds, phase, self._walks, most))
        except KeyboardInterrupt:
            self.stopped = True

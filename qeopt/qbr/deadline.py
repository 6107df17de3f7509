"""When the time allowed for an answer is up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which nothing new is begun. On another machine, whose clock differs, as much time is left as here."""

    at: float | None = None
    """By `time.monotonic`; None for never."""

    @classmethod
    def after(cls, seconds: float | None, since: float | None = None) -> Deadline:
        """So many seconds after the moment `since` of `time.monotonic`, or from now; None for never."""
        return cls(None if seconds is None else (time.monotonic() if since is None else since) + seconds)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until then, 0 when it is past; None for never."""
        return None if self.at is None else max(self.at - time.monotonic(), 0.0)

    @property
    def is_past(self) -> bool:
        """Whether the time is up."""
        return self.at is not None and time.monotonic() >= self.at

    def extended(self, seconds: float) -> Deadline:
        """The same with a few seconds more, counted from now where it is past: to end decently what was begun."""
        return self if self.at is None else Deadline(max(self.at, time.monotonic()) + seconds)

    def sooner(self, share: float) -> Deadline:
        """The moment at which a share of the time left will have passed."""
        left = self.seconds_left
        return self if left is None else Deadline.after(share * left)

    def __reduce__(self) -> tuple[Any, ...]:
        return Deadline.after, (self.seconds_left,)


NEVER = Deadline()

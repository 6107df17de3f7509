"""Makes calls through an executor, makes those again that a dying worker has lost, and goes on alone where no worker is left.

That changes nothing but time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

ATTEMPTS = 3
"""Times a call is given to workers before this process makes it itself: a call may be what kills them."""


LOOK_SECONDS = 2.0
"""How often it is looked whether there still is a worker while none answers."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crew:
    """An executor, how to get another one, and how it says that a worker died."""

    start: Callable[[], Executor]
    lost: tuple[type[BaseException], ...]
    """Errors that mean that a call got no answer, whatever it was: its worker died, or had no memory left for it.

    One that `start` raises means that there are no workers any more.
    """
    close: Callable[[], None] = lambda: None
    """Called when no more executors are wanted."""
    is_there: Callable[[], bool] = lambda: True
    """Whether there is a worker to wait for; a pool sees to that itself."""
    patience_seconds: float = 0.0
    """How long to wait for a worker when there is none."""


class Resilient:
    """Workers behind a `concurrent.futures.Executor`."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._executor = crew.start()
        self._is_alone = False
        """Whether the workers were given up."""

    def __enter__(self) -> Self:
        """Nothing to do: the executor is there."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let the workers go; after an error or Ctrl-C without waiting for what they still do."""
        self._executor.shutdown(wait=kind is None and not self._is_alone)
        self._crew.close()

    def map(self, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
        """Call a pure function once with each tuple of arguments; results come in the order of the calls."""
        results: dict[int, T] = {}
        for _ in range(ATTEMPTS):
            self._try(function, {index: call for index, call in enumerate(calls) if index not in results}, results)
            if len(results) == len(calls) or self._is_alone:
                break
            self._executor.shutdown(wait=False)
            self._restart()
        return [results[index] if index in results else function(*call) for index, call in enumerate(calls)]

    def _restart(self) -> None:
        """Get another executor, or give the workers up where there is none to be had."""
        try:
            self._executor = self._crew.start()
        except self._crew.lost as error:
            _log.warning("no worker can be reached any more (%s); this process goes on alone", error)
            self._is_alone = True

    def _try(self, function: Callable[..., T], calls: dict[int, tuple[Any, ...]], results: dict[int, T]) -> None:
        """Make calls once; those whose worker died leave no result."""
        if self._is_alone:
            return
        futures: dict[int, Future[T]] = {}
        try:
            for index, call in calls.items():
                futures[index] = self._executor.submit(function, *call)
        except self._crew.lost:
            pass  # a pool that broke meanwhile takes no more calls; those it took are asked for below
        try:
            self._wait(futures.values())
            for index, future in futures.items():
                if self._is_alone and not future.done():
                    continue
                try:
                    results[index] = future.result()
                except self._crew.lost:
                    continue
        finally:
            for future in futures.values():
                future.cancel()  # those not done, after an error or Ctrl-C

    def _wait(self, futures: Collection[Future[T]]) -> None:
        """Wait until all calls have ended; give the workers up where there has been none for longer than patience lasts."""
        none_since: float | None = None
        pending = set(futures)
        while pending:
            done, pending = wait(pending, LOOK_SECONDS, FIRST_COMPLETED)
            if done or self._crew.is_there():
                none_since = None
            elif none_since is None:
                none_since = time.monotonic()
                _log.warning("no worker is there; after %g s this process goes on alone", self._crew.patience_seconds)
            elif time.monotonic() - none_since >= self._crew.patience_seconds:
                _log.warning("no worker came; this process goes on alone")
                self._is_alone = True
                return

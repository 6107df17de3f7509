"""Makes calls through an executor and makes those again that a dying worker has lost: that changes nothing but time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

ATTEMPTS = 3
"""Times a call is given to workers before this process makes it itself: a call may be what kills them."""


@dataclass(frozen=True)
class Crew:
    """An executor, how to get another one, and how it says that a worker died."""

    start: Callable[[], Executor]
    lost: tuple[type[BaseException], ...]
    """Errors that mean that a call got no answer, whatever it was."""
    close: Callable[[], None] = lambda: None
    """Called when no more executors are wanted."""


class Resilient:
    """Workers behind a `concurrent.futures.Executor`."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._executor = crew.start()

    def __enter__(self) -> Self:
        """Nothing to do: the executor is there."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let the workers go; after an error or Ctrl-C without waiting for what they still do."""
        self._executor.shutdown(wait=kind is None)
        self._crew.close()

    def map(self, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> list[T]:
        """Call a pure function once with each tuple of arguments; results come in the order of the calls."""
        results: dict[int, T] = {}
        for _ in range(ATTEMPTS):
            self._try(function, {index: call for index, call in enumerate(calls) if index not in results}, results)
            if len(results) == len(calls):
                break
            self._executor.shutdown(wait=False)
            self._executor = self._crew.start()
        return [results[index] if index in results else function(*call) for index, call in enumerate(calls)]

    def _try(self, function: Callable[..., T], calls: dict[int, tuple[Any, ...]], results: dict[int, T]) -> None:
        """Make calls once; those whose worker died leave no result."""
        futures: dict[int, Future[T]] = {}
        try:
            for index, call in calls.items():
                futures[index] = self._executor.submit(function, *call)
        except self._crew.lost:
            pass  # a pool that broke meanwhile takes no more calls; those it took are asked for below
        try:
            for index, future in futures.items():
                try:
                    results[index] = future.result()
                except self._crew.lost:
                    continue
        finally:
            for future in futures.values():
                future.cancel()  # those not done, after an error or Ctrl-C

"""Where islands are taken on: in this process, in a pool of processes, or on a dask cluster. The answer is the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from qeopt.search.workers.base import InProcess, Workers, WorkersError
from qeopt.search.workers.resilient import Resilient

AUTO = "auto"
DASK = "dask://"
WORTH_STARTING_SECONDS = 20.0
"""`auto` starts no processes for a search that is allowed less: they need some seconds until they are ready."""
_DASK_ADDRESS = re.compile(rf"{DASK}[^/]+:\d+")

__all__ = ["InProcess", "Workers", "WorkersError", "open_workers"]


@contextmanager
def open_workers(wanted: int | str, islands: int = 1, seconds: float | None = None) -> Iterator[Workers]:
    """Provide workers while the block runs.

    Args:
        wanted: 0 or 1 for this process, more for a pool of as many processes, `dask://HOST:PORT` of a running scheduler, or `auto`
            for a pool with a process for each island, as far as there are cores and time.
        islands: Islands to be taken on.
        seconds: How long the search may take; None for as long as it takes.

    Raises:
        WorkersError: when there is no such way to work, or the cluster does not answer.
    """
    text = str(wanted).strip()
    if text == AUTO:
        text = str(min(islands, _cores())) if seconds is None or seconds >= WORTH_STARTING_SECONDS else "0"
    if _DASK_ADDRESS.fullmatch(text):
        from qeopt.search.workers.dask import connect  # noqa: PLC0415  # an extra

        crew = connect(text.removeprefix(DASK))
    elif text.isdecimal():
        if int(text) < 2:
            yield InProcess()
            return
        from qeopt.search.workers.pool import start_pool  # noqa: PLC0415  # multiprocessing is not needed otherwise

        crew = start_pool(int(text))
    else:
        raise WorkersError(f"workers cannot be '{text}'; a number, {AUTO} or {DASK}HOST:PORT was expected")
    with Resilient(crew) as workers:
        yield workers


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

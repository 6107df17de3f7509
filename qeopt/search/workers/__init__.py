"""Where islands are taken on: in this process, in a pool of processes, or on a dask cluster. The answer is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qeopt.search.workers.base import InProcess, Workers, WorkersError
from qeopt.search.workers.resilient import Resilient

DASK = "dask://"
_DASK_ADDRESS = re.compile(rf"{DASK}[^/]+:\d+")

__all__ = ["InProcess", "Workers", "WorkersError", "open_workers"]


@contextmanager
def open_workers(wanted: int | str) -> Iterator[Workers]:
    """Provide workers while the block runs.

    Args:
        wanted: 0 or 1 for this process, more for a pool of as many processes, or `dask://HOST:PORT` of a running scheduler.

    Raises:
        WorkersError: when there is no such way to work, or the cluster does not answer.
    """
    text = str(wanted).strip()
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
        raise WorkersError(f"workers cannot be '{text}'; a number or {DASK}HOST:PORT was expected")
    with Resilient(crew) as workers:
        yield workers

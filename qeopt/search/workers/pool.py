"""A pool of processes on this machine."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

from qeopt.search.workers.resilient import Crew


def start_pool(processes: int) -> Crew:
    """Provide a pool; its processes are started afresh, since a fork of a process with threads may hang."""

    def start() -> Executor:
        return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=settle_in)

    return Crew(start, (BrokenProcessPool, MemoryError))


def settle_in() -> None:
    """Leave Ctrl-C to the parent, and end with it: a parent that was killed cannot say goodbye."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

"""Workers of a running dask cluster."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any

from qeopt.search.workers.base import WorkersError
from qeopt.search.workers.resilient import Crew

PATIENCE_SECONDS = 20
"""How long a scheduler may take to answer."""
NO_WORKER_SECONDS = 30
"""How long a search waits for a worker when there is none, before it goes on in its own process."""
CLOSE_SECONDS = 5
"""How long a scheduler may take to say goodbye."""


_log = logging.getLogger(__name__)


class OtherVersionError(Exception):
    """A worker that joined later runs another version of this project, and made no call."""


class SchedulerGoneError(Exception):
    """The scheduler has been away for so long that dask has closed the connection for good."""


class Guarded(Executor):
    """An executor whose calls are unpacked by workers of this version only: the same names may mean something else in another."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor: Executor = client.get_executor(pure=False)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Hand a call to some worker.

        Raises:
            SchedulerGoneError: when the connection is closed.
        """
        with _or_gone(self._client):
            return self._executor.submit(_make_call, version("qeopt"), pickle.dumps((function, arguments, options)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls."""
        with suppress(SchedulerGoneError), _or_gone(self._client):
            self._executor.shutdown(wait=wait)  # dask's takes no other word; whoever made calls has cancelled them


def connect(address: str) -> Crew:
    """Provide the workers of the scheduler at `address` (HOST:PORT).

    Raises:
        WorkersError: when `distributed` is missing, nothing answers, or workers run another version of this project.
    """
    try:
        from distributed import Client, KilledWorker  # noqa: PLC0415  # an extra
    except ImportError:
        raise WorkersError("dask workers need the package `distributed`: pip install 'qeopt[dask]'") from None
    try:
        client: Any = Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call,unused-ignore]
    except (OSError, ValueError) as error:
        raise WorkersError(f"no dask scheduler answers at {address}: {error}") from None
    _refuse_others(client, address)

    def start() -> Executor:
        with _or_gone(client):
            _send_others_away(client)
        return Guarded(client)

    def is_there() -> bool:
        try:
            return client.status == "running" and bool(client.scheduler_info()["workers"])
        except (OSError, TimeoutError, ValueError):  # the scheduler went while it was asked
            return False

    lost = (KilledWorker, CancelledError, MemoryError, OtherVersionError, SchedulerGoneError)
    return Crew(start, lost, lambda: client.close(timeout=CLOSE_SECONDS), is_there, NO_WORKER_SECONDS)


@contextmanager
def _or_gone(client: Any) -> Iterator[None]:
    """Whatever fails on a connection that is closed, fails because it is."""
    try:
        yield
    except Exception as error:
        if client.status == "running":
            raise
        raise SchedulerGoneError(str(error)) from error


def _refuse_others(client: Any, address: str) -> None:
    """Another version could find another design."""
    others = _others(client)
    if others:
        client.close()
        told = ", ".join(f"{worker} has {found}" for worker, found in sorted(others.items()))
        raise WorkersError(f"the dask workers at {address} must run qeopt {version('qeopt')}, as here: {told}")


def _send_others_away(client: Any) -> None:
    """Part with workers of another version that have joined meanwhile; what they were asked was not done and is asked again."""
    with suppress(
        OSError, TimeoutError, ValueError, CancelledError
    ):  # the scheduler went; that is seen to where calls are waited for
        others = _others(client)
        for worker, found in sorted(others.items()):
            _log.warning("the dask worker %s has qeopt %s, here is %s: it is sent away", worker, found, version("qeopt"))
        if others:
            client.retire_workers(sorted(others), close_workers=True, remove=True)


def _others(client: Any) -> dict[str, str]:
    """Workers of another version than here, and which; one that dies meanwhile has none."""
    answers = client.run(_version, on_error="ignore")
    return {worker: found for worker, found in answers.items() if found != version("qeopt")}


def _version() -> str:
    return version("qeopt")


def _make_call(expected: str, packed: bytes) -> Any:
    """In a worker: make a call, unless this is another version."""
    if version("qeopt") != expected:
        raise OtherVersionError(f"qeopt {version('qeopt')} instead of {expected}")
    function, arguments, options = pickle.loads(packed)
    return function(*arguments, **options)

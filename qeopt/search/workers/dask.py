"""Workers of a running dask cluster."""

from __future__ import annotations

from concurrent.futures import CancelledError, Executor
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
    _check_versions(client, address)

    def start() -> Executor:
        executor: Executor = client.get_executor(pure=False)
        return executor

    def is_there() -> bool:
        try:
            return client.status == "running" and bool(client.scheduler_info()["workers"])
        except (OSError, TimeoutError, ValueError):  # the scheduler went while it was asked
            return False

    return Crew(start, (KilledWorker, CancelledError), lambda: client.close(timeout=CLOSE_SECONDS), is_there, NO_WORKER_SECONDS)


def _check_versions(client: Any, address: str) -> None:
    """Another version could find another design."""
    here = version("qeopt")
    others = {worker: found for worker, found in client.run(_version).items() if found != here}
    if others:
        client.close()
        told = ", ".join(f"{worker} has {found}" for worker, found in sorted(others.items()))
        raise WorkersError(f"the dask workers at {address} must run qeopt {here}, as here: {told}")


def _version() -> str:
    return version("qeopt")

"""How much memory there is."""

from __future__ import annotations

from pathlib import Path

from qeopt.training.errors import TrainingError

MEBI = 1 << 20


def available_bytes() -> int | None:
    """Bytes that this machine can still give; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = [line.split() for line in text.splitlines() if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def refuse_more_than_there_is(needed: int, what: str, remedy: str) -> None:
    """Stop before memory runs out.

    Raises:
        TrainingError: in one line, with what helps.
    """
    free = available_bytes()
    if free is not None and needed > free:
        raise TrainingError(f"{what} need {-(-needed // MEBI):,} MiB of memory; {free // MEBI:,} MiB are free; {remedy}")

"""How numbers, places and proofs are said."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from qeopt.budgets import budget
from qeopt.design import BitsProof, Design
from qeopt.design.arena import Arena
from qeopt.qbr import PROVER
from qeopt.search import Stop
from qeopt.spec.load import SourceFile
from qeopt.spec.units import counted, format_bytes
from qeopt_solvers import Status

TITLES = {PROVER: "CP-SAT"}
"""Engines that people know by another name."""
BASELINES = {"eight_bits": "best with 8 bits everywhere", "tied": "best with each unit's bits tied"}
"""What each baseline is, for people."""
TIED = "this design gives every convolution its own bits; the paper's authors tie those of the three convolutions of a unit"
"""What a reader must know before comparing with the paper's numbers."""


def amount(value: float, unit: str = "") -> str:
    """Spell a quantity: bytes with KiB beside them, counts with separators, fractions only where there are any."""
    if unit == "B":
        return format_bytes(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def engines(names: Iterable[str]) -> str:
    """Engines in a row, by the names that people know."""
    return ", ".join(TITLES.get(name, name) for name in names)


def percent(share: float) -> str:
    """Spell a share."""
    return f"{100 * share:.1f} %"


def without_design(status: str) -> str:
    """Why a device has no design, by the status of its row."""
    return {"infeasible": "none fits (proven)", "unknown": "none found"}.get(status, status)


def seconds(number: float) -> str:
    """Spell a time as people read clocks: 8 s, 2:05 min, 1:02:05 h."""
    whole = max(round(number), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


MOST_REASONS = 3
"""Reasons why nothing fits at points of a sweep that are told."""
LEAST_GAP = 1e-6
"""Share below which a gap is not told apart."""


def gap(share: float) -> str:
    """Spell a proven gap with two digits, rounded up: it must hold as it is read; none is told finer than 0.0001 %."""
    if share <= 0:
        return "0 %"
    share = max(share, LEAST_GAP)
    unit = 10.0 ** (math.floor(math.log10(100 * share)) - 1)
    return f"{math.ceil(100 * share / unit - 1e-9) * unit:.2g} %"


def place(path: Path) -> str:
    """Spell a path from the current folder, where it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def limit_words(name: str, limit: int) -> str:
    """A limit of a budget: 128 KiB."""
    return f"{limit / 1024:,.5g} KiB" if budget(name).unit.is_memory else f"{limit:,}"


def limits_words(limits: Mapping[str, int]) -> str:
    """Limits with their budgets: sram 128 KiB, layers 12."""
    return ", ".join(f"{name} {limit_words(name, limit)}" for name, limit in limits.items())


def nothing_fits(reasons: Iterable[tuple[Mapping[str, int], str]]) -> list[str]:
    """Say why points of a sweep have no design: a sentence for each reason, as long as these are few.

    Args:
        reasons: The limits of every point without one, and the reason. Those that differ in numbers alone are alike.
    """
    alike: dict[str, list[tuple[Mapping[str, int], str]]] = {}
    for limits, reason in reasons:
        alike.setdefault(re.sub(r"[\d,.]+", "", reason), []).append((limits, reason))
    told = list(alike.values())
    said = []
    for (limits, reason), *others in told[:MOST_REASONS]:
        more = f", and alike at {counted(len(others), 'more point')}" if others else ""
        same = len(told) == 1 and all(other == reason for _, other in others)
        said.append(f"where nothing fits: {reason}" if same else f"nothing fits at {limits_words(limits)}{more}: {reason}")
    left_out = sum(map(len, told[MOST_REASONS:]))
    return [*said, *([f"nothing fits at {counted(left_out, 'more point')}: sweep.json has the reasons"] if left_out else [])]


def of_kind(kind: str, name: str) -> str:
    """Name a thing by its kind, once where it is called so: `study vww_256k`, `study`."""
    return kind if name == kind else f"{kind} {name}"


def used_name(file: SourceFile) -> str:
    """Name a file by what it was read for."""
    return of_kind(file.role, file.path.stem)


def used_files(files: Sequence[SourceFile], overrides: Sequence[str] = ()) -> Iterator[str]:
    """A line for every file that was read, what for and where it lies, and one for what replaced its values."""
    rows = [(used_name(file), place(file.path)) for file in files]
    rows += [("overrides", " ".join(overrides))] if overrides else []
    width = max((len(name) for name, _ in rows), default=0)
    for name, said in rows:
        yield f"  {name:<{width}}   {said}"


def idle_workers(workers: str, islands: int) -> str | None:
    """Say that processes will have nothing to do: one island is one worker's work. None where all will be busy."""
    if not workers.isdecimal() or int(workers) <= islands:
        return None
    held, busy = ("one island", "one") if islands == 1 else (f"{islands} islands", str(islands))
    more = f"--set search.islands={workers} gives each an island"
    return f"{held} in the study: {workers} workers will not be busier than {busy}; {more}"


def bits_proof(proof: BitsProof) -> str:
    """Say how good the bits are for this structure."""
    if proof.status is Status.OPTIMAL:
        provers = engines(found.engine for found in proof.certificates if found.status is Status.OPTIMAL)
        return f"bits: optimal for this structure ({provers})" + (f"; {proof.note}" if proof.note else "")
    by = TITLES.get(proof.engine, proof.engine)
    if proof.gap is None:
        return f"bits: chosen by {by}, nothing proven for this structure"
    note = f"; {proof.note}" if proof.note else ""
    return f"bits: within {gap(proof.gap)} of the best possible for this structure (chosen by {by}){note}"


def arena_size(arena: Arena | None) -> str:
    """Say how much memory the addresses of all buffers take."""
    if arena is None:
        return "addresses: none, this runtime only counts"
    minimal = "proven to be the least" if arena.minimal else f"the least is {amount(arena.bound)} or more"
    if len(arena.regions) > 1:
        parts = ", ".join(f"{amount(region.bytes, 'B')} in {region.name}" for region in arena.regions if region.bytes)
        if arena.misplaced is None:
            return f"addresses: {amount(arena.bytes, 'B')} set aside, {minimal} ({parts}); {counted(len(arena.buffers), 'buffer')}"
        least = (
            "proven to be the least"
            if arena.misplaced == arena.least_misplaced
            else f"at least {amount(arena.least_misplaced or 0)}"
        )
        outside = f"buffers of {amount(arena.misplaced, 'B')} outside the memory preferred, {least}"
        return f"addresses: {outside}; {amount(arena.bytes, 'B')} set aside ({parts}); {counted(len(arena.buffers), 'buffer')}"
    lasting = f" and {amount(arena.lasting, 'B')} held for good" if arena.lasting else ""
    return f"addresses: an arena of {amount(arena.bytes, 'B')}, {minimal}{lasting}; {counted(len(arena.buffers), 'buffer')}"


def space_proof(design: Design) -> str:
    """Say how good the design is among all structures."""
    if design.stopped == Stop.SINGLE:
        return "space: a single structure"
    if design.gap is None:
        return f"space: no bound: {design.no_bound}" if design.no_bound else "space: no bound known"
    if design.gap == 0:
        return "space: the best possible, proven"
    return f"space: within {gap(design.gap)} of the best possible"


def left_out_words(design: Design) -> tuple[str, ...]:
    """Say which rules the bound over the space leaves out: it holds all the same, and may be higher for them."""
    certificate = design.space_certificate
    return (f"the bound leaves out: {', '.join(certificate.left_out)}",) if certificate and certificate.left_out else ()


SHOWN = 5e-5
"""Nats: the least difference of scores that the report shows."""


def evolution_added(score: float, from_bound: float) -> str:
    """Say what evolution added to the structures that the bound met and those around them."""
    if score - from_bound < SHOWN:
        return "evolution: added nothing to the structures of the bound"
    return f"evolution: added {score - from_bound:.4f} to the {from_bound:.4f} of the structures of the bound"


def evolution_words(design: Design, from_bound: float | None) -> tuple[str, ...]:
    """The same of a design; nothing where evolution had no such start, or the bound alone found the design."""
    return () if from_bound is None or design.stopped == Stop.BOUND else (evolution_added(design.score, from_bound),)

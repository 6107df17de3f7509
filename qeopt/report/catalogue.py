"""What can be named: devices, runtimes and engines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from qeopt.export import EXPORTERS
from qeopt.hardware import Device, Flash, Runtime, Source
from qeopt.network import OpKind
from qeopt.network.graph import WEIGHTED_KINDS
from qeopt.score.objective import OBJECTIVES
from qeopt.spec.errors import Location, SpecError, did_you_mean, one_of
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table
from qeopt.study.file_kinds import KINDS
from qeopt_solvers import table

BlockT = TypeVar("BlockT", bound=Block)
Row = dict[str, Any]
WHAT = ("devices", "runtimes", "engines", "objectives", "exporters")


@dataclass(frozen=True)
class Catalogue:
    """What was found of one kind."""

    kind: str
    rows: tuple[Row, ...]
    """One per entry, with the same keys in each."""
    broken: tuple[str, ...] = ()
    """Problems of files that could not be loaded."""

    def document(self) -> dict[str, Any]:
        """The same as one JSON document."""
        return {"format": f"qeopt.{self.kind}/1", self.kind: list(self.rows), "problems": list(self.broken)}


def catalogue(
    what: str,
    part: str = "",
    *,
    core: str = "",
    min_sram: int = 0,
    min_flash: int = 0,
    sort: str = "name",
    library: Library | None = None,
) -> Catalogue:
    """List what a study or a command can name.

    Args:
        what: "devices", "runtimes", "engines", "objectives" or "exporters".
        part: Only those with this in their name, title or summary.
        core: Devices with this core.
        min_sram: Devices with an arena of so many bytes or more.
        min_flash: Devices with so many bytes of flash or more.
        sort: Order of devices: "name"; or "sram", "flash" or "clock", the largest first.
        library: Where names are looked up.

    Raises:
        SpecError: when there is no such list or order, or what only devices have is asked of others.
    """
    wanted, library = Filter(core, min_sram, min_flash, sort), library or Library()
    if what not in WHAT:
        raise SpecError.at(None, f"there is no list of {what!r}; {one_of(WHAT)} was expected{did_you_mean(what, WHAT)}")
    if sort not in ("name", *_SORTED):
        raise SpecError.at(Location("--sort"), f"{sort!r}: {one_of(('name', *_SORTED))} was expected")
    if what != "devices" and wanted != Filter():
        place = Location("--core, --min-sram, --min-flash, --sort")
        raise SpecError.at(place, f"only devices have a core, memory and a clock; what was asked for are {what}")
    if what == "devices":
        return wanted.of(devices(library, part))
    if what == "runtimes":
        return runtimes(library, part)
    return {"engines": engines, "objectives": objectives, "exporters": exporters}[what](part)


def devices(library: Library, part: str = "") -> Catalogue:
    """List devices whose name or title has `part` in it."""
    return _catalogue("device", Device, library, part, _device)


def runtimes(library: Library, part: str = "") -> Catalogue:
    """List runtimes whose name or title has `part` in it."""
    return _catalogue("runtime", Runtime, library, part, _runtime)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which devices are meant, and in which order."""

    core: str = ""
    min_sram: int = 0
    """Bytes of the largest contiguous memory."""
    min_flash: int = 0
    sort: str = "name"

    def of(self, found: Catalogue) -> Catalogue:
        """The devices that are meant."""
        rows = [row for row in found.rows if self._has(row)]
        if self.sort in _SORTED:
            rows.sort(key=lambda row: row[_SORTED[self.sort]], reverse=True)
        return replace(found, rows=tuple(rows))

    def _has(self, row: Row) -> bool:
        is_core = not self.core or row["core"].lower() == self.core.lower()
        return bool(is_core and row["arena_bytes"] >= self.min_sram and row["flash_bytes"] >= self.min_flash)


_SORTED = {"sram": "arena_bytes", "flash": "flash_bytes", "clock": "clock_mhz"}


def objectives(part: str = "") -> Catalogue:
    """List objectives whose name or summary has `part` in it."""
    return _parts(OBJECTIVES, part)


def exporters(part: str = "") -> Catalogue:
    """List formats of export whose name or summary has `part` in it."""
    return _parts(EXPORTERS, part)


def _parts(parts: Table, part: str) -> Catalogue:
    """One row for each part of a table, with the first sentence of its documentation."""
    rows, broken = [], []
    for name in parts.names():
        try:
            said = inspect.getdoc(parts.load(name)) or ""
        except SpecError as error:
            broken.append(str(error))
            continue
        summary = said.partition("\n")[0]
        if part.lower() in f"{name} {summary}".lower():
            rows.append({"name": name, "summary": summary})
    return Catalogue(parts.kind, tuple(rows), tuple(broken))


def engines(part: str = "") -> Catalogue:
    """List engines whose name or summary has `part` in it, with what each can do."""
    rows, broken = [], []
    for name in table.names():
        try:
            traits = table.traits(name)
        except table.EngineError as error:
            broken.append(str(error))
            continue
        if part.lower() in f"{name} {traits.summary}".lower():
            rows.append({"name": name, "exact": traits.exact, "deterministic": traits.deterministic, "summary": traits.summary})
    return Catalogue("engines", tuple(rows), tuple(broken))


def _catalogue(kind: str, model: type[BlockT], library: Library, part: str, row: Callable[[BlockT], Row]) -> Catalogue:
    rows, broken = [], []
    folder = KINDS[kind].folder
    for found in library.available(folder, kind):
        try:
            block = load(model, found.path, library=library, kind=kind, folder=folder).value
        except SpecError as error:
            broken.append(str(error))
            continue
        filled = {"name": found.name, **row(block), "origin": found.origin, "path": str(found.path)}
        if part.lower() in f"{found.name} {filled['title']}".lower():
            rows.append(filled)
    return Catalogue(f"{kind}s", tuple(rows), tuple(broken))


def _device(device: Device) -> Row:
    flash = device.flash
    return {
        "title": device.title,
        "core": device.core,
        "clock_mhz": device.clock_mhz,
        "regions": [region.model_dump(mode="json") for region in device.regions],
        "arena_bytes": device.arena_bytes,
        "flash_bytes": device.flash_bytes,
        "flash_is_external": isinstance(flash, Flash) and flash.external,
        "macs_per_second": device.macs_per_second,
        "sources": _sources(device.source),
    }


def _runtime(runtime: Runtime) -> Row:
    kernels = None
    if runtime.kernels != "any":
        kernels = {kind.value: [list(entry) for entry in _legal(runtime, kind)] for kind in runtime.kernels}
    return {
        "title": runtime.title,
        "kernels": kernels,
        "activation_bits": _bits(kernels, 0),
        "weight_bits": _bits(kernels, 1),
        "in_place": list(runtime.memory.in_place),
        "unit": runtime.memory.unit,
        "reserve_sram_bytes": runtime.reserve.sram,
        "reserve_flash_bytes": runtime.reserve.flash,
        "sources": _sources(runtime.source),
    }


def _legal(runtime: Runtime, kind: OpKind) -> tuple[tuple[int, int, int], ...]:
    return () if runtime.kernels == "any" else runtime.kernels[kind].legal(kind in WEIGHTED_KINDS)


def _bits(kernels: dict[str, list[list[int]]] | None, position: int) -> list[int] | None:
    """Bits of convolutions; None where any are legal."""
    if kernels is None:
        return None
    return sorted({entry[position] for kind in ("conv", "depthwise") for entry in kernels.get(kind, [])})


def _sources(source: Source | tuple[Source, ...]) -> list[dict[str, str]]:
    return [found.model_dump(mode="json") for found in (source if isinstance(source, tuple) else (source,))]

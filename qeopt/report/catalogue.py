"""What can be named: devices, runtimes and engines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from qeopt.export import EXPORTERS
from qeopt.hardware import Device, Flash, Runtime, Source
from qeopt.network import OpKind
from qeopt.network.graph import WEIGHTED_KINDS
from qeopt.score.objective import OBJECTIVES
from qeopt.spec.errors import Location, PluginError, SpecError, did_you_mean, one_of, quote, squeezed
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table
from qeopt.spec.units import format_bytes
from qeopt.study.file_kinds import KINDS
from qeopt_solvers import table

BlockT = TypeVar("BlockT", bound=Block)
Row = dict[str, Any]
WHAT = ("devices", "runtimes", "engines", "objectives", "exporters")
CALLED = {
    **dict.fromkeys(("board", "chip", "mcu", "microcontroller", "target"), "devices"),
    **dict.fromkeys(("kernel", "library", "backend"), "runtimes"),
    **dict.fromkeys(("solver", "rule"), "engines"),
    **dict.fromkeys(("score", "predictor"), "objectives"),
    **dict.fromkeys(("format", "export"), "exporters"),
}
"""What people call them, in the singular."""


@dataclass(frozen=True)
class Catalogue:
    """What was found of one kind."""

    kind: str
    rows: tuple[Row, ...]
    """One per entry, with the same keys in each."""
    broken: tuple[str, ...] = ()
    """Problems of files that could not be loaded."""
    missed: str = ""
    """Where there is no row: what was looked for, and what comes nearest."""

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
        part: Only those with this in their name, title or summary, whatever the case, spaces and hyphens.
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
        meant = CALLED.get(what.casefold().removesuffix("s"))
        near = f"; did you mean '{meant}'?" if meant else did_you_mean(what, WHAT)
        raise SpecError.at(None, f"there is no list of {what!r}; {one_of(WHAT)} was expected{near}")
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
        on_core = [row for row in found.rows if not self.core or squeezed(row["core"]) == squeezed(self.core)]
        rows = [row for row in on_core if row["arena_bytes"] >= self.min_sram and row["flash_bytes"] >= self.min_flash]
        if self.sort in _SORTED:
            rows.sort(key=lambda row: row[_SORTED[self.sort]], reverse=True)
        return replace(found, rows=tuple(rows), missed=found.missed or ("" if rows else self._missed(found.rows, on_core)))

    def _missed(self, rows: Sequence[Row], on_core: Sequence[Row]) -> str:
        if not on_core:
            cores = sorted({row["core"] for row in rows})
            return f"no device here has the core {self.core!r}{did_you_mean(self.core, cores)}; there are {', '.join(cores)}"
        sizes = [("arena", "arena_bytes", self.min_sram), ("flash", "flash_bytes", self.min_flash)]
        asked = " and ".join(f"{format_bytes(least)} of {name}" for name, _, least in sizes if least)
        most = ", ".join(f"{name} {format_bytes(max(row[key] for row in on_core))}" for name, key, least in sizes if least)
        return f"no device{f' with the core {self.core}' if self.core else ''} has {asked} or more; the most of each: {most}"


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
        except (SpecError, PluginError) as error:
            broken.append(str(error))
            continue
        rows.append({"name": name, "summary": said.partition("\n")[0]})
    return _with(part, parts.kind, rows, broken)


def engines(part: str = "") -> Catalogue:
    """List engines whose name or summary has `part` in it, with what each can do."""
    rows, broken = [], []
    for name in table.names():
        try:
            traits = table.traits(name)
        except table.EngineError as error:
            broken.append(str(error))
            continue
        rows.append({"name": name, "exact": traits.exact, "deterministic": traits.deterministic, "summary": traits.summary})
    return _with(part, "engines", rows, broken)


def _with(part: str, kind: str, rows: Sequence[Row], broken: Sequence[str]) -> Catalogue:
    """The rows with `part` in their name, or in what else is said of them."""
    says = "title" if kind in {"devices", "runtimes"} else "summary"
    wanted = squeezed(part) or part
    found = tuple(row for row in rows if any(wanted in squeezed(row[key]) for key in ("name", says)))
    near = did_you_mean(part, (row["name"] for row in rows))
    missed = f"no {kind.removesuffix('s')} has {quote(part)} in its name or {says}{near}; `qeopt list {kind}` names all"
    return Catalogue(kind, found, tuple(broken), "" if found else missed)


def _catalogue(kind: str, model: type[BlockT], library: Library, part: str, row: Callable[[BlockT], Row]) -> Catalogue:
    rows, broken = [], []
    folder = KINDS[kind].folder
    for found in library.available(folder, kind):
        try:
            block = load(model, found.path, library=library, kind=kind, folder=folder).value
        except SpecError as error:
            broken.append(str(error))
            continue
        rows.append({"name": found.name, **row(block), "origin": found.origin, "path": str(found.path)})
    return _with(part, f"{kind}s", rows, broken)


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

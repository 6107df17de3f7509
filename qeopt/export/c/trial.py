"""Build the program of a design, run it in the emulator, and compare."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qeopt.budgets import FLASH
from qeopt.design import Design
from qeopt.export.c.emulator import MACHINES, Machine, Run, build, emulate, require_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import write_folder
from qeopt.export.errors import ExportError
from qeopt.export.layers import layers
from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.spec.errors import did_you_mean
from qeopt.spec.library import Library
from qeopt.spec.load import load


@dataclass(frozen=True, slots=True)
class Expected:
    """What a layer has to make of the image."""

    name: str
    macs: int
    hash: int


@dataclass(frozen=True)
class Trial:
    """What was expected and what was seen."""

    machine: Machine
    layers: tuple[Expected, ...]
    flash_bytes: int
    counted_flash_bytes: int
    arena_bytes: int
    output: tuple[int, ...]
    """The integers of the output that the reference computes."""
    run: Run | None = None
    """None where nothing ran."""

    @property
    def macs(self) -> int:
        """Of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Layers that computed something else."""
        done = () if self.run is None else self.run.layers
        return tuple(layer.name for layer, seen in zip(self.layers, done, strict=False) if layer.hash != seen.hash)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = {
            "core": self.machine.name,
            "flash_bytes": self.flash_bytes,
            "counted_flash_bytes": self.counted_flash_bytes,
            "arena_bytes": self.arena_bytes,
            "output": list(self.output),
        }
        if self.run is not None:
            found["stack_bytes"] = self.run.stack_bytes
            found["instructions"] = self.run.instructions
            found["layers"] = [
                {"name": layer.name, "macs": layer.macs, "instructions": seen.instructions, "equal": layer.hash == seen.hash}
                for layer, seen in zip(self.layers, self.run.layers, strict=True)
            ]
        return found


def machine_of(core: str) -> Machine:
    """Return the board that stands for a core.

    Raises:
        ExportError: when the emulator has none.
    """
    found = MACHINES.get(core.lower().removesuffix("f").replace("m0+", "m0plus"))
    if found is None:
        raise ExportError(f"--core: {core!r} is not emulated here{did_you_mean(core, MACHINES)}; known: {', '.join(MACHINES)}")
    return found


def counted_flash(design: Design, machine: Machine) -> int:
    """Bytes of flash that a design counts on a core; code is that core's where the design was made for another one's."""
    study = design.load_study()
    linked = {name: _shipped(name).linked for name in sorted({known.runtime for known in MACHINES.values()})}
    if study.runtime.linked == linked[machine.runtime] or study.runtime.linked not in linked.values():
        return int(design.uses[FLASH.name].used)
    runtime = study.runtime.model_copy(update={"linked": linked[machine.runtime]})
    return int(count(design.network(), runtime, design.bit_widths()).used[FLASH.name])


def _shipped(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def try_out(design: Design, exporter: C, folder: Path, core: str, *, emulated: bool) -> Trial:
    """Build a folder that was written for a design, and run it where that is wanted.

    Raises:
        ExportError: when tools are missing, the core is not known, or the compiler, the linker or the program fails.
    """
    machine = machine_of(core)
    require_tools()
    sources = exporter.sources(design)
    with tempfile.TemporaryDirectory(prefix="qeopt-") as made:
        out = Path(made)
        write_folder(out, sources.board(machine))
        flash_bytes = build(folder, machine, out)
        run = emulate(out / "firmware.elf", machine) if emulated else None
    expected = zip(layers(design, sources.model.network), sources.selftest.hashes, strict=True)
    return Trial(
        machine,
        tuple(Expected(layer.op.name, layer.macs, found) for layer, found in expected),
        flash_bytes,
        counted_flash(design, machine),
        sources.arena.bytes,
        sources.selftest.output,
        run,
    )

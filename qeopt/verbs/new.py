"""A working project to begin with: a study and a board file of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qeopt.files import write_atomically
from qeopt.runs.folders import safe_name
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import Library
from qeopt.study.load import load_study

BOARD = "myboard"
STUDY = "study.yaml"
BEGIN = "vww_256k"
"""The study that a project begins from."""


@dataclass(frozen=True)
class Project:
    """The files of a new project."""

    study: Path
    board: Path


def new_project(folder: Path | str, source: str = BEGIN, *, library: Library | None = None) -> Project:
    """Write a study that changes a shipped one, and a board file to fill in; both work as they are.

    Args:
        folder: For the project; made if it is missing.
        source: The study to begin from, by name or path.
        library: Where names are looked up.

    Raises:
        SpecError: when the shipped study is not sound, names no device, or a file is already there.
    """
    folder, library = Path(folder), library or Library()
    loaded = load_study(source, library=library)
    device = loaded.value.device
    if device is None:
        raise SpecError.at(None, f"the study {source!r} names no device; choose another with --from")
    project = Project(folder / STUDY, folder / "devices" / f"{BOARD}.yaml")
    for path in (project.study, project.board):
        if path.exists():
            raise SpecError.at(Location(str(path)), "is already there; nothing was written")
    shipped = library.resolve("study", "", source, None)
    name = Path(source).name.removesuffix(".yaml")
    original = Path(source).resolve().as_posix() if Path(source).is_file() else source
    try:
        write_atomically(project.board, _board(device.name))
        write_atomically(project.study, _study(original, name, shipped, safe_name(folder.resolve().name)))
    except OSError as error:
        raise SpecError.at(Location(str(folder)), f"cannot write here: {error.strerror or error}") from None
    load_study(project.study, library=library)  # what is handed over works
    return project


def _study(original: str, name: str, shipped: Path, own: str) -> str:
    comments = []
    for line in shipped.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comments.append(line)
    about = "\n".join(comments)
    return f"""# A study of your own: {name} with what stands below changed. Solve it with `qeopt solve {STUDY}`,
# see everything that is in force with `qeopt show {STUDY}`, and whether it can work with `qeopt check {STUDY}`.
# What {name} says about itself:
{about}
kind: study
name: {own}
extends: {original}
device: {BOARD}              # devices/{BOARD}.yaml, beside this file; or any name that `qeopt list devices` has
# runtime: cmix-nn           # any name that `qeopt list runtimes` has
# task: {{input: [160, 160, 3], classes: 2}}
# budgets: {{sram: 200 KiB, flash: 900 KiB, macs: 60 M, layers: 47}}   # SRAM and flash default to what the device leaves
"""


def _board(device: str) -> str:
    return f"""# Your board: {device} with what stands below changed. `qeopt show` lists what is in force.
kind: device
extends: {device}
title: My board
# sram: 256 KiB              # of one memory bank; a list under `memory:` describes several
# flash: {{size: 1 MiB, reserved: 32 KiB}}   # less bootloader and other firmware
# core: cortex-m4
# clock_mhz: 100
# macs_per_cycle: 2
# source: {{url: "https://...", date: 2026-01-31, says: "SRAM, flash, clock"}}
"""

"""Known networks of 8 bits as programs of ours and of others, on one emulated core: flash, RAM and instructions in one table.

    python benchmarks/firmware/compared.py [--cmsis FOLDER] [--emx [PROGRAM]] [--core cortex-m4] [--network NAME ...]

FOLDER and PROGRAM are those of run.py. Weights are random. Instructions of ours and of CMSIS-NN are of the layers that both run:
its copy has no kernel for additions. Those of emx-onnx-cgen are of the whole network. QEMU counts instructions, not cycles.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from networks import NAMES, RUNTIMES, design_of
from rivals import KINDS, AbsentError, cmsis, emx, found_cmsis, found_emx
from run import program, tried

from qeopt.design import Design
from qeopt.export import ExportError
from qeopt.export.c.emulator import MACHINES, Machine, Run, require_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import Sources
from qeopt.export.layers import Layer, layers
from qeopt.hardware import Runtime
from qeopt.hardware.costs import scratch
from qeopt.spec.library import Library
from qeopt.spec.load import load

SQUARE = "square"
TITLES = {SQUARE: "the network of 64x64", **{name: NAMES[name] for name in ("resnet8", "ds_cnn", "mobilenet_v2")}}
HEADINGS = (
    *(
        "network",
        "by",
        "flash B",
        "RAM B",
        "of it scratch",
        "stack B",
        "instructions, no additions",
        "instructions, all",
        "per MAC",
    ),
    *("flash beside ours", "RAM and stack beside ours", "instructions beside ours"),
)


@dataclass(frozen=True)
class Taken:
    """What a program takes; RAM leaves the stack out."""

    flash_bytes: int
    ram_bytes: int
    scratch_bytes: int
    stack_bytes: int
    instructions: int
    """Of the layers that CMSIS-NN's copy has kernels for."""
    whole: int
    """Of all layers."""


def known(name: str, core: str, folder: Path) -> tuple[Sources, tuple[Layer, ...], Design]:
    """A network as a program for a core, its layers, and its design."""
    if name == SQUARE:
        return program(8, 8, folder)
    design, _ = design_of(name, RUNTIMES[core], folder)
    sources = C().sources(design)
    return sources, layers(design, sources.model.network), design


def scratch_of_cmsis(core: str, found: tuple[Layer, ...]) -> int:
    """The largest buffer that CMSIS-NN asks for, by the runtime whose formulas the tests hold against `*_get_buffer_size`."""
    name = "cmsis-nn" if RUNTIMES[core] == "qeopt-c" else "cmsis-nn-c"
    runtime = load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value
    return max(int(scratch(runtime, layer.op, 8, 8, 8)) for layer in found)


def shared(found: tuple[Layer, ...], run: Run) -> int:
    """Instructions of the layers that CMSIS-NN's copy has kernels for."""
    return sum(seen.instructions for layer, seen in zip(found, run.layers, strict=True) if layer.op.kind in KINDS)


def rows(name: str, asked: argparse.Namespace, machine: Machine, folder: Path) -> list[tuple[str, Taken | str]]:
    """Who, and what their program takes, or why there is none."""
    sources, found, design = known(name, asked.core, folder)
    arena = sources.arena.bytes
    size, run = tried(sources, machine, folder / "ours")
    if tuple(layer.hash for layer in run.layers) != sources.selftest.hashes:
        raise SystemExit(f"{name}: a layer differs from the reference")
    told: list[tuple[str, Taken | str]] = [("ours", Taken(size, arena, 0, run.stack_bytes, shared(found, run), run.instructions))]
    if asked.cmsis:
        size, other = cmsis(sources, found, machine, asked.cmsis, folder / "cmsis")
        beside = scratch_of_cmsis(asked.core, found)
        told.append(("CMSIS-NN", Taken(size, arena + beside, beside, other.stack_bytes, shared(found, other), 0)))
    if asked.emx:
        try:
            size, other = emx(sources, design, machine, asked.emx, folder / "emx")
            told.append(("emx-onnx-cgen", Taken(size, 0, 0, other.stack_bytes, 0, other.instructions)))
        except ExportError as error:
            told.append(("emx-onnx-cgen", str(error).splitlines()[0]))
    macs = sum(layer.macs for layer in found)
    first = told[0][1]
    assert isinstance(first, Taken)
    for who, taken in told:
        print(_line(name, who, taken, first, macs), flush=True)
    return told


def _line(name: str, who: str, taken: Taken | str, ours: Taken, macs: int) -> str:
    if isinstance(taken, str):
        return f"| {TITLES[name]} | {who} | {taken} |"
    whole, mine = (one.ram_bytes + one.stack_bytes for one in (taken, ours))
    spent = taken.instructions / ours.instructions if taken.instructions else taken.whole / ours.whole
    ratios = (taken.flash_bytes / ours.flash_bytes, whole / mine, spent)
    sizes = (taken.flash_bytes, taken.ram_bytes, taken.scratch_bytes, taken.stack_bytes)
    instructions = (f"{taken.instructions:,}" if taken.instructions else "", f"{taken.whole:,}" if taken.whole else "")
    per_mac = f"{(taken.instructions or taken.whole) / macs:.2f}"
    cells = (*(f"{number:,}" for number in sizes), *instructions, per_mac, *(f"{ratio:.2f}" for ratio in ratios))
    return f"| {TITLES[name]} | {who} | {' | '.join(cells)} |"


def arguments() -> argparse.Namespace:
    """What was asked for; a package that is not there is told before anything is built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmsis", type=Path)
    parser.add_argument("--emx", nargs="?", const="emx-onnx-cgen")
    parser.add_argument("--core", default="cortex-m4", choices=tuple(MACHINES))
    parser.add_argument("--network", action="append", choices=tuple(TITLES))
    asked = parser.parse_args()
    try:
        asked.cmsis = asked.cmsis and found_cmsis(asked.cmsis)
        asked.emx = asked.emx and found_emx(asked.emx)
        require_tools()
    except (AbsentError, ExportError) as error:
        parser.error(str(error))
    return asked


def main() -> None:
    asked = arguments()
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    with tempfile.TemporaryDirectory() as made:
        for name in asked.network or TITLES:
            folder = Path(made) / name
            folder.mkdir()
            rows(name, asked, MACHINES[asked.core], folder)


if __name__ == "__main__":
    main()

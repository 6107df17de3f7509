"""Flash, memory and instructions of generated programs in QEMU: our kernels at all widths, and the same 8-bit network by others.

    python benchmarks/firmware/run.py [--cmsis FOLDER] [--emx [PROGRAM]] [--tflm PYTHON] [--core cortex-m4]

FOLDER is what `pip install --no-deps --target FOLDER bakenn==1.0.0` brings: it holds selected operators of CMSIS-NN 4.0.0.
Additions are none of them, so they are left out of all sums. PROGRAM is what `pip install emx-onnx-cgen` brings, in an
environment of its own, `emx-onnx-cgen` unless given: it writes C for the same network as ONNX (onnx-qdq), additions included.
PYTHON is that of an environment with `tflite-micro`, whose interpreter runs the network on this machine. QEMU counts
instructions, not cycles.
"""

import argparse
import tempfile
from pathlib import Path

from rivals import AbsentError, cmsis, emx, found_cmsis, found_emx, found_tflm, tflm

from qeopt.design import Design
from qeopt.export import ExportError
from qeopt.export.c.emulator import MACHINES, Machine, Run, build, emulate, require_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import Sources, write_folder
from qeopt.export.layers import Layer, layers
from qeopt.network import OpKind
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {{input: [64, 64, 3], classes: 2}}
network:
  blocks:
    - {{kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: k1dwk1, name: b1, stride: 1, width: 16, kernel: 3, ratio: 4, units: 2}}
    - {{kind: k1dwk1, name: b2, stride: 2, width: 32, kernel: 5, ratio: 4, units: 3}}
    - {{kind: k1dwk1, name: b3, stride: 2, width: 64, kernel: 3, ratio: 4, units: 2}}
    - {{kind: conv, name: head, width: 256}}
    - {{kind: classifier}}
runtime: qeopt-c
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: [{weights}], activations: [{activations}]}}
objective: {{kind: qe}}
search: {{baselines: []}}
"""
WIDTHS = ((8, 8), (8, 4), (8, 2), (4, 8), (4, 4), (4, 2), (2, 8), (2, 4), (2, 2))
HEADINGS = (
    *("flash B", "counted B", "arena B", "stack B", "instructions"),
    *("per MAC", "in convolutions", "in depthwise", "as reference"),
)


def program(weights: int, activations: int, folder: Path) -> tuple[Sources, tuple[Layer, ...], Design]:
    """The network at some widths, its layers, and the design."""
    study = folder / "study.yaml"
    study.write_text(STUDY.format(weights=weights, activations=activations))
    design = solve(study).design
    assert design is not None
    sources = C().sources(design)
    return sources, layers(design, sources.model.network), design


def tried(sources: Sources, machine: Machine, folder: Path, *options: str) -> tuple[int, Run]:
    """Build and run."""
    write_folder(folder, sources.texts())
    write_folder(folder, sources.board(machine))
    size = build(folder, machine, folder, options=("-O2", *options))
    return size, emulate(folder / "firmware.elf", machine)


def told(title: str, size: int, counted: float, arena: str, run: Run, found: tuple[Layer, ...], *, equal: bool) -> None:
    """One line of the table; additions are left out of instructions."""
    some = [(layer, seen) for layer, seen in zip(found, run.layers, strict=True) if layer.op.kind is not OpKind.ADD]
    macs = sum(layer.macs for layer, _ in some)
    by_kind = {}
    for kind in (OpKind.CONV, OpKind.DEPTHWISE):
        of_kind = [(layer.macs, seen.instructions) for layer, seen in some if layer.op.kind is kind]
        by_kind[kind] = sum(spent for _, spent in of_kind) / sum(count for count, _ in of_kind)
    total = sum(seen.instructions for _, seen in some)
    print(
        f"| {title} | {size:,} | {f'{counted:,.0f}' if counted else ''} | {arena} | {run.stack_bytes:,} "
        f"| {total:,} | {total / macs:.2f} "
        f"| {by_kind[OpKind.CONV]:.2f} | {by_kind[OpKind.DEPTHWISE]:.2f} | {'yes' if equal else ''} |",
        flush=True,
    )


def arguments() -> argparse.Namespace:
    """What was asked for; a package that is not there is told before anything is built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmsis", type=Path)
    parser.add_argument("--emx", nargs="?", const="emx-onnx-cgen")
    parser.add_argument("--tflm")
    parser.add_argument("--core", default="cortex-m4", choices=tuple(MACHINES))
    asked = parser.parse_args()
    try:
        asked.cmsis = asked.cmsis and found_cmsis(asked.cmsis)
        asked.emx = asked.emx and found_emx(asked.emx)
        asked.tflm = asked.tflm and found_tflm(asked.tflm)
        require_tools()
    except (AbsentError, ExportError) as error:
        parser.error(str(error))
    return asked


def rivals(asked: argparse.Namespace, sources: Sources, found: tuple[Layer, ...], design: Design, folder: Path) -> None:
    """Lines of others."""
    machine, macs = MACHINES[asked.core], sum(layer.macs for layer in found)
    if asked.cmsis:
        size, run = cmsis(sources, found, machine, asked.cmsis, folder / "cmsis")
        told("8 / 8, CMSIS-NN", size, 0, f"{sources.arena.bytes:,} and scratch", run, found, equal=False)
    if asked.emx:
        size, run = emx(sources, design, machine, asked.emx, folder / "emx")
        spent = f"{run.instructions:,} | {run.instructions / macs:.2f}"
        print(f"| 8 / 8, emx-onnx-cgen | {size:,} |  | on the stack | {run.stack_bytes:,} | {spent} |  |  |  |", flush=True)
    if asked.tflm:
        kept = tflm(design, asked.tflm, folder)
        arena = f"{kept.tensor_bytes:,} + {kept.lasting_bytes:,}"
        print(f"| 8 / 8, tflite-micro | {kept.model_bytes:,} and code |  | {arena} |  |  |  |  |  |  |", flush=True)


def main() -> None:
    asked = arguments()
    machine = MACHINES[asked.core]
    print(f"| values / weights | {' | '.join(HEADINGS)} |")
    print("|---" * (len(HEADINGS) + 1) + "|")
    with tempfile.TemporaryDirectory() as made:
        for activations, weights in WIDTHS:
            folder = Path(made) / f"{activations}_{weights}"
            folder.mkdir()
            sources, found, design = program(weights, activations, folder)
            counted, arena = design.uses["flash"].used, f"{sources.arena.bytes:,}"
            size, run = tried(sources, machine, folder / "ours")
            equal = tuple(layer.hash for layer in run.layers) == sources.selftest.hashes
            told(f"{activations} / {weights}", size, counted, arena, run, found, equal=equal)
            if (activations, weights) == (8, 8):
                points = found, run
                size, run = tried(sources, machine, folder / "plain", "-DQC_PORTABLE")
                equal = tuple(layer.hash for layer in run.layers) == sources.selftest.hashes
                told("8 / 8, plain C", size, 0, arena, run, found, equal=equal)
                rivals(asked, sources, found, design, folder)
    told_points(*points)


def told_points(found: tuple[Layer, ...], run: Run) -> None:
    """Instructions of convolutions of 1x1, by their channels."""
    points = {
        (layer.op.inputs[0].channels, layer.op.output.channels): seen.instructions / layer.macs
        for layer, seen in zip(found, run.layers, strict=True)
        if layer.op.kind is OpKind.CONV and layer.window.height == layer.window.width == 1
    }
    print("\n| 1x1 convolution, 8 / 8: channels read | written | instructions a MAC |\n|---|---|---|")
    for (read, written), each in sorted(points.items()):
        print(f"| {read} | {written} | {each:.2f} |")


if __name__ == "__main__":
    main()

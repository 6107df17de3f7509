"""Flash, stack and instructions of generated programs in QEMU: our kernels at all widths, and CMSIS-NN's on the same 8-bit layers.

    python benchmarks/firmware/run.py [--cmsis FOLDER] [--emx PROGRAM] [--core cortex-m4]

FOLDER is what `pip download bakenn==1.0.0 --no-deps` brings, unpacked: it holds selected operators of CMSIS-NN 4.0.0. Additions are
none of them, so they are left out of both sums.
PROGRAM is what `pip install emx-onnx-cgen` brings, in an environment of its own: it writes C for the same network as
ONNX (onnx-qdq), additions included. QEMU counts instructions, not cycles.
"""

import argparse
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.c.emulator import MACHINES, STACK_BYTES, Machine, Run, build, emulate, require_tools
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
CMSIS = """\
#include <string.h>
#include "arm_nnfunctions.h"
#include "{prefix}.h"
#include "{prefix}_weights.h"
static int32_t shifts[4096];
static int8_t scratch[1 << 17];
typedef struct {{ int kind, in, out, h, w, c, oh, ow, oc, k, kw, s, pt, pl, weights; }} layer_t;
static const layer_t layers[] = {{
{rows}
}};
void {prefix}_run_step(uint8_t *arena, int step) {{
  const layer_t *l = &layers[step];
  const cmsis_nn_context ctx = {{scratch, sizeof scratch}};
  const cmsis_nn_dims in = {{1, l->h, l->w, l->c}}, out = {{1, l->oh, l->ow, l->oc}}, bias = {{1, 1, 1, l->oc}};
  const int8_t *from = (const int8_t *)arena + l->in, *weights = (const int8_t *){prefix}_weights + l->weights;
  int8_t *to = (int8_t *)arena + l->out;
  cmsis_nn_per_channel_quant_params quant = {{(int32_t *){prefix}_scales, shifts}};
  if (l->kind == 0) {{
    const cmsis_nn_dims filter = {{l->oc, l->k, l->kw, l->c}};
    const cmsis_nn_conv_params p = {{128, -128, {{l->s, l->s}}, {{l->pl, l->pt}}, {{1, 1}}, {{-128, 127}}}};
    arm_convolve_wrapper_s8(&ctx, &p, &quant, &in, from, &filter, weights, &bias, {prefix}_scales, &out, to);
  }} else if (l->kind == 1) {{
    const cmsis_nn_dims filter = {{1, l->k, l->kw, l->oc}};
    const cmsis_nn_dw_conv_params p = {{128, -128, 1, {{l->s, l->s}}, {{l->pl, l->pt}}, {{1, 1}}, {{-128, 127}}}};
    arm_depthwise_conv_wrapper_s8(&ctx, &p, &quant, &in, from, &filter, weights, &bias, {prefix}_scales, &out, to);
  }} else if (l->kind == 2) {{
    const cmsis_nn_dims flat = {{1, 1, 1, l->h * l->w * l->c}}, filter = {{l->h * l->w * l->c, 1, 1, l->oc}};
    const cmsis_nn_fc_params p = {{128, 0, -128, {{-128, 127}}}};
    const cmsis_nn_per_tensor_quant_params one = {{1 << 30, -8}};
    arm_fully_connected_s8(&ctx, &p, &one, &flat, from, &filter, weights, &bias, {prefix}_scales, &out, to);
  }} else if (l->kind == 3) {{
    const cmsis_nn_dims filter = {{1, l->k, l->kw, 1}};
    const cmsis_nn_pool_params p = {{{{l->s, l->s}}, {{l->pl, l->pt}}, {{-128, 127}}}};
    arm_avgpool_s8(&ctx, &p, &in, from, &filter, &out, to);
  }}
}}
"""
EMX = """\
#include "{prefix}.h"
#include "{prefix}_selftest.h"
void model(const float image[restrict 1][3][64][64], float classifier[restrict 1][2]);
static float image[1][3][64][64], found[1][2];
__attribute__((noinline)) static void whole(uint8_t *arena) {{
  int i;
  for (i = 0; i < 64 * 64 * 3; i++) image[0][i % 3][i / 192][i / 3 % 64] = {scale} * {prefix}_image[i];
  model(image, found);
  arena[0] = found[0][0] > found[0][1];
}}
void {prefix}_run_step(uint8_t *arena, int step) {{
  if (step) return;
  *(volatile uint32_t *)0xE000ED88 |= 0xF00000u; /* the unit for floats is switched on */
  __asm__ volatile("dsb\\n isb" : : : "memory");
  whole(arena);
}}
"""
EMX_STACK = 12 << 20
HEADINGS = ("flash B", "counted B", "stack B", "instructions", "per MAC", "in convolutions", "in depthwise", "as reference")
KINDS = {OpKind.CONV: 0, OpKind.DEPTHWISE: 1, OpKind.DENSE: 2, OpKind.POOL: 3}


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


def told(title: str, size: int, counted: float, run: Run, found: tuple[Layer, ...], *, equal: bool) -> None:
    """One line of the table; additions are left out of instructions."""
    some = [(layer, seen) for layer, seen in zip(found, run.layers, strict=True) if layer.op.kind is not OpKind.ADD]
    macs = sum(layer.macs for layer, _ in some)
    by_kind = {}
    for kind in (OpKind.CONV, OpKind.DEPTHWISE):
        of_kind = [(layer.macs, seen.instructions) for layer, seen in some if layer.op.kind is kind]
        by_kind[kind] = sum(spent for _, spent in of_kind) / sum(count for count, _ in of_kind)
    total = sum(seen.instructions for _, seen in some)
    print(
        f"| {title} | {size:,} | {f'{counted:,.0f}' if counted else ''} | {run.stack_bytes:,} | {total:,} | {total / macs:.2f} "
        f"| {by_kind[OpKind.CONV]:.2f} | {by_kind[OpKind.DEPTHWISE]:.2f} | {'yes' if equal else ''} |"
    )


def cmsis(sources: Sources, found: tuple[Layer, ...], machine: Machine, vendor: Path, folder: Path) -> tuple[int, Run]:
    """The same layers by CMSIS-NN, with multipliers and shifts of their own; time is all that is looked at."""
    write_folder(folder, [(name, text) for name, text in sources.texts() if not Path(name).name.startswith("qc_")])
    rows, at = [], 0
    for layer, step in zip(found, sources.program.steps, strict=True):
        fields, window = step.fields, layer.window
        places = (step.places[0].offset, step.places[2].offset)
        source = layer.op.inputs[0]
        shape = (source.height, source.width, source.channels, fields["height"], fields["width"], fields["channels"])
        numbers = (
            KINDS.get(layer.op.kind, 9),
            *places,
            *shape,
            window.height,
            window.width,
            window.strides[0],
            *window.pads[:2],
            at,
        )
        rows.append("  {" + ", ".join(map(str, numbers)) + "},")
        at += len(step.weights)
    (folder / "src" / f"{sources.prefix}.c").write_text(CMSIS.format(prefix=sources.prefix, rows="\n".join(rows)))
    for path in [
        *vendor.rglob("cmsis_nn/Source/*/*.c"),
        *vendor.rglob("cmsis_nn/Include/*.h"),
        *vendor.rglob("cmsis_core/Include/*.h"),
    ]:
        shutil.copy(path, folder / "src" / path.name)
    write_folder(folder, sources.board(machine))
    size = build(folder, machine, folder, options=("-O2", "-w", "-Wno-error", "-std=gnu99"))
    return size, emulate(folder / "firmware.elf", machine)


def emx(sources: Sources, design: Design, machine: Machine, generator: Path, folder: Path) -> tuple[int, Run]:
    """The same network by emx-onnx-cgen. It computes in floats and keeps every tensor on the stack, so it gets an FPU and 16 MB."""
    write_folder(folder, [(name, text) for name, text in sources.texts() if not Path(name).name.startswith("qc_")])
    (model,) = export(design, "onnx-qdq", folder / "model.onnx")
    options = ["--large-temp-threshold", "0", "--large-weight-threshold", str(1 << 30), "--model-name", "model"]
    subprocess.run([generator, "compile", model, folder / "src/model.c", *options], check=True, capture_output=True)
    scale = sources.model.grids[sources.model.network.tensors[0].name].scale
    (folder / f"src/{sources.prefix}.c").write_text(EMX.format(prefix=sources.prefix, scale=f"{scale:.9e}f"))
    (folder / f"src/{sources.prefix}_weights.c").unlink()
    flags = (*machine.flags, "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-Wl,-u,nearbyintf,-u,fmaxf,-u,fminf", "-lm")
    machine = replace(machine, flags=flags, ram=0x21000000, ram_bytes=16 << 20)
    write_folder(folder, [(name, text.replace(f"{STACK_BYTES}", f"{EMX_STACK}")) for name, text in sources.board(machine)])
    size = build(folder, machine, folder, options=("-O2", "-w", "-Wno-error", "-std=gnu99"))
    return size, emulate(folder / "firmware.elf", machine)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cmsis", type=Path)
    parser.add_argument("--emx", type=Path)
    parser.add_argument("--core", default="cortex-m4")
    asked = parser.parse_args()
    require_tools()
    machine = MACHINES[asked.core]
    print(f"| values / weights | {' | '.join(HEADINGS)} |")
    print("|---" * (len(HEADINGS) + 1) + "|")
    with tempfile.TemporaryDirectory() as made:
        for activations, weights in WIDTHS:
            folder = Path(made) / f"{activations}_{weights}"
            folder.mkdir()
            sources, found, design = program(weights, activations, folder)
            counted = design.uses["flash"].used
            size, run = tried(sources, machine, folder / "ours")
            equal = tuple(layer.hash for layer in run.layers) == sources.hashes
            told(f"{activations} / {weights}", size, counted, run, found, equal=equal)
            if (activations, weights) == (8, 8):
                points = found, run
                size, run = tried(sources, machine, folder / "plain", "-DQC_PORTABLE")
                equal = tuple(layer.hash for layer in run.layers) == sources.hashes
                told("8 / 8, plain C", size, 0, run, found, equal=equal)
            if (activations, weights) == (8, 8) and asked.cmsis:
                told("8 / 8, CMSIS-NN", *_split(cmsis(sources, found, machine, asked.cmsis, folder / "cmsis")), found, equal=False)
            if (activations, weights) == (8, 8) and asked.emx:
                size, run = emx(sources, design, machine, asked.emx, folder / "emx")
                macs = sum(layer.macs for layer in found)
                spent = f"{run.instructions:,} | {run.instructions / macs:.2f}"
                print(f"| 8 / 8, emx-onnx-cgen | {size:,} |  | {run.stack_bytes:,} | {spent} |  |  |  |")
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


def _split(found: tuple[int, Run]) -> tuple[int, float, Run]:
    return found[0], 0, found[1]


if __name__ == "__main__":
    main()

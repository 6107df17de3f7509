"""The network of run.py by others: CMSIS-NN's kernels, C that emx-onnx-cgen writes, the interpreter of TensorFlow Lite Micro.

None of them is a dependency: each comes from a package that whoever compares installs, in an environment of its own.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.c.emulator import STACK_BYTES, Machine, Run, build, emulate
from qeopt.export.c.folder import Sources, write_folder
from qeopt.export.c.program import program
from qeopt.export.layers import Layer
from qeopt.network import OpKind

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
void model(const float image[restrict 1][{c}][{h}][{w}], float classifier[restrict 1][{classes}]);
static float image[1][{c}][{h}][{w}], found[1][{classes}];
__attribute__((noinline)) static void whole(uint8_t *arena) {{
  int i;
  for (i = 0; i < {h} * {w} * {c}; i++) image[0][i % {c}][i / ({w} * {c})][i / {c} % {w}] = {scale} * {prefix}_image[i];
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
EMX_STACK, EMX_RAM = 15 << 20, 16 << 20
KINDS = {OpKind.CONV: 0, OpKind.DEPTHWISE: 1, OpKind.DENSE: 2, OpKind.POOL: 3}
TFLM = """\
import sys
import numpy
from tflite_micro.python.tflite_micro import runtime
interpreter = runtime.Interpreter.from_file(sys.argv[1], arena_size=1 << 24)
image = interpreter.get_input_details(0)
interpreter.set_input(numpy.zeros(image["shape"], image["dtype"]), 0)
interpreter.invoke()
interpreter.print_allocations()
"""


class AbsentError(Exception):
    """A package that is not there; says what brings it."""


@dataclass(frozen=True)
class Interpreted:
    """What an interpreter takes to hold a network."""

    model_bytes: int
    """Of the file that it interprets, its own code left out."""
    tensor_bytes: int
    """Of its arena: tensors, and what kernels need meanwhile."""
    lasting_bytes: int
    """Of its arena: what describes tensors and operators, with the pointers of the machine that ran it."""


def found_cmsis(folder: Path) -> Path:
    """Check that a folder holds CMSIS-NN.

    Raises:
        AbsentError: when it does not.
    """
    if not any(folder.rglob("cmsis_nn/Source/*/*.c")):
        by = "`pip install --no-deps --target FOLDER bakenn==1.0.0` brings it"
        raise AbsentError(f"--cmsis {folder}: no cmsis_nn/Source in it; {by}")
    return folder


def found_emx(program: str) -> Path:
    """Find the generator.

    Raises:
        AbsentError: when there is no such program.
    """
    if (found := shutil.which(program)) is None:
        by = "`pip install emx-onnx-cgen`, in an environment of its own, brings it"
        raise AbsentError(f"--emx {program}: no such program; {by}")
    return Path(found)


def found_tflm(python: str) -> Path:
    """Check that a Python has the interpreter.

    Raises:
        AbsentError: when there is no such Python, or it lacks the package.
    """
    by = "`pip install tflite-micro`, in an environment of its own, brings it"
    if (found := shutil.which(python)) is None:
        raise AbsentError(f"--tflm {python}: no such Python; {by}")
    done = subprocess.run([found, "-c", "import tflite_micro"], capture_output=True, check=False)
    if done.returncode:
        raise AbsentError(f"--tflm {python}: it has no tflite_micro; {by}")
    return Path(found)


def cmsis(sources: Sources, found: tuple[Layer, ...], machine: Machine, vendor: Path, folder: Path) -> tuple[int, Run]:
    """The same layers by CMSIS-NN, with multipliers and shifts of their own; time is all that is looked at."""
    write_folder(folder, [(name, text) for name, text in sources.texts() if not Path(name).name.startswith("qc_")])
    rows, at = [], 0
    for layer, step in zip(found, program(sources.arena, sources.model).steps, strict=True):
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
    image, classes = sources.model.network.tensors[0], int(sources.model.network.tensors[-1].channels)
    shape = {"h": int(image.height), "w": int(image.width), "c": int(image.channels), "classes": classes}
    scale = f"{sources.model.grids[image.name].scale:.9e}f"
    (folder / f"src/{sources.prefix}.c").write_text(EMX.format(prefix=sources.prefix, scale=scale, **shape))
    (folder / f"src/{sources.prefix}_weights.c").unlink()
    flags = (*machine.flags, "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-Wl,-u,nearbyintf,-u,fmaxf,-u,fminf", "-lm")
    machine = replace(machine, flags=flags, ram=0x21000000, ram_bytes=EMX_RAM)
    write_folder(folder, [(name, text.replace(f"{STACK_BYTES}", f"{EMX_STACK}")) for name, text in sources.board(machine)])
    size = build(folder, machine, folder, options=("-O2", "-w", "-Wno-error", "-std=gnu99"))
    return size, emulate(folder / "firmware.elf", machine)


def tflm(design: Design, python: Path, folder: Path) -> Interpreted:
    """The same network in the interpreter of TensorFlow Lite Micro, on this machine: bytes are all that is comparable."""
    (model,) = export(design, "tflite", folder / "model.tflite")
    done = subprocess.run([python, "-c", TFLM, model], check=True, capture_output=True, text=True)
    told = dict(re.findall(r"Arena allocation (head|tail) (\d+) bytes", done.stdout + done.stderr))
    return Interpreted(model.stat().st_size, int(told["head"]), int(told["tail"]))

"""The C header compiles without a warning, and a program that reads it sees the design and the arena plan."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.layers import layers
from qeopt.export.names import identifier
from qeopt.memory.arena import best_plan
from qeopt.memory.buffers import buffers

PROGRAM = r"""
#include <stdio.h>
#include "design.h"

int main(void) {
  for (int i = 0; i < D_BUFFERS; i++) {
    const d_buffer_t *b = &d_buffers[i];
    printf("buffer|%s|%lu|%lu|%u|%u|%u|%u|%u|%u\n", b->name, (unsigned long)b->offset, (unsigned long)b->bytes,
           b->first, b->last, b->height, b->width, b->channels, b->bits);
  }
  for (int i = 0; i < D_LAYERS; i++) {
    const d_layer_t *l = &d_layers[i];
    printf("layer|%s|%s|%s|%s|%u|%u|%llu\n", l->name, d_buffers[l->inputs[0]].name, d_buffers[l->output].name,
           l->scratch[0] < 0 ? "-" : d_buffers[l->scratch[0]].name, l->weight_bits, l->kernel_height,
           (unsigned long long)l->macs);
  }
  printf("arena|%lu\n", (unsigned long)D_ARENA_BYTES);
  return d_layers[D_LAYER_STEM].output != D_BUFFER_STEM || D_CONV != 0;
}
"""


@pytest.fixture
def gcc() -> str:
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("no gcc")
    return found


def run_c(gcc: str, folder: Path) -> list[list[str]]:
    (folder / "main.c").write_text(PROGRAM)
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    subprocess.run([gcc, "-std=c99", *warnings, "main.c", "-o", "main"], cwd=folder, check=True, timeout=60)
    printed = subprocess.run([folder / "main"], check=True, capture_output=True, text=True, timeout=60).stdout
    return [line.split("|") for line in printed.splitlines()]


def test_a_program_sees_the_plan(design: Design, gcc: str, tmp_path: Path) -> None:
    export(design, "c", tmp_path / "design.h", {"prefix": "d", "tables": True})
    printed = run_c(gcc, tmp_path)
    network, runtime, bits = design.network(), design.load_study().runtime, design.bit_widths()
    plan = best_plan(buffers(network, runtime, bits), runtime.memory.align).plan
    expected = [
        [placed.buffer.name, placed.offset_bytes, placed.buffer.bytes, placed.buffer.first, placed.buffer.last]
        for placed in plan.placements
    ]
    assert [line[1:6] for line in printed if line[0] == "buffer"] == [[str(value) for value in row] for row in expected]
    shapes = {line[1]: line[6:] for line in printed if line[0] == "buffer"}
    for tensor in network.tensors:
        assert shapes[tensor.name] == [
            str(side) for side in (tensor.height, tensor.width, tensor.channels, bits.activations[tensor.name])
        ]
    assert [line[1:4] + line[5:] for line in printed if line[0] == "layer"] == [
        [
            layer.op.name,
            layer.op.inputs[0].name,
            layer.op.output.name,
            str(layer.weight_bits),
            str(layer.window.height),
            str(layer.macs),
        ]
        for layer in layers(design, network)
    ]
    named = {line[4] for line in printed if line[0] == "layer"} - {"-"}
    assert named == {placed.buffer.name for placed in plan.placements if "(scratch)" in placed.buffer.name}
    assert printed[-1] == ["arena", str(plan.size_bytes)]
    assert plan.size_bytes <= design.uses["sram"].limit  # type: ignore[operator]


def test_working_memory_that_all_layers_share_is_named_by_each(small: Callable[..., Design], gcc: str, tmp_path: Path) -> None:
    design = small("shared", kind="k1dwk1", runtime="tinyengine", sram="32768", flash="40000", bits="[8]")
    export(design, "c", tmp_path / "design.h", {"prefix": "d"})
    printed = run_c(gcc, tmp_path)
    named = {line[4] for line in printed if line[0] == "layer"}
    assert len(named) == 1
    assert re.fullmatch(r"\(scratch( \d)?\)", named.pop())


def test_names_that_c_cannot_have_are_changed(mixed: Design, gcc: str, tmp_path: Path) -> None:
    odd = mixed.model_copy(update={"study_name": '9 "odd" */ name??/'})
    export(odd, "c", tmp_path / "design.h")
    prefix = identifier(f"qeopt_{odd.study_name}")
    assert prefix == "qeopt_9_odd_name"
    (tmp_path / "main.c").write_text('#include "design.h"\nint main(void) { return QEOPT_9_ODD_NAME_STUDY[0] != 57; }\n')
    subprocess.run([gcc, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"], cwd=tmp_path, check=True, timeout=60)
    subprocess.run([tmp_path / "main"], check=True, timeout=60)


def test_a_runtime_that_only_counts_is_refused(small: Callable[..., Design], tmp_path: Path) -> None:
    design = small("counted", kind="k1dwk1", runtime="paper", sram="32768", flash="40000", bits="[4, 8]")
    with pytest.raises(ExportError, match="'paper' counts memory without laying it out"):
        export(design, "c", tmp_path / "design.h")
    assert not list(tmp_path.iterdir())

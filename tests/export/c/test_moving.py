"""A whole network that moves, resizes and spreads values: planned, counted, exported and run."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.export import ExportError
from qeopt.export.c.emulator import missing_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.trial import try_out

MOVING = """\
kind: study
task: {input: [8, 8, 4], classes: 5}
network:
  image: {shape: [8, 8, 4]}
  ops:
    - {name: stem, op: conv, reads: [image], shape: [8, 8, 12], kernel: [3, 3], function: relu6, stage: 0}
    - {name: left, op: split, reads: [stem], shape: [8, 8, 8], others: [{name: right, shape: [8, 8, 4]}]}
    - {name: inner, op: slice, reads: [left], shape: [4, 8, 4], begins: [1, 0, 2], every: [2, 1, 1]}
    - {name: again, op: resize, reads: [inner], shape: [8, 8, 4], function: linear half_pixel}
    - {name: less, op: sub, reads: [right, again], shape: [8, 8, 4]}
    - {name: larger, op: maximum, reads: [less, right], shape: [8, 8, 4]}
    - {name: framed, op: pad, reads: [larger], shape: [9, 10, 4], pads: [0, 1, 1, 1], function: reflect}
    - {name: small, op: conv, reads: [framed], shape: [4, 4, 8], kernel: [3, 3], stride: [2, 2], pads: [0, 0, 0, 0], stage: 0}
    - {name: grown, op: transposed_conv, reads: [small], shape: [8, 8, 6], kernel: [2, 2], stride: [2, 2],
       pads: [0, 0, 0, 0], stage: 0}
    - {name: coarse, op: resize, reads: [grown], shape: [3, 4, 6], function: nearest half_pixel floor}
    - {name: scores, op: dense, reads: [coarse], shape: [1, 1, 5], weight_bits: 8, bits: 8}
  stage_ends: [grown]
runtime: qeopt-c
budgets: {sram: 1 KiB, flash: unlimited}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {baselines: []}
"""


@pytest.fixture(scope="module")
def moving(solved: Callable[[str, str], Design]) -> Design:
    return solved("moving", MOVING)


def test_what_a_network_moves_is_moved_as_the_reference_moves_it(moving: Design, tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc")
    C().export(moving, tmp_path)
    files = [*sorted((tmp_path / "src").glob("*.c")), tmp_path / "selftest/main.c"]
    options = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsanitize=address,undefined"]
    subprocess.run([gcc, *options, f"-I{tmp_path / 'src'}", *files, "-o", tmp_path / "run"], check=True, timeout=300)
    done = subprocess.run([tmp_path / "run"], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == f"all {len(moving.network().ops)} layers as computed\n", done.stderr


@pytest.mark.skipif(bool(missing_tools()), reason=f"not here: {', '.join(missing_tools())}")
@pytest.mark.slow
def test_kernels_that_move_values_are_as_large_as_counted(moving: Design, tmp_path: Path) -> None:
    C().export(moving, tmp_path)
    for core in ("cortex-m4", "cortex-m7", "cortex-m33"):
        trial = try_out(moving, C(), tmp_path, core, emulated=True)
        assert trial.wrong == ()
        assert 0 <= trial.counted_flash_bytes - trial.flash_bytes <= 512, core


def test_everything_that_no_kernel_knows_is_named_at_once(solved: Callable[[str, str], Design], tmp_path: Path) -> None:
    text = MOVING.replace("runtime: qeopt-c", "runtime: ideal").replace("[2, 4, 8]", "[3, 8]").replace("1 KiB", "700 B")
    design = solved("odd", text)
    odd = {name for name, bits in design.activations.items() if bits == 3}
    assert len(odd) > 1
    with pytest.raises(ExportError) as caught:
        C().sources(design)
    assert all(f"{name!r} has 3 bits" in str(caught.value) for name in odd)

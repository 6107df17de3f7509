"""A program whose plan lies in two memories that do not join: it runs here and in an emulator, and in no byte less of either."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.c.emulator import missing_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.trial import try_out

STUDY = """\
kind: study
task: {input: [16, 16, 3], classes: 5}
network:
  blocks:
    - {kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 1, width: 16, kernel: 3, ratio: 2, units: 2}
    - {kind: k1dwk1, name: b2, stride: 2, width: 32, kernel: 5, ratio: 1.5}
    - {kind: classifier}
device:
  memory:
    - {name: near, size: 2200 B, address: 0x20000000}
    - {name: "far*/", size: 800 B, address: 0x30000000}
  flash: 256 KiB
  core: cortex-m4
  clock_mhz: 100
  source: {url: "https://example.org", date: 2026-01-01}
runtime: {extends: qeopt-c, memory: {banks: all}}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
search: {baselines: []}
"""
OPTIONS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-g", "-O1", "-fsanitize=address,undefined"]


@pytest.fixture(scope="module")
def parted(solved: Callable[[str, str], Design]) -> Design:
    """A design that needs both memories."""
    design = solved("parted", STUDY)
    assert design.arena is not None
    assert len({buffer.region for buffer in design.arena.buffers.values()}) == len(design.arena.regions) == 2
    return design


def selftest(folder: Path) -> str:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc")
    files = [*sorted((folder / "src").glob("*.c")), folder / "selftest/main.c"]
    subprocess.run([gcc, *OPTIONS, f"-I{folder / 'src'}", *files, "-o", folder / "run"], check=True, timeout=120)
    done = subprocess.run([folder / "run"], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def test_the_self_test_runs_in_both_memories_and_in_not_a_byte_less_of_either(parted: Design, tmp_path: Path) -> None:
    export(parted, "c", tmp_path / "f")
    assert selftest(tmp_path / "f") == f"all {len(parted.network().ops)} layers as computed\n"
    main = tmp_path / "f/selftest/main.c"
    text = main.read_text()
    assert parted.arena is not None
    for number, region in enumerate(parted.arena.regions):
        memory = f"memory_{number}[{region.bytes}]"
        assert memory in text
        main.write_text(text.replace(memory, f"memory_{number}[{region.bytes - 1}]"))
        assert re.search("AddressSanitizer: global-buffer-overflow", selftest(tmp_path / "f"))


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_tools()), reason=f"not here: {', '.join(missing_tools())}")
def test_it_runs_in_the_emulator(parted: Design, tmp_path: Path) -> None:
    C().export(parted, tmp_path / "program")
    trial = try_out(parted, C(), tmp_path / "program", "cortex-m4", emulated=True)
    assert trial.run is not None
    assert trial.wrong == ()

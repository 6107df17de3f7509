"""Programs for Arm cores, run in QEMU where the tools are: every layer as the reference, and flash as counted."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.export import ExportError
from qeopt.export.c.emulator import MACHINES, build, emulate, missing_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import KernelSources, write_folder
from qeopt.export.c.trial import machine_of, try_out

RUNTIMES = {"cortex-m0": "qeopt-c-m0", "cortex-m0plus": "qeopt-c-m0", "cortex-m3": "qeopt-c-m3"}
TERMS = {"kind": "k1dwk1", "sram": "2100", "flash": "27000", "bits": "[2, 4, 8]"}

needs_tools = pytest.mark.skipif(bool(missing_tools()), reason=f"not here: {', '.join(missing_tools())}")


@pytest.fixture(scope="module")
def on_core(small: Callable[..., Design]) -> Callable[[str], Design]:
    """The small design for the kernels of a core."""
    return lambda core: small(f"on_{core}", runtime=RUNTIMES.get(core, "qeopt-c"), **TERMS)


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize("core", MACHINES)
def test_a_mixed_design_runs_on_every_core_as_counted(core: str, on_core: Callable[[str], Design], tmp_path: Path) -> None:
    design, exporter = on_core(core), C()
    assert len(set(design.weights.values()) | set(design.activations.values())) > 1
    exporter.export(design, tmp_path / "program")
    trial = try_out(design, exporter, tmp_path / "program", core, emulated=True)
    assert trial.run is not None
    assert trial.wrong == ()
    assert 0 <= trial.counted_flash_bytes - trial.flash_bytes <= 512
    assert trial.run.stack_bytes < 1024
    assert trial.run.output == bytes(value % 256 for value in trial.output)


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("made_for", "core"), [("cortex-m4", "cortex-m3"), ("cortex-m4", "cortex-m0plus"), ("cortex-m3", "cortex-m7")]
)
def test_on_another_core_the_code_of_that_core_counts(
    made_for: str, core: str, on_core: Callable[[str], Design], tmp_path: Path
) -> None:
    design, exporter = on_core(made_for), C()
    exporter.export(design, tmp_path / "program")
    trial = try_out(design, exporter, tmp_path / "program", core, emulated=False)
    assert trial.counted_flash_bytes != design.uses["flash"].used
    assert 0 <= trial.counted_flash_bytes - trial.flash_bytes <= 512


@needs_tools
@pytest.mark.slow
def test_memory_left_behind_does_not_matter_and_plain_c_is_bit_exact(on_core: Callable[[str], Design], tmp_path: Path) -> None:
    sources, machine = C().sources(on_core("cortex-m4")), MACHINES["cortex-m4"]
    write_folder(tmp_path / "program", sources.texts())
    seen = []
    for fill, options in ((0, ["-O2"]), (255, ["-O2"]), (90, ["-O1", "-DQC_PORTABLE"])):
        write_folder(tmp_path, sources.board(machine, fill))
        build(tmp_path / "program", machine, tmp_path, options=options)
        seen.append(tuple(layer.hash for layer in emulate(tmp_path / "firmware.elf", machine).layers))
    assert seen == [sources.selftest.hashes] * 3


@needs_tools
@pytest.mark.slow
def test_the_link_fails_where_more_is_linked_than_counted(on_core: Callable[[str], Design], tmp_path: Path) -> None:
    """As on a board with a script of its own, the network in an archive."""
    sources, machine = C().sources(on_core("cortex-m4")), MACHINES["cortex-m4"]
    program, archive = tmp_path / "program", tmp_path / "libnetwork.a"
    write_folder(program, sources.texts())
    write_folder(tmp_path, sources.board(machine))
    script = tmp_path / "own.ld"
    script.write_text(
        "".join(line for line in (tmp_path / "board.ld").read_text().splitlines(keepends=True) if ".network" not in line)
    )

    def linked(*options: str) -> subprocess.CompletedProcess[str]:
        build(program, machine, tmp_path, options=options)
        archive.unlink(missing_ok=True)
        subprocess.run(["arm-none-eabi-ar", "rcs", str(archive), *map(str, tmp_path.glob("*.network.o"))], check=True)
        others = [str(tmp_path / f"{sources.prefix}_selftest.o"), str(tmp_path / "board.o"), str(archive)]
        scripts = [f"-T{script}", f"-Wl,-T,{program / sources.prefix}.ld"]
        command = ["arm-none-eabi-gcc", *machine.flags, "-mthumb", "-nostartfiles", "-Wl,--gc-sections", "--specs=nano.specs"]
        elf = str(tmp_path / "own.elf")
        return subprocess.run([*command, *scripts, *others, "-o", elf], capture_output=True, text=True, check=False)

    assert linked("-O2").stderr == ""
    listed = subprocess.run(["arm-none-eabi-size", "-A", str(tmp_path / "own.elf")], capture_output=True, text=True, check=True)
    size = next(int(line.split()[1]) for line in listed.stdout.splitlines() if line.startswith(f".{sources.prefix} "))
    assert isinstance(sources, KernelSources)
    assert 0 <= sources.counted - size <= 512
    assert f"more code and constants than the {sources.counted} B that its design counts" in linked("-O0").stderr


def test_missing_tools_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch, on_core: Callable[[str], Design]) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(ExportError, match=r"arm-none-eabi-gcc.*: not found; Debian has them in gcc-arm-none-eabi .*qemu"):
        try_out(on_core("cortex-m4"), C(), Path("nowhere"), "cortex-m4", emulated=True)


def test_a_core_without_a_board_is_refused() -> None:
    assert machine_of("cortex-m0+").name == "cortex-m0plus"
    assert machine_of("Cortex-M33").qemu == "mps2-an505"
    with pytest.raises(ExportError, match="'cortex-m55' is not emulated here; did you mean 'cortex-m7'"):
        machine_of("cortex-m55")


def test_a_program_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = subprocess.CompletedProcess([], 1, "fault 00000000 00000000 00000000\n", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: told)
    with pytest.raises(ExportError, match="cortex-m4 on mps2-an386: the program failed: fault"):
        emulate(tmp_path / "firmware.elf", replace(MACHINES["cortex-m4"], title="cortex-m4 on mps2-an386"))

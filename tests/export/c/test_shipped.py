"""Every shipped study for kernels that are written here links into the memories of its own chip."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from qeopt.export.c.emulator import MACHINES, build, missing_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import Sources, write_folder
from qeopt.export.c.trial import machine_of
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

SPECS = Path(__file__).parents[3] / "specs"
QUICK = ("search.strategy=evolution", "search.evaluations=10", "search.baselines=[]")


SHIPPED = ("ad_128k", "ic_64k", "vww_64k", "vww_80", "vww_256k", "wider_face_480")
"""Studies whose runtime has kernels here, one for each device and space."""
ALIKE = ("vww_128k", "vww_256k_fast")
"""Others, of the same device and space as one of those."""


def own_firmware() -> list[str]:
    """Names of shipped studies whose runtime has kernels here."""
    paths = sorted(path for path in SPECS.glob("*.yaml") if "kind: study" in path.read_text())
    return [path.stem for path in paths if load_study(path).value.runtime.firmware == "qeopt-c"]


def script(study: Study) -> str:
    """Memories of the chip as the study has them, the runtime's reserve set aside for the stack."""
    assert study.device is not None
    runs, reserve = study.runs, study.runtime.reserve
    ram = "".join(
        f"  RAM{n} (rw) : ORIGIN = {0x20000000 + n * 0x1000000:#x}, LENGTH = {run.size_bytes}\n" for n, run in enumerate(runs)
    )
    arenas = "".join(f"  .arena{n} (NOLOAD) : {{ *(.arena{n}) }} > RAM{n}\n" for n in range(len(runs)))
    return (
        f"MEMORY {{\n  ROM (rx) : ORIGIN = 0x8000000, LENGTH = {study.device.flash_bytes}\n{ram}"
        f"  STACK (rw) : ORIGIN = 0x30000000, LENGTH = {reserve.sram}\n}}\nENTRY(start)\nSECTIONS {{\n"
        "  .vectors : { KEEP(*(.vectors)) } > ROM\n  .network : { *.network.o(.text .text.* .rodata .rodata.*) } > ROM\n"
        "  .text : { *(.text .text.* .rodata .rodata.* .ARM.*) } > ROM\n"
        f"{arenas}  .bss (NOLOAD) : {{ *(.bss .bss.* .data .data.*) }} > STACK\n"
        "  stack = ORIGIN(STACK) + LENGTH(STACK);\n"
        f'  ASSERT(SIZEOF(.network) <= LENGTH(ROM) - {reserve.flash}, "the reserve of flash is used")\n}}\n'
    )


def application(sources: Sources) -> Iterator[str]:
    """Start-up and a program that runs the network once."""
    sizes = [region.bytes for region in sources.arena.regions] if len(sources.arena.regions) > 1 else [sources.arena.bytes]
    yield f'#include "{sources.prefix}.h"\nextern uint8_t stack[];'
    for number, size in enumerate(sizes):
        yield f'__attribute__((section(".arena{number}"), aligned(4))) static uint8_t arena{number}[{max(size, 1)}];'
    memory = f"(uint8_t *const[]){{{', '.join(f'arena{n}' for n in range(len(sizes)))}}}" if len(sizes) > 1 else "arena0"
    yield f"void start(void) {{ {sources.prefix}_run({memory}); for (;;) continue; }}"
    yield '__attribute__((section(".vectors"), used)) static void *const vectors[16] = {stack, (void *)start};'


@pytest.mark.slow
def test_no_shipped_study_is_forgotten() -> None:
    assert sorted((*SHIPPED, *ALIKE)) == own_firmware()


@pytest.mark.skipif(bool(missing_tools()), reason=f"not here: {', '.join(missing_tools())}")
@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.slow) for name in SHIPPED),
        *(pytest.param(name, marks=pytest.mark.long) for name in ALIKE),
    ],
)
def test_a_shipped_study_links_for_its_chip(name: str, tmp_path: Path) -> None:
    design = solve(SPECS / f"{name}.yaml", overrides=QUICK).design
    assert design is not None
    study, exporter = design.load_study(), C()
    assert study.device is not None
    sources, machine = exporter.sources(design), machine_of(study.device.core)
    assert machine.name in MACHINES
    write_folder(tmp_path / "program", sources.texts())
    (tmp_path / "board.ld").write_text(script(study))
    (tmp_path / "board.c").write_text("\n".join(application(sources)) + "\n")
    flash = build(tmp_path / "program", machine, tmp_path)
    assert 0 <= design.uses["flash"].used - flash <= 512
    size = shutil.which("arm-none-eabi-size")
    assert size is not None
    listed = subprocess.run([size, "-A", tmp_path / "firmware.elf"], capture_output=True, text=True, check=True).stdout
    arenas = [int(line.split()[1]) for line in listed.splitlines() if line.startswith(".arena")]
    assert sum(arenas) == design.uses["sram"].used

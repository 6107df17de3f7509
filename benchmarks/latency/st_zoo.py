"""Set ST's MobileNets beside what qeopt says of them under the runtime `x-cube-ai`: `python benchmarks/latency/st_zoo.py`.

Flash of weights (int8, biases int32), and the time on a board and for networks that no model was fitted to. ST's RAM is not
predicted, because it does not say what its kernels need beside activations.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import geometric_mean

from qeopt.hardware import Device, Runtime
from qeopt.hardware.costs import cycles
from qeopt.hardware.device import Source
from qeopt.memory import count
from qeopt.network import Bits, Network
from qeopt.space import Space, Task
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

FILE = Path(__file__).with_name("st_zoo.csv")
BOARD = Device(
    name="STM32H747I-DISCO",
    sram=1 << 20,
    flash=1 << 21,
    core="cortex-m7",
    clock_mhz=400,
    source=Source(url="https://github.com/STMicroelectronics/stm32ai-modelzoo", date="2026-11-28"),
)
FIRST = {"kind": "conv", "name": "stem", "kernel": 3, "stride": 2, "weight_bits": 8}
V1 = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 2, 6), (1024, 2, 2))
"""Separable convolutions of MobileNetV1: width, stride and number (Howard et al. 2017, table 1)."""
V2 = ((16, 1, 1), (24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1))
"""Inverted residuals of MobileNetV2, in the same way (Sandler et al. 2018, table 2)."""
V2_HEAD = 1280
"""Its last convolution, which does not become narrower with the others."""


@dataclass(frozen=True)
class Printed:
    """A network and what ST prints of it."""

    name: str
    alpha: float
    input: tuple[int, int, int]
    classes: int
    kib: float
    """Flash of its weights."""
    ms: float

    @cached_property
    def network(self) -> Network:
        """The network as Keras builds it."""
        blocks = _v1(self.alpha) if self.name == "mobilenet_v1" else _v2(self.alpha)
        space = build(Space, {"blocks": [*blocks, {"kind": "classifier"}]})
        return space.expand(space.smallest(), Task(input=self.input, classes=self.classes), self.name)

    def counted_kib(self, runtime: Runtime) -> float:
        """Flash by qeopt, the library's code aside."""
        return count(self.network, runtime, Bits.uniform(self.network, 8)).flash_bytes / 1024

    def predicted_ms(self, runtime: Runtime) -> float:
        """Time by the runtime's model of the core, at the board's clock and without any stalls of its own."""
        return sum(int(cycles(runtime, op, 8, 8, 8)) for op in self.network.ops) / BOARD.cycles_per_ms


def read(path: Path = FILE) -> list[Printed]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [_printed(row) for row in rows]


def _printed(row: dict[str, str]) -> Printed:
    image = (int(row["side"]), int(row["side"]), int(row["channels"]))
    return Printed(row["network"], float(row["alpha"]), image, int(row["classes"]), float(row["weights_kib"]), float(row["ms"]))


def _v1(alpha: float) -> Iterator[dict[str, object]]:
    yield {**FIRST, "width": int(32 * alpha)}
    for number, (width, stride, units) in enumerate(V1, start=1):
        yield {"kind": "separable", "name": f"b{number}", "width": int(width * alpha), "stride": stride, "units": units}


def _v2(alpha: float) -> Iterator[dict[str, object]]:
    yield {**FIRST, "width": _divisible(32 * alpha)}
    for number, (width, stride, units) in enumerate(V2, start=1):
        shape = {"width": _divisible(width * alpha), "stride": stride, "units": units, "ratio": 1 if number == 1 else 6}
        yield {"kind": "mbconv", "name": f"b{number}", **shape}
    yield {"kind": "conv", "name": "head", "width": V2_HEAD}


def _divisible(width: float) -> int:
    """To a multiple of 8, halves up, never below nine tenths of the width (Keras)."""
    found = max(8, int(width + 4) // 8 * 8)
    return found if found >= 0.9 * width else found + 8


def main() -> None:
    found = read()
    runtime = load(Runtime, "x-cube-ai", library=Library(), kind="runtime", folder="runtimes").value.on(BOARD)
    print("| network | input | classes | printed KiB | counted KiB | error | printed ms | predicted ms | printed is longer by |")
    print("|---|---|---|---|---|---|---|---|---|")
    flash, longer = [], []
    for one in found:
        kib, ms = one.counted_kib(runtime), one.predicted_ms(runtime)
        flash.append(100 * (kib / one.kib - 1))
        longer.append(one.ms / ms)
        head = f"{one.name} {one.alpha} | {'x'.join(map(str, one.input))} | {one.classes}"
        counted = f"{one.kib:,.2f} | {kib:,.2f} | {flash[-1]:+.3f} %"
        print(f"| {head} | {counted} | {one.ms} | {ms:.1f} | {100 * longer[-1] - 100:+.1f} % |")
    mean = geometric_mean(longer)
    print(f"\nflash of weights: {len(found)} networks, largest error {max(map(abs, flash)):.3f} %")
    rest = [100 * (factor / mean - 1) for factor in longer]
    print(f"time: {mean:.2f} times as long as predicted ({min(longer):.2f} to {max(longer):.2f}); ", end="")
    print(f"with that as the board's factor {min(rest):+.0f} to {max(rest):+.0f} %")


if __name__ == "__main__":
    main()

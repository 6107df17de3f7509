"""The ten networks whose memory others measured on a board: what is counted for them, and the tables of the documentation."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Resources, count
from qeopt.network import Bits, Network, macs
from qeopt.network.importers import import_model
from qeopt.space import Space, Task
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

KIB = 1024


class Published(NamedTuple):
    """A network as its authors list it, and what they measured."""

    name: str
    file: str
    side: int
    stem: int
    blocks: str
    head: int
    classes: int
    millions: float
    current: tuple[int, int]
    """SRAM and flash in KiB on STM32H743, TinyEngine 0363956 of December 2022."""
    first: tuple[int, int]
    """SRAM and flash in kB on STM32F746, before the engine was released."""


# Blocks as kernel, middle > out, stride 2; a shortcut wherever neither size nor channels change.
VWW0 = Published(
    "MCUNet-VWW0", "mcunet-10fps_vww", 64, 16,
    "3 16>8, 5 48>16 s2, 3 64>16, 3 80>24 s2, 3 96>24, 3 96>24, 3 120>40 s2, 3 160>40, 7 120>40, 3 120>48, 3 192>48,"
    " 7 240>96 s2, 5 480>96, 7 384>160",
    0, 2, 6.0, (59, 453), (146, 617),
)  # fmt: skip
VWW1 = Published(
    "MCUNet-VWW1", "mcunet-5fps_vww", 80, 16,
    "3 16>8, 3 48>16 s2, 3 48>16, 3 48>16, 7 48>24 s2, 3 144>24, 5 120>24, 7 144>40 s2, 7 240>40, 3 240>48, 3 192>48,"
    " 5 240>96 s2, 3 480>96, 3 384>96, 7 288>160",
    0, 2, 11.6, (92, 521), (162, 689),
)  # fmt: skip
NETWORKS = (
    VWW0,
    VWW1,
    Published(
        "MCUNet-VWW2", "mcunet-320kb-1mb_vww", 144, 16,
        "3 16>8, 3 24>16 s2, 3 80>16, 5 96>16, 3 48>16, 7 80>24 s2, 5 96>24, 3 96>24, 7 144>24, 3 144>40 s2, 7 240>40, 5 160>40,"
        " 3 200>40, 5 200>48, 5 144>48, 3 192>48, 5 144>48, 3 192>96 s2, 5 480>96, 5 384>96, 3 384>96, 3 480>160",
        0, 2, 55.8, (174, 741), (311, 897),
    ),
    Published(
        "MCUNet-IN0", "mcunet-10fps_imagenet", 48, 24,
        "3 24>16, 5 64>16 s2, 3 48>16, 3 64>16, 7 80>24 s2, 5 96>24, 5 120>24, 7 120>48 s2, 5 192>48, 3 240>56, 5 224>56, 3 280>56,"
        " 3 336>112 s2, 5 448>112, 3 672>192",
        0, 1000, 6.4, (49, 842), (266, 889),
    ),
    Published(
        "MCUNet-IN1", "mcunet-5fps_imagenet", 96, 16,
        "3 16>8, 3 32>16 s2, 3 48>16, 7 48>24 s2, 3 120>24, 3 120>40 s2, 7 160>40, 5 160>48, 3 144>48, 3 192>48, 7 240>96 s2,"
        " 5 384>96, 5 384>96, 3 576>160",
        0, 1000, 12.8, (96, 727), (307, 992),
    ),
    Published(
        "MCUNet-IN2", "mcunet-256kb-1mb_imagenet", 160, 16,
        "3 16>8, 5 24>16 s2, 7 96>16, 3 80>16, 5 80>16, 3 80>24 s2, 7 144>24, 5 144>24, 7 96>40 s2, 5 200>40, 3 200>48, 5 240>48,"
        " 3 192>48, 5 288>96 s2, 5 384>96, 5 288>96, 3 384>96, 5 480>160",
        0, 1000, 67.3, (215, 830), (242, 878),
    ),
    Published(
        "MCUNet-IN3", "mcunet-320kb-1mb_imagenet", 176, 16,
        "3 16>8, 7 24>16 s2, 3 80>16, 7 80>16, 5 64>16, 5 80>24 s2, 5 120>24, 5 120>24, 3 120>40 s2, 7 240>40, 5 160>40, 5 200>48,"
        " 7 240>48, 3 240>48, 3 288>96 s2, 7 480>96, 3 384>96, 7 480>160",
        0, 1000, 81.8, (260, 835), (293, 897),
    ),
    Published(
        "MCUNet-IN4", "mcunet-512kb-2mb_imagenet", 160, 32,
        "3 32>16, 7 48>24 s2, 3 120>24, 5 96>24, 7 120>40 s2, 3 160>40, 7 160>40, 7 120>80 s2, 3 240>80, 7 240>80, 3 320>96,"
        " 5 288>96, 5 288>96, 7 384>192 s2, 7 576>192, 5 576>192, 5 768>320",
        0, 1000, 125.9, (416, 1825), (456, 1876),
    ),
    Published(
        "MobileNetV2 w0.35", "mbv2-w0.35-r144_imagenet", 144, 16,
        "3 16>8, 3 48>8 s2, 3 48>8, 3 48>16 s2, 3 96>16, 3 96>16, 3 96>24 s2, 3 144>24, 3 144>24, 3 144>24, 3 144>32, 3 192>32,"
        " 3 192>32, 3 192>56 s2, 3 336>56, 3 336>56, 3 336>112",
        448, 1000, 23.5, (295, 839), (308, 862),
    ),
    Published(
        "ProxylessNAS w0.3", "proxyless-w0.3-r176_imagenet", 176, 16,
        "3 16>8, 5 24>16 s2, 3 48>16, 7 48>16 s2, 3 48>16, 5 48>16, 5 48>16, 7 96>24 s2, 5 72>24, 5 72>24, 5 72>24, 5 144>32,"
        " 5 96>32, 5 96>32, 5 96>32, 7 192>64 s2, 7 384>64, 7 192>64, 7 192>64, 7 384>96",
        384, 1000, 38.3, (259, 842), (292, 892),
    ),
)  # fmt: skip
BY_NAME = {published.name: published for published in NETWORKS}
every_network = pytest.mark.parametrize("published", NETWORKS, ids=lambda published: published.name)


def network_of(published: Published) -> Network:
    """Expand the list of blocks."""
    blocks: list[Any] = [{"kind": "conv", "name": "stem", "width": published.stem, "kernel": 3, "stride": 2}]
    reads = published.stem
    for number, block in enumerate(published.blocks.split(", ")):
        kernel, widths, *stride = block.split()
        middle, width = map(int, widths.split(">"))
        common = {"name": f"b{number}", "width": width, "kernel": int(kernel), "stride": 2 if stride else 1}
        blocks.append({"kind": "mbconv", **common, "ratio": middle / reads})
        reads = width
    if published.head:
        blocks.append({"kind": "conv", "name": "head", "width": published.head})
    space = build(Space, {"blocks": [*blocks, {"kind": "classifier"}]})
    task = build(Task, {"input": [published.side, published.side, 3], "classes": published.classes})
    return space.expand(space.smallest(), task)


@pytest.fixture(scope="module")
def tinyengine() -> Runtime:
    return load(Runtime, "tinyengine", library=Library(), kind="runtime", folder="runtimes").value


def counted(network: Network, runtime: Runtime) -> Resources:
    return count(network, runtime, Bits.uniform(network, 8))


@every_network
def test_these_are_the_networks(published: Published) -> None:
    """Their MACs, and so the size of the image too, are those of the row that states their memory."""
    assert round(sum(int(macs(op)) for op in network_of(published).ops) / 1e6, 1) == published.millions


@every_network
def test_published_files_cost_the_same(published: Published, tinyengine: Runtime, published_data: Path) -> None:
    file = published_data / "mcunet" / f"{published.file}.json"
    if not file.is_file():
        pytest.skip(f"{file.name} is not at hand")
    read, restated = counted(import_model(file).network, tinyengine), counted(network_of(published), tinyengine)
    assert (read.sram_bytes, read.flash_bytes) == (restated.sram_bytes, restated.flash_bytes)


# By MCUNet's own count of activations and by the paper's rule, both at 8 bits, in KiB.
ACTIVATIONS = {
    "MCUNet-VWW0": (None, 56.0),
    "MCUNet-VWW1": (None, 87.5),
    "MCUNet-IN2": (325.0, 200.0),
    "MCUNet-IN3": (332.8, 242.0),
    "MCUNet-IN4": (412.5, 400.0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_memory_that_is_published(name: str) -> None:
    paper = load(Runtime, "paper", library=Library(), kind="runtime", folder="runtimes").value
    whole = paper.model_copy(update={"memory": paper.memory.model_copy(update={"depthwise_output": "whole"})})
    whole_kib, paper_kib = ACTIVATIONS[name]
    network = network_of(BY_NAME[name])
    assert counted(network, paper).sram_bytes / KIB == paper_kib
    if whole_kib is not None:
        assert round(counted(network, whole).sram_bytes / KIB, 1) == whole_kib


@pytest.mark.parametrize(("published", "arena"), [(VWW0, 60_800), (VWW1, 93_992)], ids=["VWW0", "VWW1"])
def test_arena_is_the_one_the_engine_generates(published: Published, arena: int, tinyengine: Runtime) -> None:
    """PEAK_MEM of generated code (VWW0), size of `buffer` in the linker's map of the engine's demonstration (VWW1)."""
    assert counted(network_of(published), tinyengine).sram_bytes == arena


def test_constants_are_those_the_engine_links(tinyengine: Runtime) -> None:
    """All of genModel.o's read-only data in the same map, from 0x0801cf08 to 0x080922a0."""
    assert counted(network_of(VWW1), tinyengine).flash_bytes == 0x080922A0 - 0x0801CF08 == 480_152


def test_code_is_what_the_engine_links(tinyengine: Runtime) -> None:
    """From the first depthwise kernel at 0x08011224 to the end of the average pool at 0x08016e48 in the same map."""
    assert tinyengine.reserve.flash == 0x08016E48 - 0x08011224


@every_network
def test_measured_memory(published: Published, tinyengine: Runtime) -> None:
    """SRAM to the printed kilobyte, and so in units of 1024 bytes; flash within a tenth, and never more than the board held."""
    found = counted(network_of(published), tinyengine)
    sram, flash = published.current
    assert round(found.sram_bytes / KIB) == sram
    assert -0.1 <= _flash_kib(found, tinyengine) / flash - 1 <= 0


def _flash_kib(found: Resources, runtime: Runtime) -> float:
    return (found.flash_bytes + runtime.reserve.flash) / KIB


# The tables of docs/runtimes.md

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"


def table(heading: str) -> list[Sequence[str]]:
    """Rows of the first table below `heading`, without its two header lines."""
    lines = PAGE.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = re.match(r"(?:\|.*\n)+", "\n".join([*lines[start:], ""]))
    assert rows is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows.group().splitlines()[2:]]


def percent(counted: float, published: float) -> str:
    share = round(100 * (counted / published - 1))
    return f"{share:+d} %" if share else "0 %"


def test_documented_table_is_what_is_counted(tinyengine: Runtime) -> None:
    rows = []
    for published in NETWORKS:
        found = counted(network_of(published), tinyengine)
        sram, flash = found.sram_bytes / KIB, _flash_kib(found, tinyengine)
        measured = published.current
        of_sram = [f"{sram:.1f}", f"{measured[0]}", percent(sram, measured[0])]
        of_flash = [f"{flash:.1f}", f"{measured[1]}", percent(flash, measured[1]), f"{measured[1] - flash:.0f}"]
        rows.append([published.name, *of_sram, *of_flash])
    assert table("### TinyEngine against measured figures") == rows


def test_documented_older_table_is_what_is_counted(tinyengine: Runtime) -> None:
    rows = []
    for published in NETWORKS:
        found = counted(network_of(published), tinyengine)
        sram, flash, first = found.sram_bytes / KIB, _flash_kib(found, tinyengine), published.first
        rows.append([published.name, f"{first[0]}", percent(sram, first[0]), f"{first[1]}", percent(flash, first[1])])
    assert table("#### Figures from before the release") == rows


def test_documented_sram_with_depthwise_out_of_place(tinyengine: Runtime) -> None:
    """What an engine without in-place depthwise convolutions would need, which explains none of the first figures."""
    out_of_place = tinyengine.model_copy(update={"memory": tinyengine.memory.model_copy(update={"in_place": ()})})
    networks = [network_of(published) for published in NETWORKS[:3]]
    first, second, third = (f"{counted(network, out_of_place).sram_bytes / KIB:.1f}" for network in networks)
    assert f"{first}, {second} and {third} KiB" in PAGE.read_text(encoding="utf-8")

"""The devices and runtimes that ship: all load, all say where their numbers come from, and well-known facts are as known."""

import datetime
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from qeopt.hardware import Device, Runtime, Source
from qeopt.hardware.costs import bitops, channels_fit, held, legal_tuples, parameter_flash, scratch, tensor_elements, weights_flash
from qeopt.hardware.device import Flash
from qeopt.network import Dim, Op, OpKind, Tensor
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load, load_text

KIB = 1024
MIB = 1024 * KIB
DEVICES = sorted(path.stem for path in (builtin_folder() / "devices").glob("*.yaml"))
RUNTIMES = sorted(path.stem for path in (builtin_folder() / "runtimes").glob("*.yaml"))
WIDTHS = (2, 4, 8)
CONV, DEPTHWISE, DENSE, POOL, ADD = OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.POOL, OpKind.ADD


def device(name: str) -> Device:
    return load(Device, builtin_folder() / "devices" / f"{name}.yaml", library=Library(), kind="device", folder="devices").value


def runtime(name: str) -> Runtime:
    return load(Runtime, builtin_folder() / "runtimes" / f"{name}.yaml", library=Library(), kind="runtime", folder="runtimes").value


def op(kind: OpKind, kernel: Dim = 1, c_in: Dim = 10, c_out: Dim = 32, side: Dim = 16, *, is_image: bool = False) -> Op:
    source = Tensor("in", side, side, c_in, is_image=is_image)
    inputs = (source, source) if kind is ADD else (source,)
    channels = c_out if kind in {CONV, DENSE} else c_in
    out_side = side if kind in {CONV, DEPTHWISE, ADD} else 1
    return Op("op", kind, inputs, Tensor("out", out_side, out_side, channels), kernel)


def check_sources(profile: Device | Runtime, path: Path) -> None:
    sources = profile.source if isinstance(profile.source, tuple) else (profile.source,)
    assert sources
    for source in sources:
        assert isinstance(source, Source)
        assert source.url.startswith("https://")
        assert source.says
        assert datetime.date(2026, 1, 1) <= datetime.date.fromisoformat(source.date)
    assert profile.name == path.stem
    assert profile.title
    assert path.read_text().isascii()
    assert path.read_text().startswith(("# ", "kind: "))


# Devices


def test_there_are_enough_devices() -> None:
    assert len(DEVICES) >= 40
    assert len({device(name).title for name in DEVICES}) == len(DEVICES)


@pytest.mark.parametrize("name", DEVICES)
def test_device_is_sound(name: str) -> None:
    shown = device(name)
    check_sources(shown, builtin_folder() / "devices" / f"{name}.yaml")
    assert 0 < shown.arena_bytes <= sum(region.size - region.reserved for region in shown.regions)
    size = shown.flash.size if isinstance(shown.flash, Flash) else shown.flash
    assert 0 < shown.flash_bytes <= size
    assert shown.core == shown.core.lower()
    assert 10 <= shown.clock_mhz <= 1000


@pytest.mark.parametrize("name", DEVICES)
def test_ceiling_is_the_core_s(name: str) -> None:
    """The ceiling follows the core; where it was not found in a source, there is none."""
    shown = device(name)
    assert shown.isa == {0.5: (), 2: ("dsp",), 8: ("dsp", "mve")}.get(shown.macs_per_cycle or 0, shown.isa) or name == "ra8p1"
    known = {"m0+": 0.5, "m3": 0.5, "m4": 2, "m7": 2, "m33": 2, "m55": 8, "m85": 8}
    assert shown.macs_per_cycle == known.get(shown.core.removeprefix("cortex-"))


@pytest.mark.parametrize(
    ("name", "arena", "total", "flash", "core", "clock"),
    [
        ("stm32f103", 20 * KIB, 20 * KIB, 64 * KIB, "cortex-m3", 72),
        ("stm32f407", 128 * KIB, 192 * KIB, MIB, "cortex-m4", 168),
        ("stm32f412", 256 * KIB, 256 * KIB, MIB, "cortex-m4", 100),
        ("stm32f446", 128 * KIB, 128 * KIB, 512 * KIB, "cortex-m4", 180),
        ("stm32f746", 320 * KIB, 320 * KIB, MIB, "cortex-m7", 216),
        ("stm32f765", 512 * KIB, 512 * KIB, 2 * MIB, "cortex-m7", 216),
        ("stm32f767", 512 * KIB, 512 * KIB, 2 * MIB, "cortex-m7", 216),
        ("stm32h743", 512 * KIB, 992 * KIB, 2 * MIB, "cortex-m7", 480),
        ("stm32h750", 512 * KIB, 992 * KIB, 128 * KIB, "cortex-m7", 480),
        ("stm32h7a3", MIB, 1184 * KIB, 2 * MIB, "cortex-m7", 280),
        ("stm32l475", 96 * KIB, 128 * KIB, MIB, "cortex-m4", 80),
        ("stm32l4r5", 640 * KIB, 640 * KIB, 2 * MIB, "cortex-m4", 120),
        ("stm32u575", 768 * KIB, 768 * KIB, 2 * MIB, "cortex-m33", 160),
        ("stm32wb55", 192 * KIB, 192 * KIB, 512 * KIB, "cortex-m4", 64),
        ("stm32g071", 36 * KIB, 36 * KIB, 128 * KIB, "cortex-m0+", 64),
        ("portenta-h7", 523_624, 512 * KIB, 768 * KIB, "cortex-m7", 480),
        ("nrf52832", 64 * KIB, 64 * KIB, 512 * KIB, "cortex-m4", 64),
        ("nrf52840", 256 * KIB, 256 * KIB, MIB, "cortex-m4", 64),
        ("nrf5340", 512 * KIB, 512 * KIB, MIB, "cortex-m33", 128),
        ("arduino-nano-33-ble", 256 * KIB, 256 * KIB, 960 * KIB, "cortex-m4", 64),
        ("adafruit-feather-nrf52840", 248_832, 256 * KIB, 815_104, "cortex-m4", 64),
        ("rp2040", 264 * KIB, 264 * KIB, 2 * MIB, "cortex-m0+", 133),
        ("rp2350", 520 * KIB, 520 * KIB, 4 * MIB, "cortex-m33", 150),
        ("apollo3", 384 * KIB, 384 * KIB, MIB, "cortex-m4", 96),
        ("max78000", 128 * KIB, 128 * KIB, 512 * KIB, "cortex-m4", 100),
        ("teensy41", 512 * KIB, MIB, 8_126_464, "cortex-m7", 600),
        ("nrf52833", 128 * KIB, 128 * KIB, 512 * KIB, "cortex-m4", 64),
        ("ra6m3", 640 * KIB, 640 * KIB, 2 * MIB, "cortex-m4", 120),
        ("psoc62", MIB, MIB, 2 * MIB, "cortex-m4", 150),
        ("imxrt1060-evk", 768 * KIB, 896 * KIB, 8 * MIB, "cortex-m7", 600),
        ("imxrt1170-evk", MIB, 1280 * KIB, 16 * MIB, "cortex-m7", 996),
        ("mcxn947", 416 * KIB, 512 * KIB, 2 * MIB, "cortex-m33", 150),
        ("alif-e8", 8 * MIB, 9 * MIB, 5632 * KIB, "cortex-m55", 400),
        ("gapuino-gap8", 512 * KIB, 512 * KIB, 64 * MIB, "gap8-rv32", 250),
    ],
)
def test_facts(name: str, arena: int, total: int, flash: int, core: str, clock: float) -> None:
    shown = device(name)
    assert (shown.arena_bytes, sum(region.size for region in shown.regions), shown.flash_bytes) == (arena, total, flash)
    assert (shown.core, shown.clock_mhz) == (core, clock)


def test_stm32f412_is_one_bank_without_reserve() -> None:
    shown = device("stm32f412")
    assert [(region.size, region.reserved) for region in shown.regions] == [(256 * KIB, 0)]
    assert shown.flash == MIB


@pytest.mark.parametrize(
    "name", ["esp32", "esp32-s3", "rp2040", "rp2350", "teensy41", "stm32n657", "gapuino-gap8", "arduino-nano-33-ble", "stm32h743"]
)
def test_flash_outside_the_chip_is_told(name: str) -> None:
    flash = device(name).flash
    outside = isinstance(flash, Flash) and flash.external
    assert outside == (name not in {"arduino-nano-33-ble", "stm32h743"})


def test_users_board_takes_ten_lines(tmp_path: Path) -> None:
    file = tmp_path / "my-board.yaml"
    text = """\
kind: device
extends: stm32h743
title: My camera board
memory:
  - {name: AXI SRAM, size: 512 KiB, reserved: 16 KiB}
flash: {size: 2 MiB, reserved: 128 KiB}
source: {url: "https://example.com/schematic", date: 2026-11-21}
"""
    assert len(text.splitlines()) <= 10
    file.write_text(text)
    shown = load(Device, file, library=Library(), kind="device", folder="devices").value
    assert (shown.name, shown.core, shown.clock_mhz) == ("my-board", "cortex-m7", 480)
    assert (shown.arena_bytes, shown.flash_bytes) == (496 * KIB, 1920 * KIB)


# Runtimes


def test_which_runtimes_ship() -> None:
    assert {"paper", "ideal", "cmix-nn", "cmsis-nn", "tinyengine", "pulp-nn"} <= set(RUNTIMES)


@pytest.mark.parametrize("name", RUNTIMES)
def test_runtime_is_sound(name: str) -> None:
    shown = runtime(name)
    check_sources(shown, builtin_folder() / "runtimes" / f"{name}.yaml")
    kinds = {CONV, DEPTHWISE, DENSE, POOL, ADD} - ({DEPTHWISE} if name == "max78000" else set())
    for kind in kinds:
        found = legal_tuples(shown, op(kind), WIDTHS, WIDTHS)
        assert (8, 8 if op(kind).has_weights else 0, 8) in found


def values(shown: Runtime, subject: Op, bits: tuple[int, int, int]) -> list[Dim]:
    in_bits, w_bits, out_bits = bits
    return [
        scratch(shown, subject, in_bits, w_bits, out_bits),
        parameter_flash(shown, subject),
        weights_flash(shown, subject, w_bits),
        bitops(shown, subject, in_bits, w_bits),
        held(shown, tensor_elements(shown, subject.inputs[0]), in_bits),
        held(shown, tensor_elements(shown, subject.output), out_bits),
    ]


@pytest.mark.parametrize("kind", list(OpKind))
@pytest.mark.parametrize("name", RUNTIMES)
def test_formulas_serve_integers_and_arrays(name: str, kind: OpKind) -> None:
    shown = runtime(name)
    kernels = (1, 3, 5, 7) if kind in {CONV, DEPTHWISE} else (1,)
    sides = (1,) if kind is DENSE else (1, 7, 16)
    grid = list(product(kernels, (1, 3, 8, 10, 125), (2, 16, 31), sides))
    columns = (np.asarray(column, dtype=np.int64) for column in zip(*grid, strict=True))
    batch = op(kind, *columns)
    singles = [op(kind, *row) for row in grid]
    for bits in legal_tuples(shown, batch, WIDTHS, WIDTHS):
        whole = [np.broadcast_to(value, len(grid)) for value in values(shown, batch, bits)]
        for place, single in enumerate(singles):
            expected = values(shown, single, bits)
            assert all(isinstance(value, int) and value >= 0 for value in expected)
            assert [int(value[place]) for value in whole] == expected
    for tensor in (batch.inputs[0], batch.output):
        for width in WIDTHS:
            fits = np.broadcast_to(channels_fit(shown, batch, tensor, width), len(grid))
            side = [single.inputs[0] if tensor is batch.inputs[0] else single.output for single in singles]
            assert fits.tolist() == [channels_fit(shown, single, one, width) for single, one in zip(singles, side, strict=True)]


EVERY_COMBINATION = tuple(product(WIDTHS, WIDTHS, WIDTHS))


def test_depthwise_weights_of_cmix_nn_have_8_bits() -> None:
    assert legal_tuples(runtime("cmix-nn"), op(CONV), WIDTHS, WIDTHS) == EVERY_COMBINATION
    assert legal_tuples(runtime("cmix-nn"), op(DEPTHWISE), WIDTHS, WIDTHS) == tuple(product(WIDTHS, (8,), WIDTHS))


@pytest.mark.parametrize("kind", [CONV, DEPTHWISE])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pulp-nn", EVERY_COMBINATION),
        ("ideal", EVERY_COMBINATION),
        ("paper", EVERY_COMBINATION),
        ("cmsis-nn", ((8, 4, 8), (8, 8, 8))),
        ("cmsis-nn-mve", ((8, 4, 8), (8, 8, 8))),
        ("cmsis-nn-c", ((8, 4, 8), (8, 8, 8))),
        ("tinyengine", ((8, 8, 8),)),
    ],
)
def test_legal_bits(name: str, kind: OpKind, expected: tuple[tuple[int, int, int], ...]) -> None:
    assert legal_tuples(runtime(name), op(kind), WIDTHS, WIDTHS) == expected
    every = tuple(range(1, 9))
    if runtime(name).kernels != "any":
        assert legal_tuples(runtime(name), op(kind), every, every) == expected


@pytest.mark.parametrize(("name", "sums"), [("cmix-nn", {8}), ("cmsis-nn", {8}), ("tinyengine", {8}), ("pulp-nn", {2, 4, 8})])
def test_sums_with_fewer_bits_are_pulp_nn_s(name: str, sums: set[int]) -> None:
    assert {given for given, _, _ in legal_tuples(runtime(name), op(ADD), WIDTHS, WIDTHS)} == sums


@pytest.mark.parametrize(
    ("bits", "refused", "taken"), [(8, (1, 2, 6, 10), (4, 12, 16)), (4, (4, 12, 20), (8, 16, 24)), (2, (8, 24, 40), (16, 32))]
)
def test_channel_multiples_of_cmix_nn(bits: int, refused: tuple[int, ...], taken: tuple[int, ...]) -> None:
    for channels in (*refused, *taken):
        tensor = Tensor("t", 8, 8, channels)
        assert channels_fit(runtime("cmix-nn"), op(CONV), tensor, bits) == (channels in taken)
    assert channels_fit(runtime("cmix-nn"), op(CONV), Tensor("image", 64, 64, 3, is_image=True), 8)


def test_cmix_nn_pads_the_image() -> None:
    image = Tensor("image", 64, 64, 3, is_image=True)
    assert tensor_elements(runtime("cmix-nn"), image) == 64 * 64 * 4
    assert tensor_elements(runtime("cmsis-nn"), image) == 64 * 64 * 3


@pytest.mark.parametrize(
    ("name", "subject", "at_four", "at_eight"),
    [
        ("cmix-nn", op(CONV, 1, 10), 48, 48),
        ("cmix-nn", op(CONV, 3, 3), 144, 144),
        ("cmix-nn", op(DEPTHWISE, 3, 10), 92, 92),  # 90 bytes, and the next buffer at a word
        ("cmix-nn", op(POOL, 1, 10), 40, 40),
        ("cmsis-nn", op(CONV, 1, 10), 0, 0),
        ("cmsis-nn", op(CONV, 3, 3), 108, 112),
        ("cmsis-nn", op(CONV, 5, 10), 1000, 1008),
        ("cmsis-nn", replace(op(CONV, 1, 8), kernel_width=5), 160, 160),
        ("cmsis-nn", replace(op(CONV, 1, 8), groups=2), 32, 32),
        ("cmsis-nn", replace(op(DEPTHWISE, 3, 10), kernel_width=5), 300, 300),
        ("cmsis-nn", op(DEPTHWISE, 3, 10), 180, 0),
        ("cmsis-nn", op(DEPTHWISE, 5, 10), 500, 500),
        ("cmsis-nn", op(POOL, 1, 10), 40, 40),
        ("cmsis-nn", op(DENSE), 0, 0),
        ("cmsis-nn-mve", op(CONV, 1, 10), 0, 0),
        ("cmsis-nn-mve", op(CONV, 3, 3), 128, 128),
        ("cmsis-nn-mve", op(CONV, 5, 10), 1024, 1024),
        ("cmsis-nn-mve", op(DEPTHWISE, 3, 10), 4464, 4464),
        ("cmsis-nn-mve", op(DEPTHWISE, 5, 10), 12_400, 12_400),
        ("cmsis-nn-mve", op(DENSE, c_out=10), 0, 40),
        ("cmsis-nn-c", op(CONV, 3, 3), 108, 112),
        ("cmsis-nn-c", op(DEPTHWISE, 5, 10), 500, 0),
        ("cmsis-nn-c", op(POOL, 1, 10), 0, 0),
        ("tinyengine", op(CONV, 1, 10), 40, 40),
        ("tinyengine", op(CONV, 3, 3, 16), 4 * 9 * 3 + 2 * 9 * 3 * 16, 4 * 9 * 3 + 2 * 9 * 3 * 16),
        ("tinyengine", op(DEPTHWISE, 3, 10, side=16), 2 * 18 * 18, 2 * 18 * 18),
        ("pulp-nn", op(CONV, 3, 3), 0, 0),
    ],
)
def test_scratch_bytes(name: str, subject: Op, at_four: int, at_eight: int) -> None:
    shown = runtime(name)
    assert [scratch(shown, subject, 8, bits, 8) for bits in (4, 8)] == [at_four, at_eight]


@pytest.mark.parametrize("kind", list(OpKind))
@pytest.mark.parametrize(
    ("name", "per_channel"),
    [
        ("ideal", {DENSE: 1}),
        ("paper", {CONV: 2 * 8, DEPTHWISE: 2 * 8, DENSE: 8}),  # counted in bits
        ("cmix-nn", {CONV: 10, DEPTHWISE: 10, DENSE: 4}),
        ("cmsis-nn", {CONV: 12, DEPTHWISE: 12, DENSE: 4}),
        ("cmsis-nn-mve", {CONV: 12, DEPTHWISE: 12, DENSE: 4}),
        ("cmsis-nn-c", {CONV: 12, DEPTHWISE: 12, DENSE: 4}),
        ("tinyengine", {CONV: 8, DEPTHWISE: 12, DENSE: 8}),
        ("pulp-nn", {CONV: 8, DEPTHWISE: 8, DENSE: 4}),
    ],
)
def test_parameter_bytes(name: str, kind: OpKind, per_channel: dict[OpKind, int]) -> None:
    subject = op(kind)
    assert parameter_flash(runtime(name), subject) == per_channel.get(kind, 0) * subject.output.channels


@pytest.mark.parametrize("kind", list(OpKind))
@pytest.mark.parametrize("name", ["ideal", "paper"])
def test_analytic_runtimes_have_no_scratch(name: str, kind: OpKind) -> None:
    shown = runtime(name)
    assert scratch(shown, op(kind, 3), 4, 4, 4) == 0
    assert (shown.reserve.sram, shown.reserve.flash) == (0, 0)


# Documentation

DOCS = Path(__file__).parents[2] / "docs"


def examples(page: str, kind: str) -> list[str]:
    blocks = (DOCS / page).read_text().split("```yaml\n")[1:]
    return [text for block in blocks if (text := block.split("```")[0]).startswith(f"kind: {kind}\n")]


@pytest.mark.parametrize(("page", "kind", "names"), [("devices.md", "device", DEVICES), ("runtimes.md", "runtime", RUNTIMES)])
def test_docs_name_every_profile(page: str, kind: str, names: list[str]) -> None:
    text = (DOCS / page).read_text()
    assert [name for name in names if f"`{name}`" not in text] == []
    assert examples(page, kind)


@pytest.mark.parametrize("text", examples("devices.md", "device"))
def test_documented_devices_load(text: str) -> None:
    assert len(text.splitlines()) <= 10
    assert load_text(Device, text, library=Library(), kind="device", folder="devices", name="example").value.arena_bytes > 0


@pytest.mark.parametrize("text", examples("runtimes.md", "runtime"))
def test_documented_runtimes_load(text: str) -> None:
    shown = load_text(Runtime, text, library=Library(), kind="runtime", folder="runtimes", name="example").value
    assert legal_tuples(shown, op(DEPTHWISE), WIDTHS, WIDTHS) == ((8, 8, 8),)
    assert scratch(shown, op(CONV, 3, 10), 8, 8, 8) == 2 * 96
    assert parameter_flash(shown, op(CONV)) == 12 * 32


def test_lists_give_way_to_tuples() -> None:
    text = 'kind: runtime\nextends: cmsis-nn\nsource: {url: "https://example.com", date: 2026-11-21}\n'
    change = "kernels: {depthwise: {tuples: [[4, 4, 4], [8, 8, 8]], in: [], weights: [], out: []}}\n"
    assert change.split("kernels: {")[1][:-2] in (DOCS / "runtimes.md").read_text()
    shown = load_text(Runtime, text + change, library=Library(), kind="runtime", folder="runtimes").value
    assert legal_tuples(shown, op(DEPTHWISE), WIDTHS, WIDTHS) == ((4, 4, 4), (8, 8, 8))

"""Devices and runtimes as people write them: what they come to, and a golden for every mistake."""

import pytest

from qeopt.hardware import Device, Runtime
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load_text

DEVICE = "kind: device\ncore: cortex-m4\nclock_mhz: 100\nsource: {url: u, date: d}\n"
RUNTIME = "kind: runtime\nsource: {url: u, date: d}\n"


def device(text: str) -> Device:
    return load_text(Device, DEVICE + text, library=Library(), kind="device", folder="devices").value


def runtime(text: str) -> Runtime:
    return load_text(Runtime, RUNTIME + text, library=Library(), kind="runtime", folder="runtimes").value


@pytest.mark.parametrize(
    ("memory", "arena_bytes"),
    [
        ("sram: 2 KiB", 2048),
        ("memory: [{name: a, size: 2 KiB, reserved: 24 B}]", 2024),
        ("memory: [{name: a, size: 1 KiB}, {name: b, size: 2 KiB}]", 2048),
        ("memory: [{name: a, size: 1 KiB}, {name: b, size: 2 KiB, joins: a}]", 3072),
        ("memory: [{name: c, size: 1 KiB, joins: b}, {name: a, size: 1 KiB}, {name: b, size: 1 KiB, joins: a}]", 3072),
        ("memory: [{name: a, size: 1 KiB, holds: [activations, weights]}, {name: b, size: 9 KiB, holds: [weights]}]", 1024),
        # a bank that holds no activations parts those on both sides of it
        (
            "memory: [{name: a, size: 3 KiB}, "
            "{name: w, size: 9 KiB, joins: a, holds: [weights]}, {name: c, size: 2 KiB, joins: w}]",
            3072,
        ),
    ],
)
def test_the_arena_is_the_largest_run_of_joined_banks(memory: str, arena_bytes: int) -> None:
    assert device(f"flash: 1 MiB\n{memory}").arena_bytes == arena_bytes


def test_flash_and_speed_follow_from_what_is_declared() -> None:
    found = device("flash: {size: 1 MiB, reserved: 32 KiB}\nsram: 1 KiB\nmacs_per_cycle: 2")
    assert found.flash_bytes == 1024 * 1024 - 32 * 1024
    assert found.macs_per_second == 200_000_000
    assert device("flash: 1 MiB\nsram: 1 KiB").macs_per_second is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a device needs either `sram` or a `memory` list, not both"),
        ("sram: 1 KiB\nmemory: [{name: a, size: 1 KiB}]", "a device needs either `sram` or a `memory` list, not both"),
        ("sram: 256kB", "sram: '256kB' could mean 256,000 or 262,144 bytes; write 256000 B or 256 KiB"),
        ("sram: 0", "sram: got 0; more than zero was expected"),
        ("sram: -1", "sram: got -1; more than zero was expected"),
        ("sram: 1 KiB\nmacs_per_cycle: 0", "macs_per_cycle is 0; more than 0.0 was expected"),
        ("memory: [{name: a, size: 1 KiB}, {name: a, size: 1 KiB}]", "two memory regions have the same name"),
        ("memory: [{name: a, size: 1 KiB, joins: b}]", "region 'a' joins 'b', which is no other region of this device"),
        ("memory: [{name: a, size: 1 KiB, joins: a}]", "region 'a' joins 'a', which is no other region of this device"),
        (
            "memory: [{name: a, size: 1 KiB, joins: b}, {name: b, size: 1 KiB, joins: a}]",
            "the regions a, b join each other in a circle",
        ),
        (
            "memory: [{name: a, size: 1 KiB}, {name: b, size: 1 KiB, joins: a}, {name: c, size: 1 KiB, joins: a}]",
            "two memory regions join the same region; only one can begin where it ends",
        ),
        ("memory: [{name: a, size: 1 KiB, holds: [weights]}]", "no memory region may hold activations"),
        ("memory: [{name: a, size: 1 KiB, reserved: 2 KiB}]", "memory[0]: region 'a' reserves 2048 B of its 1024 B"),
        (
            "memory: [{name: a, size: 1 KiB, holds: [heat]}]",
            "memory[0].holds[0] is 'heat'; 'activations' or 'weights' was expected",
        ),
    ],
)
def test_a_device_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        device(f"flash: 1 MiB\n{text}")
    assert str(caught.value).split(": ", 1)[1] == message


def test_a_flash_that_reserves_more_than_it_has() -> None:
    with pytest.raises(SpecError, match="flash reserves 2048 B of its 1024 B"):
        device("sram: 1 KiB\nflash: {size: 1 KiB, reserved: 2 KiB}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kernels: some", "kernels is 'some'; 'any' or a mapping was expected"),
        ("kernels: {conv: {}}", "kernels.conv: a kernel needs either `in` and `out` (and `weights`) or `tuples`"),
        ("kernels: {conv: {in: [8]}}", "kernels.conv: a kernel needs both `in` and `out`"),
        (
            "kernels: {conv: {in: [8], out: [8], tuples: [[8, 8, 8]]}}",
            "kernels.conv: a kernel needs either `in` and `out` (and `weights`) or `tuples`",
        ),
        ("kernels: {conv: {in: [8], out: [8]}}", "kernel 'conv' needs weight bits"),
        ("kernels: {dense: {tuples: [[8, 0, 8]]}}", "kernel 'dense' needs weight bits"),
        (
            "kernels: {add: {in: [8], weights: [8], out: [8]}}",
            "kernel 'add' has no weights; leave `weights` out, and write 0 in `tuples`",
        ),
        ("kernels: {pool: {tuples: [[8, 8, 8]]}}", "kernel 'pool' has no weights; leave `weights` out, and write 0 in `tuples`"),
        ("kernels: {conv: {in: [0], weights: [8], out: [8]}}", "kernels.conv.in[0] is 0; at least 1 was expected"),
        ("kernels: any\nmemory: {align: 0}", "memory.align is 0; at least 1 was expected"),
        ("kernels: any\nmemory: {in_place: [conv]}", "memory.in_place[0] is 'conv'; 'add' or 'depthwise' was expected"),
        ("kernels: any\nmemory: {unit: words}", "memory.unit is 'words'; 'bytes' or 'bits' was expected"),
        ("kernels: any\nscratch: {bytes: {conv: 2.5}}", "scratch.bytes.conv: a formula must be a text or an integer"),
        ("kernels: any\nreserve: {sram: 2kB}", "reserve.sram: '2kB' could mean 2,000 or 2,048 bytes; write 2000 B or 2 KiB"),
    ],
)
def test_a_runtime_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        runtime(text)
    assert str(caught.value).split(": ", 1)[1] == message


def test_an_unknown_kind_of_operator_is_told_those_known() -> None:
    with pytest.raises(SpecError, match=r"kernels\.convolution is 'convolution'; 'conv', 'depthwise', .* was expected"):
        runtime("kernels: {convolution: {in: [8], out: [8]}}")


def test_formulas_are_refused_at_their_place() -> None:
    with pytest.raises(SpecError, match=r"4:20: parameters\.conv: a formula here cannot name 'w_bits'"):
        runtime("kernels: any\nparameters: {conv: w_bits}")
    with pytest.raises(SpecError, match=r"4:25: scratch\.bytes\.conv: .*'c_ot'; did you mean 'c_out'"):
        runtime("kernels: any\nscratch: {bytes: {conv: c_ot}}")


def test_a_kernel_lists_its_tuples() -> None:
    kernels = runtime("kernels: {conv: {in: [4, 8], weights: [2], out: [8]}, add: {tuples: [[8, 0, 4], [4, 0, 4]]}}").kernels
    assert kernels != "any"
    assert {kind.value: kernel.legal(has_weights=kind.value == "conv") for kind, kernel in kernels.items()} == {
        "conv": ((4, 2, 8), (8, 2, 8)),
        "add": ((4, 0, 4), (8, 0, 4)),
    }

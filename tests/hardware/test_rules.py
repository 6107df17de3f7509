"""What runtimes can declare: kept by every answer, counted as declared, and refused with its place where it makes no sense."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qeopt.check import check_device, check_runtime
from qeopt.hardware import Device, Runtime
from qeopt.hardware.costs import mac_count, persistent, pool_scratch, tensor_elements, weights_flash
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, NetworkBuilder, OpKind, Tensor
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load, load_text
from qeopt.spec.model import build
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve
from qeopt_solvers import Status

RUNTIMES = sorted(path.stem for path in (builtin_folder() / "runtimes").glob("*.yaml"))
SOURCE: Any = {"url": "https://example.org", "date": "2026-01-01"}
CORE = "core: cortex-m4\nclock_mhz: 100\nsource: {url: a, date: 2026-11-21}\n"


def runtime(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def test_limits_of_kernels_are_named() -> None:
    image = Tensor("image", 8, 8, 3, bits=8, is_image=True)
    builder = NetworkBuilder("wide", image)
    builder.conv("five", image, 8, kernel=5, stride=2)
    builder.end_stage()
    terms = Refiner(runtime("max78000"), Limits(), BitChoices(weights=(8,), activations=(8,)), build(QEScore, {}), QbrSettings())
    refined = terms.refine(builder.finish())
    assert refined.status is Status.INFEASIBLE
    assert refined.reason.startswith("the runtime cannot execute conv 'five': it takes windows of 1, 3; strides of 1; this one has")


def test_each_rule_counts_what_it_says() -> None:
    kernels: Any = {kind: {"in": [8], "out": [8]} for kind in ("pool", "add")}
    kernels |= {kind: {"in": [8], "weights": [3, 8], "out": [8]} for kind in ("conv", "depthwise", "dense")}
    data: Any = {
        "kernels": kernels,
        "memory": {
            "align": 8,
            "pad_image_channels": 4,
            "pad_channels": 16,
            "packing": {"3": 4, "8": 8},
            "persistent": {"conv": "3 * c_out"},
        },
        "scratch": [
            {"bytes": {"conv": "5 * c_in", "dense": 100}, "aggregate": "global_max"},
            {"bytes": {"conv": 7}},
        ],
        "weight_bytes": {"dense": "1000 - w_bits"},
        "parameters": {"conv": "c_in"},
        "latency": {"cycles": {"conv": "macs * w_bits"}, "source": SOURCE},
        "energy": {"picojoules": {"dense": "macs - 1000"}, "source": SOURCE},
        "source": SOURCE,
    }
    shown = build(Runtime, data)
    image = Tensor("image", 4, 4, 3, bits=8, is_image=True)
    builder = NetworkBuilder("counted", image)
    tensor = builder.conv("a", image, 8, kernel=3)
    builder.dense("d", builder.global_pool("p", tensor), 2)
    builder.end_stage()
    found = builder.finish()
    conv, _, dense = found.ops
    assert tensor_elements(shown, image) == 4 * 4 * 16
    assert tensor_elements(shown, tensor) == 4 * 4 * 16
    assert mac_count(shown, conv) == 3 * 3 * 4 * 8 * 16
    assert weights_flash(shown, conv, 3) == 3 * 3 * 4 * 8 * 4 // 8
    assert weights_flash(shown, dense, 8) == 992
    assert persistent(shown, conv) == 24
    assert [pool_scratch(shown, pool, conv, 8, 8, 8) for pool in shown.pools] == [24, 8]
    bits = Bits({"a": 3, "d": 8}, {"image": 8, "a": 8, "p": 8, "d": 8})
    used = count(found, shown, bits)
    assert [use.scratch_bytes for use in used.steps] == [104 + 8, 104, 104]  # the largest of one pool, the own of the other
    assert {use.persistent_bytes for use in used.steps} == {24}
    first = used.steps[0]
    assert used.sram_bytes == first.total_bytes == sum(size for _, size in first.tensor_bytes) + 104 + 8 + 24
    assert used.flash_bytes == 144 + 4 + 992
    assert used.used["cycles"] == 3 * 3 * 4 * 8 * 16 * 3
    assert used.used["picojoules"] == 0  # never less than nothing


NPU_RUNTIME = """\
kind: runtime
title: Fictitious NPU
needs_isa: [npu]
kernels:
  conv: {in: [4, 8], weights: [2, 4, 8], out: [4, 8], windows: [1, 3], weight_channel_multiple: {"2": 16}}
  depthwise: {in: [4, 8], weights: [8], out: [4, 8], windows: [3]}
  dense: {in: [8], weights: [8], out: [8]}
  add: {in: [8], out: [8]}
  pool: {in: [8], out: [8]}
memory: {align: 32, weights: regions, persistent: {conv: 32}}
latency:
  cycles: {conv: macs * (1 + w_bits) // 8, depthwise: macs}
  source: {url: "https://example.com/npu", date: 2026-11-21}
source: {url: "https://example.com/npu", date: 2026-11-21}
"""
NPU_DEVICE = """\
kind: device
title: Board with a fictitious NPU
memory:
  - {name: SRAM, size: 24 KiB, address: 0x20000000}
  - {name: MORE, size: 8 KiB, address: 0x20006000, joins: SRAM}
  - {name: WEIGHTS, size: 6 KiB, holds: [weights]}
flash: 1 MiB
core: npu
isa: [npu]
clock_mhz: 10
source: {url: "https://example.com/npu", date: 2026-11-21}
"""
NPU_STUDY = """\
kind: study
task: {input: [32, 32, 3], classes: 2}
space:
  blocks:
    - {kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: [8, 16, 32], kernel: [3, 5], ratio: [1.5, 2], units: [1, 2]}
    - {kind: conv, name: head, width: [32, 64]}
    - {kind: classifier}
device: npu-board
runtime: npu
budgets: {layers: 12, latency_ms: 30}
bits: {weights: [2, 4, 8], activations: [4, 8]}
objective: {kind: qe}
search: {evaluations: 40, baselines: []}
"""


def write_npu(folder: Path, study: str = NPU_STUDY, device: str = NPU_DEVICE) -> Path:
    (folder / "runtimes").mkdir()
    (folder / "runtimes" / "npu.yaml").write_text(NPU_RUNTIME)
    (folder / "npu-board.yaml").write_text(device)
    (folder / "study.yaml").write_text(study)
    return folder / "study.yaml"


def test_a_new_accelerator_takes_yaml_alone(tmp_path: Path) -> None:
    solution = solve(write_npu(tmp_path))
    design = solution.design
    assert design is not None
    assert design.structure["b1"]["kernel"] == 3  # it has no window of 5
    assert design.uses["sram"].limit == 32 * 1024
    assert design.uses["flash"].limit == 6 * 1024  # its weight memory
    assert design.uses["cycles"].limit == 300_000
    assert all(use.limit is None or use.used <= use.limit for use in design.uses.values())
    assert design.arena is not None
    assert design.arena.minimal
    assert all(buffer.offset % 32 == 0 for buffer in design.arena.buffers.values())
    assert design.space_certificate is not None
    assert all("cycles" in part.prices for part in design.space_certificate.parts)
    narrow = [op for op in design.network().ops if op.kind is OpKind.CONV and op.output.channels % 16]
    assert all(design.weights[op.name] != 2 for op in narrow)


def refused(text: str, model: type[Device] | type[Runtime]) -> str:
    kind = "device" if model is Device else "runtime"
    with pytest.raises(SpecError) as caught:
        load_text(model, f"kind: {kind}\n{text}", library=Library(), kind=kind, folder=f"{kind}s", name="mine")
    assert all(problem.location is not None and problem.location.line is not None for problem in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize(
    ("memory", "says"),
    [
        (
            "[{name: A, size: 64 KiB, address: 0}, {name: B, size: 1 KiB, address: 0xFFFF}]",
            "'A' and 'B' overlap from address 0xffff",
        ),
        (
            "[{name: A, size: 64 KiB, address: 0}, {name: B, size: 1 KiB, address: 0x20000, joins: A}]",
            "'B' begins at 0x20000, but 'A'",
        ),
        ("[{name: A, size: 64 KiB, reserved: 65 KiB}]", "region 'A' reserves 66560 B of its 65536 B"),
        ("[{name: A, size: 64 KiB, holds: [weights]}]", "no memory region may hold activations"),
        ("[{name: A, size: 64 KiB, joins: B}, {name: B, size: 64 KiB, joins: A}]", "in a circle"),
    ],
)
def test_impossible_devices_are_refused(memory: str, says: str) -> None:
    assert says in refused(f"memory: {memory}\nflash: 1 MiB\n{CORE}", Device)


CONV = "{in: [8], weights: [4, 8], out: [8]}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"kernels: {{conv: {CONV}}}\nmemory: {{packing: {{'8': 8}}}}", "`memory.packing` has no rule for 4 bits"),
        ("kernels: any\nmemory: {packing: {'4': 2}}", "stores 4 bits in 2"),
        ("kernels: {conv: {in: [8], weights: [4], out: [8], channel_multiple: {'4': 2}}}", "`channel_multiple` names 4 bits"),
        (
            "kernels: {conv: {in: [8], weights: [4], out: [8], weight_channel_multiple: {'8': 2}}}",
            "`weight_channel_multiple` names 8",
        ),
        ("kernels: any\ncode: {conv: 9 * c_out}", "cannot name 'c_out'"),
        ("kernels: any\nweight_bytes: {conv: c_out * in_bits}", "cannot name 'in_bits'"),
        ("kernels: any\nmemory: {persistent: {conv: 8 * c_ouy}}", "did you mean 'c_out'"),
        ("kernels: any\nlatency: {cycles: {conv: macs}}", "source"),
        ("kernels: {conv: {in: [8], weights: [8], out: [8], windows: [0]}}", "windows"),
        ("kernels: any\nscratch: [{bytes: {conv: 1 / c_in}}]", "scratch[0].bytes.conv"),
    ],
)
def test_contradictory_runtimes_are_refused(text: str, says: str) -> None:
    assert says in refused(f"{text}\nsource: {{url: a, date: 2026-11-21}}\n", Runtime)


@pytest.mark.parametrize(
    ("study", "device", "says"),
    [
        (NPU_STUDY, NPU_DEVICE.replace("isa: [npu]", "isa: [dsp]"), "'npu' needs npu, which the device 'npu-board' does not have"),
        (NPU_STUDY, NPU_DEVICE.replace("holds: [weights]", "holds: [activations]"), "keeps weights in banks of their own"),
        (NPU_STUDY.replace("latency_ms: 30", "energy_uj: 3"), NPU_DEVICE, "`energy_uj` needs an estimate"),
        (NPU_STUDY.replace("runtime: npu", "runtime: ideal"), NPU_DEVICE, "`latency_ms` needs an estimate"),
    ],
)
def test_parts_that_do_not_meet_are_refused(study: str, device: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        load_study(write_npu(tmp_path, study, device))
    location = caught.value.problems[0].location
    assert location is not None
    assert location.line is not None


def test_no_isa_means_unknown(tmp_path: Path) -> None:
    assert load_study(write_npu(tmp_path, device=NPU_DEVICE.replace("isa: [npu]\n", ""))).value.device is not None


# Damaged files

TEXTS = {
    kind: [path.read_text(encoding="utf-8") for path in sorted((builtin_folder() / f"{kind}s").glob("*.yaml"))]
    for kind in ("device", "runtime")
}
WORDS = st.sampled_from(
    (
        *(
            "0",
            "-1",
            "1",
            "3",
            "8",
            "16",
            "4096",
            "1 KiB",
            "64 KiB",
            "1e9",
            "99999999999999999999",
            "null",
            "true",
            "[]",
            "{}",
            "any",
            "conv",
        ),
        *(
            "c_out",
            "c_out - 99999",
            "w_bits * macs",
            "1099511627776 * macs * macs",
            "ceil_to(c_in, 0)",
            "1 // 0",
            "(((",
            "flash",
            "regions",
        ),
        *(
            "weights",
            "[weights]",
            "[8]",
            "[4, 8]",
            "{'8': 4}",
            "global_max",
            "bits",
            "SRAM",
            "joins: A",
            "address: 0",
            "\n",
            "  ",
            ", ",
            ": ",
        ),
    )
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    """A shipped file with some of its values and lines replaced, repeated or taken out."""
    kind = draw(st.sampled_from(("device", "runtime")))
    lines = draw(st.sampled_from(TEXTS[kind])).splitlines()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        parts = lines[place].split(" ")
        match draw(st.integers(0, 3)):
            case 0:
                parts[draw(st.integers(0, len(parts) - 1))] = draw(WORDS)
                lines[place] = " ".join(parts)
            case 1 if len(lines) > 1:
                del lines[place]
            case 2:
                lines.insert(place, lines[draw(st.integers(0, len(lines) - 1))])
            case _:
                key, colon, _ = lines[place].partition(":")
                lines[place] = f"{key}{colon} {draw(WORDS)}"
    return kind, "\n".join(lines) + "\n"


def read_damaged(kind: str, text: str) -> None:
    """Read a file and use it; only located problems may come out."""
    model: type[Device | Runtime] = Device if kind == "device" else Runtime
    try:
        found = load_text(model, text, library=Library(), kind=kind, folder=f"{kind}s", name="mine").value
    except SpecError:
        return
    if isinstance(found, Device):
        assert check_device(found)
        return
    check_runtime(found)
    terms = Refiner(
        found,
        Limits(sram=4096, flash=8192),
        BitChoices(weights=(4, 8), activations=(4, 8)),
        build(QEScore, {}),
        QbrSettings(),
    )
    refined = terms.refine(_every_kind_of_operator(), "cp_sat")
    assert refined.bits is not None or refined.reason


def _every_kind_of_operator() -> Network:
    image = Tensor("image", 9, 9, 3, bits=8, is_image=True)
    builder = NetworkBuilder("each", image)
    stem = builder.conv("stem", image, 16, kernel=3, stride=2, weight_bits=8)
    narrow = builder.conv("narrow", builder.depthwise("depthwise", stem, kernel=5), 16)
    builder.end_stage()
    builder.dense("classifier", builder.global_pool("pool", builder.add("sum", narrow, stem)), 2)
    return builder.finish()


FUZZ = settings(derandomize=True, deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))


@FUZZ
@given(damaged())
def test_damaged_files_are_read_or_refused(found: tuple[str, str]) -> None:
    read_damaged(*found)


@pytest.mark.slow
@settings(FUZZ, max_examples=2000)
@given(damaged())
def test_two_thousand_damaged_files_are_read_or_refused(found: tuple[str, str]) -> None:
    read_damaged(*found)

"""Generated calls against CMSIS-NN 4.0.0 itself, compiled for this machine: every byte of every layer.

The package bakenn carries it: convolutions, depthwise ones, average and largest pools, and dense layers with one scale, all with
8-bit weights. Sums, products, 4-bit weights and dense layers with a scale per channel are not in it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design import Design
from qeopt.design.arena import Arena, PlacedBuffer
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers, weight_shape
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Reals, Weights
from qeopt.export.arithmetic.reals import step
from qeopt.export.arithmetic.rounding import RESCALINGS, factors
from qeopt.export.arithmetic.ties import FREE, tied_grids
from qeopt.export.c.cmsis.arithmetic import Arithmetic, Rounding, addition, ties, zero
from qeopt.export.c.cmsis.calls import calls_of
from qeopt.export.c.cmsis.folder import CmsisSelfTest, CmsisSources
from qeopt.export.c.folder import write_folder
from qeopt.export.reference import run
from qeopt.hardware import Runtime
from qeopt.hardware.costs import scratch
from qeopt.network import Network, Op, OpKind, Tensor
from qeopt.spec.library import Library
from qeopt.spec.load import load

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
HEADER = "#ifndef T_H\n#define T_H\n#include <stdint.h>\n#define T_ARENA_BYTES {bytes}u\n#define T_LAYERS {layers}\n#endif\n"
SINGLE = "-DCMSIS_NN_USE_SINGLE_ROUNDING"


@cache
def plain_c() -> Runtime:
    return load(Runtime, "cmsis-nn-c", library=Library(), kind="runtime", folder="runtimes").value


def shapes(source: Tensor) -> Iterator[tuple[Op, bool]]:
    """Operators that read a tensor, and whether what they write has the grid of what they read."""

    def op(name: str, kind: OpKind, side: int, channels: int, kernel: int = 1, **terms: object) -> Op:
        height, width = (side, side) if side > 0 else (-side, -side + 1)
        return Op(name, kind, (source,), Tensor(name, height, width, channels), kernel, **terms)  # type: ignore[arg-type]

    channels = int(source.channels)
    yield op("pointwise", OpKind.CONV, 6, 11), False
    yield op("pointwise_strided", OpKind.CONV, 3, 5, stride=2), False
    yield op("window", OpKind.CONV, 6, 6, 3), False
    yield op("strided", OpKind.CONV, 3, 5, 3, stride=2), False
    yield op("uneven", OpKind.CONV, 3, 4, 3, stride=2, pads=(0, 0, 1, 1)), False
    yield op("dilated", OpKind.CONV, 6, 4, 3, dilation=(2, 2), pads=(2, 2, 2, 2)), False
    yield op("oblong", OpKind.CONV, 6, 4, 1, kernel_width=5, pads=(0, 2, 0, 2)), False
    yield op("depthwise3", OpKind.DEPTHWISE, 6, channels, 3), False
    yield op("depthwise5", OpKind.DEPTHWISE, 3, channels, 5, stride=2), False
    yield op("multiplied", OpKind.DEPTHWISE, 6, 2 * channels, 3), False
    yield op("pool", OpKind.POOL, 3, channels, 3, stride=2, pads=(1, 1, 1, 1)), True
    yield op("whole_pool", OpKind.POOL, 1, channels, 6, stride=6), True
    yield op("max_pool", OpKind.MAX_POOL, 3, channels, 2, stride=2), True
    yield op("dense", OpKind.DENSE, 1, 7), False
    twice = (source, source)
    for name, sides in (("rows", (12, 6, channels)), ("columns", (6, 12, channels)), ("channels", (6, 6, 2 * channels))):
        yield Op(f"joined_{name}", OpKind.CONCAT, twice, Tensor(name, *sides)), True


@dataclass
class Made:
    """A network of many operators, with numbers and addresses."""

    model: QuantisedNetwork
    arena: Arena
    image: Reals

    def sources(self, rounding: Rounding) -> CmsisSources:
        calls = calls_of(self.arena, self.model, per_channel_dense=False)
        header = HEADER.format(bytes=self.arena.bytes, layers=len(self.model.network.ops))
        return CmsisSources("t", "0", self.arena, "t", header, CmsisSelfTest(self.model, self.image, rounding), calls)


def made(channels: int) -> Made:
    """Every shape, reading unsigned and signed tensors, writing both."""
    random = np.random.default_rng(channels)
    image = Tensor("image", 6, 6, channels, bits=8, is_image=True)
    grids, values = {"image": Grid(8, is_signed=False, scale=1 / 255)}, {"image": random.integers(0, 256, (1, channels, 6, 6))}
    weights, ops = dict[str, Weights](), list[Op]()

    def add(op: Op, *, is_signed: bool, is_tied: bool = False) -> Tensor:
        if op.has_weights:
            scales = random.uniform(0.005, 0.02, int(op.output.channels))
            scales = np.full_like(scales, scales[0]) if op.kind is OpKind.DENSE else scales
            bias = random.integers(-200, 200, len(scales))
            weights[op.name] = Weights(8, random.integers(-128, 128, weight_shape(op)), scales, bias)
        real = step(op, [values[tensor.name] for tensor in op.inputs], grids, weights.get(op.name), "")
        unit = Grid(8, is_signed, 1.0)
        spread = float(np.quantile(np.abs(real), 0.9)) or 1.0
        grids[op.name] = grids[op.inputs[0].name] if is_tied else replace(unit, scale=spread / unit.high)
        values[op.name] = grids[op.name].quantise(real)
        ops.append(op)
        return op.output

    signed = add(Op("signed", OpKind.CONV, (image,), Tensor("signed", 6, 6, channels)), is_signed=True)
    for source, out_signed in product((image, signed), (False, True)):
        for op, is_tied in shapes(source):
            name = f"{op.name}_{source.name}_{int(out_signed)}"
            add(replace(op, name=name, output=replace(op.output, name=name)), is_signed=out_signed, is_tied=is_tied)
    network = Network("t", (image, *(op.output for op in ops)), tuple(ops))
    buffers, at = dict[str, PlacedBuffer](), 0
    sizes = {tensor.name: int(tensor.elements) for tensor in network.tensors}
    for name, size in sizes.items():
        buffers[name] = PlacedBuffer(offset=at, bytes=size, first="", last="")
        at += -(-size // 4) * 4
    for op in ops:
        if size := int(scratch(plain_c(), op, 8, 8, 8)):
            work = PlacedBuffer(offset=at, bytes=size, first="", last="", kind="scratch", op=op.name)
            buffers[f"work of {op.name}"] = work
            at += -(-size // 4) * 4
    arena = Arena(bytes=at, minimal=False, bound=0, live=0, first_fit=None, align=4, buffers=buffers)
    model = QuantisedNetwork(network, {op.name: "" for op in ops}, grids, weights)
    return Made(model, arena, np.asarray(values["image"] / 255, np.float64))


@pytest.fixture(scope="module")
def gcc() -> str:
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("no gcc")
    return found


@pytest.fixture(scope="module")
def vendored() -> Path:
    pytest.importorskip("bakenn")
    return Path(str(files("bakenn"))) / "backend/cmsis_nn/vendor"


@pytest.fixture(scope="module")
def library(gcc: str, vendored: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Rounding], tuple[Path, list[str]]]:
    """Builds the library with one rounding or two."""

    @cache
    def built(rounding: Rounding) -> tuple[Path, list[str]]:
        folder = tmp_path_factory.mktemp(rounding)
        options = [f"-isystem{vendored}/cmsis_nn/Include", f"-isystem{vendored}/cmsis_core/Include"]
        options += ["-D__GNUC_PYTHON__", "-D__RESTRICT=__restrict"]  # the library for a machine that is no Cortex
        options += [SINGLE] if rounding == "single" else []
        sources = [str(path) for path in sorted((vendored / "cmsis_nn/Source").rglob("*.c"))]
        subprocess.run([gcc, "-O1", "-w", *options, "-c", *sources], cwd=folder, check=True, timeout=300)
        return folder, options

    return built


def compiled(gcc: str, folder: Path, library: tuple[Path, list[str]], sources: list[str]) -> str:
    objects = [str(path) for path in sorted(library[0].glob("*.o"))]
    command = [gcc, *WARNINGS, "-O1", *library[1], "-Isrc", *sources, *objects, "-o", "program"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return subprocess.run([folder / "program"], capture_output=True, text=True, timeout=60, check=False).stdout


PROGRAM = ["src/t.c", "src/t_weights.c", "src/t_selftest.c", "selftest/main.c"]


@pytest.mark.parametrize(("channels", "rounding"), [(16, "double"), (16, "single"), (7, "double"), (3, "single")])
def test_every_layer_is_what_the_library_computes(
    channels: int, rounding: Rounding, gcc: str, library: Callable[[Rounding], tuple[Path, list[str]]], tmp_path: Path
) -> None:
    network = made(channels)
    write_folder(tmp_path, network.sources(rounding).texts())
    count = len(network.model.network.ops)
    assert compiled(gcc, tmp_path, library(rounding), PROGRAM) == f"all {count} layers as computed\n"


def test_the_library_built_with_the_other_rounding_is_found_out(
    gcc: str, library: Callable[[Rounding], tuple[Path, list[str]]], tmp_path: Path
) -> None:
    write_folder(tmp_path, made(16).sources("single").texts())
    assert "differs" in compiled(gcc, tmp_path, library("double"), PROGRAM)


def test_planned_scratch_is_what_the_library_asks_for(
    gcc: str, library: Callable[[Rounding], tuple[Path, list[str]]], tmp_path: Path
) -> None:
    """Since version 4.0.0 a column is rounded up to four values, which the count does."""
    network, asked = made(8), list[str]()
    for op, call in zip(network.model.network.ops, network.sources("double").calls, strict=True):
        if op.kind in {OpKind.CONV, OpKind.DEPTHWISE}:
            lines = [line for line in call.lines if "context" not in line and "quant" not in line]
            wrapper = f"{call.function}_get_buffer_size(&params, &in, &filter, &out)"
            asked.append(f'{{ {" ".join(lines)} (void)bias; printf("{op.name} %d\\n", (int){wrapper}); }}')
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "arm_nnfunctions.h"\nint main(void) {\n' + "\n".join(asked) + "\nreturn 0; }\n"
    )
    told = dict(line.split() for line in compiled(gcc, tmp_path, library("double"), ["main.c"]).splitlines())
    ops = network.model.network.op_by_name
    assert len(told) == 41
    assert {name: int(size) for name, size in told.items()} == {name: scratch(plain_c(), ops[name], 8, 8, 8) for name in told}
    assert len({int(size) for size in told.values()}) > 2


def requantised(value: int, multiplier: int, shift: int) -> int:
    """The library's two roundings, one step after the other."""
    left, right = max(shift, 0), max(-shift, 0)
    high = ((value << left) * multiplier + 2**30) // 2**31
    step = 1 << right
    return high if right == 0 else (abs(high) + step // 2) // step * (1 if high >= 0 else -1)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.integers(-(2**24), 2**24), st.integers(2**30, 2**31 - 1), st.integers(-30, 4))
def test_two_roundings_are_done_one_after_the_other(value: int, multiplier: int, shift: int) -> None:
    found = RESCALINGS["cmsis_double"](*(np.array([each], np.int64) for each in (value, multiplier, 31 - shift)))
    assert found.tolist() == [requantised(value, multiplier, shift)]


def two_inputs(kind: OpKind, scales: tuple[float, float, float]) -> tuple[QuantisedNetwork, Op]:
    one, two, out = (Tensor(name, 1, 1, 256) for name in "xyz")
    op = Op("z", kind, (one, two), out)
    grids = {name: Grid(8, name != "x", scale) for name, scale in zip("xyz", scales, strict=True)}
    return QuantisedNetwork(Network("n", (one, two, out), (op,)), {"z": ""}, grids, {}), op


@pytest.mark.parametrize("rounding", ["single", "double"])
def test_sums_are_rounded_three_times(rounding: Rounding) -> None:
    """As arm_elementwise_add_s8 does, value by value."""
    model, op = two_inputs(OpKind.ADD, (0.02, 0.031, 0.045))
    x, y = np.arange(256), np.random.default_rng(0).integers(-128, 128, 256)
    found = Arithmetic(rounding).compute(model, op, {"x": x.reshape(1, -1, 1, 1), "y": y.reshape(1, -1, 1, 1)}).ravel()
    by = addition(model, op)
    scale = {"single": lambda v, m, s: (v * m + 2 ** (30 - s)) // 2 ** (31 - s), "double": requantised}[rounding]
    (one, two), (left, right) = by.inputs.multipliers.tolist(), (31 - by.inputs.shifts).tolist()
    for at in range(256):
        total = scale(int(x[at]) << 20, one, left) + scale(int(y[at]) << 20, two, right)
        expected = scale(total, int(by.output.multipliers[0]), 31 - int(by.output.shifts[0]))
        assert found[at] == min(max(expected, -128), 127)
    real = (x * 0.02 + y * 0.031) / 0.045
    assert np.abs(found - np.clip(real, -128, 127)).max() < 0.51


def test_averages_round_halves_of_stored_values_away_from_zero() -> None:
    source, out = Tensor("x", 1, 2, 4), Tensor("y", 1, 1, 4)
    op = Op("y", OpKind.POOL, (source,), out, 1, kernel_width=2, pads=(0, 0, 0, 0))
    values = np.array([[3, 4], [5, 6], [250, 251], [127, 128]]).reshape(1, 4, 1, 2)
    grid = Grid(8, is_signed=False, scale=1.0)
    model = QuantisedNetwork(Network("n", (source, out), (op,)), {"y": ""}, {"x": grid, "y": grid}, {})
    assert Arithmetic().compute(model, op, {"x": values}).ravel().tolist() == [3, 5, 251, 127]  # -124.5, -122.5, 122.5, -0.5


def test_scales_are_tied_where_the_library_cannot_rescale(designs: dict[str, Design]) -> None:
    free, tied = (quantised(designs["eight_bits"], None, by) for by in (FREE, ties(per_channel_dense=False)))
    differ = 0
    for op in tied.network.ops:
        if op.kind is OpKind.POOL:
            assert len({tied.grids[tensor.name] for tensor in (*op.inputs, op.output)}) == 1
            differ += len({free.grids[tensor.name] for tensor in (*op.inputs, op.output)}) > 1
        if op.kind is OpKind.DENSE:
            assert len(set(tied.weights[op.name].scales.tolist())) == 1
            assert len(set(free.weights[op.name].scales.tolist())) > 1
    assert differ
    for_each = quantised(designs["eight_bits"], None, ties(per_channel_dense=True))
    assert len(set(for_each.weights["classifier"].scales.tolist())) > 1


def test_signed_and_unsigned_inputs_of_one_tensor_share_a_signed_grid() -> None:
    tensors = [Tensor(name, 1, 1, 2) for name in "abc"]
    op = Op("c", OpKind.CONCAT, tuple(tensors[:2]), replace(tensors[2], channels=4))
    network = Network("n", tuple(tensors), (op,))
    grids = {"a": Grid(8, is_signed=False, scale=0.02), "b": Grid(8, is_signed=True, scale=0.01)}
    grids["c"] = Grid(8, is_signed=True, scale=0.03)
    found = tied_grids(network, grids, frozenset({OpKind.CONCAT}), frozenset())
    assert found == dict.fromkeys("abc", Grid(8, is_signed=True, scale=0.02 * 255 / 127))
    stated = tied_grids(network, grids, frozenset({OpKind.CONCAT}), frozenset("b"))
    assert {grid.scale for grid in stated.values()} == {0.01}
    assert tied_grids(network, grids, frozenset({OpKind.POOL}), frozenset()) == {}


def test_a_design_becomes_calls(designs: dict[str, Design], tmp_path: Path) -> None:
    """4-bit weights, sums, pools and a classifier: what is written compiles where the library's header is."""
    design = designs["eight_bits"]
    written = export(design, "c", tmp_path / "out", {"prefix": "d", "rounding": "single"})
    assert {path.name for path in written} >= {"d.h", "d.c", "d_weights.c", "CMakeLists.txt", "library.json", "README.md"}
    text = (tmp_path / "out/src/d.c").read_text()
    for function in ("convolve_wrapper_s8", "convolve_wrapper_s4", "depthwise_conv_wrapper_s8", "elementwise_add_s8", "avgpool_s8"):
        assert f"arm_{function}(" in text
    assert "CMSIS_NN_USE_SINGLE_ROUNDING" in (tmp_path / "out/CMakeLists.txt").read_text()
    per_channel = export(design, "c", tmp_path / "more", {"prefix": "d", "per_channel_dense": True})
    assert "arm_fully_connected_per_channel_s8(" in per_channel[1].read_text()
    assert export(design, "c", tmp_path / "t.h", {"tables": True}) == (tmp_path / "t.h",)


def test_both_contracts_agree_but_for_rounding(designs: dict[str, Design]) -> None:
    model = quantised(designs["eight_bits"], None, ties(per_channel_dense=False))
    images = np.random.default_rng(2).random((2, 3, 16, 16))
    ours = run(model, images)
    roundings: tuple[Rounding, ...] = ("single", "double")
    for rounding in roundings:
        found = {"image": ours["image"]}
        for op in model.network.ops:
            inputs = {tensor.name: ours[tensor.name] for tensor in op.inputs}
            found[op.name] = Arithmetic(rounding).compute(model, op, inputs)
            assert np.abs(found[op.name] - ours[op.name]).max() <= 1
            assert np.mean(found[op.name] != ours[op.name]) < (0.3 if op.kind is OpKind.POOL else 0.1)  # averages of four tie


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": OpKind.PAD}, "'z' is of the kind pad, for which there is no call of CMSIS-NN here"),
        ({"kind": OpKind.ACTIVATION}, "'z' is of the kind activation, for which there is no call of CMSIS-NN here"),
    ],
)
def test_what_the_library_does_not_have_is_told(change: dict[str, OpKind], said: str) -> None:
    model, op = two_inputs(OpKind.ADD, (1.0, 1.0, 1.0))
    op = replace(op, **change)  # type: ignore[arg-type]
    arena = Arena(bytes=0, minimal=False, bound=0, live=0, first_fit=None, align=4, buffers={})
    model = replace(model, network=replace(model.network, ops=(op,)))
    with pytest.raises(ExportError, match=said):
        calls_of(arena, model, per_channel_dense=False)


def test_stated_scales_that_cannot_be_tied_are_told(designs: dict[str, Design], tmp_path: Path) -> None:
    design = designs["eight_bits"]
    network = design.network()
    pool = next(op for op in network.ops if op.kind is OpKind.POOL)
    random = np.random.default_rng(0)
    arrays = {op.name: random.normal(size=weight_shape(op)) for op in network.weighted_ops}
    arrays |= {f"{pool.inputs[0].name}.scale": np.array(0.5), f"{pool.name}.scale": np.array(0.25)}
    np.savez(tmp_path / "w.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="share one scale and width here, and have several"):
        quantised(design, Numbers(weights=tmp_path / "w.npz"), ties(per_channel_dense=False))


def test_factors_above_one_need_one_rounding() -> None:
    source, out = Tensor("x", 1, 1, 1), Tensor("y", 1, 1, 1)
    op = Op("y", OpKind.DENSE, (source,), out)
    weights = Weights(8, np.array([[3]]), np.array([2.0]), np.array([0]))
    grids = {"x": Grid(8, is_signed=True, scale=1.0), "y": Grid(8, is_signed=True, scale=1.0)}
    model = QuantisedNetwork(Network("n", (source, out), (op,)), {"y": ""}, grids, {"y": weights})
    held = {"x": np.array([5]).reshape(1, 1, 1, 1)}
    assert Arithmetic("single").compute(model, op, held).item() == 30
    with pytest.raises(ExportError, match="'y' has a factor of 1 or more, for which CMSIS-NN shifts sums up in 32 bits"):
        Arithmetic("double").compute(model, op, held)
    assert factors([2.0], "y").shifts.tolist() == [29]
    assert (zero(grids["x"]), zero(Grid(8, is_signed=False, scale=1.0))) == (0, -128)

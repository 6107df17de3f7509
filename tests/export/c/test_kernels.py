"""Every kernel at every combination of widths, compiled for this machine and compared with the reference, value by value."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from qeopt.design.arena import Arena, PlacedBuffer
from qeopt.export.arithmetic.numbers import weight_shape
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Reals, Weights, weight_range
from qeopt.export.arithmetic.reals import step
from qeopt.export.c.emulator import MACHINES, build, emulate, missing_tools
from qeopt.export.c.folder import KernelSources, Sources, write_folder
from qeopt.export.c.program import program
from qeopt.export.c.selftest import SelfTest
from qeopt.network import Network, Op, OpKind, Tensor

WIDTHS = (2, 4, 8)
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
SANITISERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
HEADER = """\
#ifndef T_H
#define T_H
#include <stdint.h>
#define T_ARENA_BYTES {bytes}u
#define T_LAYERS {layers}
#endif /* T_H */
"""


def shapes(source: Tensor, odd: Tensor) -> Iterator[Op]:
    """The shapes that every combination of widths is tried with; the second tensor has an odd number of channels."""

    def op(name: str, kind: OpKind, read: Tensor, side: int, channels: int, kernel: int = 1, **terms: object) -> Op:
        height, width = (side, side) if side > 0 else (-side, -side + 1)
        return Op(name, kind, (read,), Tensor(name, height, width, channels), kernel, **terms)  # type: ignore[arg-type]

    yield op("pointwise", OpKind.CONV, source, 5, 11)
    yield op("window", OpKind.CONV, source, 5, 6, 3)
    yield op("strided", OpKind.CONV, source, 3, 5, 3, stride=2)
    yield op("uneven", OpKind.CONV, source, 3, 4, 3, stride=2, pads=(0, 0, 2, 2))
    yield op("dilated", OpKind.CONV, source, 5, 4, 3, dilation=(2, 2), kernel_width=2, pads=(2, 0, 2, 2))
    yield op("grouped", OpKind.CONV, source, 5, 6, 3, groups=3)
    yield op("depthwise3", OpKind.DEPTHWISE, source, 5, 24, 3)
    yield op("depthwise5", OpKind.DEPTHWISE, source, 3, 24, 5, stride=2)
    yield op("odd", OpKind.CONV, odd, 5, 3, 3)
    yield op("odd_depthwise", OpKind.DEPTHWISE, odd, 5, 7, 3)
    yield op("multiplied", OpKind.DEPTHWISE, odd, 5, 14, 3)
    yield op("points", OpKind.CONV, source, 5, 8)
    yield op("strided_points", OpKind.CONV, source, 3, 32, stride=2)
    yield op("many_points", OpKind.CONV, source, 5, 37)
    yield op("padded_point", OpKind.CONV, source, 7, 4, pads=(1, 1, 1, 1))
    yield op("points_by_group", OpKind.CONV, source, 5, 4, groups=4)
    yield op("short_runs", OpKind.CONV, source, 5, 12, 3, groups=6)
    yield op("odd_wide", OpKind.CONV, odd, 5, 37, 5)
    yield op("odd_point", OpKind.CONV, odd, 5, 8)
    yield op("odd_padded", OpKind.CONV, odd, 7, 6, pads=(1, 1, 1, 1))
    yield op("odd_groups", OpKind.CONV, odd, 3, 14, 3, stride=2, groups=7)
    yield op("odd_fours", OpKind.CONV, odd, 5, 28, 3, groups=7, dilation=(2, 2), pads=(2, 2, 2, 2))
    yield op("dense", OpKind.DENSE, source, 1, 5)
    yield op("odd_dense", OpKind.DENSE, odd, 1, 2)


def plain(source: Tensor, other: Tensor) -> Iterator[Op]:
    """Shapes of operators without weights; the second tensor has the shape of the first."""
    side, channels = int(source.height), int(source.channels)
    yield Op("add", OpKind.ADD, (source, other), Tensor("add", side, side, channels))
    yield Op("mul", OpKind.MUL, (source, other), Tensor("mul", side, side, channels))
    yield Op("pool", OpKind.POOL, (source,), Tensor("pool", 3, 3, channels), 3, 2)
    yield Op("whole_pool", OpKind.POOL, (source,), Tensor("whole_pool", 3, 3, channels), 3, 2, counts_padding=True)
    yield Op("all_pool", OpKind.POOL, (source,), Tensor("all_pool", 1, 1, channels), side, side)
    yield Op("max_pool", OpKind.MAX_POOL, (source,), Tensor("max_pool", 3, 3, channels), 3, 2)
    yield Op("activation", OpKind.ACTIVATION, (source,), Tensor("activation", side, side, channels))
    yield Op("curved", OpKind.ACTIVATION, (source,), Tensor("curved", side, side, channels), function="silu")
    yield Op("sloped", OpKind.ACTIVATION, (source,), Tensor("sloped", side, side, channels), function="prelu", constants=channels)
    yield Op("sub", OpKind.SUB, (source, other), Tensor("sub", side, side, channels))
    yield Op("maximum", OpKind.MAXIMUM, (source, other), Tensor("maximum", side, side, channels))
    yield Op("minimum", OpKind.MINIMUM, (source, other), Tensor("minimum", side, side, channels))
    yield Op("concat", OpKind.CONCAT, (source, other, source), Tensor("concat", side, side, 3 * channels))


def moving(source: Tensor) -> Iterator[Op]:
    """Operators that move values, or make some between others."""
    side, channels = int(source.height), int(source.channels)

    def op(name: str, kind: OpKind, height: int, width: int, depth: int, **terms: object) -> Op:
        return Op(name, kind, (source,), Tensor(name, height, width, depth), **terms)  # type: ignore[arg-type]

    yield op("part", OpKind.SLICE, 2, 4, channels // 2, begins=(1, 1, 1), every=(3, 1, 2))
    yield op("whole", OpKind.SLICE, side, side, channels)
    yield op("shuffled", OpKind.TRANSPOSE, side, side, channels, moves=(((3, channels // 3, side, side), (1, 0, 2, 3)),))
    yield op("turned", OpKind.TRANSPOSE, side, side, channels, moves=(((channels, side, side), (0, 2, 1)),))
    deep = (((2, 2, channels // 4, side, side), (2, 3, 0, 4, 1)),)
    yield op("spaced", OpKind.TRANSPOSE, 2 * side, 2 * side, channels // 4, moves=deep)
    yield op("flat", OpKind.RESHAPE, 1, side, side * channels, moves=())
    yield op(
        "padded",
        OpKind.PAD,
        side + 3,
        side + 2,
        channels + 1,
        pads=(1, 0, 2, 2),
        channel_pads=(0, 1),
        **how("constant", 0.3),
    )
    yield op("mirrored", OpKind.PAD, side + 3, side + 1, channels, pads=(2, 1, 1, 0), **how("reflect"))
    yield op("edged", OpKind.PAD, side + 3, side + 1, channels, pads=(2, 1, 1, 0), **how("edge"))
    yield op("doubled", OpKind.RESIZE, 2 * side, 2 * side, channels, **how("nearest asymmetric floor"))
    yield op("halved", OpKind.RESIZE, 3, 2, channels, **how("nearest half_pixel round_prefer_floor"))
    yield op("blended", OpKind.RESIZE, 2 * side, 3 * side, channels, **how("linear half_pixel"))
    yield op("aligned", OpKind.RESIZE, 9, 3, channels, **how("linear align_corners"))


def how(function: str, *terms: float) -> dict[str, object]:
    """How values are made."""
    return {"function": function, "terms": terms}


def spreading(source: Tensor, odd: Tensor) -> Iterator[Op]:
    """Transposed convolutions; the second tensor has an odd number of channels."""

    def op(name: str, read: Tensor, height: int, width: int, channels: int, **terms: object) -> Op:
        return Op(name, OpKind.TRANSPOSED_CONV, (read,), Tensor(name, height, width, channels), **terms)  # type: ignore[arg-type]

    side = int(source.height)
    yield op("grown", source, 2 * side, 2 * side, 4, kernel=2, stride=2, pads=(0, 0, 0, 0))
    yield op("overlapping", odd, 2 * side, 2 * side + 1, 3, kernel=3, stride=2, pads=(1, 0, 0, 0))
    yield op("grouped_spread", source, side, 3 * side - 2, 6, kernel=3, stride=1, stride_width=3, groups=3, pads=(1, 1, 1, 1))
    yield op(
        "spread_apart",
        odd,
        2 * side + 2,
        side + 2,
        2,
        kernel=2,
        kernel_width=2,
        stride=2,
        stride_width=1,
        dilation=(3, 2),
        pads=(0, 0, 0, 0),
    )


class Builder:
    """A network of many operators that read a few tensors, with random numbers."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        image = Tensor("image", 5, 5, 24, bits=8, is_image=True)
        self.tensors, self.ops = {"image": image}, list[Op]()
        self.grids = {"image": Grid(8, is_signed=False, scale=1 / 255)}
        self.weights = dict[str, Weights]()
        self.slopes = dict[str, Reals]()
        self.functions = dict[str, str]()
        self.values = {"image": self.random.integers(0, 256, (1, 24, 5, 5))}

    def add(self, op: Op, name: str, bits: int, *, is_signed: bool, weight_bits: int = 8, function: str = "") -> Tensor:
        output = replace(op.output, name=name, bits=bits)
        op = replace(op, name=name, output=output, function=function or op.function)
        if op.has_weights:
            low, high = weight_range(weight_bits)
            shape = weight_shape(op)
            self.weights[name] = Weights(
                weight_bits,
                self.random.integers(low, high + 1, shape),
                self.random.uniform(0.005, 0.02, shape[0]),
                self.random.integers(-200, 200, shape[0]),
            )
        function = function or (op.function if op.kind is OpKind.ACTIVATION else "")
        if function == "prelu":
            self.slopes[name] = self.random.uniform(-1, 1, (int(output.channels), 1, 1))
        inputs = [self.values[tensor.name] for tensor in op.inputs]
        real = step(op, inputs, self.grids, self.weights.get(name), function, self.slopes.get(name))
        spread = float(np.quantile(np.abs(real), 0.9)) or 1.0
        unit = Grid(bits, is_signed, 1.0)
        self.grids[name] = replace(unit, scale=spread / unit.high if unit.high else spread)
        self.values[name] = self.grids[name].quantise(real)
        self.tensors[name], self.functions[name] = output, function
        self.ops.append(op)
        return output

    def sources(self) -> KernelSources:
        network = Network("t", tuple(self.tensors.values()), tuple(self.ops))
        model = QuantisedNetwork(network, self.functions, self.grids, self.weights, self.slopes)
        buffers, at = dict[str, PlacedBuffer](), 0
        for name, tensor in self.tensors.items():  # one behind the other, at any address
            size = -(-int(tensor.elements) * self.grids[name].bits // 8)
            buffers[name] = PlacedBuffer(offset=at, bytes=size, first="", last="")
            at += size
        arena = Arena(bytes=at, minimal=False, bound=0, live=0, first_fit=None, align=1, buffers=buffers)
        header = HEADER.format(bytes=at, layers=len(self.ops))
        image = np.asarray(self.values["image"] * self.grids["image"].scale, np.float64)
        return KernelSources("t", "0", arena, "t", header, SelfTest(model, image), program(arena, model))


@pytest.fixture(scope="module")
def gcc() -> str:
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("no gcc")
    return found


def run(gcc: str, folder: Path, sources: Sources, options: list[str]) -> str:
    write_folder(folder, sources.texts())
    files = [*map(str, sorted((folder / "src").glob("*.c"))), str(folder / "selftest/main.c")]
    subprocess.run([gcc, *WARNINGS, *options, "-Isrc", *files, "-o", "selftest.out"], cwd=folder, check=True, timeout=300)
    done = subprocess.run([folder / "selftest.out"], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def everything(read: Iterable[tuple[int, bool]], *, weighted_only: bool = False) -> Builder:
    """Every operator on values of the widths and signs that are read, with weights and outputs of all widths."""
    builder = Builder()
    image = builder.tensors["image"]
    copy = Op("copy", OpKind.ACTIVATION, (image,), replace(image, is_image=False))
    mixed = Op("mixed", OpKind.CONV, (image,), Tensor("mixed", 5, 5, 7))
    wide = Op("wide", OpKind.CONV, (image,), Tensor("wide", 5, 5, 24))
    for bits, is_signed in read:
        code = f"{'s' if is_signed else 'u'}{bits}"
        source = builder.add(wide if is_signed else copy, f"source_{code}", bits, is_signed=is_signed)
        odd = builder.add(mixed, f"odd_{code}", bits, is_signed=is_signed)
        other = builder.add(wide, f"other_{code}", bits, is_signed=is_signed)
        for weight_bits, out_bits in product(WIDTHS, WIDTHS):
            for op in shapes(source, odd):
                name = f"{op.name}_{code}_{weight_bits}_{out_bits}"
                builder.add(op, name, out_bits, is_signed=is_signed, weight_bits=weight_bits, function="" if is_signed else "relu")
            for op in spreading(source, odd):
                builder.add(
                    op, f"{op.name}_{code}_{weight_bits}_{out_bits}", out_bits, is_signed=is_signed, weight_bits=weight_bits
                )
        for out_bits in () if weighted_only else WIDTHS:
            for op in (*plain(source, other), *moving(source)):
                builder.add(op, f"{op.name}_{code}_{out_bits}", out_bits, is_signed=is_signed)
    return builder


def test_all_widths_and_shapes_are_computed_as_the_reference_computes_them(gcc: str, tmp_path: Path) -> None:
    builder = everything(product(WIDTHS, (False, True)))
    cases = [op for op in builder.ops if op.has_weights]
    assert len({(builder.grids[op.inputs[0].name].bits, builder.weights[op.name].bits, op.output.bits) for op in cases}) == 27
    sources = builder.sources()
    assert len([step for step in sources.program.steps if step.inner]) > 400
    assert {step.inner for step in sources.program.steps} >= {f"qc_dots_{a}_{w}" for a, w in product(WIDTHS, WIDTHS)}
    assert run(gcc, tmp_path, sources, SANITISERS) == f"all {len(builder.ops)} layers as computed\n"


@pytest.mark.skipif(bool(missing_tools()), reason=f"not here: {', '.join(missing_tools())}")
@pytest.mark.slow
@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("bits", WIDTHS)
def test_the_core_computes_all_widths_and_shapes_by_smlad_and_without(bits: int, is_signed: bool, tmp_path: Path) -> None:
    sources, machine = everything([(bits, is_signed)], weighted_only=True).sources(), MACHINES["cortex-m4"]
    write_folder(tmp_path / "program", sources.texts())
    write_folder(tmp_path, sources.board(machine))
    for options in (("-O2",), ("-O2", "-DQC_PORTABLE")):
        build(tmp_path / "program", machine, tmp_path, options=options)
        assert tuple(layer.hash for layer in emulate(tmp_path / "firmware.elf", machine).layers) == sources.selftest.hashes


def test_sums_that_no_longer_fit_where_values_stand_in_high_bits_are_computed_without(gcc: str, tmp_path: Path) -> None:
    builder = Builder()
    image = builder.tensors["image"]
    low = builder.add(Op("copy", OpKind.ACTIVATION, (image,), replace(image, is_image=False)), "low", 2, is_signed=False)
    weighted = [
        Op("conv", OpKind.CONV, (low,), Tensor("", 5, 5, 8)),
        Op("depthwise", OpKind.DEPTHWISE, (low,), Tensor("", 5, 5, 24), 3),
    ]
    for op, bias in product(weighted, (2**19 - 1000, 2**19)):
        name = f"{op.name}_{bias}"
        builder.add(op, name, 8, is_signed=True, weight_bits=2)
        found = builder.weights[name]
        biases = np.full(len(found.bias), bias) * np.where(np.arange(len(found.bias)) % 2, 1, -1)
        builder.weights[name] = replace(found, bias=biases)
        builder.grids[name] = Grid(8, is_signed=True, scale=bias * float(found.scales.max()) / 100)
    builder.add(weighted[0], "tiny", 8, is_signed=True, weight_bits=2)  # a shift that is the largest already
    builder.grids["tiny"] = replace(builder.grids["tiny"], scale=1e9)
    sources = builder.sources()
    by = {step.op: step.inner for step in sources.program.steps}
    assert by["conv_523288"] == "qc_dots_2_2"
    assert by["depthwise_523288"] == "qc_fours_2_2"
    assert by["conv_524288"] == by["depthwise_524288"] == by["tiny"] == ""
    assert run(gcc, tmp_path, sources, SANITISERS) == f"all {len(builder.ops)} layers as computed\n"

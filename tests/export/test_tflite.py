"""TFLite exports run in the interpreter of TensorFlow Lite Micro, compute what its reference says, and lie where the plan says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of, shape_of, window
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.arithmetic.quantised import Integers, QuantisedNetwork
from qeopt.export.reference import run as run_own
from qeopt.export.tflite.arithmetic import run, stored
from qeopt.export.tflite.curves import hard_swish, sigmoid, tanh
from qeopt.export.tflite.grids import legal
from qeopt.export.tflite.softmax import softmax
from qeopt.export.tflite.windows import tflite_window
from qeopt.network import NetworkBuilder, OpKind, Tensor
from qeopt.network.importers import import_model
from qeopt.verbs.solve import solve

SPACE = """\
kind: study
task: {{input: [{side}, {side}, 3], classes: 5}}
network:
  blocks:
    - {{kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: {kind}, name: b1, stride: 1, width: 8, kernel: 3, ratio: 2, units: 2}}
    - {{kind: {kind}, name: b2, stride: 2, width: 16, kernel: 5, ratio: 1.5, units: 2}}
    - {{kind: {kind}, name: b3, stride: 2, width: 16, kernel: 3, ratio: 2}}
    - {{kind: conv, name: head, width: 24}}
    - {{kind: classifier}}
runtime: tflm
budgets: {{sram: 256 KiB, flash: 256 KiB}}
bits: {{weights: [8], activations: [8]}}
objective: {{kind: qe, sigma_a: 5, sigma_w: 4, stage_weights: [1, 1, 6]}}
search: {{baselines: []}}
"""
GRAPH = """\
kind: study
task: {input: [12, 16, 3], classes: 5}
network:
  image: {shape: [12, 16, 3]}
  ops:
    - {name: stem, op: conv, reads: [image], shape: [6, 8, 16], kernel: [3, 3], stride: [2, 2], pads: [0, 0, 1, 1], function: relu6}
    - {name: oblong, op: conv, reads: [stem], shape: [6, 8, 16], kernel: [1, 5], function: relu}
    - {name: tall, op: conv, reads: [stem], shape: [3, 8, 8], kernel: [3, 1], stride: [2, 1]}
    - {name: grouped, op: conv, reads: [oblong], shape: [6, 8, 16], kernel: [3, 3], dilation: [2, 2], groups: 4}
    - {name: late, op: activation, reads: [grouped], shape: [6, 8, 16], function: relu}
    - {name: top, op: max_pool, reads: [late], shape: [3, 8, 16], kernel: [2, 1], stride: [2, 1]}
    - {name: joined, op: concat, reads: [top, tall], shape: [3, 8, 24]}
    - {name: squeezed, op: pool, reads: [joined], shape: [1, 1, 24], kernel: [3, 8]}
    - {name: gate, op: conv, reads: [squeezed], shape: [1, 1, 24], function: relu6}
    - {name: gated, op: mul, reads: [joined, gate], shape: [3, 8, 24]}
    - {name: averaged, op: pool, reads: [gated], shape: [3, 8, 24], kernel: [3, 3]}
    - {name: uneven, op: conv, reads: [averaged], shape: [4, 9, 8], kernel: [2, 2], pads: [1, 1, 1, 1]}
    - {name: hidden, op: dense, reads: [uneven], shape: [1, 1, 12], function: relu}
    - {name: scores, op: dense, reads: [hidden], shape: [1, 1, 5], weight_bits: 8, bits: 8}
runtime: tflm
budgets: {sram: 1 MiB, flash: 1 MiB}
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
search: {baselines: []}
"""
MOVES = """\
kind: study
task: {input: [12, 16, 3], classes: 5}
network:
  image: {shape: [12, 16, 3]}
  ops:
    - {name: stem, op: conv, reads: [image], shape: [6, 8, 16], kernel: [3, 3], stride: [2, 2], pads: [0, 0, 1, 1], function: relu6}
    - {name: parts, op: split, reads: [stem], shape: [6, 8, 4], others: [{name: "parts:1", shape: [6, 8, 12]}]}
    - {name: left, op: conv, reads: [parts], shape: [6, 8, 12], kernel: [3, 3]}
    - {name: bent, op: activation, reads: [left], shape: [6, 8, 12], function: prelu, constants: 12}
    - {name: leaky, op: activation, reads: [bent], shape: [6, 8, 12], function: leaky_relu, terms: [0.3]}
    - {name: less, op: sub, reads: [leaky, "parts:1"], shape: [6, 8, 12]}
    - {name: most, op: maximum, reads: [less, "parts:1"], shape: [6, 8, 12]}
    - {name: least, op: minimum, reads: [most, left], shape: [6, 8, 12]}
    - {name: wide, op: pad, reads: [least], shape: [8, 11, 12], pads: [1, 2, 1, 1], function: zero}
    - {name: tops, op: slice, reads: [wide], shape: [3, 5, 6], begins: [1, 10, 0], every: [2, -2, 2]}
    - {name: up, op: resize, reads: [tops], shape: [6, 10, 6], function: nearest asymmetric floor}
    - {name: tall, op: conv, reads: [up], shape: [6, 10, 6], kernel: [3, 3], function: relu}
    - {name: stacked, op: concat, reads: [up, tall], shape: [12, 10, 6]}
    - {name: squeezed, op: pool, reads: [stacked], shape: [1, 1, 6], kernel: [12, 10]}
    - {name: flat, op: reshape, reads: [squeezed], shape: [1, 1, 6]}
    - {name: scores, op: dense, reads: [flat], shape: [1, 1, 5], weight_bits: 8, bits: 8}
runtime: tflm
budgets: {sram: 1 MiB, flash: 1 MiB}
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
search: {baselines: []}
"""
MORE = """\
kind: study
task: {input: [12, 16, 3], classes: 5}
network:
  image: {shape: [12, 16, 3]}
  ops:
    - {name: border, op: pad, reads: [image], shape: [14, 19, 3], pads: [1, 2, 1, 1], function: constant, terms: [0.6]}
    - {name: stem, op: conv, reads: [border], shape: [6, 8, 8], kernel: [3, 5], stride: [2, 2], pads: [0, 0, 0, 0],
       function: clip, terms: [0.0, 0.8]}
    - {name: scaled, op: affine, reads: [stem], shape: [6, 8, 8], constants: 16}
    - {name: low, op: activation, reads: [scaled], shape: [6, 8, 8], function: clip, terms: [-0.2, null]}
    - {name: high, op: activation, reads: [low], shape: [6, 8, 8], function: clip, terms: [null, 0.7]}
    - {name: more, op: pad, reads: [high], shape: [6, 8, 12], channel_pads: [1, 3], function: zero}
    - {name: mirrored, op: pad, reads: [more], shape: [8, 11, 12], pads: [1, 2, 1, 1], function: reflect}
    - {name: narrow, op: conv, reads: [mirrored], shape: [8, 11, 4], function: clip, terms: [-1.0, 1.0]}
    - {name: six, op: activation, reads: [narrow], shape: [8, 11, 4], function: relu6}
    - {name: twice, op: resize, reads: [six], shape: [16, 22, 4], function: linear half_pixel}
    - {name: corners, op: resize, reads: [twice], shape: [9, 31, 4], function: linear align_corners}
    - {name: less, op: resize, reads: [corners], shape: [5, 9, 4], function: linear asymmetric}
    - {name: near, op: resize, reads: [less], shape: [10, 18, 4], function: nearest half_pixel round_prefer_ceil}
    - {name: far, op: resize, reads: [near], shape: [4, 7, 4], function: nearest align_corners round_prefer_ceil}
    - {name: scores, op: dense, reads: [far], shape: [1, 1, 5], weight_bits: 8, bits: 8}
runtime: tflm
budgets: {sram: 1 MiB, flash: 1 MiB}
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
search: {baselines: []}
"""
RANKING = """\
kind: study
task: {input: [8, 8, 3], classes: 5}
network:
  image: {shape: [8, 8, 3]}
  ops:
    - {name: stem, op: conv, reads: [image], shape: [4, 4, 8], kernel: [3, 3], stride: [2, 2], function: relu}
    - {name: scores, op: dense, reads: [stem], shape: [1, 1, 5], weight_bits: 8, bits: 8}
    - {name: ranking, op: activation, reads: [scores], shape: [1, 1, 5], function: softmax}
runtime: tflm
budgets: {sram: 1 MiB, flash: 1 MiB}
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
search: {baselines: []}
"""
CURVES = """\
kind: study
task: {input: [6, 8, 3], classes: 5}
network:
  image: {shape: [6, 8, 3]}
  ops:
    - {name: stem, op: conv, reads: [image], shape: [6, 8, 8], kernel: [3, 3]}
    - {name: hard, op: activation, reads: [stem], shape: [6, 8, 8], function: hardswish}
    - {name: squeezed, op: pool, reads: [hard], shape: [1, 1, 8], kernel: [6, 8]}
    - {name: reduced, op: conv, reads: [squeezed], shape: [1, 1, 4], function: relu}
    - {name: grown, op: conv, reads: [reduced], shape: [1, 1, 8]}
    - {name: gate, op: activation, reads: [grown], shape: [1, 1, 8], function: sigmoid}
    - {name: gated, op: mul, reads: [hard, gate], shape: [6, 8, 8]}
    - {name: up, op: transposed_conv, reads: [gated], shape: [12, 16, 6], kernel: [3, 3], stride: [2, 2], pads: [1, 1, 0, 0]}
    - {name: bent, op: activation, reads: [up], shape: [12, 16, 6], function: tanh}
    - {name: even, op: transposed_conv, reads: [bent], shape: [24, 16, 4], kernel: [4, 3], stride: [2, 1], pads: [1, 1, 1, 1],
       function: relu6}
    - {name: wide, op: transposed_conv, reads: [even], shape: [27, 17, 2], kernel: [4, 2], stride: [1, 1], pads: [0, 0, 0, 0],
       function: relu}
    - {name: signed, op: conv, reads: [wide], shape: [27, 17, 2]}
    - {name: both, op: concat, reads: [wide, signed], shape: [27, 17, 4]}
    - {name: sums, op: conv, reads: [both], shape: [27, 17, 3]}
    - {name: silu, op: activation, reads: [sums], shape: [27, 17, 3], function: silu}
    - {name: map, op: conv, reads: [silu], shape: [27, 17, 2], weight_bits: 8}
    - {name: seen, op: activation, reads: [map], shape: [27, 17, 2], function: sigmoid}
    - {name: scores, op: dense, reads: [silu], shape: [1, 1, 5], weight_bits: 8, bits: 8}
    - {name: told, op: activation, reads: [scores], shape: [1, 1, 5], function: tanh}
runtime: tflm
budgets: {sram: 1 MiB, flash: 1 MiB}
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
search: {baselines: []}
"""
STUDIES = {f"{kind} of {side}": SPACE.format(kind=kind, side=side) for kind, side in (("k1dwk1", 16), ("mbconv", 15))}
STUDIES["graph"] = GRAPH
STUDIES["moves"] = MOVES
STUDIES["more"] = MORE
STUDIES["curves"] = CURVES


@pytest.fixture(scope="module", params=STUDIES)
def design(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Design:
    path = tmp_path_factory.mktemp("study") / "study.yaml"
    path.write_text(STUDIES[request.param], encoding="utf-8")
    found = solve(path).design
    assert found is not None
    return found


def interpreter(path: Path) -> Any:
    pytest.importorskip("tflite_micro", reason="there is no wheel of tflite-micro for this machine")
    sys.path[:0] = [str(Path(__file__).parents[1] / "network")]
    from tflm_oracle import Micro  # type: ignore[import-not-found]  # noqa: PLC0415 - beside the tests of the network

    return Micro.of(path)


def model_of(design: Design) -> QuantisedNetwork:
    return legal(quantised(design, Numbers()))


@pytest.mark.parametrize("seed", range(5))
def test_the_interpreter_computes_what_the_reference_says(design: Design, seed: int, tmp_path: Path) -> None:
    """Under several names, each of which draws weights of its own, so that sums come close to halves often enough."""
    assert values_seen(design.model_copy(update={"study_name": f"weights {seed}"}), seed, tmp_path) > 5


def values_seen(design: Design, seed: int, folder: Path) -> int:
    """Compare the interpreter with the reference on random images; how many values came out."""
    (path,) = export(design, "tflite", folder / "design.tflite")
    micro, model = interpreter(path), model_of(design)
    image = image_of(model.network)
    outputs = [tensor.name for tensor in model.network.outputs]
    rng = np.random.default_rng(seed)
    seen = set()
    for _ in range(12):
        real = rng.random((1, *shape_of(image)))
        held = run(model, real)
        given = stored(model.grids[image.name], held[image.name]).astype(np.int8).transpose(0, 2, 3, 1)
        found = micro.run(given, outputs=len(outputs))
        for name, values in zip(outputs, found, strict=True):
            wanted = stored(model.grids[name], held[name]).transpose(0, 2, 3, 1)
            assert np.array_equal(values.reshape(-1), wanted.reshape(-1))
            seen |= set(values.reshape(-1).tolist())
    return len(seen)


@pytest.mark.parametrize("after", ["", "dense, reads: [ranking], shape: [1, 1, 5]", "dense, reads: [bins], shape: [1, 1, 5]"])
def test_a_softmax_is_that_of_the_interpreter_at_the_end_and_before(after: str, tmp_path: Path) -> None:
    bins = "    - {name: bins, op: activation, reads: [stem], shape: [4, 4, 8], function: softmax}\nruntime:"
    study = RANKING.replace("runtime:", bins) if "bins" in after else RANKING
    last = f"    - {{name: after, op: {after}, weight_bits: 8, bits: 8}}\nruntime:"
    (tmp_path / "study.yaml").write_text(study.replace("runtime:", last) if after else study, encoding="utf-8")
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    assert values_seen(design, 0, tmp_path) > 5


@pytest.mark.parametrize("scale", [0.003, 0.077, 0.5, 1.7])
@pytest.mark.parametrize("channels", [2, 100])
def test_softmax_is_that_of_the_kernel(scale: float, channels: int, tmp_path: Path) -> None:
    sys.path[:0] = [str(Path(__file__).parents[1] / "network" / "importers")]
    from tflite_author import Author  # type: ignore[import-not-found]  # noqa: PLC0415 - beside the tests of importers

    net, rng = Author((1, 1, channels)), np.random.default_rng(channels)
    scale = float(np.float32(scale))
    net.tensors[0][4][1][2] = ("vector:f", [scale])
    micro = interpreter(net.save(tmp_path / "softmax.tflite", net.softmax("ranking", net.image)))
    for spread in (1, 8, 40, 100):
        values = np.clip(rng.normal(0, spread, (1, 1, 1, channels)), -128, 127).astype(np.int8)
        (found,) = micro.run(values)
        assert np.array_equal(
            found.reshape(-1).astype(np.int64) + 128, softmax(values.astype(np.int64).transpose(0, 3, 1, 2), scale).reshape(-1)
        )


def author(shape: tuple[int, ...], scale: float, zero: int) -> Any:
    """A TFLite file in the making whose image has a scale and a zero."""
    sys.path[:0] = [str(Path(__file__).parents[1] / "network" / "importers")]
    from tflite_author import Author  # noqa: PLC0415 - beside the tests of importers

    net = Author(shape)
    grid = net.tensors[0][4][1]
    grid[2], grid[3] = ("vector:f", [scale]), (grid[3][0], [zero])
    return net


SCALES = [0.0005, 0.003, 1 / 64, 0.0235, 0.05, 0.077, 0.125, 0.2, 0.5, 1.7, *np.random.default_rng(0).uniform(0.002, 0.4, 6)]


@pytest.mark.parametrize("zero", [0, -128])
@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH", "HARD_SWISH"])
def test_curves_are_those_of_the_kernels_for_every_value(kind: str, zero: int, tmp_path: Path) -> None:
    codes = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 16, 16)
    for scale in (float(np.float32(scale)) for scale in SCALES):
        for out in (1.0, 0.7, 0.3) if kind == "HARD_SWISH" else (1.0,):
            net, steps = author((1, 16, 16), scale, zero), float(np.float32(scale * out))
            if kind == "HARD_SWISH":
                net.op(kind, (net.image,), net.tensor("made", net.shapes[net.image], scale=steps, zero=3))
            else:
                net.squashed(kind, "made", net.image)
            (found,) = interpreter(net.save(tmp_path / "m.tflite")).run(codes)
            assert np.array_equal(found.reshape(-1), curve(kind, codes.reshape(-1).astype(np.int64) - zero, scale, steps))


def curve(kind: str, values: Integers, scale: float, steps: float) -> Integers:
    match kind:
        case "LOGISTIC":
            return sigmoid(values, scale) - 128
        case "TANH":
            return tanh(values, scale)
        case _:
            return np.clip(hard_swish(values, scale, steps) + 3, -128, 127)


def test_a_hard_swish_of_finer_steps_than_its_kernel_knows_is_told() -> None:
    with pytest.raises(
        ExportError, match=r"a hard-swish writes steps of 0\.001 of steps of 0\.5; 128 times finer ones are the finest"
    ):
        hard_swish(np.arange(4), 0.5, 0.001)


@pytest.mark.parametrize(("function", "steps"), [("softmax", "1/256"), ("sigmoid", "1/256"), ("tanh", "1/128")])
def test_a_curve_beside_wider_values_is_told(function: str, steps: str, tmp_path: Path) -> None:
    """A concatenation gives both that it joins one scale, and these kernels write their own."""
    more = f"""\
    - {{name: bins, op: activation, reads: [stem], shape: [4, 4, 8], function: {function}}}
    - {{name: joined, op: concat, reads: [bins, stem], shape: [4, 4, 16]}}
runtime:"""
    (tmp_path / "study.yaml").write_text(RANKING.replace("runtime:", more), encoding="utf-8")
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    said = rf"'bins' is a {function} that writes steps of .*, and the kernel of TFLite writes {steps}: nothing else may set"
    with pytest.raises(ExportError, match=said):
        export(design, "tflite", tmp_path / "no.tflite")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("shape: [9, 8, 8], kernel: [3, 3], stride: [2, 2], pads: [0, 1, 0, 0]", r"'up' pads \[0, 1, 0, 0\], and transposed conv"),
        (
            "shape: [8, 8, 8], kernel: [2, 2], stride: [2, 2], groups: 2",
            "'up' has groups or dilation, and transposed convolutions of",
        ),
    ],
)
def test_transposed_convolutions_that_tflite_cannot_say_are_told(told: str, said: str, tmp_path: Path) -> None:
    more = f"    - {{name: up, op: transposed_conv, reads: [stem], {told}}}\nruntime:"
    (tmp_path / "study.yaml").write_text(RANKING.replace("runtime:", more), encoding="utf-8")
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    with pytest.raises(ExportError, match=said):
        export(design, "tflite", tmp_path / "no.tflite")


def test_tensors_lie_where_the_plan_says(design: Design, tmp_path: Path) -> None:
    assert design.arena is not None
    planned, own = (export(design, "tflite", tmp_path / f"{plan}.tflite", {"plan": plan})[0] for plan in (True, False))
    pads = [op for op in design.network().ops if op.has_weights and any(tflite_window(op, may_grow=True).pads or ())]
    for path in (planned, own):
        micro = interpreter(path)
        details = micro.input()
        micro.run(np.zeros(details["shape"], details["dtype"]), outputs=0)
        head = micro.allocations().head
        assert (head > design.arena.bytes) if pads else head == design.arena.bytes
    assert bool(pads) == ("uneven" in design.weights)  # only what no window of TFLite sees


def test_own_arithmetic_differs_by_roundings_only(design: Design) -> None:
    model = model_of(design)
    image = image_of(model.network)
    real = np.random.default_rng(1).random((8, *shape_of(image)))
    one, other = run(model, real), run_own(model, real)
    for tensor in model.network.outputs:
        differences = np.abs(one[tensor.name] - other[tensor.name])
        assert differences.max() <= 12
        assert differences.mean() < 2


def test_the_file_is_read_back(design: Design, tmp_path: Path) -> None:
    (path,) = export(design, "tflite", tmp_path / "design.tflite")
    model, back = model_of(design), import_model(path, values=True)
    kinds = [op.kind for op in back.network.ops if op.kind is not OpKind.PAD]
    told = {OpKind.AFFINE: OpKind.DEPTHWISE}  # a window of one value by channel
    assert kinds == [told.get(op.kind, op.kind) for op in design.network().ops if op.kind is not OpKind.PAD]
    for op in model.network.weighted_ops:
        weights = model.weights[op.name]
        real = weights.values * weights.scales.reshape(-1, *[1] * (weights.values.ndim - 1))
        found = back.weights[op.name].weights
        if found.shape == real.shape:
            assert np.allclose(found, real, rtol=1e-6)
        else:  # zeros around the window
            assert np.allclose(np.sort(found[found != 0].reshape(-1)), np.sort(real[real != 0].reshape(-1)), rtol=1e-6)


def test_the_package_with_the_schema_reads_it(design: Design, tmp_path: Path) -> None:
    tflite = pytest.importorskip("tflite")
    (path,) = export(design, "tflite", tmp_path / "design.tflite")
    graph = tflite.Model.GetRootAsModel(bytearray(path.read_bytes()), 0).Subgraphs(0)
    names = [graph.Tensors(index).Name().decode() for index in range(graph.TensorsLength())]
    assert {tensor.name for tensor in design.network().tensors} <= set(names)
    first = graph.Tensors(names.index("stem/weights"))
    assert len(first.Quantization().ScaleAsNumpy()) == first.Shape(0)


def test_everything_that_stands_in_the_way_is_said_at_once(designs: dict[str, Design], tmp_path: Path) -> None:
    with pytest.raises(ExportError) as found:
        export(designs["branching"], "tflite", tmp_path / "no.tflite")
    assert "TFLite files here have 8 bits everywhere" in str(found.value)
    assert "'top' pads [1, 1, 1, 1], and pools of TFLite pad 'same' or not at all" in str(found.value)
    assert not (tmp_path / "no.tflite").exists()


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_windows_that_are_grown_see_the_same(kernel: int, stride: int) -> None:
    """By brute force: the rows that each output sees, with padding as TFLite would choose it."""
    for side in range(max(kernel, 4), 14):
        image = Tensor("image", side, side, 4, bits=8, is_image=True)
        build = NetworkBuilder("net", image)
        build.conv("conv", image, 4, kernel=kernel, stride=stride)
        op = build.finish().ops[0]
        seen = tflite_window(op, may_grow=True)
        assert seen.pads is None
        grown, out = kernel + seen.zeros[0] + seen.zeros[2], int(op.output.height)
        padding = max((out - 1) * stride + grown - side, 0) // 2 if seen.padding == 0 else 0
        for index in range(out):
            assert index * stride - window(op).pads[0] == index * stride - padding + seen.zeros[0]

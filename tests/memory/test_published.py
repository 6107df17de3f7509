"""Networks whose score and costs others published: the authors' two, MobileNetV2, and those their search visited."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.network import Bits, Network
from qeopt.score import QEScore, evaluate
from qeopt.space import Space, Task
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

STAGES = [0, 0, 1, 1, 6]
Unit = tuple[int, int, int, int, int, Sequence[int], Sequence[int]]
"""Width, middle, kernel, units, stride; input bits and weight bits of each unit."""

MIXED_7G: tuple[Unit, ...] = (
    (32, 64, 5, 3, 2, (5, 5, 5), (5, 5, 4)),
    (64, 128, 5, 3, 2, (5, 5, 5), (5, 5, 4)),
    (64, 224, 5, 3, 2, (5, 5, 5), (5, 5, 5)),
    (96, 336, 5, 3, 1, (5, 5, 5), (5, 6, 5)),
    (192, 672, 5, 3, 2, (5, 5, 5), (6, 4, 5)),
)
MIXED_19G: tuple[Unit, ...] = (
    (40, 144, 5, 3, 2, (5, 5, 5), (5, 5, 5)),
    (80, 320, 5, 3, 2, (5, 5, 5), (5, 5, 5)),
    (176, 616, 5, 3, 2, (5, 5, 5), (4, 4, 4)),
    (224, 448, 5, 3, 1, (5, 4, 5), (5, 5, 5)),
    (240, 960, 5, 3, 2, (5, 5, 5), (5, 5, 5)),
)
INITIAL: tuple[Unit, ...] = (
    (24, 48, 3, 1, 2, (4,), (4,)),
    (48, 96, 3, 1, 2, (4,), (4,)),
    (64, 128, 3, 1, 2, (4,), (4,)),
    (96, 192, 3, 1, 1, (4,), (4,)),
    (192, 384, 3, 1, 2, (4,), (4,)),
)


def mobilenet_v2(bits: int) -> tuple[Unit, ...]:
    """MobileNetV2 as the authors write it: every unit expands, the first block from 32 to 32."""
    units: list[Unit] = [(16, 32, 3, 1, 1, (bits,), (bits,))]
    width_in = 16
    for width, repeats, stride in ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)):
        for number in range(repeats):
            units.append((width, 6 * width_in, 3, 1, stride if number == 0 else 1, (bits,), (bits,)))
            width_in = width
    return tuple(units)


CASES: Mapping[str, tuple[int, tuple[Unit, ...], int]] = {  # stem width, units, head bits
    "mixed7d0G": (8, MIXED_7G, 5),
    "mixed19d2G": (16, MIXED_19G, 5),
    "initial": (16, INITIAL, 4),
    "mobilenet_v2 A4W4": (32, mobilenet_v2(4), 4),
    "mobilenet_v2 A8W8": (32, mobilenet_v2(8), 8),
}
SCORES = {  # total, its share by stages 3, 4, 5, stage 5 alone, sigma_A = sigma_W = 1
    "mixed7d0G": (1224.536775015, (65.53012, 130.324025, 1028.682631), 171.447105093, 784.696198247),
    "mixed19d2G": (1290.335607158, (69.49236, 138.671118, 1082.172129), 180.362021499, 852.465379181),
    "initial": (425.967053597, (23.794475, 43.249132, 358.923446), 59.820574369, 282.212699724),
    "mobilenet_v2 A4W4": (1267.203744245, (59.584626, 130.105327, 1077.513791), 179.585631892, 825.344883490),
    "mobilenet_v2 A8W8": (1319.408272071, (62.131188, 135.622878, 1121.654205), 186.942367521, 825.344883490),
}


def published(name: str) -> tuple[Network, Bits]:
    """Expand one of the published structures at 224 px and give it its bits."""
    stem, units, head_bits = CASES[name]
    blocks: list[Any] = [{"kind": "conv", "name": "stem", "width": stem, "kernel": 3, "stride": 2, "weight_bits": 8}]
    weights, inputs = {"stem": 8, "head": head_bits, "classifier": 8}, {"stem": 8, "head": head_bits}
    for number, (width, middle, kernel, repeats, stride, a_bits, w_bits) in enumerate(units):
        block = {
            "kind": "k1dwk1",
            "name": f"b{number}",
            "width": width,
            "kernel": kernel,
            "ratio": middle / width,
            "stride": stride,
        }
        blocks.append({**block, "units": repeats})
        for unit in range(repeats):
            label = f"b{number}.{unit + 1}" if repeats > 1 else f"b{number}"
            for part in ("expand", "depthwise", "project"):
                weights[f"{label}.{part}"], inputs[f"{label}.{part}"] = w_bits[unit], a_bits[unit]
    blocks += [{"kind": "conv", "name": "head", "width": 1280}, {"kind": "classifier"}]
    space = build(Space, {"blocks": blocks})
    network = space.expand(space.smallest(), build(Task, {"input": [224, 224, 3], "classes": 1000}), name)
    read = {network.bits_owner(op.inputs[0]).name: inputs[op.name] for op in network.ops if op.is_scored}
    activations = {tensor.name: read.get(network.bits_owner(tensor).name, 8) for tensor in network.tensors}
    return network, Bits(weights, activations)


def qe(**settings: Any) -> QEScore:
    return build(QEScore, settings)


@pytest.mark.parametrize("name", sorted(CASES))
def test_equals_the_authors_code(name: str) -> None:
    network, bits = published(name)
    total, _, last, unit_sigmas = SCORES[name]
    assert evaluate(qe(stage_weights=STAGES), network, bits) == pytest.approx(total, abs=1e-6)
    assert evaluate(qe(stage_weights=[0, 0, 0, 0, 1]), network, bits) == pytest.approx(last, abs=1e-6)
    assert evaluate(qe(stage_weights=STAGES, sigma_a=1, sigma_w=1), network, bits) == pytest.approx(unit_sigmas, abs=1e-6)


@pytest.mark.parametrize("name", sorted(CASES))
def test_stages_add_up_as_the_authors_print_them(name: str) -> None:
    network, bits = published(name)
    for stage, share in enumerate(SCORES[name][1], start=2):
        weights = [0, 0, 0, 0, 0]
        weights[stage] = STAGES[stage]
        assert evaluate(qe(stage_weights=weights), network, bits) == pytest.approx(share, abs=1e-6)


RESOURCES = {  # flash without and with the 8-bit classifier, SRAM; bit operations in G as printed, without and with it
    "mixed7d0G": (887_208, 2_168_208, 564_480, 6.8386, 6.9205),
    "mixed19d2G": (1_960_690, 3_241_690, 1_254_400, 18.7827, 18.8646),
}
BIAS_BITOPS = 64 * 1000  # runtime `paper` counts the classifier's biases too, the authors' first release only its products


@pytest.fixture(scope="module")
def paper(runtimes: Mapping[str, Runtime]) -> Runtime:
    return runtimes["paper"]


@pytest.fixture(scope="module")
def without_classifier(paper: Runtime) -> Runtime:
    return paper.model_copy(update={"classifier_counted": False})


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_released_networks_cost_what_is_published(name: str, paper: Runtime, without_classifier: Runtime) -> None:
    network, bits = published(name)
    alone, whole = count(network, without_classifier, bits), count(network, paper, bits)
    flash, flash_with, sram, bitops, bitops_with = RESOURCES[name]
    assert (alone.flash_bytes, whole.flash_bytes, alone.sram_bytes, whole.sram_bytes) == (flash, flash_with, sram, sram)
    assert round(alone.used["bitops"] / 1e9, 4) == bitops
    assert round((whole.used["bitops"] - BIAS_BITOPS) / 1e9, 4) == bitops_with
    assert whole.used["layers"] == 47
    assert whole.peak.step.name == "b0.1.expand"


@pytest.mark.parametrize("name", sorted(CASES))
def test_costs_are_those_of_the_authors_rules_in_other_words(name: str, without_classifier: Runtime) -> None:
    network, bits = published(name)
    found = count(network, without_classifier, bits)
    flash, operations, sram = _authors_rules(name)
    assert found.flash_bytes == flash
    assert found.used["bitops"] == operations
    assert found.sram_bytes == sram


def _authors_rules(name: str) -> tuple[float, int, float]:
    """Size, bit operations and largest feature map as the authors' code counts them, layer by layer, classifier excluded."""
    stem, units, head_bits = CASES[name]
    # (channels in, out, kernel, groups, stride, side, input bits, weight bits, shortcut values and bits)
    layers: list[tuple[int, int, int, int, int, int, int, int, tuple[int, int]]] = [(3, stem, 3, 1, 2, 224, 8, 8, (0, 0))]
    pooled, width_in, side = 0, stem, 112
    for width, middle, kernel, repeats, stride, a_bits, w_bits in units:
        for unit in range(repeats):
            step = stride if unit == 0 else 1
            kept = width_in == width
            a, w = a_bits[unit], w_bits[unit]
            shortcut = (side * side // step**2 * width, a) if kept else (0, 0)
            pooled += width_in * side * side if kept and step == 2 else 0
            layers.append((width_in, middle, 1, 1, 1, side, a, w, (0, 0)))
            layers.append((middle, middle, kernel, middle, step, side, a, w, shortcut))
            layers.append((middle, width, 1, 1, 1, side // step, a, w, (0, 0)))
            width_in, side = width, side // step
    layers.append((width_in, 1280, 1, 1, 1, side, head_bits, head_bits, (0, 0)))
    flash, operations, sram = 0.0, 64 * pooled, 0.0
    for index, (c_in, c_out, kernel, groups, stride, side, a, w, (kept_values, kept_bits)) in enumerate(layers):
        next_bits = layers[index + 1][6] if index + 1 < len(layers) else 8
        weights, places = c_in * c_out * kernel**2 // groups, (side // stride) ** 2
        flash += weights * w / 8 + 2 * c_out
        operations += weights * places * a * w + 64 * 3 * c_out * places
        written = places * (1 if groups > 1 else c_out)
        sram = max(sram, (side * side * c_in * a + written * next_bits + kept_values * kept_bits) / 8)
    return flash, operations, sram


def test_mobilenet_v2_costs_what_is_published(paper: Runtime) -> None:
    network = load(Space, "mobilenet_v2", library=Library(), kind="network", folder="networks").value
    expanded = network.expand(network.smallest(), build(Task, {"input": [224, 224, 3], "classes": 1000}))
    found = count(expanded, paper, Bits.uniform(expanded, 8))
    assert found.sram_bytes == 1_404_928
    assert found.used["macs"] == 300_774_272
    assert found.flash_bytes == 3_504_872  # weights, two bytes of batch normalisation a channel, bias
    assert found.used["layers"] == 52
    assert found.peak.step.name == "b2.1.expand"


def test_mobilenet_v2_at_four_bits_gives_the_7_g_budget(paper: Runtime) -> None:
    network, bits = published("mobilenet_v2 A4W4")
    assert round((count(network, paper, bits).used["bitops"] - BIAS_BITOPS) / 64e6, 3) == 108.732


def test_every_network_that_the_authors_search_visited(published_data: Path, without_classifier: Runtime) -> None:
    networks = json.loads((published_data / "tinynas" / "networks.json").read_text(encoding="utf-8"))["networks"]
    assert len(networks) == 41
    for entry in networks:
        network, bits = _visited(entry)
        found = count(network, without_classifier, bits)
        assert evaluate(qe(stage_weights=STAGES), network, bits) == pytest.approx(entry["score"], abs=1e-6)
        assert found.flash_bytes == entry["model_size_bytes"]
        assert found.sram_bytes == entry["max_feature_bytes"]
        assert found.used["bitops"] == entry["bitops"]
        assert found.used["layers"] == entry["layers"]


def _visited(entry: Mapping[str, Any]) -> tuple[Network, Bits]:
    blocks: list[Any] = []
    weights: dict[str, int] = {}
    inputs: dict[str, int] = {}
    for number, block in enumerate(entry["blocks"]):
        name = f"b{number}"
        common = {"name": name, "width": block["out"], "kernel": block["k"], "stride": block["s"]}
        if "btn" not in block:
            blocks.append({"kind": "conv", **common, **({"weight_bits": 8} if number == 0 else {})})
            weights[name], inputs[name] = block["nbitsW"], block["nbitsA"]
            continue
        blocks.append({"kind": "k1dwk1", **common, "ratio": block["btn"] / block["out"], "units": block["L"]})
        for layer, (a_bits, w_bits) in enumerate(zip(block["nbitsA"], block["nbitsW"], strict=True)):
            unit = f"{name}.{layer // 3 + 1}" if block["L"] > 1 else name
            part = f"{unit}.{('expand', 'depthwise', 'project')[layer % 3]}"
            weights[part], inputs[part] = w_bits, a_bits
    space = build(Space, {"blocks": blocks})
    side = entry["image_size"]
    network = space.expand(space.smallest(), build(Task, {"input": [side, side, 3], "classes": 1000}))
    read = {network.bits_owner(op.inputs[0]).name: inputs[op.name] for op in network.ops if op.is_scored}
    return network, Bits(weights, {t.name: read.get(network.bits_owner(t).name, 8) for t in network.tensors})

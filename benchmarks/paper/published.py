"""Structures that others published, expanded to networks; the facts are in published.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from qeopt.hardware import Runtime
from qeopt.memory import Resources, count
from qeopt.network import Bits, Network, NetworkBuilder, Tensor
from qeopt.score import QEScore
from qeopt.space import Space, Task
from qeopt.space.cells import BottleneckCell, ClassifierCell, ConvCell, Shortcut
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCORE = build(QEScore, {"sigma_a": 5, "sigma_w": 4, "stage_weights": [0, 0, 1, 1, 6]})
BLOCK = re.compile(r"(?P<kernel>\d)/(?P<middle>\d+)>(?P<width>\d+)(?P<stride> s2)?(?P<shortcut> \+)?")


@cache
def facts() -> Mapping[str, Any]:
    """Everything of published.yaml."""
    found: Mapping[str, Any] = YAML(typ="safe").load((HERE / "published.yaml").read_text(encoding="utf-8"))
    return found


def runtime(name: str, **changes: Any) -> Runtime:
    """A shipped runtime, with fields replaced."""
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value.model_copy(update=changes)


def mobilenet_v2(side: int = 224) -> Network:
    """MobileNetV2 1.0 as it was published, with 52 convolutions."""
    space = load(Space, "mobilenet_v2", library=Library(), kind="network", folder="networks").value
    return space.expand(space.smallest(), build(Task, {"input": [side, side, 3], "classes": 1000}), "mobilenet_v2")


def mobilenet_v2_as_the_authors_write_it(bits: int) -> tuple[Network, Bits]:
    """MobileNetV2 of their blocks: every unit expands, the first one from 32 to 32 channels."""
    blocks: list[list[Any]] = [[16, 32, 3, 1, 1, [bits], [bits]]]
    for source, width, repeats, stride in (
        (16, 24, 2, 2),
        (24, 32, 3, 2),
        (32, 64, 4, 2),
        (64, 96, 3, 1),
        (96, 160, 3, 2),
        (160, 320, 1, 1),
    ):
        for unit in range(repeats):
            blocks.append([width, 6 * (width if unit else source), 3, 1, 1 if unit else stride, [bits], [bits]])
    return _of_authors_blocks(f"mobilenet_v2 at {bits} bits", 32, bits, blocks)


def authors_network(name: str) -> tuple[Network, Bits]:
    """A network that the authors released, at 224 px."""
    found = facts()["authors"][name]
    return _of_authors_blocks(name, found["stem"], found["head_bits"], found["blocks"])


def _of_authors_blocks(name: str, stem: int, head_bits: int, rows: list[list[Any]]) -> tuple[Network, Bits]:
    blocks: list[dict[str, Any]] = [{"kind": "conv", "name": "stem", "width": stem, "kernel": 3, "stride": 2, "weight_bits": 8}]
    weights, read = {"stem": 8, "head": head_bits, "classifier": 8}, {"stem": 8, "head": head_bits}
    for number, (width, middle, kernel, units, stride, a_bits, w_bits) in enumerate(rows):
        shape = {"width": width, "kernel": kernel, "ratio": middle / width, "stride": stride, "units": units}
        blocks.append({"kind": "k1dwk1", "name": f"b{number}", **shape})
        for unit in range(units):
            label = f"b{number}.{unit + 1}" if units > 1 else f"b{number}"
            for part in ("expand", "depthwise", "project"):
                weights[f"{label}.{part}"], read[f"{label}.{part}"] = w_bits[unit], a_bits[unit]
    space = build(Space, {"blocks": [*blocks, {"kind": "conv", "name": "head", "width": 1280}, {"kind": "classifier"}]})
    network = space.expand(space.smallest(), build(Task, {"input": [224, 224, 3], "classes": 1000}), name)
    by_owner = {network.bits_owner(op.inputs[0]).name: read[op.name] for op in network.ops if op.is_scored}
    return network, Bits(weights, {t.name: by_owner.get(network.bits_owner(t).name, 8) for t in network.tensors})


def mcunet(name: str) -> tuple[Network, Bits]:
    """A network of MCUNet's configurations, all of its weights and activations at one width, the classifier's too."""
    found = facts()["mcunets"][name]
    image = Tensor("image", found["side"], found["side"], 3, bits=8, is_image=True)
    builder = NetworkBuilder(name, image)
    current = ConvCell(found["stem"], 3, 2).build(builder, "stem", image)
    for number, text in enumerate(found["blocks"].split("; "), start=1):
        match = BLOCK.fullmatch(text)
        assert match is not None, text
        stride = 2 if match["stride"] else 1
        if stride == 2:
            builder.end_stage()
        cell = BottleneckCell(
            int(match["width"]),
            int(match["middle"]),
            int(match["kernel"]),
            stride,
            Shortcut.IDENTITY if match["shortcut"] else Shortcut.NONE,
            expands=number > 1,
        )
        current = cell.build(builder, f"b{number}", current)
    if "head" in found:
        current = ConvCell(found["head"]).build(builder, "head", current)
    builder.end_stage()
    ClassifierCell(found["classes"]).build(builder, "classifier", current)
    network, bits = builder.finish(output_is_seen=True), found["bits"]
    weights = {op.name: bits for op in network.ops if op.has_weights}
    return network, Bits(weights, {t.name: 8 if t.is_image else bits for t in network.tensors})


def counted(network: Network, bits: Bits, rule: Runtime) -> Resources:
    """What a network needs under a rule of counting."""
    return count(network, rule, bits)

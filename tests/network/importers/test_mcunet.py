"""MCUNet's networks: block lists restated here, counts as published, and the JSON files where they are at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, macs, weight_count
from qeopt.network.importers import ImportOptions, import_model
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt_solvers import Status

# Side, stem, blocks as kernel, middle > out, stride 2; classes; published millions of MACs and of parameters (MCUNet's README).
MCUNET = {
    "mcunet-10fps_vww": (
        64, 16,
        "3 16>8, 5 48>16 s2, 3 64>16, 3 80>24 s2, 3 96>24, 3 96>24, 3 120>40 s2, 3 160>40, 7 120>40, 3 120>48, 3 192>48,"
        " 7 240>96 s2, 5 480>96, 7 384>160",
        2, 6.0, 0.37,
    ),
    "mcunet-5fps_vww": (
        80, 16,
        "3 16>8, 3 48>16 s2, 3 48>16, 3 48>16, 7 48>24 s2, 3 144>24, 5 120>24, 7 144>40 s2, 7 240>40, 3 240>48, 3 192>48,"
        " 5 240>96 s2, 3 480>96, 3 384>96, 7 288>160",
        2, 11.6, 0.43,
    ),
    "mcunet-320kb-1mb_vww": (
        144, 16,
        "3 16>8, 3 24>16 s2, 3 80>16, 5 96>16, 3 48>16, 7 80>24 s2, 5 96>24, 3 96>24, 7 144>24, 3 144>40 s2, 7 240>40, 5 160>40,"
        " 3 200>40, 5 200>48, 5 144>48, 3 192>48, 5 144>48, 3 192>96 s2, 5 480>96, 5 384>96, 3 384>96, 3 480>160",
        2, 55.8, 0.64,
    ),
    "mcunet-256kb-1mb_imagenet": (
        160, 16,
        "3 16>8, 5 24>16 s2, 7 96>16, 3 80>16, 5 80>16, 3 80>24 s2, 7 144>24, 5 144>24, 7 96>40 s2, 5 200>40, 3 200>48, 5 240>48,"
        " 3 192>48, 5 288>96 s2, 5 384>96, 5 288>96, 3 384>96, 5 480>160",
        1000, 67.3, None,
    ),
}  # fmt: skip


def description(name: str) -> dict[str, Any]:
    """The JSON that MCUNet's repository would hold."""
    side, stem, text, classes, _, _ = MCUNET[name]
    blocks: list[Any] = []
    reads = stem
    for block in text.split(", "):
        kernel, widths, *stride = block.split()
        middle, width = map(int, widths.split(">"))
        layer = {
            "name": "MBInvertedConvLayer", "in_channels": reads, "out_channels": width, "kernel_size": int(kernel),
            "stride": 2 if stride else 1, "expand_ratio": 1 if middle == reads else 6, "mid_channels": middle, "use_se": False,
        }  # fmt: skip
        kept = width == reads and not stride and blocks
        blocks.append({"mobile_inverted_conv": layer, "shortcut": {"name": "IdentityLayer"} if kept else None})
        reads = width
    return {
        "name": "ProxylessNASNets",
        "first_conv": {"name": "ConvLayer", "kernel_size": 3, "stride": 2, "in_channels": 3, "out_channels": stem},
        "blocks": blocks,
        "feature_mix_layer": None,
        "classifier": {"name": "LinearLayer", "in_features": reads, "out_features": classes},
        "resolution": side,
    }


def written(tmp_path: Path, data: dict[str, Any]) -> Path:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", MCUNET)
def test_counts_and_bits(name: str, tmp_path: Path) -> None:
    network = import_model(written(tmp_path, description(name))).network
    *_, classes, millions, parameters = MCUNET[name]
    assert round(sum(int(macs(op)) for op in network.ops) / 1e6, 1) == millions
    if parameters is not None:  # weights, two values of normalisation a channel, and the classifier's bias
        normalised = sum(2 * int(op.output.channels) for op in network.weighted_ops if op.is_scored)
        assert round((sum(int(weight_count(op)) for op in network.ops) + normalised + classes) / 1e6, 2) == parameters
    _proven(network)


def _proven(network: Network) -> None:
    ideal = load(Runtime, "ideal", library=Library(), kind="runtime", folder="runtimes").value
    least, most = (count(network, ideal, Bits.uniform(network, bits)) for bits in (2, 8))
    limits = Limits(sram=int(least.sram_bytes + most.sram_bytes) // 2, flash=int(least.flash_bytes + most.flash_bytes) // 2)
    choices = build(BitChoices, {"weights": [2, 4, 8], "activations": [2, 4, 8]})
    refiner = Refiner(ideal, limits, choices, build(QEScore, {}), build(QbrSettings, {"deterministic_limit": 2.0}))
    found = [refiner.refine(network, engine) for engine in ("cp_sat", "chain")]
    assert [refined.status for refined in found] == [Status.OPTIMAL] * 2
    assert found[0].outcome is not None
    assert found[1].outcome is not None
    assert found[0].outcome.value == found[1].outcome.value


def test_stages_follow_strides(tmp_path: Path) -> None:
    network = import_model(written(tmp_path, description("mcunet-10fps_vww"))).network
    assert [(stage, int(tensor.channels)) for stage, tensor in network.stage_ends] == [(0, 8), (1, 16), (2, 24), (3, 48), (4, 160)]
    assert network.ops[0].weight_bits == 8
    smaller = import_model(written(tmp_path, description("mcunet-10fps_vww")), build(ImportOptions, {"input": [32, 48, 1 + 2]}))
    assert (smaller.network.tensors[0].height, smaller.network.tensors[0].width) == (32, 48)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: data["blocks"][1]["mobile_inverted_conv"].update(use_se=True),
            "node 'b2': squeeze-and-excitation is not known",
        ),
        (
            lambda data: data["blocks"][1]["mobile_inverted_conv"].update(in_channels=9),
            "node 'b2': 'in_channels' is 9, but 8 channels come in",
        ),
        (
            lambda data: data["blocks"][1].update(shortcut={"name": "IdentityLayer"}),
            "node 'b2': a shortcut around a block that changes",
        ),
        (
            lambda data: data["first_conv"].update(name="Stem"),
            "node 'stem': the layer 'Stem' is not known; 'ConvLayer' was expected",
        ),
        (lambda data: data["first_conv"].update(stride=1 << 40), "node 'stem': 'stride' is 1099511627776; a whole number from 1"),
        (lambda data: data.pop("resolution"), "states no resolution"),
    ],
)
def test_what_is_no_such_network(change: Any, message: str, tmp_path: Path) -> None:
    data = description("mcunet-10fps_vww")
    change(data)
    with pytest.raises(SpecError, match=message):
        import_model(written(tmp_path, data))


def test_published_files_hold_these_networks(published_data: Path, tmp_path: Path) -> None:
    for name in MCUNET:
        published = import_model(published_data / "mcunet" / f"{name}.json").network
        restated = import_model(written(tmp_path, description(name))).network
        assert published.ops == restated.ops

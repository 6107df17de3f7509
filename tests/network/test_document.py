"""Networks written out and read again: every value and attribute comes back, and what contradicts itself does not pass."""

from typing import Any

import pytest
from pydantic import ValidationError

from qeopt.hardware import Runtime
from qeopt.hardware.costs import parameter_flash, weights_flash
from qeopt.memory import count, steps
from qeopt.network import Bits, Network, OpKind, macs, weight_count
from qeopt.network.document import GraphBlock, document
from qeopt.network.order import in_order, least_memory
from qeopt.network.text import network_text
from qeopt.spec.composer import count_values
from qeopt.spec.document import parse
from qeopt.spec.errors import QeoptError, SpecError
from qeopt.spec.model import build
from qeopt.spec.node import plain

IDEAL = build(Runtime, {"kernels": "any", "source": {"url": "https://example.org", "date": "2026-01-01", "says": "nothing"}})


def everything() -> dict[str, Any]:
    """A network with every field in use."""
    return {
        "image": {"name": "image", "shape": [8, 8, 4], "bits": 8},
        "sources": [
            {"name": "other", "shape": [8, 8, 4], "bits": 8},
            {"name": "past", "shape": [2, 8, 4], "bits": 8, "state": True},
        ],
        "ops": [
            {"name": "sum", "op": "sub", "reads": ["image", "other"], "shape": [8, 8, 4]},
            {"name": "norm", "op": "affine", "reads": ["sum"], "shape": [8, 8, 4], "constants": 8},
            {"name": "a", "op": "conv", "reads": ["norm"], "shape": [8, 8, 4], "kernel": [3, 3], "pads": [0, 0, 2, 2],
             "function": "clip", "terms": [-6.0, None], "stage": 0},
            {"name": "b", "op": "conv", "reads": ["a"], "shape": [8, 8, 4], "kernel": [3, 3], "weights_of": "a", "stage": 0},
            {"name": "halves", "op": "split", "reads": ["b"], "shape": [4, 8, 4],
             "others": [{"name": "halves:1", "shape": [4, 8, 4], "tied_to": "halves"}]},
            {"name": "cut", "op": "slice", "reads": ["halves"], "shape": [2, 8, 4], "begins": [1, 0, 0], "every": [2, 1, 1]},
            {"name": "kept", "op": "write_state", "reads": ["cut"], "shape": [2, 8, 4], "tied_to": "past", "lies_in": "past"},
            {"name": "wide", "op": "pad", "reads": ["cut"], "shape": [2, 8, 6], "pads": [0, 0, 0, 0], "channel_pads": [1, 1]},
            {"name": "mean", "op": "pool", "reads": ["wide"], "shape": [1, 4, 6], "kernel": [2, 2], "stride": [2, 2],
             "counts_padding": True, "reduces": True},
            {"name": "up", "op": "transposed_conv", "reads": ["mean"], "shape": [2, 8, 5], "kernel": [2, 2], "stride": [2, 2]},
            {"name": "flat", "op": "dense", "reads": ["up"], "shape": [1, 1, 3], "moves": [[[5, 2, 8], [1, 2, 0]]]},
        ],
        "stage_ends": ["b"],
        "results": ["norm"],
        "discarded": ["halves:1"],
    }  # fmt: skip


def network(data: dict[str, Any] | None = None) -> Network:
    return build(GraphBlock, data or everything()).network("n")


def test_every_field_comes_back() -> None:
    first = network()
    written = document(first)
    again = build(GraphBlock, written).network("n")
    assert again == first
    assert document(again) == written
    told = {entry["name"]: entry for entry in written["ops"]}
    for entry in everything()["ops"]:
        assert entry.items() <= told[entry["name"]].items()


def test_a_file_that_is_written_says_everything_and_is_read_again() -> None:
    read = plain(parse(network_text(network())).root)
    assert isinstance(read, dict)
    assert read.pop("kind") == "network"
    assert network(read) == network()


def test_what_is_too_large_to_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    text = network_text(network())
    count = count_values(plain(parse(text).root))
    monkeypatch.setattr("qeopt.spec.composer.MAX_NODES", count)
    monkeypatch.setattr("qeopt.network.text.MAX_NODES", count)
    assert parse(network_text(network())).root
    monkeypatch.setattr("qeopt.spec.composer.MAX_NODES", count - 1)
    with pytest.raises(SpecError, match="more than"):
        parse(text)
    monkeypatch.setattr("qeopt.network.text.MAX_NODES", count - 1)
    with pytest.raises(QeoptError, match="11 operators is larger than a file of YAML may be; a study can name the model itself"):
        network_text(network())


def test_sources_outputs_and_what_is_forgotten() -> None:
    found = network()
    assert [tensor.name for tensor in found.sources] == ["image", "other", "past"]
    assert [tensor.name for tensor in found.outputs] == ["norm", "flat"]


def test_a_state_lasts_and_pieces_are_written_together() -> None:
    found = network()
    live = {step.op.name: {item.tensor.name for item in step.live} for step in steps(found, IDEAL)}
    assert all("past" in names and "kept" not in names for names in live.values())
    assert live["halves"] == {"past", "norm", "b", "halves", "halves:1"}
    assert "halves:1" not in live["cut"]
    assert {"image", "other"} <= live["sum"]
    assert "other" not in live["norm"]


def test_shared_weights_are_stored_once() -> None:
    found = network()
    ops = found.op_by_name
    assert (weights_flash(IDEAL, ops["a"], 4), weights_flash(IDEAL, ops["b"], 4)) == (4 * 4 * 9 // 2, 0)
    assert parameter_flash(IDEAL, ops["norm"]) == 8
    resources = count(found, IDEAL, Bits.uniform(found, 8))
    assert resources.flash_bytes == 144 + 8 + 6 * 5 * 4 + 80 * 3


def test_a_transposed_convolution_multiplies_per_input_position() -> None:
    up = network().op_by_name["up"]
    assert up.kind is OpKind.TRANSPOSED_CONV
    assert weight_count(up) == 6 * 5 * 4
    assert macs(up) == 120 * 4


def test_no_order_changes_a_state_before_it_is_read() -> None:
    data = {
        "image": {"name": "image", "shape": [2, 8, 4]},
        "sources": [{"name": "past", "shape": [2, 8, 4], "state": True}],
        "ops": [
            {"name": "read", "op": "read_state", "reads": ["past"], "shape": [2, 8, 4]},
            {"name": "write", "op": "write_state", "reads": ["image"], "shape": [2, 8, 4], "lies_in": "past", "tied_to": "past"},
            {"name": "join", "op": "concat", "reads": ["read", "image"], "shape": [4, 8, 4]},
        ],
    }
    found = network(data)
    assert next(op.name for op in least_memory(found).network.ops) == "read"
    with pytest.raises(ValueError, match="changes a state before 'read' has read it"):
        in_order(found, ["write", "read", "join"])


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("b", {"weights_of": "sum"}, "no conv with weights of its own"),
        ("b", {"weights_of": "nowhere"}, "no conv with weights of its own"),
        ("kept", {"lies_in": "nowhere"}, "no tensor of the network"),
        ("kept", {"lies_in": "kept"}, "round in a circle"),
        ("halves", {"others": [{"name": "norm", "shape": [4, 8, 4]}]}, "two tensors are called 'norm'"),
        ("halves", {"others": [{"name": "halves:1", "shape": [8, 8, 4]}]}, "writes more values than it reads"),
        ("flat", {"moves": [[[5, 2, 8], [1, 1, 0]]]}, "in no order"),
        ("flat", {"moves": [[[5, 2, 7], [1, 2, 0]]]}, "another number of values"),
        ("norm", {"shape": [8, 8, 3]}, "what it reads first is"),
    ],
)
def test_contradictions_are_refused(name: str, change: dict[str, Any], said: str) -> None:
    data = everything()
    next(entry for entry in data["ops"] if entry["name"] == name).update(change)
    with pytest.raises(ValidationError, match=said):
        build(GraphBlock, data)

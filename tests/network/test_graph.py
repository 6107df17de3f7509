"""Networks grown by hand: shapes, counts, ties, and what the score does not see."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.network import Bits, Network, NetworkBuilder, OpKind, Tensor, fan_in, macs, weight_count


def small() -> Network:
    image = Tensor("image", 9, 7, 3, bits=8, is_image=True)
    builder = NetworkBuilder("small", image)
    builder.unit = "stem"
    stem = builder.conv("stem", image, 8, kernel=3, stride=2, weight_bits=8)
    builder.end_stage()
    builder.unit = "b"
    filtered = builder.depthwise("filter", stem, kernel=5)
    added = builder.add("add", builder.conv("project", filtered, 8, tied_to="add"), stem)
    pooled = builder.pool("pool", added, stride=2)
    builder.conv("head", pooled, 16)
    builder.end_stage()
    builder.unit = "classifier"
    builder.dense("classifier", builder.global_pool("mean", builder._tensors[-1]), 10)
    return builder.finish()


def test_shapes_divide_rounding_up() -> None:
    sides = {tensor.name: (tensor.height, tensor.width, tensor.channels) for tensor in small().tensors}
    assert sides["stem"] == (5, 4, 8)
    assert sides["pool"] == (3, 2, 8)
    assert sides["mean"] == (1, 1, 16)
    assert sides["classifier"] == (1, 1, 10)


def test_counts_by_hand() -> None:
    ops = small().op_by_name
    assert {name: weight_count(op) for name, op in ops.items()} == {
        "stem": 3 * 3 * 3 * 8,
        "filter": 5 * 5 * 8,
        "project": 8 * 8,
        "add": 0,
        "pool": 0,
        "head": 8 * 16,
        "mean": 0,
        "classifier": 16 * 10,
    }
    assert macs(ops["stem"]) == 3 * 3 * 3 * 8 * 5 * 4
    assert macs(ops["filter"]) == 5 * 5 * 8 * 5 * 4
    assert macs(ops["classifier"]) == 160
    assert (fan_in(ops["stem"]), fan_in(ops["filter"]), fan_in(ops["project"])) == (27, 25, 8)
    assert small().layers == 4


def test_stages_and_scored_operators() -> None:
    network = small()
    assert [(stage, tensor.name) for stage, tensor in network.stage_ends] == [(0, "stem"), (1, "head")]
    assert [(op.name, op.stage) for op in network.ops if op.is_scored] == [("stem", 0), ("filter", 1), ("project", 1), ("head", 1)]
    assert [op.name for op in network.weighted_ops] == ["stem", "filter", "project", "head", "classifier"]


def test_what_the_score_does_not_see_is_fixed() -> None:
    network = small()
    assert {tensor.name: network.bits_owner(tensor).bits for tensor in network.tensors} == {
        "image": 8,
        "stem": None,
        "filter": None,
        "project": None,
        "add": None,
        "pool": None,
        "head": 8,
        "mean": 8,
        "classifier": 8,
    }
    assert {op.name: op.weight_bits for op in network.weighted_ops} == {
        "stem": 8,
        "filter": None,
        "project": None,
        "head": None,
        "classifier": 8,
    }


def test_ties_lead_to_the_tensor_that_decides() -> None:
    network = small()
    owners = {tensor.name: network.bits_owner(tensor).name for tensor in network.tensors}
    assert owners["project"] == owners["pool"] == owners["add"] == "add"
    assert owners["stem"] == "stem"


def test_a_piece_leaves_its_last_tensor_open() -> None:
    image = Tensor("x", 4, 4, 8)
    builder = NetworkBuilder("piece", image)
    builder.conv("y", image, 8)
    assert builder.finish().tensor_by_name["y"].bits == 8
    assert builder.finish(output_is_seen=True).tensor_by_name["y"].bits is None


@settings(derandomize=True, deadline=None, max_examples=20)
@given(width=st.integers(1, 16))
def test_uniform_bits_respect_fixed_ones(width: int) -> None:
    network = small()
    bits = Bits.uniform(network, width)
    assert bits.activations["image"] == bits.activations["head"] == bits.weights["stem"] == bits.weights["classifier"] == 8
    assert bits.activations["project"] == bits.activations["add"] == bits.activations["pool"] == width
    assert bits.of(network.op_by_name["filter"]) == (width, width, width)
    assert bits.of(network.op_by_name["add"]) == (width, 0, width)


def test_outputs_are_what_nothing_reads() -> None:
    assert [tensor.name for tensor in small().outputs] == ["classifier"]


@pytest.mark.parametrize("kind", ["conv", "depthwise", "dense"])
def test_kinds_with_weights(kind: str) -> None:
    assert [op.name for op in small().ops if op.kind is OpKind(kind)]
    assert all(op.has_weights for op in small().ops if op.kind is OpKind(kind))

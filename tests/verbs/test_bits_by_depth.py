"""Bits by depth: what is counted, and when the claim of the paper is true of a network."""

from __future__ import annotations

from typing import Any

from qeopt.network import Bits
from qeopt.space import Space, Task
from qeopt.spec.model import build
from qeopt.verbs.bits_by_depth import Layer, layers_of, profile

FALLS = [Layer(0.25, 8, 2), Layer(0.75, 4, 8)]
RISES = [Layer(0.25, 4, 8), Layer(0.75, 8, 2)]
FLAT = [Layer(0.25, 8, 2), Layer(0.75, 8, 8)]


def test_a_network_alone_is_told_layer_by_layer() -> None:
    found = profile("chain", [FALLS])
    assert (found.weights, found.activations) == ((8, 4), (2, 8))
    assert (found.weights_fall, found.activations_rise, found.both) == (1, 1, 1)


def test_many_networks_are_cut_into_tenths() -> None:
    found = profile("paper", [FALLS, RISES, FLAT])
    assert (found.answered, found.weights_fall, found.activations_rise, found.both) == (3, 1, 2, 1)
    assert found.weights[2] == (8 + 4 + 8) / 3
    assert found.activations[7] == 6
    assert found.weights[0] is None
    assert len(found.weights) == 10


def test_no_network() -> None:
    assert profile("paper", []).answered == 0


def test_only_what_is_chosen_counts() -> None:
    blocks: Any = [
        {"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2, "weight_bits": 8},
        {"kind": "k1dwk1", "name": "b1", "stride": 2, "width": 16, "ratio": 2},
        {"kind": "conv", "name": "head", "width": 32},
        {"kind": "classifier"},
    ]
    space = build(Space, {"blocks": blocks})
    network = space.expand(space.smallest(), build(Task, {"input": [16, 16, 3], "classes": 2}))
    layers = layers_of(network, Bits.uniform(network, 4))
    assert [layer.weights for layer in layers] == [None, 4, 4, 4, 4]
    assert [layer.activations for layer in layers] == [None, 4, 4, 4, 4]
    assert [layer.depth for layer in layers] == [0.1, 0.3, 0.5, 0.7, 0.9]

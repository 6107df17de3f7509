"""Code that every network of a space links is no larger than that of any network, and counts in the bound."""

from __future__ import annotations

from itertools import product
from typing import Any

from qeopt.hardware.costs import legal_tuples
from qeopt.hardware.linked import least_linked_flash
from qeopt.network import Op
from qeopt.relaxation.cells.code import least_code
from qeopt.space import Space, Structure
from qeopt.spec.model import build
from qeopt.study import Study
from qeopt.study.load import load_study


def small() -> tuple[Space, Study]:
    """Twelve structures, with and without additions and pools."""
    blocks: list[Any] = [
        {"kind": "conv", "name": "stem", "width": [8], "kernel": 3, "stride": 2, "weight_bits": 8},
        {"kind": "k1dwk1", "name": "a", "width": [8, 16], "kernel": [3], "ratio": [1.5, 2], "units": [1, 2, 3], "stride": 2},
        {"kind": "classifier"},
    ]
    return build(Space, {"blocks": blocks}), load_study("vww_256k").value


def test_no_network_of_a_space_links_less() -> None:
    space, study = small()
    terms = study.refiner

    def may(op: Op) -> tuple[tuple[int, int, int], ...]:
        weights = terms.choices.weights if op.weight_bits is None else (op.weight_bits,)
        found = legal_tuples(terms.runtime, op, weights, terms.choices.activations)
        return tuple(entry for entry in found if op.inputs[0].bits in (None, entry[0]))

    linked = []
    for values in product(*(values for _, _, values in space.genes)):
        network = space.expand(Structure(values), study.task)
        linked.append(least_linked_flash(terms.runtime, [(op.kind, may(op)) for op in network.ops]))
    found = least_code(space, study.task, terms)
    assert terms.runtime.linked.always < found <= min(linked)
    assert min(linked) < max(linked), "additions are not in every network"


def test_code_of_a_runtime_counts_once() -> None:
    """`qeopt-c`: what every program has, the stem's and the classifier's kernel, depthwise code and its least kernel, and pools."""
    space, study = small()
    linked = study.runtime.linked
    sizes = {kind: {entry[:2]: entry[2] for entry in entries} for kind, entries in linked.by_bits.items()}
    by_kind = {kind.value: size for kind, size in linked.by_kind.items()}
    kernels = {kind.value: found for kind, found in sizes.items()}
    expected = linked.always + by_kind["depthwise"] + by_kind["pool"] + kernels["conv"][8, 8] + min(kernels["depthwise"].values())
    assert least_code(space, study.task, study.refiner) == expected


def test_a_runtime_that_states_no_code_takes_none() -> None:
    space, _ = small()
    study = load_study("vww_256k_cmix").value
    assert least_code(space, study.task, study.refiner) == 0

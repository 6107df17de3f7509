"""The order in which a design's operators run: re-optimised at the bits chosen where a network leaves a choice, and stated."""

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qeopt.design import Design, load_design
from qeopt.design.recount import recount
from qeopt.design.verify import verify
from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.memory.order import lower_order
from qeopt.network import Bits, Network
from qeopt.network.document import document
from qeopt.network.order import Method, in_order, least_memory
from qeopt.spec.library import builtin_folder
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve
from qeopt_solvers import Status

SEED = 77
"""A random graph whose best bits, in the order of uniform bits, leave a better order, in which better bits fit."""
BRANCHES: Mapping[str, Any] = {
    "kind": "study",
    "runtime": "ideal",
    "objective": {"kind": "qe"},
    "bits": {"weights": [8], "activations": [2, 4, 8]},
}


def test_the_shipped_network_leaves_no_choice() -> None:
    study = load_study(builtin_folder() / "paper" / "mobilenet_v2.yaml").value
    network = study.subject.expand(study.subject.smallest(), study.task)
    assert study.subject.size == 1
    assert least_memory(network).method is Method.ONLY


def some_bits(network: Network, rng: random.Random) -> Bits:
    drawn = {tensor.name: tensor.bits or rng.choice((2, 4, 8)) for tensor in network.tensors}
    weights = {op.name: op.weight_bits or 8 for op in network.weighted_ops}
    return Bits(weights, {tensor.name: drawn[network.bits_owner(tensor).name] for tensor in network.tensors})


def test_an_order_at_the_bits_needs_less_and_can_run(
    runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    found = 0
    for seed in range(60):
        rng = random.Random(seed)
        network = least_memory(random_graph(rng)).network
        bits = some_bits(network, rng)
        lower = lower_order(network, runtimes["everything"], bits)
        if lower is None:
            continue
        found += 1
        assert count(lower, runtimes["everything"], bits).sram_bytes < count(network, runtimes["everything"], bits).sram_bytes
        names = [op.name for op in lower.ops]
        assert in_order(network, names) == lower
        assert lower_order(lower, runtimes["everything"], bits) is None
    assert found > 3


@pytest.fixture(scope="module")
def branches(
    tmp_path_factory: pytest.TempPathFactory, random_graph: Callable[[random.Random], Network], runtimes: Mapping[str, Runtime]
) -> tuple[Design, Network, float]:
    """A design, the network in the order that it was given, and the best score in that order."""
    network = least_memory(random_graph(random.Random(SEED))).network
    most, least = (count(network, runtimes["ideal"], Bits.uniform(network, bits)).sram_bytes for bits in (8, 2))
    image, *_, result = network.tensors
    task = {"input": [int(image.height), int(image.width), int(image.channels)], "classes": int(result.channels)}
    budgets = {"sram": int(least + 0.3 * (most - least)), "flash": "unlimited"}
    path = tmp_path_factory.mktemp("branches") / "branches.yaml"
    path.write_text(json.dumps({**BRANCHES, "task": task, "network": document(network), "budgets": budgets}))
    study = load_study(path).value
    given = study.subject.expand(study.subject.smallest(), study.task, study.name)
    refined, design = study.refiner.refine(given), solve(path).design
    assert design is not None
    assert refined.score is not None
    return design, given, refined.score


def test_a_design_runs_in_the_order_it_states(branches: tuple[Design, Network, float], tmp_path: Path) -> None:
    design, network, score = branches
    given = tuple(op.name for op in network.ops)
    assert design.order != given
    assert sorted(design.order) == sorted(given)
    assert design.score > score
    assert design.bits.status is Status.OPTIMAL
    assert tuple(op.name for op in design.network().ops) == design.order
    used = count(network, design.load_study().runtime, design.bit_widths()).sram_bytes
    assert design.uses["sram"].used < used
    design.save(tmp_path / "design.json")
    assert load_design(tmp_path / "design.json") == design
    assert verify(tmp_path / "design.json").holds


def test_an_order_that_cannot_run_is_found(branches: tuple[Design, Network, float]) -> None:
    design, network, _ = branches
    for order, complaint in (
        (tuple(reversed(design.order)), "comes before what it reads"),
        (design.order[1:], "does not have every operator once"),
        (("stranger", *design.order[1:]), "'stranger', which is no operator"),
        (tuple(op.name for op in network.ops), "sram: the design says"),
    ):
        faults = recount(design.model_copy(update={"order": order}))
        assert faults
        assert complaint in faults[0]


def test_a_chain_states_its_only_order(tmp_path: Path) -> None:
    path = tmp_path / "chain.yaml"
    blocks = [{"kind": "conv", "name": "stem", "width": 8, "kernel": 3}, {"kind": "classifier"}]
    data = {
        **BRANCHES,
        "task": {"input": [8, 8, 4], "classes": 2},
        "network": {"blocks": blocks},
        "budgets": {"sram": "unlimited", "flash": "unlimited"},
    }
    path.write_text(json.dumps(data))
    design = solve(path).design
    assert design is not None
    assert design.order == tuple(op.name for op in design.network().ops)
    assert recount(design.model_copy(update={"order": ()})) == ()  # as designs were before they stated it

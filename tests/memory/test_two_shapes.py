"""One formula, two shapes: what holds for networks of integer arrays holds for each of the integers in them."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qeopt.hardware import Runtime
from qeopt.hardware.costs import (
    bitops,
    channels_fit,
    cycles,
    held,
    parameter_flash,
    persistent,
    picojoules,
    scratch,
    shape_limits,
    tensor_elements,
    weights_fit,
    weights_flash,
)
from qeopt.memory import steps
from qeopt.network import Dim, Network, NetworkBuilder, Op, Tensor, fan_in, macs, weight_count
from qeopt.relaxation.cells.tables import CellKind, dimensions
from qeopt.score import QEScore
from qeopt.score.objective import constant
from qeopt.space import PlacedCell, Space, Structure, Task
from qeopt.spec.model import build

WIDTHS = (2, 4, 8)


def alone(placed: PlacedCell) -> Network:
    """The network of one cell, all dimensions integers."""
    place = placed.place
    bits = 8 if place.is_first else None
    source = Tensor("x", place.height, place.width, placed.channels, bits=bits, is_image=place.is_first)
    builder = NetworkBuilder("cell", source, place.stage)
    placed.cell.build(builder, "y", source)
    if place.ends_stage:
        builder.end_stage()
    return builder.finish(output_is_seen=place.output_is_seen)


def at(value: Any, row: int) -> Any:
    """The entry of one network in a count over a batch; plain numbers hold for all."""
    return value[row].item() if isinstance(value, np.ndarray) and value.ndim else value


def facts(network: Network, runtime: Runtime, objective: QEScore) -> dict[str, Any]:
    """Everything that the project computes of a network's shapes, by name."""
    found: dict[str, Any] = {"constant": constant(objective, network)}
    for op in network.ops:
        found |= {f"{op.name} {name}": value for name, value in _of_op(op, runtime).items()}
    for tensor in network.tensors:
        found[f"{tensor.name} elements"] = tensor.elements
        found[f"{tensor.name} padded"] = tensor_elements(runtime, tensor)
    for step in steps(network, runtime):
        found[f"step {step.name}"] = " ".join(item.tensor.name for item in step.live)
        for item, bits in product(step.live, WIDTHS):
            found[f"step {step.name} {item.tensor.name} {bits}"] = held(runtime, item.elements, bits)
    return found


def _of_op(op: Op, runtime: Runtime) -> dict[str, Any]:
    found: dict[str, Any] = {
        "macs": macs(op),
        "weights": weight_count(op),
        "fan_in": fan_in(op),
        "parameters": parameter_flash(runtime, op),
        "persistent": persistent(runtime, op),
        "shape": [fits for _, fits in shape_limits(runtime, op)],
    }
    for bits in WIDTHS:
        found[f"flash {bits}"] = weights_flash(runtime, op, bits) if op.has_weights else 0
        found[f"fits {bits}"] = [channels_fit(runtime, op, tensor, bits) for tensor in (*op.inputs, op.output)]
        found[f"weights fit {bits}"] = [weights_fit(runtime, op, bits)]
        found[f"estimates {bits}"] = cycles(runtime, op, bits, 8, 8) + picojoules(runtime, op, 8, bits, 2)
        for weight in WIDTHS:
            found[f"bitops {bits} {weight}"] = bitops(runtime, op, bits, weight)
            found |= {f"scratch {bits} {weight} {out}": scratch(runtime, op, bits, weight, out) for out in WIDTHS}
    return found


def test_arrays_and_integers_agree(
    each_runtime: Runtime,
    tiny_space: Callable[[random.Random], tuple[Space, Task]],
    random_structure: Callable[[Space, random.Random], Structure],
) -> None:
    rng = random.Random(17)
    objective = build(QEScore, {})
    compared = 0
    for _ in range(4):
        space, task = tiny_space(rng)
        kinds: dict[CellKind, list[PlacedCell]] = defaultdict(list)
        for _ in range(12):
            for placed in space.cells(random_structure(space, rng), task):
                kinds[CellKind.of(placed.cell, placed.place)].append(placed)
        for kind, members in kinds.items():
            batch = facts(kind.network(np.array([dimensions(placed) for placed in members])), each_runtime, objective)
            for row, placed in enumerate(members):
                one = facts(alone(placed), each_runtime, objective)
                assert one.keys() == batch.keys()
                for fact, value in one.items():
                    compared += 1
                    _equal(fact, value, batch[fact], row)
    assert compared > 10_000


def _equal(fact: str, value: Any, batch: Any, row: int) -> None:
    if isinstance(value, list):
        assert [bool(at(entry, row)) for entry in batch] == value, fact
    elif isinstance(value, float):
        assert at(batch, row) == pytest.approx(value, rel=1e-12, abs=1e-12), fact
    else:
        assert at(batch, row) == value, fact


def test_counts_of_integers_are_integers(runtimes: Mapping[str, Runtime], random_chain: Callable[[random.Random], Network]) -> None:
    network = random_chain(random.Random(1))
    for runtime in runtimes.values():
        for op in network.ops:
            for value in (scratch(runtime, op, 8, 8, 8), parameter_flash(runtime, op), bitops(runtime, op, 8, 8)):
                assert type(value) is int


def test_sides_may_be_arrays_too(each_runtime: Runtime) -> None:
    """Not only channels: a batch over image sizes counts like the images one by one."""
    sides: NDArray[np.int64] = np.array([5, 8, 13])

    def network(side: Dim) -> Network:
        image = Tensor("image", side, side, 3, bits=8, is_image=True)
        builder = NetworkBuilder("sides", image)
        wide = builder.conv("wide", image, 6, kernel=3, stride=2)
        builder.pool("pool", builder.depthwise("filter", wide, kernel=3), stride=2)
        return builder.finish()

    objective = build(QEScore, {})
    batch = facts(network(sides), each_runtime, objective)
    for row, side in enumerate(sides.tolist()):
        for fact, value in facts(network(side), each_runtime, objective).items():
            _equal(fact, value, batch[fact], row)

"""Arena plans: nothing that lives at once shares a byte, and in-place operators write where they read."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.memory.arena import ArenaPlan, Placement, best_plan, first_fit, overlaps
from qeopt.memory.buffers import Buffer, buffers
from qeopt.network import Bits, Network, NetworkBuilder, OpKind, Tensor
from qeopt.space import Structure
from qeopt.spec.library import builtin_folder
from qeopt.study.load import load_study

LAID_OUT = ("ideal", "cmix-nn", "cmsis-nn", "in_place", "nothing_in_place", "shared_scratch", "everything")


def random_bits(network: Network, rng: random.Random) -> Bits:
    owners = {tensor.name: tensor.bits or rng.choice((2, 4, 8)) for tensor in network.tensors}
    return Bits(
        {op.name: op.weight_bits or rng.choice((2, 4, 8)) for op in network.weighted_ops},
        {tensor.name: owners[network.bits_owner(tensor).name] for tensor in network.tensors},
    )


@pytest.mark.parametrize("runtime_name", LAID_OUT)
@pytest.mark.parametrize("shape", ["chain", "graph"])
def test_plans_are_sound(
    runtime_name: str,
    shape: str,
    runtimes: Mapping[str, Runtime],
    random_chain: Callable[[random.Random], Network],
    random_graph: Callable[[random.Random], Network],
) -> None:
    runtime = runtimes[runtime_name]
    for seed in range(40):
        rng = random.Random(seed)
        network = (random_chain if shape == "chain" else random_graph)(rng)
        bits = random_bits(network, rng)
        found = buffers(network, runtime, bits)
        plan = first_fit(found, runtime.memory.align)
        resources = count(network, runtime, bits)
        assert overlaps(plan) == ()
        assert sorted(p.buffer.name for p in plan.placements) == sorted(b.name for b in found)
        assert {tensor.name for tensor in network.tensors} <= set(plan.offsets)
        assert plan.size_bytes >= resources.sram_bytes
        assert all(offset % runtime.memory.align == 0 for offset in plan.offsets.values())


@pytest.mark.parametrize("runtime_name", LAID_OUT)
def test_what_is_held_at_a_step_adds_up_to_the_recount(
    runtime_name: str, runtimes: Mapping[str, Runtime], random_graph: Callable[[random.Random], Network]
) -> None:
    runtime = runtimes[runtime_name]
    for seed in range(40):
        rng = random.Random(seed)
        network = random_graph(rng)
        bits = random_bits(network, rng)
        held: dict[int, dict[int, int]] = {}
        for buffer in buffers(network, runtime, bits):
            for step in range(buffer.first, buffer.last + 1):
                slots = held.setdefault(step, {})
                slots[buffer.slot] = max(slots.get(buffer.slot, 0), buffer.bytes)
        assert max(sum(slots.values()) for slots in held.values()) == count(network, runtime, bits).sram_bytes


def test_in_place_operators_share_an_address(runtimes: Mapping[str, Runtime]) -> None:
    image = Tensor("image", 8, 8, 4, bits=8, is_image=True)
    builder = NetworkBuilder("net", image)
    first = builder.conv("a", image, 8)
    wide = builder.conv("b", first, 16)
    narrow = builder.depthwise("c", wide, kernel=3, stride=2)
    pooled = builder.pool("p", first, stride=2)
    builder.add("s", builder.conv("d", narrow, 8, tied_to="s"), pooled)
    network = builder.finish()
    bits = Bits.uniform(network, 8)
    offsets = first_fit(buffers(network, runtimes["in_place"], bits)).offsets
    assert offsets["b"] == offsets["c"]
    assert offsets["d"] == offsets["s"]
    apart = first_fit(buffers(network, runtimes["nothing_in_place"], bits)).offsets
    assert apart["d"] != apart["s"]


def test_a_runtime_that_only_counts_is_refused(runtimes: Mapping[str, Runtime]) -> None:
    network = NetworkBuilder("net", Tensor("image", 4, 4, 4, bits=8, is_image=True)).finish()
    with pytest.raises(ValueError, match="'paper' counts memory without laying it out"):
        buffers(network, runtimes["paper"], Bits.uniform(network, 8))


def test_a_damaged_plan_is_found(runtimes: Mapping[str, Runtime], random_chain: Callable[[random.Random], Network]) -> None:
    network = random_chain(random.Random(1))
    plan = first_fit(buffers(network, runtimes["ideal"], Bits.uniform(network, 8)))
    conv = next(op for op in network.ops if op.kind is OpKind.CONV)
    moved = ArenaPlan(
        tuple(
            replace(placed, offset_bytes=plan.offsets[conv.inputs[0].name]) if placed.buffer.name == conv.output.name else placed
            for placed in plan.placements
        )
    )
    assert {conv.inputs[0].name, conv.output.name} in [set(pair) for pair in overlaps(moved)]


def test_what_works_in_place_cannot_lie_elsewhere() -> None:
    read, written = Buffer("read", 8, 0, 1, 0), Buffer("written", 8, 1, 2, 0)
    assert overlaps(ArenaPlan((Placement(read, 16), Placement(written, 16)))) == ()
    for elsewhere in (Placement(written, 24), Placement(written, 16, 1)):
        assert overlaps(ArenaPlan((Placement(read, 16), elsewhere))) == (("read", "written"),)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 6), st.integers(0, 5), st.integers(0, 4)).map(
            lambda drawn: Buffer("x", drawn[0], drawn[1], drawn[1] + drawn[2], drawn[3])
        ),
        max_size=14,
    )
)
def test_any_buffers_are_placed_apart(found: list[Buffer]) -> None:
    assert overlaps(first_fit([replace(buffer, name=str(index)) for index, buffer in enumerate(found)])) == ()


def test_the_empty_plan_needs_nothing() -> None:
    assert first_fit(()) == ArenaPlan(())
    assert first_fit(()).size_bytes == 0
    assert Placement(Buffer("x", 3, 0, 0, 0), 4).end_bytes == 7


@pytest.mark.parametrize("shape", ["chain", "graph"])
def test_proven_plans_of_two_hundred_networks(
    shape: str,
    runtimes: Mapping[str, Runtime],
    random_chain: Callable[[random.Random], Network],
    random_graph: Callable[[random.Random], Network],
) -> None:
    """No two live buffers overlap, addresses are aligned, no plan is larger than by first fit or smaller than what is live."""
    beyond = 0
    for seed in range(100):
        rng = random.Random(1000 + seed)
        network = (random_chain if shape == "chain" else random_graph)(rng)
        runtime = runtimes[LAID_OUT[seed % len(LAID_OUT)]]
        bits = random_bits(network, rng)
        found = best_plan(buffers(network, runtime, bits), runtime.memory.align)
        assert overlaps(found.plan) == ()
        assert all(offset % runtime.memory.align == 0 for offset in found.plan.offsets.values())
        assert found.is_minimal
        assert found.live_bytes == count(network, runtime, bits).sram_bytes
        assert found.first_fit_bytes is not None
        assert found.live_bytes <= found.bound_bytes == found.plan.size_bytes <= found.first_fit_bytes
        beyond += found.plan.size_bytes > found.live_bytes
    assert beyond <= 10  # a plan that needs more than what is live is rare


def test_where_addresses_need_more_than_what_is_live() -> None:
    """Four buffers in a ring: any two neighbours in time fit into 3, all addresses need 4."""
    found = [
        Buffer("a", 1, 0, 0, 0),
        Buffer("b", 2, 0, 1, 1),
        Buffer("c", 1, 1, 2, 2),
        Buffer("d", 1, 2, 3, 3),
        Buffer("e", 2, 3, 3, 4),
        Buffer("f", 1, 2, 2, 5),
    ]
    plan = best_plan(found)
    assert plan.live_bytes == 3
    assert plan.is_minimal
    assert overlaps(plan.plan) == ()


STUDIES = sorted((*builtin_folder().glob("*.yaml"), *(builtin_folder() / "paper").glob("*.yaml")))


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_networks_of_all_studies_have_minimal_plans(path: Path, number: int) -> None:
    study = load_study(path).value
    rng = random.Random(number)
    structure = study.subject.smallest()
    if number and study.space is not None:
        structure = Structure(tuple(rng.choice(values) for _, _, values in study.space.genes))
    network = study.subject.expand(structure, study.task)
    bits = random_bits(network, rng) if number == 2 else Bits.uniform(network, 8)
    if not study.runtime.lays_out:
        with pytest.raises(ValueError, match="without laying it out"):
            buffers(network, study.runtime, bits)
        return
    found = best_plan(buffers(network, study.runtime, bits), study.runtime.memory.align)
    assert overlaps(found.plan) == ()
    assert found.is_minimal
    assert found.live_bytes == count(network, study.runtime, bits).sram_bytes
    assert found.first_fit_bytes is not None
    assert found.live_bytes == found.plan.size_bytes <= found.first_fit_bytes  # chains of blocks reach what is live at once

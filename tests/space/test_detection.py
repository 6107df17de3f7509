"""Detection heads beside the chain: what they write waits in memory, and the bound covers them."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, OpKind, macs
from qeopt.relaxation.bound import bound_space
from qeopt.score import QEScore
from qeopt.space import Space, Structure, Task
from qeopt.spec.model import build
from qeopt.testing.bounds import best_of_all, check_bound
from qeopt.testing.small_studies import SmallStudy, small_study, structures

TASK = build(Task, {"input": [32, 24, 3], "classes": 1})


def detecting(rng: Random) -> Space:
    """A space of a few dozen structures with a head after each of two blocks, the last of them sometimes twice."""

    def block(name: str) -> dict[str, Any]:
        kind = rng.choice(["k1dwk1", "mbconv"])
        return {"kind": kind, "name": name, "stride": 2, "width": [8, 16, 24], "kernel": [3], "ratio": [2], "units": [1, 2]}

    heads: list[Any] = [
        {"kind": "detection", "name": f"head{n}", "anchors": rng.choice([1, 4]), "style": rng.choice(["ssd", "ssd_lite"])}
        for n in range(3)
    ]
    stem: Any = {"kind": "conv", "name": "stem", "width": [8], "kernel": 3, "stride": 2, "weight_bits": 8}
    blocks: Any = [stem, block("b1"), heads[0], block("b2"), heads[1]]
    blocks += rng.choice([[], [heads[2]]])
    return build(Space, {"blocks": blocks, "widths": rng.choice(["free", "non_decreasing"])})


def study(seed: int) -> SmallStudy:
    """Such a space under generated rules of memory and kernels, SRAM and perhaps flash between few and many bits."""
    rng, found = Random(f"detection {seed}"), small_study(seed)
    space = detecting(rng)
    refiner = replace(found.refiner, limits=Limits(), objective=QEScore())
    every = list(structures(space))
    low, high = min(refiner.choices.activations), max(refiner.choices.activations)
    uses = [
        count(space.expand(structure, TASK), refiner.runtime, Bits.uniform(space.expand(structure, TASK), bits))
        for structure in (every[0], every[-1])
        for bits in (low, high)
    ]

    def between(name: str) -> int:
        amounts = [float(use.used[name]) for use in uses]
        return max(int(min(amounts) + rng.uniform(0.2, 0.8) * (max(amounts) - min(amounts))), 1)

    flash = between("flash") if rng.random() < 0.5 else None
    return SmallStudy(space, TASK, replace(refiner, limits=Limits(sram=between("sram"), flash=flash)))


@pytest.mark.parametrize("seed", [3, 6, 9])
def test_the_bound_is_never_below_a_design(seed: int) -> None:
    check_bound(study(seed))


@pytest.mark.parametrize("name", ["ideal", "paper"])
def test_the_bound_is_the_best_design_where_memory_alone_binds(name: str, runtimes: Any) -> None:
    space = network_space(anchors=40)
    reserve = 8 * 6 * 40 * 6
    refiner = replace(small_study(0).refiner, runtime=runtimes[name], objective=QEScore())
    tight = SmallStudy(space, TASK, replace(refiner, limits=Limits(sram=reserve + 2000)))
    best, bound = best_of_all(tight), bound_space(space, TASK, tight.refiner, tolerance=1e-9, most_walks=5)
    loose = bound_space(space, TASK, replace(refiner, limits=Limits(sram=2 * reserve)), tolerance=1e-9, most_walks=5)
    assert bound is not None
    assert loose is not None
    assert best is not None
    assert bound.value == pytest.approx(best, abs=1e-6)
    assert best < loose.value - 1e-3  # what the first head wrote leaves the second block less memory


def network_space(style: str = "ssd_lite", anchors: int = 2) -> Space:
    blocks: Any = [
        {"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2, "weight_bits": 8},
        {"kind": "k1dwk1", "name": "b1", "stride": 2, "width": 16, "ratio": 2},
        {"kind": "detection", "name": "small", "anchors": anchors, "style": style},
        {"kind": "k1dwk1", "name": "b2", "stride": 2, "width": [24, 40], "ratio": [2, 3]},
        {"kind": "detection", "name": "large", "anchors": 3, "style": style},
    ]
    return build(Space, {"blocks": blocks})


def network(style: str = "ssd_lite") -> Network:
    space = network_space(style)
    return space.expand(space.smallest(), TASK)


def test_heads_read_their_stage_at_once() -> None:
    found = network()
    names = [op.name for op in found.ops]
    assert names.index("small.scores") < names.index("b2.expand")
    sides = {t.name: (t.height, t.width, t.channels, t.bits) for t in found.outputs}
    assert sides == {
        "small.boxes": (8, 6, 8, 8),
        "small.scores": (8, 6, 4, 8),
        "large.boxes": (4, 3, 12, 8),
        "large.scores": (4, 3, 6, 8),
    }
    assert [stage for stage, _ in found.stage_ends] == [0, 1, 2]
    assert not any(op.is_scored for op in found.ops if op.name.startswith(("small", "large")))


@pytest.mark.parametrize(("style", "expected"), [("ssd", 9 * 16 * 12 * 48), ("ssd_lite", (2 * 9 * 16 + 16 * 12) * 48)])
def test_macs_of_a_head(style: str, expected: int) -> None:
    assert sum(int(macs(op)) for op in network(style).ops if op.name.startswith("small")) == expected


@pytest.mark.parametrize("name", ["ideal", "paper"])
def test_what_a_head_wrote_is_a_constant_reserve(name: str, runtimes: Any) -> None:
    found = network()
    written = 8 * 6 * (8 + 4)
    for use in count(found, runtimes[name], Bits.uniform(found, 8)).steps:
        held = {tensor.name: size for tensor, size in use.tensor_bytes}
        later = use.step.op.name.startswith(("b2", "large"))
        assert (held.get("small.boxes", 0) + held.get("small.scores", 0) == written) or not later


def test_widths_may_not_decrease_across_a_head() -> None:
    blocks: Any = [
        {"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2},
        {"kind": "k1dwk1", "name": "b1", "width": [8, 16], "ratio": 2},
        {"kind": "detection", "name": "h1"},
        {"kind": "k1dwk1", "name": "b2", "width": [8, 16], "ratio": 2},
        {"kind": "conv", "name": "last", "width": 8},
    ]
    space = build(Space, {"blocks": blocks, "widths": "non_decreasing"})
    assert [space.is_ruled(index) for index in range(5)] == [False, True, False, True, False]
    found = [s.values for s in structures(space)]
    assert Structure(tuple(found[0])) == space.smallest()
    assert len(found) == 3


def test_heads_have_kernels_that_no_structure_changes() -> None:
    assert {op.kind for op in network("ssd").ops if op.stage is None and op.has_weights} == {OpKind.CONV}


def test_the_last_head_may_write_over_what_it_reads(runtimes: Any) -> None:
    blocks: Any = [
        {"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2, "weight_bits": 8},
        {"kind": "k1dwk1", "name": "b1", "stride": 2, "width": 64, "ratio": 1},
        {"kind": "detection", "name": "head"},
    ]
    space = build(Space, {"blocks": blocks})
    found = space.expand(space.smallest(), TASK)
    refiner = replace(small_study(0).refiner, runtime=runtimes["in_place"], objective=QEScore(), limits=Limits())
    least = count(found, refiner.runtime, Bits.uniform(found, min(refiner.choices.activations)))
    assert least.peak.step.op.name.startswith("head")
    for room, fits in ((0, True), (-1, False)):
        limited = replace(refiner, limits=Limits(sram=int(least.sram_bytes) + room))
        bound = bound_space(space, TASK, limited, tolerance=1e-9, most_walks=5)
        assert bound is not None
        assert (bound.value > -1e9) == fits

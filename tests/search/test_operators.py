"""Mutations, crossovers and codes stay inside the space and follow its rules. About 3 seconds."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.search.breeding import Breeder
from qeopt.search.codes import decode, encode
from qeopt.search.crossovers import CROSSOVERS, Crossover
from qeopt.search.mutations import MUTATIONS, Move
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Structure
from qeopt.spec.model import build

seeds = st.integers(0, 2**32 - 1)
many = settings(derandomize=True, deadline=None, max_examples=150)


def random_space(seed: int) -> Space:
    """A space with every kind of gene, ruled and free widths, and genes without a choice."""
    rng = random.Random(seed)

    def some(values: list[float], most: int) -> list[float]:
        return sorted(rng.sample(values, rng.randint(1, most)))

    blocks: list[Any] = [
        {"kind": "conv", "name": "stem", "width": some([8, 16, 24, 32], 3), "kernel": 3, "stride": 2, "weight_bits": 8}
    ]
    for number in range(rng.randint(1, 4)):
        blocks.append(
            {
                "kind": rng.choice(["k1dwk1", "mbconv"]),
                "name": f"b{number}",
                "stride": rng.choice([1, 2]),
                "width": some([32, 40, 48, 56, 64, 96, 128], 6),
                "kernel": some([3, 5, 7], 3),
                "ratio": some([1.5, 2, 3, 4], 4),
                "units": some([1, 2, 3, 4, 5], 5),
            }
        )
    blocks.append({"kind": "conv", "name": "head", "width": some([16, 128, 256], 3)})
    return build(Space, {"blocks": [*blocks, {"kind": "classifier"}], "widths": "free"})


def ruled(space: Space) -> Space:
    """The same space with widths that may not decrease; all its blocks share the widths that it needs for that."""
    data = space.model_dump(mode="json")
    for block in data["blocks"]:
        if block["kind"] in {"k1dwk1", "mbconv"}:
            block["width"] = [32, 40, 48, 56, 64, 96, 128]
    return build(Space, {**data, "widths": "non_decreasing"})


def spaces(seed: int) -> Space:
    space = random_space(seed)
    return ruled(space) if seed % 2 else space


def random_structure(space: Space, rng: np.random.Generator) -> Structure:
    moved = Breeder(space, SearchSettings()).moved(space.smallest(), int(rng.integers(40)), rng)
    assert is_inside(space, moved)
    assert space.follows_rules(moved)
    return moved


def is_inside(space: Space, structure: Structure) -> bool:
    return len(structure.values) == len(space.genes) and all(
        value in values for value, (_, _, values) in zip(structure.values, space.genes, strict=True)
    )


@pytest.mark.parametrize("name", MUTATIONS.builtin)
@given(seeds)
@many
def test_mutations_stay_in_the_space_and_change_one_gene(name: str, seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    move: Move = MUTATIONS.load(name)
    before = random_structure(space, rng)
    after = move(space, before, rng)
    assert is_inside(space, after)
    assert space.follows_rules(after)
    assert sum(a != b for a, b in zip(before.values, after.values, strict=True)) <= 1


@pytest.mark.parametrize("name", CROSSOVERS.builtin)
@given(seeds)
@many
def test_crossovers_take_every_gene_from_a_parent_and_follow_the_rules(name: str, seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    cross: Crossover = CROSSOVERS.load(name)
    first, second = random_structure(space, rng), random_structure(space, rng)
    child = cross(space, first, second, rng)
    assert space.follows_rules(child)
    assert all(value in pair for value, pair in zip(child.values, zip(first.values, second.values, strict=True), strict=True))
    assert cross(space, first, first, rng) == first


@pytest.mark.parametrize("name", CROSSOVERS.builtin)
def test_crossovers_mix_and_mutations_move(name: str) -> None:
    """A crossover that always returned a parent, or a mutation that never moved, would pass every test above."""
    space, rng = ruled(random_space(3)), np.random.default_rng(0)
    cross: Crossover = CROSSOVERS.load(name)
    mixed = 0
    for _ in range(50):
        first, second = random_structure(space, rng), random_structure(space, rng)
        mixed += cross(space, first, second, rng) not in {first, second}
    assert mixed > 10
    for move in MUTATIONS.builtin:
        start = random_structure(space, rng)
        assert any(MUTATIONS.load(move)(space, start, rng) != start for _ in range(20)), move


@given(seeds)
@many
def test_codes_number_structures(seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    first, second = random_structure(space, rng), random_structure(space, rng)
    assert decode(space, encode(space, first)) == first
    assert 0 <= encode(space, first) < space.size
    assert (encode(space, first) == encode(space, second)) == (first == second)


def test_codes_cover_the_space_and_nothing_else() -> None:
    space = random_space(7)
    assert encode(space, space.smallest()) == 0
    for code in (-1, space.size):
        with pytest.raises(ValueError, match="has this number"):
            decode(space, code)


def test_children_are_new_and_their_streams_are_their_own() -> None:
    space = ruled(random_space(3))
    breeder = Breeder(space, SearchSettings())
    first = breeder.children([], frozenset(), (0, 0), 30)
    assert space.smallest() in first
    assert breeder.children([], frozenset(), (0, 0), 10) == first[:10], "a child does not depend on how many follow"
    seen = {encode(space, structure) for structure in first}
    more = breeder.children(first, seen, (0, 1), 30)
    assert len({encode(space, child) for child in more} | seen) == len(more) + len(seen)
    assert breeder.children(first, seen, (1, 1), 30) != more, "islands differ"


@pytest.mark.parametrize("field", ["mutations", "crossovers"])
def test_unknown_moves_are_refused_when_the_study_is_read(field: str) -> None:
    with pytest.raises(ValueError, match=f"'widht' is not among the {field}"):
        build(SearchSettings, {field: ["widht"]})

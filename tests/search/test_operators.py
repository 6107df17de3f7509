"""Mutations, crossovers, neighbours and codes stay inside the space and follow its rules. About 6 seconds."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.relaxation.cells.tables import Integers
from qeopt.relaxation.genome import Genome
from qeopt.search.breeding import Breeder
from qeopt.search.codes import decode, encode
from qeopt.search.crossovers import CROSSOVERS, Crossover
from qeopt.search.mutations import MUTATIONS, Move
from qeopt.search.polish import NEAR, neighbours
from qeopt.search.settings import SearchSettings
from qeopt.space import Space, Structure
from qeopt.spec.model import build

seeds = st.integers(0, 2**32 - 1)
many = settings(derandomize=True, deadline=None, max_examples=50)


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


def random_places(space: Space, rng: np.random.Generator, count: int = 20) -> Integers:
    breeder = Breeder(space, SearchSettings())
    start = np.repeat(breeder.genome.read([space.smallest()]), count, axis=0)
    places = breeder.moved(start, rng.integers(0, 40, size=count), rng)
    assert all(is_inside(space, structure) for structure in breeder.genome.structures(places))
    assert breeder.genome.follow_rules(places).all()
    return places


def is_inside(space: Space, structure: Structure) -> bool:
    return len(structure.values) == len(space.genes) and all(
        value in values for value, (_, _, values) in zip(structure.values, space.genes, strict=True)
    )


@pytest.mark.parametrize("name", MUTATIONS.builtin)
@given(seeds)
@many
def test_mutations_stay_in_the_space_and_change_one_gene(name: str, seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    genome = Genome(space)
    move: Move = MUTATIONS.load(name)
    before = random_places(space, rng)
    kept = before.copy()
    after = move(genome, before, rng)
    assert (before == kept).all(), "what came in is left alone"
    assert (after >= 0).all()
    assert (after < genome.sizes).all()
    assert genome.follow_rules(after).all()
    assert ((before != after).sum(axis=1) <= 1).all()


@pytest.mark.parametrize("name", CROSSOVERS.builtin)
@given(seeds)
@many
def test_crossovers_take_every_gene_from_a_parent_and_follow_the_rules(name: str, seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    genome = Genome(space)
    cross: Crossover = CROSSOVERS.load(name)
    first, second = random_places(space, rng), random_places(space, rng)
    children = cross(genome, first, second, rng)
    assert genome.follow_rules(children).all()
    assert ((children == first) | (children == second)).all()
    assert (cross(genome, first, first, rng) == first).all()


@pytest.mark.parametrize("name", CROSSOVERS.builtin)
def test_crossovers_mix_and_mutations_move(name: str) -> None:
    """A crossover that always returned a parent, or a mutation that never moved, would pass every test above."""
    space, rng = ruled(random_space(3)), np.random.default_rng(0)
    genome = Genome(space)
    cross: Crossover = CROSSOVERS.load(name)
    first, second = random_places(space, rng, 50), random_places(space, rng, 50)
    children = cross(genome, first, second, rng)
    assert ((children != first).any(axis=1) & (children != second).any(axis=1)).sum() > 10
    for move in MUTATIONS.builtin:
        assert (MUTATIONS.load(move)(genome, first, rng) != first).any(axis=1).sum() > 10, move


def test_every_width_is_nudged_and_scaled() -> None:
    space, rng = ruled(random_space(3)), np.random.default_rng(1)
    genome = Genome(space)
    before = random_places(space, rng, 400)
    after = MUTATIONS.load("width")(genome, before, rng)
    changed = np.flatnonzero((before != after).any(axis=1))
    genes = (before != after).argmax(axis=1)
    assert len(changed) > 100
    assert {int(gene) for gene in genes[changed]} == {int(gene) for gene in genome.named("width")}
    steps = np.abs(after - before)[changed, genes[changed]]
    assert steps.max() > 2, "factors go further than nudges"


@given(seeds)
@many
def test_arrays_say_what_structures_say(seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    genome = Genome(space)
    places = np.column_stack([rng.integers(0, size, 10) for size in genome.sizes])
    structures = genome.structures(places)
    assert (genome.read(structures) == places).all()
    assert genome.codes(places) == [encode(space, structure) for structure in structures]
    assert genome.follow_rules(places).tolist() == [space.follows_rules(structure) for structure in structures]


def test_codes_of_large_spaces_fit_no_machine_word() -> None:
    data = random_space(3).model_dump(mode="json")
    blocks = [block for block in data["blocks"] if block["kind"] in {"k1dwk1", "mbconv"}][:1]
    many_blocks = [{**blocks[0], "name": f"b{number}", "width": list(range(8, 808, 8)), "stride": 1} for number in range(15)]
    space = build(Space, {**data, "blocks": [data["blocks"][0], *many_blocks, *data["blocks"][-2:]]})
    genome, rng = Genome(space), np.random.default_rng(0)
    assert space.size > 2**64
    places = np.column_stack([rng.integers(0, size, 20) for size in genome.sizes])
    assert genome.codes(places) == [encode(space, structure) for structure in genome.structures(places)]


@given(seeds)
@settings(derandomize=True, deadline=None, max_examples=30)
def test_neighbours_are_all_that_differ_in_one_or_two_choices(seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    genome = Genome(space)
    start = random_places(space, rng, 1)[0]
    found = neighbours(genome, start)
    differ = found != start
    assert set(differ.sum(axis=1)) <= {1, 2}
    assert (np.abs(found - start) <= NEAR).all()
    assert genome.follow_rules(found).all()
    assert len(set(genome.codes(found))) == len(found)
    ways = [min(own, NEAR) + min(size - 1 - own, NEAR) for own, size in zip(start.tolist(), genome.sizes.tolist(), strict=True)]
    if space.widths == "free":
        assert len(found) == sum(ways) + (sum(ways) ** 2 - sum(way**2 for way in ways)) // 2


@given(seeds)
@many
def test_codes_number_structures(seed: int) -> None:
    space, rng = spaces(seed), np.random.default_rng(seed)
    first, second = Genome(space).structures(random_places(space, rng, 2))
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
    nobody = np.zeros((0, len(space.genes)), dtype=np.int64)
    first, codes = breeder.children(nobody, frozenset(), (0, 0), 30)
    assert codes[0] == encode(space, space.smallest())
    assert codes == breeder.genome.codes(first)
    assert len(set(codes)) == 30
    more, new = breeder.children(first, set(codes), (0, 1), 30)
    assert len({*codes, *new}) == 60
    assert breeder.genome.follow_rules(more).all()
    assert breeder.children(first, set(codes), (0, 1), 30)[1] == new, "the same stream makes the same children"
    assert breeder.children(first, set(codes), (1, 1), 30)[1] != new, "islands differ"


def test_a_generation_of_a_tiny_space_may_stay_short() -> None:
    data = random_space(3).model_dump(mode="json")
    space = build(Space, {**data, "blocks": [{**data["blocks"][0], "width": [8, 16]}, *data["blocks"][-1:]]})
    breeder = Breeder(space, SearchSettings())
    nobody = np.zeros((0, len(space.genes)), dtype=np.int64)
    assert sorted(breeder.children(nobody, frozenset(), (0, 0), 30)[1]) == [0, 1]
    assert breeder.children(nobody, {0, 1}, (0, 1), 30)[1] == []


@pytest.mark.parametrize("field", ["mutations", "crossovers"])
def test_unknown_moves_are_refused_when_the_study_is_read(field: str) -> None:
    with pytest.raises(ValueError, match=f"'widht' is not among the {field}"):
        build(SearchSettings, {field: ["widht"]})

"""Rectangles of bytes and time: apart, inside one arena each, and as low as brute force can make them."""

import random
from itertools import accumulate, product

import pytest

from qeopt_solvers import Status
from qeopt_solvers.packing import Packing, fits, least_excess, pack
from qeopt_solvers.rectangles import Item, Piece, first_fit, height_of, most_live, tops_of


def item(*pieces: tuple[int, int, int]) -> Item:
    """An item from (size, first, last)."""
    return Item(tuple(Piece(*piece) for piece in pieces))


def random_items(rng: random.Random, count: int, size: int = 4) -> list[Item]:
    found = []
    for _ in range(count):
        first = rng.randint(0, 4)
        last = first + rng.randint(0, 3)
        pieces = [(rng.randint(1, size), first, last)]
        if rng.random() < 0.3:
            pieces.append((rng.randint(1, size), last + 1, last + 1 + rng.randint(0, 1)))
        found.append(item(*pieces))
    return found


def collide(one: Item, at: int, other: Item, other_at: int) -> bool:
    return any(
        a.first <= b.last and b.first <= a.last and at < other_at + b.size and other_at < at + a.size
        for a, b in product(one.pieces, other.pieces)
    )


def is_sound(items: list[Item], offsets: tuple[int, ...], arenas: tuple[int, ...] | None = None) -> bool:
    ends = list(accumulate(arenas)) if arenas else []
    for index, (one, at) in enumerate(zip(items, offsets, strict=True)):
        if any(collide(one, at, other, offsets[place]) for place, other in enumerate(items) if place < index):
            return False
        inside = not arenas or any(end - size <= at and at + one.size <= end for end, size in zip(ends, arenas, strict=True))
        if at < 0 or not inside:
            return False
    return True


def lowest(items: list[Item], top: int) -> int:
    """The least height, by trying every address."""
    best = top
    spans = [range(top - one.size + 1) for one in items]
    for offsets in product(*spans):
        height = height_of(items, offsets)
        if height < best and is_sound(items, offsets):
            best = height
    return best


@pytest.mark.parametrize("seed", range(30))
def test_as_low_as_brute_force(seed: int) -> None:
    items = random_items(random.Random(seed), 5, size=2)
    found = pack(items)
    assert found.status is Status.OPTIMAL
    assert found.offsets is not None
    assert is_sound(items, found.offsets)
    assert found.height is not None
    assert found.height == found.bound == height_of(items, found.offsets) == lowest(items, found.height)
    assert found.height >= most_live(items)


@pytest.mark.parametrize("seed", range(40))
def test_many_items_are_apart_and_no_higher_than_by_first_fit(seed: int) -> None:
    items = random_items(random.Random(seed), 14, size=9)
    found, simple = pack(items), first_fit(items)
    assert found.offsets is not None
    assert simple is not None
    assert found.height is not None
    assert is_sound(items, found.offsets)
    assert is_sound(items, simple)
    assert most_live(items) <= found.bound <= found.height <= height_of(items, simple)


@pytest.mark.parametrize("seed", range(40))
def test_several_arenas_hold_each_item_whole(seed: int) -> None:
    rng = random.Random(seed)
    items = random_items(rng, 7)
    arenas = (rng.randint(3, 7), rng.randint(3, 7))
    found = pack(items, arenas)
    if found.offsets is None:
        assert found.status is Status.INFEASIBLE
        assert first_fit(items, arenas) is None
        return
    assert found.status is Status.OPTIMAL
    assert is_sound(items, found.offsets, arenas)


def test_an_item_does_not_straddle_two_arenas() -> None:
    items = [item((3, 0, 0)), item((3, 0, 0))]
    assert pack(items, (4, 4)).offsets in {(0, 4), (4, 0), (1, 4), (4, 1)}
    assert pack(items, (6,)).height == 6
    assert pack(items, (5, 2)) == Packing(Status.INFEASIBLE, None, None, 8)


def test_first_fit_is_not_always_enough() -> None:
    """Some order-independent proof is needed: here every order of first fit wastes a byte."""
    wasteful = 0
    for seed in range(60):
        items = random_items(random.Random(seed), 12, size=6)
        found, simple = pack(items), first_fit(items)
        assert simple is not None
        assert found.height is not None
        wasteful += found.height < height_of(items, simple)
    assert wasteful > 0


def test_a_plan_repeats() -> None:
    items = random_items(random.Random(7), 30, size=50)
    assert pack(items) == pack(items)


def test_where_the_proof_stops_the_first_fit_stands() -> None:
    items = next(
        found
        for seed in range(1000)
        if height_of(found := random_items(random.Random(seed), 40, size=997), first_fit(found) or ()) > most_live(found)
    )
    stopped = pack(items, deterministic_limit=1e-9)
    assert stopped.offsets is not None
    assert is_sound(items, stopped.offsets)
    assert stopped.bound <= (stopped.height or 0)
    assert stopped.status in {Status.FEASIBLE, Status.OPTIMAL}


def test_nothing_takes_no_room() -> None:
    assert pack([]) == Packing(Status.OPTIMAL, (), 0, 0)
    assert pack([item((0, 0, 3)), item((0, 1, 2))]).height == 0


@pytest.mark.parametrize("seed", range(30))
def test_what_fits_is_what_the_least_height_says(seed: int) -> None:
    items = random_items(random.Random(seed), 9, size=7)
    least = pack(items).height
    assert least is not None
    assert [fits(items, size) for size in (least - 1, least, least + 1)] == [False, True, True]


def least_set_aside(items: list[Item], arenas: tuple[int, ...]) -> int | None:
    """The least that is set aside in all arenas together, by trying every address; None where nothing fits."""
    spans = [range(sum(arenas) - one.size + 1) for one in items]
    found = (offsets for offsets in product(*spans) if is_sound(items, offsets, arenas))
    return min((height_of(items, offsets, arenas) for offsets in found), default=None)


@pytest.mark.parametrize("seed", range(30))
def test_several_arenas_set_aside_no_more_than_brute_force(seed: int) -> None:
    rng = random.Random(seed)
    items = random_items(rng, 4, size=3)
    arenas = tuple(rng.randint(1, 4) for _ in range(rng.randint(2, 3)))
    least, found = least_set_aside(items, arenas), pack(items, arenas)
    assert found.height == least
    for size in range(sum(arenas) + 1):
        assert fits(items, size, arenas) is (least is not None and least <= size)
    if least is None:
        assert found.status is Status.INFEASIBLE
        return
    assert found.offsets is not None
    assert found.status is Status.OPTIMAL
    assert found.bound == least == sum(tops_of(items, found.offsets, arenas)) >= most_live(items)


@pytest.mark.parametrize("seed", range(30))
def test_the_least_excess_is_what_the_largest_arena_lacks(seed: int) -> None:
    rng = random.Random(seed)
    items = random_items(rng, 5, size=4)
    arenas = (rng.randint(1, 3), rng.randint(4, 6), rng.randint(1, 3))
    size = sum(arenas) - rng.randint(0, 3)
    lacks = least_excess(items, size, arenas)
    assert lacks is not None
    for more in range(lacks + 2):
        assert fits(items, size + more, (arenas[0], arenas[1] + more, arenas[2])) is (more >= lacks)


def test_one_of_several_arenas_is_the_same_as_one_arena() -> None:
    for seed in range(20):
        items = random_items(random.Random(seed), 9, size=7)
        height = pack(items).height
        assert height is not None
        assert pack(items, (height,)).height == height
        assert pack(items, (height, 0)).height == height


@pytest.mark.parametrize("seed", range(20))
def test_the_most_that_is_live_is_found_at_some_moment(seed: int) -> None:
    items = random_items(random.Random(seed), 9)
    pieces = [piece for one in items for piece in one.pieces]
    held = [sum(piece.size for piece in pieces if piece.first <= time <= piece.last) for time in range(12)]
    assert most_live(items) == max(held)


def test_no_items_are_never_live() -> None:
    assert most_live([]) == 0

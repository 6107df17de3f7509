"""Random problems by seed, and the plain-Python brute force they are checked against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem, Choice, Link, LinkTerm, Row, Scope, Term, TieBreak


@dataclass(frozen=True, slots=True)
class Recipe:
    """What random problems look like. The ranges are inclusive."""

    choices: tuple[int, int] = (1, 6)
    options: tuple[int, int] = (1, 4)
    links: tuple[int, int] = (0, 3)
    local_rows: tuple[int, int] = (0, 3)
    total_rows: tuple[int, int] = (0, 2)
    tie_breaks: tuple[int, int] = (0, 2)
    largest: int = 9
    """Largest cost; small numbers make ties, large ones make gaps."""
    near: int = 3
    """How far apart the choices of one link or local row may be in the order of choices."""
    priced: float = 0.4
    """Share of links that a total row prices."""
    monotone: bool = False
    """Gains and costs ascend with the options, as they do for bit-widths."""


def random_problem(seed: int, recipe: Recipe = Recipe()) -> AllocationProblem:
    """Make the problem that `seed` stands for: loose, tight, just feasible or infeasible, as chance has it."""
    rng = Random(seed)
    choices = tuple(_choice(rng, recipe, index) for index in range(rng.randint(*recipe.choices)))
    links = tuple(_link(rng, recipe, choices, index) for index in range(rng.randint(*recipe.links)))
    rows = [_local_row(rng, recipe, choices, index) for index in range(rng.randint(*recipe.local_rows))]
    rows += [_total_row(rng, recipe, choices, links, index) for index in range(rng.randint(*recipe.total_rows))]
    rng.shuffle(rows)
    ties = tuple(
        TieBreak(f"tie {index}", "u", _terms(rng, recipe, choices, _some(rng, len(choices))))
        for index in range(rng.randint(*recipe.tie_breaks))
    )
    return AllocationProblem(choices, links, tuple(rows), ties)


def brute_force(problem: AllocationProblem) -> tuple[int, ...] | None:
    """Return the best key (value, then every tie-break negated) by trying everything; None if nothing is feasible."""
    feasible = (
        recount.key(problem, picks)
        for picks in product(*(range(len(choice.labels)) for choice in problem.choices))
        if not recount.violations(problem, picks)
    )
    return max(feasible, default=None)


def _choice(rng: Random, recipe: Recipe, index: int) -> Choice:
    count = rng.randint(*recipe.options)
    gains = [rng.randint(-recipe.largest // 3, recipe.largest) for _ in range(count)]
    return Choice(f"c{index}", tuple(range(2, 2 + count)), tuple(sorted(gains) if recipe.monotone else gains))


def _some(rng: Random, count: int) -> list[int]:
    return sorted(rng.sample(range(count), rng.randint(0, count)))


def _near(rng: Random, recipe: Recipe, count: int, most: int) -> list[int]:
    start = rng.randrange(count)
    window = range(start, min(count, start + recipe.near + 1))
    return rng.sample(window, rng.randint(1, min(most, len(window))))


def _terms(rng: Random, recipe: Recipe, choices: tuple[Choice, ...], members: Sequence[int]) -> tuple[Term, ...]:
    return tuple(Term(index, _costs(rng, recipe, len(choices[index].labels))) for index in members)


def _costs(rng: Random, recipe: Recipe, count: int) -> tuple[int, ...]:
    costs = [rng.randint(0, recipe.largest) for _ in range(count)]
    return tuple(sorted(costs) if recipe.monotone else costs)


def _link(rng: Random, recipe: Recipe, choices: tuple[Choice, ...], index: int) -> Link:
    members = tuple(_near(rng, recipe, len(choices), 3))
    every = list(product(*(range(len(choices[choice].labels)) for choice in members)))
    count = len(every) if rng.random() < 0.4 else rng.randint(1, len(every))
    return Link(f"link {index}", members, tuple(sorted(rng.sample(every, count))))


def _local_row(rng: Random, recipe: Recipe, choices: tuple[Choice, ...], index: int) -> Row:
    terms = _terms(rng, recipe, choices, sorted(_near(rng, recipe, len(choices), 4)))
    return Row(f"local {index}", "sram", "B", Scope.LOCAL, _limit(rng, [t.costs for t in terms]), terms)


def _total_row(rng: Random, recipe: Recipe, choices: tuple[Choice, ...], links: tuple[Link, ...], index: int) -> Row:
    terms = _terms(rng, recipe, choices, _some(rng, len(choices)))
    priced = tuple(
        LinkTerm(number, tuple(rng.randint(0, recipe.largest) for _ in link.allowed))
        for number, link in enumerate(links)
        if rng.random() < recipe.priced
    )
    fixed = rng.randint(0, 3)
    limit = _limit(rng, [t.costs for t in terms] + [t.costs for t in priced]) + fixed
    return Row(f"total {index}", "flash", "B", Scope.TOTAL, limit, terms, priced, fixed)


def _limit(rng: Random, columns: Sequence[tuple[int, ...]]) -> int:
    """A limit between the least and the most that can be used, now and then just below the least."""
    least, most = sum(map(min, columns)), sum(map(max, columns))
    if rng.random() < 0.04:
        return max(0, least - 1)
    return least + round((most - least) * rng.random())

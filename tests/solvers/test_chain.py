"""The parts of the chain engine, and where it hands on."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt_solvers import AllocationProblem, Choice, Limits, Link, LinkTerm, Outcome, Row, Scope, Status, Term, recount, table
from qeopt_solvers.chains import blocks, improve, labels, race, stages
from qeopt_solvers.chains.dominance import undominated
from qeopt_solvers.chains.parts import split
from qeopt_solvers.engines import chain
from qeopt_solvers.solve import solve
from qeopt_solvers.testing.networks import inverted_residuals, mobilenet_instances, network_problem
from qeopt_solvers.testing.problems import Recipe, brute_force, random_problem

BITS = (2, 4, 8)


def naive(used: np.ndarray, value: np.ndarray, tie: np.ndarray, place: np.ndarray) -> set[tuple[int, ...]]:
    labels = [(int(p), *map(int, u), -int(v), int(t)) for p, u, v, t in zip(place, used.T, value, tie, strict=True)]

    def beats(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        return a != b and a[0] == b[0] and all(x <= y for x, y in zip(a[1:-2], b[1:-2], strict=True)) and a[-2:] <= b[-2:]

    return {b for b in labels if not any(beats(a, b) for a in labels)}


@settings(derandomize=True, deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**9), totals=st.integers(0, 3), count=st.integers(1, 60), top=st.sampled_from((3, 50)))
def test_kept_labels_include_every_undominated_one(seed: int, totals: int, count: int, top: int) -> None:
    rng = np.random.default_rng(seed)
    used = rng.integers(0, top, (totals, count))
    value, tie, place = rng.integers(0, top, (3, count))
    kept = undominated(used, value, tie, place % 3)
    found = {(int(place[i] % 3), *(int(u) for u in used[:, i]), -int(value[i]), int(tie[i])) for i in kept}
    expected = naive(used, value, tie, place % 3)
    assert found >= expected
    if totals <= 1:
        assert found == expected
        assert len(kept) == len(found)


@pytest.mark.parametrize("count", [200, 3000, 20_000])
def test_many_labels_of_two_totals_keep_every_undominated_one(count: int) -> None:
    rng = np.random.default_rng(count)
    used = rng.integers(0, 10**6, (2, count))
    value = used.sum(axis=0) + rng.integers(0, 10**5, count)
    kept = set(undominated(used, value, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)).tolist())
    for label in rng.integers(0, count, 100).tolist():
        better = (used[0] <= used[0, label]) & (used[1] <= used[1, label]) & (value >= value[label])
        assert label in kept or better.sum() > 1
    assert len(kept) < count


def test_an_uncoupled_network_falls_apart() -> None:
    problem = network_problem(inverted_residuals(), BITS, sram_bytes=448 * 1024, flash_bytes=1 << 20)
    parts = split(problem)
    assert parts is not None
    assert len(parts.totals) == 1
    assert {problem.choices[choice].name.rpartition(".")[2] for part in parts.chains for choice in part.members} == {"out"}
    assert sum(len(part.members) for part in parts.chains) < 20


def test_large_numbers_go_to_the_fallback() -> None:
    huge = 1 << 60
    choices = tuple(Choice(f"c{i}", BITS, (0, huge, 2 * huge)) for i in range(3))
    problem = AllocationProblem(choices, rows=(Row("r", "r", "u", Scope.TOTAL, 4, tuple(Term(i, (0, 1, 3)) for i in range(3))),))
    alone = chain.solve(problem, Limits())
    assert (alone.status, alone.note) == (Status.UNKNOWN, "not finished: its numbers are too large for 64-bit tables")
    together = chain.solve(problem, Limits(), fallback=table.load("exhaustive"))
    assert together.status is Status.OPTIMAL
    best = brute_force(problem)
    assert best is not None
    assert together.value == best[0]
    assert together.note.startswith("reduced problem solved by exhaustive")


@pytest.mark.parametrize("linked", [False, True])
def test_large_numbers_of_steps_and_links_go_to_the_fallback_too(linked: bool) -> None:
    huge = 1 << 70
    choices = tuple(Choice(f"c{i}", BITS, (0, 5, 9)) for i in range(2))
    link = Link("pair", (0, 1), tuple((a, b) for a in range(3) for b in range(3)))
    costs = tuple(huge * (1 + a + b) for a, b in link.allowed)
    steps = Row("step", "sram", "B", Scope.LOCAL, 3 * huge, tuple(Term(i, (0, huge, 2 * huge)) for i in range(2)))
    total = Row("total", "bitops", "u", Scope.TOTAL, 3 * huge, (), (LinkTerm(0, costs),))
    problem = AllocationProblem(choices, (link,) if linked else (), (total,) if linked else (steps,))
    outcome = chain.solve(problem, Limits(), fallback=table.load("exhaustive"))
    assert outcome.value == solve(problem, "exhaustive").value == (10 if linked else 14)


def test_tables_that_would_grow_too_large_go_to_the_fallback() -> None:
    count = 14
    choices = tuple(Choice(f"c{i}", BITS, (0, 10 + i, 15 + 2 * i)) for i in range(count))
    row = Row("all", "sram", "B", Scope.LOCAL, 60, tuple(Term(i, (1, 5, 9)) for i in range(count)))
    problem = AllocationProblem(choices, rows=(row,))
    assert "entangled" in chain.solve(problem, Limits()).note
    outcome = solve(problem, "chain")
    assert outcome.status is Status.OPTIMAL
    assert outcome.engine == "chain"
    assert "solved by cp_sat" in outcome.note
    assert outcome.value == solve(problem, "cp_sat").value


def test_too_many_labels_go_to_the_fallback_and_what_is_known_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "MOST_LABELS", 20)
    problem = next(iter(mobilenet_instances(BITS, 24 / 64).values()))
    alone = chain.solve(problem, Limits())
    assert alone.status is Status.FEASIBLE
    assert alone.bound is not None
    outcome = chain.solve(problem, Limits(), fallback=table.load("cp_sat"))
    assert outcome.status is Status.OPTIMAL
    assert outcome.value is not None
    assert alone.value is not None
    assert alone.value <= outcome.value <= alone.bound
    assert outcome.certificate == alone.certificate
    stopped_too = chain.solve(problem, Limits(), fallback=lambda *_: Outcome(Status.UNKNOWN, "other", bound=alone.bound - 1))
    assert (stopped_too.status, stopped_too.picks, stopped_too.bound) == (Status.FEASIBLE, alone.picks, alone.bound - 1)
    assert "solved by other" in stopped_too.note
    assert recount.violations(problem, outcome.picks or ()) == ()


SHORTCUTS = (
    (blocks, "MOST_COLUMNS", 0),
    (blocks, "MOST_COLUMNS", 4096),
    (improve, "FREE", -1),
    (labels, "FREE", -1),
    (labels, "TILTS", ()),
    (labels, "TILTS", (0.0, 0.5, 2.0, 10.0)),
    (stages, "MERGED", 1),
    (stages, "MERGED_AMONG_SEVERAL", 64),
    (race, "FIRST_SHARE", 1.0),
)
"""What may be set otherwise without changing any answer."""


@pytest.mark.parametrize(("module", "name", "value"), SHORTCUTS)
def test_no_shortcut_changes_an_answer(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, value)
    proven = 0
    for seed in range(100):
        problem = random_problem(seed, Recipe(total_rows=(1, 3), tie_breaks=(2, 2), monotone=seed % 2 == 0))
        outcome, best = chain.solve(problem, Limits()), brute_force(problem)
        if best is None:
            assert outcome.status is Status.INFEASIBLE
        else:
            proven += 1
            assert outcome.picks is not None
            assert recount.key(problem, outcome.picks) == best
    assert proven > 30
    coupled = next(iter(mobilenet_instances(BITS, 24 / 64).values()))
    assert chain.solve(coupled, Limits()).value == 1_030_557_149, "what cp_sat proves without any reduction"


def test_keys_too_large_to_fold_are_still_exact() -> None:
    """Gains and tie-breaks of together 70 bits do not fit one key: they are then taken in turn."""
    asked = 0
    for seed in range(40):
        base = random_problem(seed, Recipe(local_rows=(2, 3), total_rows=(0, 0), tie_breaks=(2, 2), monotone=True))
        choices = tuple(replace(choice, gains=tuple(gain << 20 for gain in choice.gains)) for choice in base.choices)
        ties = tuple(
            replace(tie, terms=tuple(replace(t, costs=tuple(c << 16 for c in t.costs)) for t in tie.terms))
            for tie in base.tie_breaks
        )
        problem = replace(base, choices=choices, tie_breaks=ties)
        best = brute_force(problem)
        outcome = chain.solve(problem, Limits())
        if outcome.status is Status.UNKNOWN:  # keys of a choice alone are not split
            assert "too large" in outcome.note
        elif best is None:
            assert outcome.status is Status.INFEASIBLE
        else:
            asked += 1
            assert outcome.picks is not None
            assert recount.key(problem, outcome.picks) == best
    assert asked > 10


def test_a_link_between_distant_choices_is_no_obstacle() -> None:
    choices = tuple(Choice(f"c{i}", BITS, (0, 4, 7)) for i in range(30))
    link = Link("far", (0, 29), ((0, 2), (1, 1), (2, 0)))
    row = Row("flash", "flash", "B", Scope.TOTAL, 120, tuple(Term(i, (2, 4, 8)) for i in range(30)))
    problem = AllocationProblem(choices, (link,), (row,))
    assert chain.solve(problem, Limits()).value == table.load("cp_sat")(problem, Limits()).value


def test_many_blocks_alike_need_no_fallback() -> None:
    """Prices tip identical items all at once; the first answer must be filled up, or the window holds everything."""
    shape = inverted_residuals(((1, 16, 1, 1), (6, 24, 40, 2), (6, 32, 40, 2)))
    problem = network_problem(shape, BITS, sram_bytes=1 << 20, flash_bytes=750_000)
    outcome = chain.solve(problem, Limits())
    assert (outcome.status, outcome.note) == (Status.OPTIMAL, "")
    assert outcome.certificate is not None
    assert outcome.value is not None
    proven = recount.priced_bound(problem, outcome.certificate)
    assert proven is not None
    assert outcome.value <= proven <= outcome.value + 400_000

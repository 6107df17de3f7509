"""The least of budgets over generated spaces, against every structure of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from qeopt.budgets import table
from qeopt.hardware import Runtime
from qeopt.infeasibility import Least, SpaceMisfit, excludes_all, explain_space, least_need, least_of, only
from qeopt.infeasibility.network import fixed_totals
from qeopt.memory import Limits
from qeopt.network import Network
from qeopt.qbr import BitChoices, Impossible, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.space import Space, Structure, Task
from qeopt.spec.model import build
from qeopt.spec.node import Plain
from qeopt.testing.small_studies import SOURCE, SmallStudy, small_study, structures
from qeopt_solvers import Status

MANY = 120
"""Structures of a space beyond which it is not enumerated here."""
SHRUNK = (
    ("sram", 0.5),
    ("flash", 0.6),
    ("bitops", 0.5),
    ("macs", 0.7),
    ("layers", 0.8),
    ("cycles", 0.6),
    ("picojoules", 0.6),
)
"""What is left of each budget, so that most studies fit nothing."""


class Enumerated:
    """Every structure of a small space."""

    def __init__(self, study: SmallStudy) -> None:
        self.study = study
        self.networks = [study.space.expand(structure, study.task) for structure in structures(study.space)]

    def fits(self, network: Network, limits: Limits) -> bool:
        """Whether a network has bits within limits, addresses of buffers and code beyond the least aside."""
        terms = replace(self.study.refiner, limits=limits)
        compiled = terms.compile(network)
        if isinstance(compiled, Impossible) or fixed_totals(terms, network):
            return False
        return terms.choose(compiled, "chain").status is not Status.INFEASIBLE

    def any_fits(self, limits: Limits) -> bool:
        """Whether some structure does."""
        return any(self.fits(network, limits) for network in self.networks)


def changed(limits: Limits, amounts: Mapping[str, int]) -> Limits:
    return limits.but(**amounts)


def budgets_of(refiner: Refiner) -> list[str]:
    """Every budget that could be stated."""
    unknown = {"cycles": refiner.runtime.latency is None, "picojoules": refiner.runtime.energy is None}
    return [name for name in table() if not unknown.get(name, False)]


def check_least(every: Enumerated, found: Least, held: Limits) -> None:
    """The amount is enough for the structure that is named, and one less is enough for none if that is said to be proven."""
    study = every.study
    assert found.amount is not None
    network = study.space.expand(found.structure, study.task)
    assert every.fits(network, changed(held, {found.name: found.amount}))
    if found.proven and found.amount > 1:
        assert not every.any_fits(changed(held, {found.name: found.amount - 1}))


def check_the_least_of_every_budget(seed: int) -> int:
    """Returns how many were proven."""
    study = small_study(seed)
    every = Enumerated(study)
    if len(every.networks) > MANY:
        return 0
    proven = 0
    for name in budgets_of(study.refiner):
        others = [other for other in study.refiner.limits if other != name]
        for beside in ([], others) if others else ([],):
            held = only(study.refiner.limits, beside)
            found = least_of(study.space, study.task, study.refiner, name, beside)
            if found.amount is None:
                assert not every.any_fits(changed(held, {name: 10**12}))
                continue
            check_least(every, found, held)
            exact = min(need for network in every.networks if (need := least_need(study.refiner, network, name, held)) is not None)
            assert found.amount == exact, "the descent and the bound find the least even where it is not proven"
            proven += found.proven
    return proven


@pytest.mark.parametrize("seed", [2, 3, 7, 9])
def test_the_least_of_every_budget(seed: int) -> None:
    assert check_the_least_of_every_budget(seed) >= 4


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40, 100))
def test_the_least_of_every_budget_of_many_spaces(seed: int) -> None:
    check_the_least_of_every_budget(seed)


def shrunk(study: SmallStudy) -> SmallStudy:
    """The same study with less of everything."""
    limits = study.refiner.limits
    less = {name: max(int(limits[name] * share), 1) for name, share in SHRUNK if name in limits}
    return replace(study, refiner=replace(study.refiner, limits=changed(study.refiner.limits, less)))


def check_what_would_have_to_give(study: SmallStudy) -> SpaceMisfit | Structure | None:
    every = Enumerated(study)
    if len(every.networks) > MANY:
        return None
    limits = study.refiner.limits
    found = explain_space(study.space, study.task, study.refiner)
    if isinstance(found, Structure):
        assert every.fits(study.space.expand(found, study.task), limits)
        return found
    assert not (found.excluded and every.any_fits(limits))
    assert not every.any_fits(limits), "what fits was found"
    for floor in found.floors:
        assert floor.amount is not None
        assert floor.amount > limits[floor.name]
        check_least(every, floor, Limits())
    check_every_single(every, limits, found.singles)
    amounts = [{single.name: single.amount} for single in found.singles if single.amount is not None]
    if found.joint:
        amounts.append({least.name: least.amount or 0 for least in found.joint})
    if amounts:
        nearest = study.space.expand(found.structure, study.task)
        assert any(every.fits(nearest, changed(limits, amount)) for amount in amounts), "what comes nearest fits after a change"
    if found.joint:
        check_joint(every, limits, found.joint)
    return found


def check_every_single(every: Enumerated, limits: Limits, singles: Sequence[Least]) -> None:
    """Every budget is told of where any bits are legal, and it is said to suffice where any amount of it does."""
    if not singles:
        assert not every.any_fits(Limits())
        return
    assert [single.name for single in singles] == list(limits)
    for single in singles:
        assert every.any_fits(changed(limits, {single.name: 10**12})) == (single.amount is not None)
        if single.amount is not None:
            check_least(every, single, limits)


def check_joint(every: Enumerated, limits: Limits, joint: Sequence[Least]) -> None:
    amounts = {found.name: found.amount for found in joint if found.amount is not None}
    assert len(amounts) == len(joint) > 1
    assert every.any_fits(changed(limits, amounts))
    assert all(amount > limits[name] for name, amount in amounts.items())
    for found in joint:
        if found.proven:
            assert not every.any_fits(changed(limits, {**amounts, found.name: amounts[found.name] - 1}))
        assert not every.any_fits(changed(limits, {found.name: amounts[found.name]})), "alone it is not enough"


@pytest.mark.parametrize("seed", [0, 2, 4, 9, 12, 17, 23, 27])
def test_what_would_have_to_give(seed: int) -> None:
    check_what_would_have_to_give(shrunk(small_study(seed)))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 160))
def test_what_would_have_to_give_in_many_spaces(seed: int) -> None:
    check_what_would_have_to_give(shrunk(small_study(seed)))
    check_what_would_have_to_give(small_study(seed))


WIDE: Plain = {"2": 16}
"""Kernels of 2-bit weights ask for multiples of 16 channels."""


def wide_study(**limits: int) -> tuple[Space, Task, Refiner]:
    """A space whose narrow structures have 8-bit weights, and whose wide ones have 2-bit weights."""
    described: Plain = {
        "kernels": {
            "conv": {"in": [8], "weights": [2, 8], "out": [8], "weight_channel_multiple": WIDE},
            "pool": {"in": [8], "out": [8]},
            "dense": {"in": [8], "weights": [8], "out": [8]},
        },
        "source": SOURCE,
    }
    blocks: list[Plain] = [
        {"kind": "conv", "name": "stem", "width": 16, "kernel": 3, "stride": 2, "weight_bits": 8},
        {"kind": "conv", "name": "head", "width": [60, 64], "kernel": 3},
        {"kind": "classifier"},
    ]
    space = build(Space, {"blocks": blocks})
    choices = build(BitChoices, {"weights": [2, 8], "activations": [8]})
    refiner = Refiner(build(Runtime, described), Limits(**limits), choices, QEScore(), QbrSettings())
    return space, build(Task, {"input": [16, 16, 3], "classes": 2}), refiner


def test_the_smallest_structure_is_not_always_the_one_with_least_flash() -> None:
    space, task, refiner = wide_study()
    smallest = least_need(refiner, space.expand(space.smallest(), task), "flash", Limits())
    found = least_of(space, task, refiner, "flash")
    assert smallest is not None
    assert found.amount is not None
    assert found.amount < smallest / 2
    assert found.structure == Structure((16, 3, 64, 3)) != space.smallest()
    assert found.proven, "the bound knows which channels suit which weights"


def test_a_budget_just_below_what_wide_structures_need_is_proven_too_little() -> None:
    space, task, refiner = wide_study(flash=2800, layers=2)
    least = least_of(space, task, refiner, "flash").amount
    needs = [least_need(refiner, space.expand(structure, task), "flash", Limits()) for structure in structures(space)]
    assert least == min(need for need in needs if need is not None) > 2800
    found = explain_space(space, task, refiner)
    assert isinstance(found, SpaceMisfit)
    assert found.excluded
    assert [(floor.name, floor.amount, floor.proven) for floor in found.floors] == [("flash", least, True)]
    assert [(single.name, single.amount, single.proven) for single in found.singles] == [
        ("flash", least, True),
        ("layers", None, True),
    ]
    tight = replace(refiner, limits=Limits(flash=2600, layers=2))
    assert excludes_all(space, task, tight)
    found = explain_space(space, task, tight)
    assert isinstance(found, SpaceMisfit)
    assert found.excluded
    assert [(floor.name, floor.proven) for floor in found.floors] == [("flash", True)]


@pytest.mark.parametrize("formula", ["macs * in_bits", "macs * out_bits"])
def test_the_least_of_an_estimate_is_proven_whatever_widths_it_depends_on(formula: str) -> None:
    space, task, refiner = wide_study()
    described = refiner.runtime.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    timed = build(Runtime, {**described, "latency": {"cycles": {"conv": formula}, "source": SOURCE}})
    found = least_of(space, task, replace(refiner, runtime=timed), "cycles")
    stem, head = 8 * 8 * 9 * 3 * 16, 8 * 8 * 9 * 16 * 60
    assert (found.amount, found.proven) == (8 * (stem + head), True)

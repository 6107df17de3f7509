"""Every budget that adds up is in the bound, whatever widths it reads: never below enumeration, on small spaces."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from qeopt import budgets
from qeopt.budgets import Budget, Kind
from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.network import Bits, weight_count
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.totals import totals_of
from qeopt.spec.model import build
from qeopt.study.load import load_study
from qeopt.testing.bounds import check_bound
from qeopt.testing.small_studies import SOURCE, SmallStudy, small_study, structures

WRITTEN = {"latency": {"cycles": {"conv": "macs * w_bits + h_out * w_out * c_out * out_bits", "add": "c_out * in_bits * out_bits"}}}
WEIGHTS = {"energy": {"picojoules": {"conv": "3 * weights * w_bits + 7", "depthwise": "weights * (12 - w_bits)"}}}
FETCHES = Budget(
    key="fetches",
    name="fetches",
    about="Bits of weights, once for every row that is written.",
    noun="bits fetched",
    kind=Kind.SUM,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: weight_count(op) * w_bits * op.output.height + in_bits,
    widths=lambda runtime, kind: frozenset({"w_bits", "in_bits"}),
)


def limited(seed: int, described: Mapping[str, Any], name: str) -> SmallStudy:
    """A small study with an estimate of its own and a limit of it that binds some structures."""
    study = small_study(seed)
    found = study.refiner.runtime.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    sourced = {field: {**value, "source": SOURCE} for field, value in described.items()}
    refiner = replace(study.refiner, runtime=build(Runtime, {**found, **sourced}))
    rng, every = Random(seed), list(structures(study.space))
    uses = []
    for structure in rng.sample(every, min(4, len(every))):
        network = study.space.expand(structure, study.task)
        uses += [count(network, refiner.runtime, Bits.uniform(network, bits)).used[name] for bits in (2, 8)]
    limit = max(int(min(uses) + rng.uniform(0.2, 0.7) * (max(uses) - min(uses))), 1)
    return replace(study, refiner=replace(refiner, limits=refiner.limits.but(**{name: limit})))


def seeds() -> list[Any]:
    """A few by default, all of them among the long tests."""
    return [*range(4), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(4, 24))]


@pytest.mark.parametrize("seed", seeds())
def test_latency_that_depends_on_output_bits(seed: int) -> None:
    check_bound(limited(seed, WRITTEN, "cycles"))


@pytest.mark.parametrize("seed", seeds())
def test_energy_of_weights_alone(seed: int) -> None:
    check_bound(limited(seed, WEIGHTS, "picojoules"))


@pytest.mark.parametrize("seed", seeds())
def test_a_budget_from_outside(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**budgets.table(), "fetches": FETCHES}
    monkeypatch.setattr("qeopt.budgets.catalogue._table", lambda installed: known)
    check_bound(limited(seed, {}, "fetches"))


def refiner(*overrides: str) -> Refiner:
    return load_study("vww_256k", overrides=overrides).value.refiner


def test_a_sum_that_no_width_enters_is_no_row() -> None:
    """It is a property of the structure: priced and filtered, and nothing that bits could mend."""
    cycles = '{cycles: {conv: macs, depthwise: 2 * macs}, source: {url: "https://example.org", date: "2026-01-01"}}'
    plain = refiner("budgets.latency_ms=900", f"runtime.latency={cycles}")
    assert [total.name for total in totals_of(plain) if total.is_structural] == ["cycles"]
    assert "cycles" in plain.structural_totals(_network())
    compiled = plain.compile(_network())
    assert "cycles" not in {row.kind for row in compiled.problem.rows}  # type: ignore[union-attr]
    coupled = refiner("budgets.latency_ms=900", f"runtime.latency={cycles.replace('2 * macs', 'macs * w_bits')}")
    assert "cycles" in {row.kind for row in coupled.compile(_network()).problem.rows}  # type: ignore[union-attr]


def _network() -> Any:
    study = load_study("vww_256k").value
    return study.subject.expand(study.subject.smallest(), study.task)


@pytest.mark.parametrize("field", [name for name in budgets.table() if name != "sram"])
def test_every_record_is_in_every_room(field: str) -> None:
    """A sum with a limit is counted, priced or walked, and told as data; nothing names it beside the table."""
    record = budgets.budget(field)
    assert record.cost is not None
    study = load_study("vww_256k").value
    limits = study.limits.but(**{field: 10**9})
    terms = replace(study.refiner, limits=limits)
    counted = count(_network(), study.runtime, Bits.uniform(_network(), 8)).used
    assert field in counted or record.lacks(study.runtime)
    assert field in limits
    if record.kind is Kind.SUM:
        assert field in {total.name for total in totals_of(terms)}
    rows = {row.kind for row in terms.compile(_network()).problem.rows}  # type: ignore[union-attr]
    assert (field in rows) != record.is_structural(study.runtime)

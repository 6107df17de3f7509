"""Claims that do not hold are refused before a design is written, and the message says whose fault it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qeopt.design import Design, VerificationError
from qeopt.design.build import describe
from qeopt.design.refuse import refuse_false_claims, refuse_overuse
from qeopt.memory import count
from qeopt.verbs.solve import solve

ASKED = ("search.alternatives=1", "search.baselines=[eight_bits]")
Forge = Callable[[Design], dict[str, Any]]


@pytest.fixture(scope="module")
def design(study_file: Path) -> Design:
    found = solve(study_file, overrides=ASKED).design
    assert found is not None
    assert found.alternatives
    assert found.baselines
    return found


def test_a_design_as_it_was_made_is_not_refused(design: Design) -> None:
    refuse_false_claims(design, design.load_study())


FORGED: list[tuple[str, Forge, str]] = [
    ("score", lambda it: {"score": (it.bound or 0) + 1, "bits": it.bits.model_copy(update={"value": (it.bound or 0) + 1})},
     "the design scores .*, above the bound .*: the objective 'qe' does not add up, or a budget costs more than it says"),
    ("alternative", lambda it: {"alternatives": (it.alternatives[0].model_copy(update={"score": (it.bound or 0) + 1}),)},
     "alternative 1 scores .*, above the bound"),
    ("baseline", lambda it: {"baselines": {"eight_bits": it.baselines["eight_bits"].model_copy(update={"score": 1e9})}},
     "baseline eight_bits scores 1000000000.0, above the bound"),
    ("value", lambda it: {"bits": it.bits.model_copy(update={"value": it.score - 1})}, "bits: chosen for .* is not the score"),
    ("proof", lambda it: {"bits": it.bits.model_copy(update={"bound": it.score - 1})}, "bits: scored .*, above .* of their own"),
    ("engines", lambda it: {"bits": it.bits.model_copy(update={"certificates": tuple(
        claim.model_copy(update={"value": (claim.value or 0) + number}) for number, claim in enumerate(it.bits.certificates))})},
     "bits: engines prove different values"),
    ("certificate", lambda it: {"bits": it.bits.model_copy(update={"certificates": tuple(
        claim.model_copy(update={"bound": (claim.value or 0) - 1}) for claim in it.bits.certificates)})},
     "bits: .* claims .* and proves no more than"),
    ("recount", lambda it: {"uses": {**it.uses, "flash": it.uses["flash"].model_copy(update={"used": 1})}}, "flash"),
]  # fmt: skip


@pytest.mark.parametrize(("forge", "said"), [forged[1:] for forged in FORGED], ids=[forged[0] for forged in FORGED])
def test_a_claim_that_does_not_hold_is_refused(forge: Forge, said: str, design: Design) -> None:
    with pytest.raises(VerificationError) as caught:
        refuse_false_claims(design.model_copy(update=forge(design)), design.load_study())
    assert str(caught.value).startswith("a design that `qeopt verify` would refuse is not written: ")
    assert re.search(said, str(caught.value)), caught.value


def test_solve_asks_before_it_answers(study_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "qeopt.verbs.solve.describe", lambda *given, **named: describe(*given, **named).model_copy(update={"score": 1e9})
    )
    with pytest.raises(VerificationError, match="is not written"):
        solve(study_file)


def test_a_budget_that_is_not_kept_is_named(design: Design) -> None:
    study = design.load_study()
    resources = count(design.network(), study.runtime, design.bit_widths())
    refuse_overuse(study.limits, resources, "the design")
    tight = study.limits.but(flash=1)
    with pytest.raises(VerificationError, match=r"uses .* of 1 flash: the budget 'flash' is not kept"):
        refuse_overuse(tight, resources, "the design")

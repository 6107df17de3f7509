"""The report on an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Any

from rich.console import Console

from qeopt.budgets import budget, sums
from qeopt.check import why_none_fits
from qeopt.check.words import spell
from qeopt.report.budgets import BudgetRow, budget_rows
from qeopt.report.counted import Counted
from qeopt.report.misfits import (
    misfit_document,
    network_growth,
    print_misfit,
    print_space_misfit,
    space_growth,
    space_misfit_document,
    why_in_short,
    whys,
)
from qeopt.report.solution import sources_document
from qeopt.report.tables import budget_table, structure_table
from qeopt.report.words import engines, gap, used_files
from qeopt.score.gap import relative_gap
from qeopt.search import JointBound
from qeopt.verbs.explain import Explanation
from qeopt.verbs.marginal_values import KIB
from qeopt_solvers import Status

FORMAT = "qeopt.explanation/1"
MOST_STEPS = 5
"""Steps that are named in the text; the document has all."""
PERCENT = 100
"""A hundredth of a budget other than memory is what its price is said for."""


class ExplanationReport:
    """An explanation in words and as a document."""

    def __init__(self, found: Explanation) -> None:
        self.found = found
        self._study = found.loaded.value

    @cached_property
    def budgets(self) -> tuple[BudgetRow, ...]:
        """Every quantity of the design against its budget; nothing where there is no design."""
        bits = self.found.proofs[0].bits
        if not self.found.fits or bits is None:
            return ()
        return budget_rows(Counted.of(self._study, self.found.network, bits), self.found.worths)

    def print(self, console: Console) -> None:
        """Say everything a person wants to know."""
        console.print(f"{self._study.name}: {self._headline()}", soft_wrap=True)
        for said in used_files(self.found.loaded.files):
            console.print(said, soft_wrap=True)
        console.print()
        if self.found.space_misfit is not None:
            print_space_misfit(console, self._study, self.found.space_misfit, self.found.changes)
        if self.found.is_of_space:
            console.print(f"{self._chosen()}:")
            console.print(structure_table(self._study.subject.named(self.found.structure)), "")
        if self.found.misfit is not None:
            print_misfit(console, self._study, self.found.misfit)
        else:
            self._print_worth(console)
        bound = None if self.found.search is None else self.found.search.bound
        if self.found.fits and bound is not None:
            for text in self._bounded(bound):
                console.print(text, soft_wrap=True)

    def _headline(self) -> str:
        score = self.found.proofs[0].score
        if self.found.fits and score is not None:
            proof = (
                "optimal bits, proven by " + engines(self._provers()) if self.found.is_proven else "not proven to be the best bits"
            )
            return f"a design fits: score {score:.4f} ({proof})"
        if self.found.space_misfit is not None and self.found.is_proven:
            return f"no structure of the space fits, proven: {why_in_short(self.found.space_misfit)}"
        if self.found.search is not None:
            return (
                f"no structure that fits was found (search stopped: {self.found.search.stopped}); that there is none is not proven"
            )
        return "the network does not fit" + (", proven" if self.found.is_proven else "")

    def _chosen(self) -> str:
        if self.found.fits:
            return "explained for the best design found" + (" before the interruption" if self.found.interrupted else "")
        return "the structure that comes nearest"

    def _provers(self) -> tuple[str, ...]:
        return tuple(proof.engine for proof in self.found.proofs if proof.status is Status.OPTIMAL)

    def _print_worth(self, console: Console) -> None:
        console.print(budget_table(self.budgets), "")
        if not self.found.worths:
            console.print("what more of a budget buys is not told: the best bits are not proven")
            return
        for text in self._held():
            console.print(text, soft_wrap=True)
        console.print()

    def _held(self) -> Iterator[str]:
        """By budget, whether it binds and what is left of it."""
        for row, worth in self._bound_rows():
            left = spell(self._study, row.name, worth.slack // self._unit(row.name))
            binds = "binds, too little is left for better bits" if worth.unlimited_gain else "does not bind"
            shown = ", ".join(worth.tightest[:MOST_STEPS]) + (", ..." if len(worth.tightest) > MOST_STEPS else "")
            where = f" at {shown}" if row.name == "sram" else ""
            yield f"{row.name}: {binds}; {left} left{where}"
        note = self.found.proofs[0].note
        if note:
            yield f"{note}; what more buys is told without them"

    def _bound_rows(self) -> Iterator[tuple[BudgetRow, Any]]:
        worths = {worth.kind: worth for worth in self.found.worths}
        return ((row, worths[row.name]) for row in self.budgets if row.name in worths)

    def _unit(self, name: str) -> int:
        return self._study.runtime.unit_per_byte if budget(name).unit.is_memory else 1

    def _bounded(self, bound: JointBound) -> Iterator[str]:
        """What is proven of all structures, and what more of the priced budgets could raise that by."""
        share = relative_gap(self.found.proofs[0].score or 0.0, bound.value)
        yield f"over the whole space: no design scores above {bound.value:.4f} (gap {gap(share)})"
        for name, worth in self._prices(bound).items():
            yield f"  {worth['step_text']} more {name} raises that bound by at most {worth['nats']:.6f} nats"
        kept = [name for name in ("sram", "layers") if name in self._study.limits]
        if kept:
            yield f"  {' and '.join(kept)}: no price, the bound keeps within them cell by cell"
        if bound.left_out:
            yield f"  the bound leaves out, and holds all the same: {', '.join(bound.left_out)}"

    def _prices(self, bound: JointBound) -> dict[str, dict[str, Any]]:
        """What the certificate's prices prove: by budget, how much a step more can raise the bound."""
        limits, found = self._study.limits, {}
        for record in sums(limits):
            unit, memory = self._unit(record.name), record.unit.is_memory
            step = KIB if memory else max(limits[record.name] // PERCENT, 1)
            nats = _rise(bound, record.name, step * unit)
            found[record.name] = {"step": step, "step_text": "1 KiB" if memory else f"{step:,}", "nats": nats}
        return found

    def document(self) -> dict[str, Any]:
        """Everything as one JSON document."""
        found, best = self.found, self.found.proofs[0]
        return {
            "format": FORMAT,
            "status": "interrupted" if found.interrupted else "explained",
            "study_name": self._study.name,
            "fits": found.fits,
            "proven": found.is_proven,
            "chosen": None if not found.is_of_space else "best" if found.fits else "least",
            "structure": self._study.subject.named(found.structure),
            "score": best.score if found.fits else None,
            "engines": list(self._provers()),
            "budgets": [self._budget(row) for row in self.budgets],
            "space": self._space(),
            "misfit": None if found.misfit is None else misfit_document(found.misfit),
            "said": {"headline": self._headline(), "lines": list(self._said()), "growth": list(self._growth())},
            "sources": sources_document(found.loaded.files),
        }

    def _said(self) -> Iterator[str]:
        """The sentences of the report."""
        found = self.found
        if found.space_misfit is not None and found.space_misfit.excluded:
            yield from (finding.text for finding in why_none_fits(self._study, found.space_misfit))
        if found.misfit is not None:
            yield from (f"{self._chosen()}: {text}" if found.is_of_space else text for text in whys(self._study, found.misfit))
            return
        yield from self._held() if found.worths else ["what more of a budget buys is not told: the best bits are not proven"]
        bound = None if found.search is None else found.search.bound
        if bound is not None:
            yield from (text.strip() for text in self._bounded(bound))

    def _growth(self) -> Iterator[dict[str, Any]]:
        """By budget, the least by which it alone must grow for something to fit; of the space where nothing in it fits."""
        if self.found.space_misfit is not None:
            yield from space_growth(self._study, self.found.space_misfit)
        elif self.found.misfit is not None:
            yield from network_growth(self._study, self.found.misfit)

    def _budget(self, row: BudgetRow) -> dict[str, Any]:
        worth = {worth.kind: worth for worth in self.found.worths}.get(row.name)
        document = {**asdict(row), "share": row.share, "binds": row.binds}
        left = None if worth is None else worth.slack // self._unit(row.name)
        return {**document, "left": left, "tightest": [] if worth is None else list(worth.tightest)}

    def _space(self) -> dict[str, Any] | None:
        if not self.found.is_of_space:
            return None
        search, none = self.found.search, self.found.space_misfit
        document: dict[str, Any] = {"stopped": None if search is None else search.stopped.value}
        document["misfit"] = None if none is None else space_misfit_document(self._study, none, self.found.changes)
        bound = None if search is None or not self.found.fits else search.bound
        if bound is None:
            return {**document, "bound": None, "left_out": [], "prices": {}}
        prices = {name: {"step": worth["step"], "nats": worth["nats"]} for name, worth in self._prices(bound).items()}
        return {**document, "bound": bound.value, "left_out": list(bound.left_out), "prices": prices}


def _rise(bound: JointBound, name: str, step: int) -> float:
    """How much a step more of a budget can raise a bound at most, in nats."""
    raised: list[float] = [part.value + part.prices.get(name, 0.0) * step for part in bound.parts]
    return max(raised) - bound.value

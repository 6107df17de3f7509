"""The report on an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Any

from rich.console import Console

from qeopt.explain import KIB, Explanation
from qeopt.relief import FIELDS, MEMORIES, Amounts, Misfit, Relief
from qeopt.report.budgets import BudgetRow, budget_rows
from qeopt.report.counted import Counted
from qeopt.report.solution import sources_document
from qeopt.report.tables import budget_table, rows_table, structure_table
from qeopt.report.words import TITLES, amount, gap, place, used_name
from qeopt.search import JointBound
from qeopt_solvers import Status

FORMAT = "qeopt.explanation/1"
MOST_SHORTAGES = 5
"""Rows that are named in the text; the document has all."""
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
        for file in self.found.loaded.files:
            console.print(f"  {used_name(file):<24} {place(file.path)}", soft_wrap=True)
        console.print()
        if self.found.search is not None:
            console.print(f"{self._chosen()}:")
            console.print(structure_table(self._study.subject.named(self.found.structure)), "")
        if self.found.misfit is not None:
            self._print_misfit(console, self.found.misfit)
            self._print_least_sram(console)
        else:
            self._print_worth(console)
        bound = None if self.found.search is None else self.found.search.bound
        if self.found.fits and bound is not None:
            self._print_space(console, bound)

    def _headline(self) -> str:
        score = self.found.proofs[0].score
        if self.found.fits and score is not None:
            proof = (
                "optimal bits, proven by " + _engines(self._provers()) if self.found.is_proven else "not proven to be the best bits"
            )
            return f"a design fits: score {score:.4f} ({proof})"
        if self.found.search is None:
            return "the network does not fit" + (", proven" if self.found.is_proven else "")
        if self.found.is_proven:
            return "no structure of the space fits, proven: none is within SRAM and layers at any legal bits"
        return f"no structure that fits was found (search stopped: {self.found.search.stopped}); that there is none is not proven"

    def _chosen(self) -> str:
        if self.found.fits:
            return "explained for the best design found" + (" before the interruption" if self.found.interrupted else "")
        return "explained for the structure that needs least of those compared"

    def _provers(self) -> tuple[str, ...]:
        return tuple(proof.engine for proof in self.found.proofs if proof.status is Status.OPTIMAL)

    def _print_misfit(self, console: Console, misfit: Misfit) -> None:
        console.print("why")
        for text in self._whys(misfit):
            console.print(f"  {text}", soft_wrap=True)
        if misfit.joint is None:
            console.print("  no budget helps: this is about what the runtime executes", soft_wrap=True)
            return
        console.print()
        console.print("the least by which one budget alone must grow")
        columns = {"budget": "left", "more": "right", "then": "right", "best score there": "right", "proven by": "left"}
        console.print(rows_table(columns, (self._single_cells(single) for single in misfit.singles)), "")
        self._print_joint(console, misfit, misfit.joint)

    def _whys(self, misfit: Misfit) -> Iterator[str]:
        if not misfit.shortages and not misfit.totals:
            yield misfit.reason
        yield from (shortage.text for shortage in misfit.shortages[:MOST_SHORTAGES])
        rest = len(misfit.shortages) - MOST_SHORTAGES
        if rest > 0:
            yield f"and {rest} more steps whose memory is over at the fewest legal bits"
        for total in misfit.totals:
            yield f"{total.name}: {total.needed:,} needed whatever the bits, {total.limit:,} allowed"
        limits = self._study.limits
        kept = [name for name in ("macs", "layers") if getattr(limits, FIELDS[name]) is not None]
        kept = [name for name in kept if name not in {total.name for total in misfit.totals}]
        if kept:
            yield f"{' and '.join(kept)} {'are' if len(kept) > 1 else 'is'} within budget"

    def _single_cells(self, single: Relief) -> tuple[str, ...]:
        name = single.names[0]
        provers = _engines(single.engines) if single.proven and single.engines else "" if single.proven else "not proven"
        if not single.suffices:
            return name, "none suffices", "", "", provers or "other budgets exclude it whatever the bits"
        more = dict(single.extra)[name]
        limit = getattr(self._study.limits, FIELDS[name]) + more
        return name, f"+{_spell(name, more)}", _spell(name, limit), _score(single), provers

    def _print_joint(self, console: Console, misfit: Misfit, joint: Relief) -> None:
        console.print("the least by which budgets together must grow")
        if not joint.suffices:
            console.print("  no growth of all of them suffices: legal bits contradict each other", soft_wrap=True)
            return
        for name, more in joint.extra:
            before = getattr(self._study.limits, FIELDS[name])
            console.print(f"  {name} +{_spell(name, more)} to {_spell(name, before + more)} ({100 * more / before:+.1f} %)")
        if joint.steps:
            steps = ", ".join(f"{name} {share:,}{' B' if name in MEMORIES else ''}" for name, share in misfit.weights)
            console.print(f"  weights: in steps of {steps} together, {joint.steps:,} steps are needed;", soft_wrap=True)
            console.print("  each budget was then taken back to the least that it needs while the others stay", soft_wrap=True)
        proof = f"proven by {_engines(joint.engines)}" if joint.proven else "not proven to be the least"
        shown = "nothing else helps: no bits change these totals" if joint.proven and not joint.engines else proof
        console.print(f"  {shown}; score there {_score(joint)}", soft_wrap=True)
        if joint.with_addresses:
            console.print(f"  with addresses for all buffers: {_amounts(joint.with_addresses)} is enough", soft_wrap=True)

    def _print_least_sram(self, console: Console) -> None:
        least = self.found.least_sram_bytes
        if least is not None:
            said = (
                f"proven: no structure of the space runs with less than {_spell('sram', least)} of SRAM, whatever the other budgets"
            )
            console.print(f"\n{said}", soft_wrap=True)

    def _print_worth(self, console: Console) -> None:
        console.print(budget_table(self.budgets), "")
        if not self.found.worths:
            console.print("what more of a budget buys is not told: the best bits are not proven")
            return
        for row, worth in self._bound_rows():
            left = _spell(row.name, worth.slack // self._unit(row.name))
            binds = "binds, too little is left for better bits" if worth.unlimited_gain else "does not bind"
            shown = ", ".join(worth.tightest[:MOST_SHORTAGES]) + (", ..." if len(worth.tightest) > MOST_SHORTAGES else "")
            where = f" at {shown}" if row.name == "sram" else ""
            console.print(f"{row.name}: {binds}; {left} left{where}", soft_wrap=True)
        note = self.found.proofs[0].note
        if note:
            console.print(f"{note}; what more buys is told without them", soft_wrap=True)
        console.print()

    def _bound_rows(self) -> Iterator[tuple[BudgetRow, Any]]:
        worths = {worth.kind: worth for worth in self.found.worths}
        return ((row, worths[row.name]) for row in self.budgets if row.name in worths)

    def _unit(self, name: str) -> int:
        return self._study.runtime.unit_per_byte if name in MEMORIES else 1

    def _print_space(self, console: Console, bound: JointBound) -> None:
        score = self.found.proofs[0].score or 0.0
        share = max(bound.value - score, 0.0) / max(abs(score), 1e-12)
        console.print(f"over the whole space: no design scores above {bound.value:.4f} (gap {gap(share)})")
        for name, worth in self._prices(bound).items():
            console.print(
                f"  {worth['step_text']} more {name} raises that bound by at most {worth['nats']:.6f} nats", soft_wrap=True
            )
        kept = [name for name in ("sram", "layers") if getattr(self._study.limits, FIELDS[name]) is not None]
        if kept:
            console.print(f"  {' and '.join(kept)}: no price, the bound keeps within them cell by cell", soft_wrap=True)
        if bound.left_out:
            console.print(f"  left out of the bound, which holds all the same: {', '.join(bound.left_out)}", soft_wrap=True)

    def _prices(self, bound: JointBound) -> dict[str, dict[str, Any]]:
        """What the certificate's prices prove: by budget, how much a step more can raise the bound."""
        limits, found = self._study.limits, {}
        if limits.flash_bytes is not None:
            nats = _rise(bound, "flash", KIB * self._study.runtime.unit_per_byte)
            found["flash"] = {"step": KIB, "step_text": "1 KiB", "nats": nats}
        for name in ("bitops", "macs"):
            limit = getattr(limits, name)
            if limit is not None:
                step = max(limit // PERCENT, 1)
                found[name] = {"step": step, "step_text": f"{step:,}", "nats": _rise(bound, name, step)}
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
            "chosen": None if found.search is None else "best" if found.fits else "least",
            "structure": self._study.subject.named(found.structure),
            "score": best.score if found.fits else None,
            "engines": list(self._provers()),
            "budgets": [self._budget(row) for row in self.budgets],
            "space": self._space(),
            "misfit": None if found.misfit is None else _misfit(found.misfit),
            "sources": sources_document(found.loaded.files),
        }

    def _budget(self, row: BudgetRow) -> dict[str, Any]:
        worth = {worth.kind: worth for worth in self.found.worths}.get(row.name)
        document = {**asdict(row), "share": row.share, "binds": row.binds}
        left = None if worth is None else worth.slack // self._unit(row.name)
        return {**document, "left": left, "tightest": [] if worth is None else list(worth.tightest)}

    def _space(self) -> dict[str, Any] | None:
        search = self.found.search
        if search is None:
            return None
        bound = search.bound
        document: dict[str, Any] = {"stopped": search.stopped.value, "bound": None, "left_out": [], "prices": {}}
        document["least_sram_bytes"] = self.found.least_sram_bytes
        if bound is None or not self.found.fits:
            return document
        prices = {name: {"step": worth["step"], "nats": worth["nats"]} for name, worth in self._prices(bound).items()}
        return {**document, "bound": bound.value, "left_out": list(bound.left_out), "prices": prices}


def _rise(bound: JointBound, name: str, step: int) -> float:
    """How much a step more of a budget can raise a bound at most, in nats."""
    raised: list[float] = [part.value + getattr(part.prices, name) * step for part in bound.parts]
    return max(raised) - bound.value


def _misfit(misfit: Misfit) -> dict[str, Any]:
    return {
        "reason": misfit.reason,
        "shortages": [asdict(shortage) for shortage in misfit.shortages],
        "totals": [asdict(total) for total in misfit.totals],
        "singles": [_relief(single) for single in misfit.singles],
        "joint": None if misfit.joint is None else _relief(misfit.joint),
        "weights": dict(misfit.weights),
    }


def _relief(relief: Relief) -> dict[str, Any]:
    return {
        "budgets": list(relief.names),
        "suffices": relief.suffices,
        "more": dict(relief.extra) if relief.suffices else None,
        "steps": relief.steps,
        "proven": relief.proven,
        "engines": list(relief.engines),
        "score": None if relief.refined is None else relief.refined.score,
        "with_addresses": dict(relief.with_addresses),
    }


def _score(relief: Relief) -> str:
    if relief.refined is not None and relief.refined.score is not None:
        return f"{relief.refined.score:.4f}"
    return f"none laid out; enough: {_amounts(relief.with_addresses)}"


def _amounts(amounts: Amounts) -> str:
    return ", ".join(f"{name} +{_spell(name, more)}" for name, more in amounts)


def _spell(name: str, value: int) -> str:
    return amount(value, "B" if name in MEMORIES else "")


def _engines(names: tuple[str, ...]) -> str:
    return ", ".join(TITLES.get(name, name) for name in names)

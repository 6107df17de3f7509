"""The report on a solved study: one text for people, one document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from rich.console import Console

from qeopt.design import Design
from qeopt.hardware.crossings import crossings
from qeopt.report.budgets import BudgetRow, budget_rows, estimates, mac_rate
from qeopt.report.cost import cost_text
from qeopt.report.counted import Counted, layers
from qeopt.report.judgement import judgement, judgement_document
from qeopt.report.tables import baseline_table, budget_table, layer_table, structure_table
from qeopt.report.words import TIED, amount, arena_size, bits_proof, evolution_words, left_out_words, space_proof, used_files
from qeopt.runs.cost import Cost
from qeopt.search import Stop
from qeopt.spec.load import SourceFile
from qeopt.verbs.bits_by_depth import DepthProfile
from qeopt.verbs.solve import Solution
from qeopt_solvers.explain import Worth

FORMAT = "qeopt.solution/1"


@dataclass(frozen=True)
class SolutionReport:
    """A design, counted again, and the files it came from."""

    design: Design
    sources: tuple[SourceFile, ...]
    interrupted: bool = False
    cost: Cost | None = None
    from_bound: float | None = None
    """The best score among the structures of the bound and those around; None where evolution had no such start."""
    worths: tuple[Worth, ...] = ()
    """What more of each budget would buy."""
    depth: tuple[DepthProfile, ...] = ()
    """Bits from front to back, beside those of a greedy rule."""

    @classmethod
    def of(cls, solution: Solution, design: Design, cost: Cost | None = None) -> SolutionReport:
        """The report on the design of a solution."""
        from_bound = solution.search.from_bound
        return cls(design, solution.loaded.files, solution.interrupted, cost, from_bound, solution.worths, solution.depth)

    @cached_property
    def counted(self) -> Counted:
        """The design, counted."""
        return Counted.of_design(self.design)

    @cached_property
    def budgets(self) -> tuple[BudgetRow, ...]:
        """Every quantity against its budget."""
        return budget_rows(self.counted, self.worths)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should not overlook."""
        found = [mac_rate(self.counted)]
        if self.design.stopped == Stop.TIME:
            found.append("stopped by the time limit: another run may end elsewhere")
        if self.interrupted:
            best = self.design.stopped == Stop.INTERRUPTED
            found.append("interrupted: this is the best design so far" if best else "interrupted before every baseline was found")
        return tuple(text for text in found if text is not None)

    def print(self, console: Console) -> None:
        """Say everything a person wants to know."""
        design = self.design
        console.print(f"{design.study_name}: a design for {self._where()}")
        for said in used_files(self.sources, design.provenance.overrides):
            console.print(said, soft_wrap=True)
        console.print()
        if design.structure:
            console.print(structure_table(design.structure), "")
        console.print(layer_table(self.counted, console), "")
        self._print_peak(console)
        console.print(budget_table(self.budgets), "")
        for text in estimates(self.counted):
            console.print(text, soft_wrap=True)
        console.print(f"score: {design.score:.4f} (search stopped: {design.stopped})")
        console.print(bits_proof(design.bits), soft_wrap=True)
        console.print(space_proof(design), soft_wrap=True)
        for text in (*left_out_words(design), *evolution_words(design, self.from_bound)):
            console.print(text, soft_wrap=True)
        for text in judgement(self.counted, design):
            console.print(text, soft_wrap=True)
        asked = () if self.interrupted else self.counted.study.search.baselines
        if asked or design.baselines or design.alternatives:
            console.print()
            console.print(baseline_table(design, asked))
        if "tied" in design.baselines:
            console.print(TIED, soft_wrap=True)
        if self.cost is not None:
            console.print(cost_text(self.cost), soft_wrap=True)

    def document(self) -> dict[str, Any]:
        """Everything as one JSON document; the study itself is in the design file."""
        design = self.design.model_dump(mode="json", exclude={"format", "study", "uses"})
        return {
            "format": FORMAT,
            "status": "interrupted" if self.interrupted else "solved",
            "reason": None,
            **design,
            "uses": {row.name: {**asdict(row), "share": row.share, "binds": row.binds} for row in self.budgets},
            "layers": [asdict(layer) for layer in layers(self.counted)],
            "sign_changes": [
                {"tensor": change.tensor.name, "before": change.op.name, "values": change.values}
                for change in crossings(self.counted.study.runtime, self.counted.network)
            ],
            "judgement": judgement_document(self.counted, self.design.score),
            "warnings": list(self.warnings),
            "sources": sources_document(self.sources),
        }

    def _where(self) -> str:
        study = self.counted.study
        device = "given budgets" if study.device is None else study.device.title or study.device.name
        return f"{device} with {study.runtime.title or study.runtime.name}"

    def _print_peak(self, console: Console) -> None:
        peak = self.design.peak
        held = [f"{name} {amount(size)}" for name, size in peak.tensors.items()]
        if peak.scratch:
            held.append(f"scratch {amount(peak.scratch)}")
        if peak.persistent:
            held.append(f"lasting {amount(peak.persistent)}")
        console.print(f"peak SRAM at {peak.step}: {', '.join(held)}", soft_wrap=True)
        console.print(arena_size(self.design.arena), soft_wrap=True)
        console.print()


def sources_document(sources: Sequence[SourceFile]) -> list[dict[str, str]]:
    """List files with what they were read for."""
    return [{"role": file.role, "name": file.path.stem, "path": str(file.path), "sha256": file.sha256} for file in sources]


def infeasible_document(solution: Solution) -> dict[str, Any]:
    """Say in JSON that there is no design, and why."""
    return {
        "format": FORMAT,
        "status": "interrupted" if solution.interrupted else "infeasible" if solution.search.excluded else "unknown",
        "reason": solution.reason or None,
        "study_name": solution.loaded.value.name,
        "score": None,
        "stopped": solution.search.stopped.value,
        "sources": sources_document(solution.loaded.files),
        "files": {},
    }

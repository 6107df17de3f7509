"""The searches of one study: the study's own, and the same under the terms of its baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qeopt.qbr import Deadline, Refiner
from qeopt.runs import Run
from qeopt.search import Progress, SearchResult, SearchSettings, Stop, Workers, explore
from qeopt.study import Study

STUDY = "study"
"""Name of the search for the study itself, beside those of its baselines."""


@dataclass(frozen=True)
class Searches:
    """What every search of a study ended with, by its name: "study", then the baselines."""

    results: Mapping[str, SearchResult]

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C ended one of them early."""
        return any(result.stopped is Stop.INTERRUPTED for result in self.results.values())

    @property
    def histories(self) -> dict[str, tuple[Progress, ...]]:
        """How every search went, round by round."""
        return {name: result.history for name, result in self.results.items()}


@dataclass(frozen=True)
class Searcher:
    """How the searches of one study are run."""

    study: Study
    workers: Workers
    report: Callable[[str, Progress], None] | None
    run: Run | None
    deadline: Deadline

    def explore(self, refiner: Refiner, name: str, settings: SearchSettings) -> SearchResult:
        """Search under the terms of `refiner`; `name` is that of the search."""
        report = self.report
        return explore(
            self.study.subject,
            self.study.task,
            refiner.scouting().until(self.deadline),
            settings,
            None if report is None else lambda progress: report(name, progress),
            workers=self.workers,
            journal=None if self.run is None else self.run.journal(name),
        )

    def search_all(self) -> Searches:
        """Run the search of the study, and the same under other terms; an interrupted search is the last."""
        study = self.study
        alone = study.search.model_copy(update={"alternatives": 0})
        found = self.explore(study.refiner, STUDY, study.search)
        results = {STUDY: found}
        for name in study.search.baselines if found.best is not None else ():
            if found.stopped is Stop.INTERRUPTED or self.deadline.is_past:
                break
            found = results[name] = self.explore(study.terms(name), name, alone)
        return Searches(results)

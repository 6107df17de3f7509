"""Solve a study. Read this first: every line is a room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from qeopt.check import Weight
from qeopt.check.fit import check_fit
from qeopt.design import Design
from qeopt.design.baselines import describe_baselines
from qeopt.design.build import describe, describe_alternatives
from qeopt.design.prove import in_best_order, prove
from qeopt.design.refuse import refuse_false_claims
from qeopt.qbr import Deadline
from qeopt.runs import Run, reopen_run, start_run
from qeopt.search import Progress, SearchResult, Stop, open_workers
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study
from qeopt.study.load import StudySource, load_study
from qeopt.verbs.bits_by_depth import DepthProfile, beside_greedy
from qeopt.verbs.marginal_values import worths
from qeopt.verbs.searches import STUDY, Searcher
from qeopt_solvers.explain import Worth

SETTLING_SECONDS, SETTLING_SHARE = 2.0, 0.2
"""Of the time allowed, what is left to proving and writing: so many seconds, or this share where that is less."""
GRACE = 1.0
"""Seconds after the time allowed in which the bits of the answer are proven, as far as that goes."""


@dataclass(frozen=True)
class Solution:
    """A design, or the reason why there is none."""

    loaded: Loaded[Study]
    design: Design | None
    reason: str
    search: SearchResult
    interrupted: bool = False
    """Ctrl-C ended it early: the design is the best so far, or what should stand beside it is missing."""
    histories: Mapping[str, tuple[Progress, ...]] = field(default_factory=dict)
    """How every search went, round by round, by its name ("study", then the baselines); a resumed run tells of all its rounds."""

    @cached_property
    def worths(self) -> tuple[Worth, ...]:
        """What more of each budget would buy the layers of the design; solved when first asked for; soon where the time is up."""
        if self.design is None:
            return ()
        refiner = self.loaded.value.refiner
        is_late = self.design.stopped == Stop.TIME
        return worths(refiner.until(Deadline.after(GRACE)) if is_late else refiner, self.design.network())

    @cached_property
    def depth(self) -> tuple[DepthProfile, ...]:
        """The bits of the design from front to back beside those of the paper's rule; solved when first asked for."""
        if self.design is None:
            return ()
        return beside_greedy(self.loaded.value.refiner, self.design.network(), self.design.bit_widths())


def solve(
    source: StudySource,
    *,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[str, Progress], None] | None = None,
    workers: int | str = 0,
    run_dir: Path | None = None,
    since: float | None = None,
) -> Solution:
    """Find the best design of a study, prove its bits and count everything again.

    Args:
        source: A study file, the name of a shipped one, a document or a study that was read before.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the name of the search ("study", "eight_bits", "tied") and its progress.
        workers: Who takes the islands of a search on: 0 for this process, N for a pool of processes, `auto` for one process an
            island as far as there are cores, `dask://HOST:PORT` for a cluster. They change nothing but time.
        run_dir: Folder in which every round is saved, so that `resume` can go on; what an earlier run saved there is forgotten.
        since: The moment, by `time.monotonic`, from which a time limit of the study counts; now unless given.

    Raises:
        SpecError: when the study is not sound.
        VerificationError: when two exact engines disagree, or the recount does.
        WorkersError: when the workers cannot be had.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    return _solve(loaded, None if run_dir is None else start_run(run_dir, loaded), workers, report, since)


def resume(
    run_dir: Path | str,
    *,
    report: Callable[[str, Progress], None] | None = None,
    workers: int | str = 0,
    since: float | None = None,
) -> Solution:
    """Go on with a run that was begun by `solve` in `run_dir`; it ends with the design that it would have found uninterrupted.

    A time limit counts anew, from `since`. Other arguments are those of `solve`.

    Raises:
        SpecError: when there is no run in the folder.
        ResumeError: when the study has changed since; the message says where.
        CheckpointError: when what was saved is damaged.
        VerificationError, WorkersError: as `solve`.
    """
    run, loaded = reopen_run(Path(run_dir))
    return _solve(loaded, run, workers, report, since)


def _solve(
    loaded: Loaded[Study],
    run: Run | None,
    workers: int | str,
    report: Callable[[str, Progress], None] | None,
    since: float | None,
) -> Solution:
    study = loaded.value
    allowed = study.search.time_limit_seconds
    deadline = Deadline.after(None if allowed is None else allowed - min(SETTLING_SECONDS, SETTLING_SHARE * allowed), since)
    with open_workers(workers, study.search.islands, allowed) as crew:
        found = Searcher(study, crew, report, run, deadline).search_all()
    best, histories = found.results[STUDY], found.histories
    if run is not None and any(histories.values()):
        run.write_history(histories)
    if best.best is None:
        return Solution(loaded, None, _why_nothing(loaded, best), best, found.is_interrupted, histories)
    prover = study.refiner.until(deadline.extended(GRACE))
    proofs = in_best_order(study, prover, prove(prover, best.best.refined))
    baselines, no_baselines = describe_baselines(study, found.results)
    alternatives = describe_alternatives(study, prover, best.alternatives)
    design = describe(
        loaded,
        best.best.structure,
        proofs,
        stopped=best.stopped,
        bound=best.bound,
        baselines=baselines,
        no_baselines=no_baselines,
        alternatives=alternatives,
    )
    refuse_false_claims(design, study)
    return Solution(loaded, design, "", best, found.is_interrupted, histories)


def _why_nothing(loaded: Loaded[Study], search: SearchResult) -> str:
    """What every structure needs beyond the budgets, and the smallest change; what the search says where nothing is proven."""
    if not search.excluded or loaded.value.open_space is None:
        return search.reason
    found = check_fit(loaded.value, Library(loaded.paths))
    proven = any(finding.weight is Weight.ERROR for finding in found)
    return "; ".join(finding.text for finding in found) if proven else search.reason

"""Solve a study. Read this first: every line is a room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qeopt.design import Baseline, Design, NoBaseline, VerificationError
from qeopt.design.build import describe, describe_alternative, describe_baseline, describe_certificate
from qeopt.design.refuse import refuse_false_claims
from qeopt.memory.order import lower_order
from qeopt.qbr import PROVER, Deadline, Refined, Refiner
from qeopt.relaxation.cells.left_out import left_out
from qeopt.runs import Run, reopen_run, start_run
from qeopt.search import Progress, SearchResult, SearchSettings, Stop, Workers, explore, open_workers
from qeopt.spec.document import Document
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt_solvers import Status

STUDY = "study"
"""Name of the search for the study itself, beside those of its baselines."""
ORDERS = 4
"""Times that operators are put into an order which needs less at the bits chosen, and bits are chosen again."""

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


@dataclass(frozen=True)
class _Searcher:
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


def solve(
    source: str | Path | Document,
    *,
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[str, Progress], None] | None = None,
    workers: int | str = 0,
    run_dir: Path | None = None,
) -> Solution:
    """Find the best design of a study, prove its bits and count everything again.

    Args:
        source: A study file, the name of a shipped one, or a document that was read before.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the name of the search ("study", "eight_bits", "tied") and its progress.
        workers: Who takes the islands of a search on: 0 for this process, N for a pool of processes, `auto` for one process an
            island as far as there are cores, `dask://HOST:PORT` for a cluster. They change nothing but time.
        run_dir: Folder in which every round is saved, so that `resume` can go on; what an earlier run saved there is forgotten.

    Raises:
        SpecError: when the study is not sound.
        VerificationError: when two exact engines disagree, or the recount does.
        WorkersError: when the workers cannot be had.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    run = None if run_dir is None else start_run(run_dir, loaded, overrides, library)
    return _solve(loaded, tuple(overrides), run, workers, report)


def resume(run_dir: Path, *, report: Callable[[str, Progress], None] | None = None, workers: int | str = 0) -> Solution:
    """Go on with a run that was begun by `solve` in `run_dir`; it ends with the design that it would have found uninterrupted.

    Raises:
        SpecError: when there is no run in the folder.
        ResumeError: when the study has changed since; the message says where.
        CheckpointError: when what was saved is damaged.
        VerificationError, WorkersError: as `solve`.
    """
    run, loaded = reopen_run(run_dir)
    return _solve(loaded, run.request.overrides, run, workers, report)


def _solve(
    loaded: Loaded[Study],
    overrides: tuple[str, ...],
    run: Run | None,
    workers: int | str,
    report: Callable[[str, Progress], None] | None,
) -> Solution:
    study = loaded.value
    deadline = Deadline.after(study.search.time_limit_seconds)
    with open_workers(workers, study.search.islands) as crew:
        results = _search_all(_Searcher(study, crew, report, run, deadline))
    found = results[STUDY]
    interrupted = any(result.stopped is Stop.INTERRUPTED for result in results.values())
    histories = {name: result.history for name, result in results.items()}
    if run is not None and any(histories.values()):
        run.write_history(histories)
    if found.best is None:
        return Solution(loaded, None, found.reason, found, interrupted, histories)
    baselines, no_baselines = _baselines(study, results)
    prover = study.refiner.until(deadline.extended(GRACE))
    design = describe(
        loaded,
        found.best.structure,
        _in_best_order(study, prover, prove(prover, found.best.refined)),
        stopped=found.stopped,
        overrides=overrides,
        bound=found.bound,
        baselines=baselines,
        no_baselines=no_baselines,
        alternatives=tuple(
            describe_alternative(study, other.design.structure, prove(prover, other.design.refined), other.distance)
            for other in found.alternatives
        ),
    )
    refuse_false_claims(design, study)
    return Solution(loaded, design, "", found, interrupted, histories)


def prove(refiner: Refiner, scouted: Refined) -> tuple[Refined, ...]:
    """Assign the final bits with the study's engine and prove them with CP-SAT; the answer comes first, every proof is kept.

    Raises:
        VerificationError: when two engines claim a proof and disagree.
    """
    engines = dict.fromkeys((refiner.settings.engine, PROVER))
    found = [scouted if scouted.engine == engine else refiner.refine(scouted.network, engine, scouted.bits) for engine in engines]
    proofs = [*found, *([scouted] if scouted not in found else [])]
    values = {proof.outcome.value for proof in proofs if proof.status is Status.OPTIMAL and proof.outcome is not None}
    if len(values) > 1 or any(proof.status is Status.INFEASIBLE for proof in proofs):
        raise VerificationError(
            f"engines disagree on {scouted.network.name!r}: " + ", ".join(f"{p.engine} {p.status}" for p in proofs)
        )
    return tuple(sorted(proofs, key=lambda proof: proof.bits is None))


def _in_best_order(study: Study, refiner: Refiner, proofs: tuple[Refined, ...]) -> tuple[Refined, ...]:
    """Where the study is of one network, run its operators in an order that needs less at the bits chosen, and choose bits again.

    The order of a space is part of what its bound counts, and stays; so does that of a file that a runtime takes as it is.
    """
    for _ in range(ORDERS if study.subject.size == 1 and study.runtime.reorders else 0):
        chosen = proofs[0]
        network = None if chosen.bits is None else lower_order(chosen.network, study.runtime, chosen.bits)
        if network is None or refiner.deadline.is_past:
            break
        again = refiner.refine(network, chosen.engine, chosen.bits)
        if again.score is None or chosen.score is None or again.score < chosen.score:
            break
        proofs = prove(refiner, again)
    return proofs


def _search_all(searcher: _Searcher) -> dict[str, SearchResult]:
    """Run the search of the study, and the same under other terms; an interrupted search is the last."""
    study = searcher.study
    alone = study.search.model_copy(update={"alternatives": 0})
    found = searcher.explore(study.refiner, STUDY, study.search)
    results = {STUDY: found}
    for name in study.search.baselines if found.best is not None else ():
        if found.stopped is Stop.INTERRUPTED or searcher.deadline.is_past:
            break
        found = results[name] = searcher.explore(study.terms(name), name, alone)
    return results


def _baselines(study: Study, results: Mapping[str, SearchResult]) -> tuple[dict[str, Baseline], dict[str, NoBaseline]]:
    """Describe what was found under narrower terms, and why nothing was where that is so."""
    found: dict[str, Baseline] = {}
    none: dict[str, NoBaseline] = {}
    for name in study.search.baselines:
        result = results.get(name)
        if result is None and all(other.stopped is not Stop.INTERRUPTED for other in results.values()):
            none[name] = NoBaseline(reason="out of time")
        elif result is None or result.stopped is Stop.INTERRUPTED:
            none[name] = NoBaseline(reason="interrupted")
        elif result.best is None:
            none[name] = _no_baseline(study, study.terms(name), result)
        else:
            found[name] = describe_baseline(study, result.best.structure, result.best.refined)
    return found, none


def _no_baseline(study: Study, terms: Refiner, result: SearchResult) -> NoBaseline:
    """Why a search that ended by itself found nothing: a proof that there is nothing, or no more than that."""
    if result.none_fits:
        return NoBaseline(reason="none fits", certificate=describe_certificate(result.none_fits, left_out(terms)))
    if result.stopped is not Stop.SINGLE:
        return NoBaseline(reason="none found")
    network = study.subject.expand(study.subject.smallest(), study.task, study.name)
    is_proven = terms.refine(network, PROVER).status is Status.INFEASIBLE
    return NoBaseline(reason="none fits" if is_proven else "none found")

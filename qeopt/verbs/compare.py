"""Compare greedy rules with exact engines: on the network of a study, or on structures drawn from its space."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from qeopt.design import VerificationError
from qeopt.infeasibility.network import fixed_totals, overuse
from qeopt.network import Network
from qeopt.qbr import PROVER, Refined
from qeopt.sampling.draws import Sampler
from qeopt.space import Structure
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.study import Study
from qeopt.study.load import StudySource, load_study
from qeopt_solvers import Status, table

ENGINES = ("ratio", "paper", "rusci", "chain", "milp", PROVER)
"""Engines compared unless others are named; those that are not in the table are left out."""
SAMPLES = 100
TOLERANCE_NATS = 1e-6
"""Scores are sums of floats; gains are integers of this unit."""


@dataclass(frozen=True)
class Answer:
    """What one engine made of one structure."""

    engine: str
    refined: Refined
    gap: float | None
    """(exact - score) / |exact|; None without bits, or where no engine proved anything."""
    seconds: float
    """Compiling and recounting included."""


@dataclass(frozen=True)
class Instance:
    """One structure, and what every engine made of it."""

    structure: Structure
    exact: float | None
    """The proven best score."""
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Comparison:
    """Every engine on every structure."""

    loaded: Loaded[Study]
    engines: tuple[str, ...]
    instances: tuple[Instance, ...]
    asked: int
    """Structures that were asked for."""
    seed: int
    rejected: dict[str, int]
    """Draws that were thrown away, by reason; empty for a fixed network."""
    interrupted: bool = False


def compare(
    source: StudySource,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    engines: Sequence[str] = (),
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Have several engines assign bits to the same structures. Ctrl-C ends it with those done so far.

    Args:
        source: A study file, the name of a shipped one, or a study that was read before.
        samples: How many structures to draw where the study has a space; one network is compared where it has that.
        seed: Of the draws.
        engines: Names; by default the greedy rules and every exact engine for problems of this size.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the number of structures done and asked for.

    Raises:
        SpecError: when the study is not sound, or no structure of it is a question.
        EngineError: when an engine is unknown.
        VerificationError: when a rule beats a proof, or two proofs disagree.
    """
    loaded = load_study(source, overrides=overrides, library=library)
    study = loaded.value
    names = tuple(engines) or tuple(name for name in ENGINES if name in table.names())
    for name in names:
        table.load(name)
    if study.space is None:
        _refuse_overuse(study)
    sampler = None if study.space is None else Sampler(study.space, study.task, study.refiner, seed)
    asked = 1 if sampler is None else samples
    done: list[Instance] = []
    interrupted = False
    try:
        for structure in _structures(study, sampler, asked):
            done.append(_instance(study, structure, names))
            if report is not None:
                report(len(done), asked)
    except KeyboardInterrupt:
        interrupted = True
    if sampler is not None and not done and not interrupted:
        raise SpecError.at(None, _nothing(sampler))
    rejected = {} if sampler is None else asdict(sampler.rejected)
    return Comparison(loaded, names, tuple(done), asked, seed, rejected, interrupted)


def _refuse_overuse(study: Study) -> None:
    """Raise a `SpecError` where the network needs more than a budget that no bits change: none of them is an answer."""
    network = study.subject.expand(study.subject.smallest(), study.task, study.subject.name)
    totals = fixed_totals(study.refiner, network)
    if totals:
        raise SpecError.at(None, f"{overuse(totals)}, whatever the bits; `qeopt explain` says more")


def _structures(study: Study, sampler: Sampler | None, asked: int) -> Iterator[Structure]:
    return iter((study.subject.smallest(),)) if sampler is None else sampler.draw(asked)


def _nothing(sampler: Sampler) -> str:
    counted = ", ".join(f"{name.replace('_', ' ')}: {number:,}" for name, number in asdict(sampler.rejected).items())
    return f"no structure was drawn that fits at some bits but not at 8 bits everywhere ({counted})"


def _instance(study: Study, structure: Structure, engines: Sequence[str]) -> Instance:
    network = study.subject.expand(structure, study.task, study.subject.name)
    timed = {engine: _timed(study, network, engine) for engine in engines}
    proofs = {
        engine: found.score for engine, (found, _) in timed.items() if found.status is Status.OPTIMAL and found.score is not None
    }
    exact = max(proofs.values(), default=None)
    if exact is not None:
        _agree(network, exact, {engine: found.score for engine, (found, _) in timed.items()}, proofs)
    answers = (Answer(engine, found, _gap(exact, found.score), seconds) for engine, (found, seconds) in timed.items())
    return Instance(structure, exact, tuple(answers))


def _timed(study: Study, network: Network, engine: str) -> tuple[Refined, float]:
    start = time.perf_counter()
    return study.refiner.refine(network, engine), time.perf_counter() - start


def _agree(network: Network, exact: float, scores: dict[str, float | None], proofs: dict[str, float]) -> None:
    """Stop where an answer beats a proof: then the proof is wrong, or the recount is."""
    for prover, proven in proofs.items():
        for engine, score in scores.items():
            if score is not None and score > proven + TOLERANCE_NATS * len(network.tensors):
                raise VerificationError(
                    f"{engine} scores {score} on {network.name!r}, above the {proven} that {prover} proves to be the most"
                )


def _gap(exact: float | None, score: float | None) -> float | None:
    if exact is None or score is None:
        return None
    return (exact - score) / max(abs(exact), 1e-12)

"""Draw designs of a study, to be trained: structures drawn from its space, bits for each by one or several rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Literal, get_args

from qeopt.design import DRAWN, Design, VerificationError
from qeopt.design.build import describe
from qeopt.design.prove import prove
from qeopt.design.recount import recount
from qeopt.qbr import Refined
from qeopt.sampling.bits import EXACT, RANDOM, bits_by, check_rules
from qeopt.sampling.draws import Sampler
from qeopt.sampling.spread import spread
from qeopt.space import Structure
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded
from qeopt.statistics.features import features
from qeopt.study import Study
from qeopt.study.load import StudySource, load_study

SAMPLES = 100
MOST = 10_000
POOL = 10
"""Structures drawn for each one that is kept where they are spread over a quantity."""

Spread = Literal["uniform", "depth", "score"]
SPREADS: tuple[str, ...] = get_args(Spread)


@dataclass(frozen=True)
class Sample:
    """One design that was drawn."""

    name: str
    """Of its file: the number of its structure and the rule of its bits."""
    structure: str
    """The number of its structure; designs of one structure share it."""
    rule: str
    design: Design
    features: dict[str, float]


@dataclass(frozen=True)
class Sampling:
    """Designs that were drawn."""

    loaded: Loaded[Study]
    samples: tuple[Sample, ...]
    asked: int
    """Structures asked for; of a fixed network, random bits."""
    seed: int
    spread: str
    rules: tuple[str, ...]
    rejected: dict[str, int]
    """Draws that were thrown away, by reason; empty for a fixed network."""
    interrupted: bool = False


def sample(
    source: StudySource,
    *,
    count: int = SAMPLES,
    seed: int = 0,
    spread_over: str = "uniform",
    rules: Sequence[str] = (EXACT,),
    overrides: Sequence[str] = (),
    library: Library | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Sampling:
    """Draw designs of a study. Ctrl-C ends it with those done so far.

    Structures are drawn uniformly among all that some bits fit, those that fit at 8 bits included. To spread them over depth or
    score, ten times as many are drawn and as even a choice of these is kept. The same seed draws the same structures whatever the
    rules, so that designs of different rules can be compared in pairs. A network without structural choices gets `count` random
    bits, and the others once.

    Args:
        source: A study file, the name of a shipped one, or a study that was read before.
        count: How many structures to draw.
        seed: Of the draws.
        spread_over: "uniform", "depth" or "score".
        rules: How bits are found; see `qeopt.sampling.bits.RULES`.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.
        report: Called with the number of structures done and asked for.

    Raises:
        SpecError: when the study is not sound, nothing of it fits, or an argument is none of those known.
        VerificationError: when two engines disagree, or a recount does.
    """
    names = tuple(dict.fromkeys(rules))
    check_rules(names)
    loaded = load_study(source, overrides=overrides, library=library)
    study = loaded.value
    sampler = None if study.open_space is None else Sampler(study.open_space, study.task, study.refiner, seed, any_that_fit=True)
    done: list[Sample] = []
    interrupted = False
    try:
        for number, (structure, wanted) in enumerate(_wanted(study, sampler, count, spread_over, names, report), start=1):
            done += _samples(loaded, structure, wanted, number, seed, of_space=sampler is not None)
            if report is not None:
                report(number, count)
    except KeyboardInterrupt:
        interrupted = True
    if not done and not interrupted:
        raise SpecError.at(None, "nothing was drawn: no structure of the study fits at any bits; `qeopt explain` says why")
    rejected = {} if sampler is None else asdict(sampler.rejected)
    return Sampling(loaded, tuple(done), count, seed, spread_over, names, rejected, interrupted)


def _wanted(
    study: Study,
    sampler: Sampler | None,
    count: int,
    spread_over: str,
    rules: tuple[str, ...],
    report: Callable[[int, int], None] | None,
) -> Iterator[tuple[Structure, tuple[str, ...]]]:
    """Structures, each with the rules by which its bits are found."""
    if sampler is None:
        only = study.subject.smallest()
        once = tuple(rule for rule in rules if rule != RANDOM)
        yield from ([(only, once)] if once else [])
        yield from ((only, (RANDOM,)) for _ in range(count if RANDOM in rules else 0))
        return
    if spread_over == "uniform":
        yield from ((structure, rules) for structure in sampler.draw(count))
        return
    pool = []
    for structure in islice(sampler.draw(POOL * count), POOL * count):
        pool.append(structure)
        if report is not None and len(pool) % POOL == 0:
            report(0, count)
    by = [_depth(study, one) if spread_over == "depth" else _score(study, one) for one in pool]
    yield from ((pool[place], rules) for place in (spread(by, count) if pool else ()))


def _depth(study: Study, structure: Structure) -> float:
    return float(study.subject.expand(structure, study.task).layers)


def _score(study: Study, structure: Structure) -> float:
    return study.refiner.scouting().refine(study.subject.expand(structure, study.task)).score or 0.0


def _samples(
    loaded: Loaded[Study], structure: Structure, rules: tuple[str, ...], number: int, seed: int, *, of_space: bool
) -> Iterator[Sample]:
    """The designs of one structure; every one carries the proven best bits of its structure as a certificate."""
    study = loaded.value
    network = study.subject.expand(structure, study.task, study.subject.name)
    scouted = study.refiner.scouting().refine(network)
    if scouted.bits is None:
        return
    best = prove(study.refiner, scouted)
    for rule in rules:
        found = best[0] if rule == EXACT else bits_by(rule, study.refiner, network, seed + number)
        if found is not None:
            yield _sample(loaded, structure, best if rule == EXACT else (found, *best), number, rule, of_space=of_space)


def _sample(
    loaded: Loaded[Study], structure: Structure, proofs: tuple[Refined, ...], number: int, rule: str, *, of_space: bool
) -> Sample:
    study, refined = loaded.value, proofs[0]
    if refined.bits is None or refined.resources is None:
        raise ValueError("a sample needs bits")
    design = describe(loaded, structure, proofs, stopped=DRAWN)
    disagreements = recount(design)
    if disagreements:
        raise VerificationError(f"the recount disagrees with design {number} ({rule}): " + "; ".join(disagreements))
    row = features(study, refined.network, refined.bits, refined.resources)
    return Sample(f"{number:04}-{rule}", f"{number if of_space else 1:04}", rule, design, row)

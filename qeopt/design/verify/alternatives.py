"""What a design file says of the designs beside the answer, and of those that were asked for and are not there."""

from __future__ import annotations

from collections.abc import Iterator

from qeopt.design.model import DRAWN, Design, NoBaseline
from qeopt.design.verify.consistency import same
from qeopt.design.verify.space import certificate_faults, evaluated
from qeopt.qbr import PROVER
from qeopt.relaxation.bound.feasibility import EXCLUDED, worthless
from qeopt.search.alternatives import distance
from qeopt.space import Space, Structure
from qeopt.study import Study
from qeopt_solvers import Status


def other_faults(design: Design, study: Study) -> list[str]:
    """What does not hold of baselines and alternatives, beside their costs, score and bits."""
    return [*_baselines(design, study), *_alternatives(design, study)]


def remarks(design: Design, study: Study) -> tuple[str, ...]:
    """What a reader should know of the designs beside the answer, though no claim is broken."""
    asked, has = study.search.alternatives, len(design.alternatives)
    found = [] if study.open_space is None or has >= asked else [f"alternatives: {has} of the {asked} asked for"]
    for name, baseline in design.baselines.items():
        if baseline.score > design.score and not same(baseline.score, design.score):
            found.append(f"baseline {name}: scores more than the design, under narrower terms: the search ended too early")
    return tuple(found)


def _baselines(design: Design, study: Study) -> Iterator[str]:
    asked: tuple[str, ...] = () if design.stopped == DRAWN else study.search.baselines
    has, lacks = design.baselines, design.no_baselines
    for name in asked:
        if name in has and name in lacks:
            yield f"baseline {name}: there is one, and it is said that there is none"
        if name not in has and name not in lacks:
            yield f"baseline {name}: the study asks for it, and nothing is said of it"
    for name in dict.fromkeys([*has, *lacks]):
        if name not in asked:
            yield f"baseline {name}: the study does not ask for it"
    for name, reason in lacks.items():
        if name in asked:
            yield from _absence(design, study, name, reason)


def _absence(design: Design, study: Study, name: str, said: NoBaseline) -> Iterator[str]:
    """Whether a proof that nothing fits under narrower terms holds."""
    if (said.certificate is not None) != (said.reason == "none fits" and study.open_space is not None):
        yield f"baseline {name}: a certificate proves that none fits in a space, and nothing else"
        return
    if said.reason != "none fits":
        return
    terms = study.terms(name)
    if study.open_space is None or said.certificate is None:
        structure = study.subject.smallest()
        if terms.refine(study.subject.expand(structure, study.task, study.name), PROVER).status is not Status.INFEASIBLE:
            yield f"baseline {name}: said that no bits fit, but {PROVER} does not prove that"
        return
    yield from certificate_faults(f"baseline {name}", said.certificate, study.open_space, terms)
    proven = evaluated(said.certificate, study.open_space, study, worthless(terms))
    if proven is not None and proven >= EXCLUDED:
        yield f"baseline {name}: said that none fits, but the certificate does not prove that"


def _alternatives(design: Design, study: Study) -> Iterator[str]:
    asked = study.search.alternatives
    if len(design.alternatives) > asked:
        yield f"alternatives: there are {len(design.alternatives)}, the study asks for {asked}"
    floor = design.score - study.search.alternatives_within * abs(design.score)
    best = _structure(study, design.structure)
    seen = [best]
    for number, other in enumerate(design.alternatives, start=1):
        structure = _structure(study, other.structure)
        if structure is None or study.open_space is None:
            continue  # told where structures are checked
        if structure in seen:
            yield f"alternative {number}: its structure is in the file before"
        seen.append(structure)
        if other.score > design.score and not same(other.score, design.score):
            yield f"alternative {number}: scores {other.score}, more than the design"
        if other.score < floor and not same(other.score, floor):
            yield f"alternative {number}: scores {other.score}, less than the {floor} that the study asks for"
        yield from _distance(study.open_space, best, structure, number, other.distance)


def _distance(space: Space, best: Structure | None, structure: Structure, number: int, said: float) -> Iterator[str]:
    expected = None if best is None else distance(space, best, structure)
    if expected is not None and not same(said, expected):
        yield f"alternative {number}: the design says that its distance is {said}, its structure {expected}"


def _structure(study: Study, named: object) -> Structure | None:
    try:
        return study.subject.structure(named)  # type: ignore[arg-type]
    except ValueError:
        return None

"""Ways to search one study. Each reports (structures looked at, best score with exact bits or with the bits it has) as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, SeedSequence

from qeopt.memory import count
from qeopt.network import Bits, Network
from qeopt.qbr import Refiner
from qeopt.qbr.decisions import Decisions, decide
from qeopt.score import evaluate
from qeopt.search import SearchSettings, explore
from qeopt.search.breeding import FIRST_WALK, Breeder
from qeopt.search.codes import encode
from qeopt.search.island import Island, Terms, evaluated
from qeopt.space import Structure
from qeopt.study import Study

Report = Callable[[int, float | None], bool]
"""Told structures and best score so far; True when time is up."""


class TimeIsUpError(Exception):
    pass


def terms_of(study: Study, seed: int, *, tied: bool, **changes: object) -> Terms:
    if study.space is None:
        raise SystemExit("a study of a space is needed")
    refiner = study.refiner.tied() if tied else study.refiner
    settings = study.search.model_copy(update={"seed": seed, **changes})
    return Terms(study.space, study.task, refiner.scouting(), settings)


def through_qeopt(study: Study, seed: int, report: Report, *, tied: bool, strategy: str) -> None:
    endless = {"evaluations": 10_000_000} if strategy == "evolution" else {}
    terms = terms_of(study, seed, tied=tied, strategy=strategy, **endless)
    settings: SearchSettings = terms.settings

    def told(evaluations: int, score: float | None) -> None:
        if report(evaluations, score):
            raise TimeIsUpError

    try:
        result = explore(
            terms.space, terms.task, terms.refiner, settings, lambda progress: told(progress.evaluations, progress.best_score)
        )
    except TimeIsUpError:
        return
    report(result.history[-1].evaluations, result.best.score if result.best else None)


def random_search(study: Study, seed: int, report: Report, *, tied: bool) -> None:
    """Random walks from the smallest structure, as evolution's first generation; exact bits for all that could be the best."""
    terms = terms_of(study, seed, tied=tied)
    breeder, rater = Breeder(terms.space, terms.settings), terms.rater()
    nobody = rater.genome.read([])
    island, number = Island(0), 0
    seen: set[int] = set()
    while not report(island.evaluations, island.best.score if island.best else None):
        fresh, codes = breeder.children(nobody, seen, (number, 0), terms.settings.children)
        seen.update(codes)
        island, number = evaluated(terms, rater, island, fresh), number + 1


@dataclass(frozen=True)
class Individual:
    structure: Structure
    widths: dict[str, int]
    score: float


def random_bits(study: Study, seed: int, report: Report, *, tied: bool) -> None:
    """Evolution as in qeopt, but bits are genes: a child keeps its parent's and has a few drawn anew (the authors do so)."""
    terms = terms_of(study, seed, tied=tied)
    settings = terms.settings
    breeder = Breeder(terms.space, settings)
    smallest = terms.space.smallest()
    population: list[Individual] = []
    seen: set[tuple[object, ...]] = set()
    best, looked_at, generation = None, 0, 0
    while not report(looked_at, best):
        for index in range(settings.children):
            rng = np.random.default_rng(SeedSequence([seed, generation, index]))
            parent = _parent(population, rng)
            if parent is None:
                structure = _moved(breeder, smallest, int(rng.integers(1, FIRST_WALK + 1)), rng)
            else:
                structure = _moved(breeder, parent.structure, settings.moves_per_child if rng.random() < 0.7 else 0, rng)
            child = _with_bits(terms, structure, parent.widths if parent else {}, rng)
            if child is None or (encode(terms.space, structure), *child.widths.values()) in seen:
                continue
            seen.add((encode(terms.space, structure), *child.widths.values()))
            looked_at += 1
            if np.isfinite(child.score):
                population.append(child)
                best = child.score if best is None else max(best, child.score)
        population = sorted(population, key=lambda one: -one.score)[: settings.population]
        generation += 1


def _moved(breeder: Breeder, start: Structure, moves: int, rng: Generator) -> Structure:
    genome = breeder.genome
    return genome.structures(breeder.moved(genome.read([start]), np.array([moves]), rng))[0]


def _parent(population: list[Individual], rng: Generator) -> Individual | None:
    return population[int(rng.integers(len(population), size=2).min())] if population else None


def _with_bits(terms: Terms, structure: Structure, inherited: dict[str, int], rng: Generator) -> Individual | None:
    """Keep the bits of tensors that the parent has, give new ones the fewest, and draw up to three anew."""
    if not terms.space.follows_rules(structure):
        return None
    network = terms.space.expand(structure, terms.task)
    decisions = decide(network, terms.refiner.runtime, terms.refiner.choices)
    if not isinstance(decisions, Decisions):
        return None
    widths = {domain.name: inherited.get(domain.name, min(domain.widths)) for domain in decisions.domains}
    redrawn = rng.choice(len(decisions.domains), size=int(rng.integers(4)), replace=False)
    for index in redrawn:
        domain = decisions.domains[index]
        widths[domain.name] = int(rng.choice(domain.widths))
    labels = [widths[domain.name] if widths[domain.name] in domain.widths else min(domain.widths) for domain in decisions.domains]
    bits = decisions.bits(network, labels)
    return Individual(structure, widths, _score(terms.refiner, network, bits))


def _score(refiner: Refiner, network: Network, bits: Bits) -> float:
    resources = count(network, refiner.runtime, bits)
    fits = all(use.fits for use in refiner.limits.uses(resources))
    return evaluate(refiner.objective, network, bits) if fits else -np.inf


def pymoo(study: Study, seed: int, report: Report, *, tied: bool) -> None:
    """pymoo's genetic algorithm with qeopt's evaluator, random structures, moves and crossovers."""
    from rivals import run_pymoo  # noqa: PLC0415  # pymoo is no dependency of qeopt

    run_pymoo(terms_of(study, seed, tied=tied), report)

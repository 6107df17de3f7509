"""The genetic algorithm of pymoo on the same structures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import ElementwiseDuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling
from pymoo.optimize import minimize

from qeopt.search.breeding import Breeder
from qeopt.search.island import Island, Terms, evaluated

WORST = 1e9


class StructureProblem(Problem):
    """Minimise minus the value that ranks structures in qeopt; keep the best with exact bits."""

    def __init__(self, terms: Terms, report: Callable[[int, float | None], bool]) -> None:
        super().__init__(n_var=1, n_obj=1, vtype=object)
        self.terms, self.report = terms, report
        self.rater = terms.rater()
        self.record, self.is_over = Island(0), False

    def _evaluate(self, x: Any, out: Any, *_: Any, **__: Any) -> None:
        structures = [row[0] for row in x]
        places = self.rater.genome.read(structures)
        self.record = evaluated(self.terms, self.rater, replace(self.record, population=()), places)
        values = {candidate.structure: candidate.value for candidate in self.record.population}
        out["F"] = np.array([[-values[one]] if one in values else [WORST] for one in structures])
        self.is_over = self.report(self.record.evaluations, self.record.best.score if self.record.best else None)


class Walks(Sampling):
    def _do(self, problem: Any, n_samples: int, **_: Any) -> Any:
        breeder = Breeder(problem.terms.space, problem.terms.settings)
        places, _ = breeder.children(breeder.genome.read([]), frozenset(), (0, 0), n_samples)
        return np.array([[one] for one in breeder.genome.structures(places)], dtype=object)


class Moves(Mutation):
    def __init__(self, seed: int) -> None:
        super().__init__(prob=1.0)
        self.rng = np.random.default_rng([seed, 1])

    def _do(self, problem: Any, x: Any, **_: Any) -> Any:
        breeder = Breeder(problem.terms.space, problem.terms.settings)
        genome = breeder.genome
        before = genome.read([row[0] for row in x])
        moved = breeder.moved(before, np.full(len(before), problem.terms.settings.moves_per_child), self.rng)
        x[:, 0] = genome.structures(np.where(genome.follow_rules(moved)[:, None], moved, before))
        return x


class Crossings(Crossover):
    def __init__(self, seed: int, share: float) -> None:
        super().__init__(n_parents=2, n_offsprings=1, prob=share)
        self.rng = np.random.default_rng([seed, 2])

    def _do(self, problem: Any, x: Any, **_: Any) -> Any:
        breeder = Breeder(problem.terms.space, problem.terms.settings)
        first, second = (breeder.genome.read(list(side[:, 0])) for side in x)
        found = np.empty((1, x.shape[1], 1), dtype=object)
        found[0, :, 0] = breeder.genome.structures(breeder.crossed(first, second, self.rng))
        return found


class SameStructure(ElementwiseDuplicateElimination):
    def is_equal(self, a: Any, b: Any) -> bool:
        return bool(a.X[0] == b.X[0])


def run_pymoo(terms: Terms, report: Callable[[int, float | None], bool]) -> None:
    settings = terms.settings
    problem = StructureProblem(terms, report)
    algorithm = GA(
        pop_size=settings.population,
        n_offsprings=settings.children,
        sampling=Walks(),
        crossover=Crossings(settings.seed, settings.crossed),
        mutation=Moves(settings.seed),
        eliminate_duplicates=SameStructure(),
    )
    algorithm.termination.force_termination = False
    minimize(problem, algorithm, ("n_gen", 10**9), seed=settings.seed, callback=_Stopper(problem), verbose=False)


class _Stopper:
    def __init__(self, problem: StructureProblem) -> None:
        self.problem = problem
        self.data: dict[str, Any] = {}

    def __call__(self, algorithm: Any) -> None:
        if self.problem.is_over:
            algorithm.termination.force_termination = True
            algorithm.termination.terminate()

"""The genetic algorithm of pymoo on the same structures."""

from __future__ import annotations

from typing import Any

import numpy as np
from methods import Report, look_at
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import ElementwiseDuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling
from pymoo.optimize import minimize

from qeopt.search.breeding import Breeder
from qeopt.search.crossovers import CROSSOVERS
from qeopt.search.island import Island, Terms
from qeopt.search.relax import Relaxer

WORST = 1e9


class StructureProblem(Problem):
    """Minimise minus the relaxed value, the same that ranks structures in qeopt; keep the best with exact bits."""

    def __init__(self, terms: Terms, report: Report) -> None:
        super().__init__(n_var=1, n_obj=1, vtype=object)
        self.terms, self.report = terms, report
        self.relaxer = Relaxer(terms.space, terms.task, terms.refiner)
        self.record, self.is_over = Island(0), False

    def _evaluate(self, x: Any, out: Any, *_: Any, **__: Any) -> None:
        structures = [row[0] for row in x]
        self.record, relaxed = look_at(self.terms, self.relaxer, self.record, structures)
        out["F"] = np.array([[-relaxed[one]] if one in relaxed else [WORST] for one in structures])
        self.is_over = self.report(self.record.evaluations, self.record.best.score if self.record.best else None)


class Walks(Sampling):
    def _do(self, problem: Any, n_samples: int, **_: Any) -> Any:
        breeder = Breeder(problem.terms.space, problem.terms.settings)
        return np.array([[one] for one in breeder.children([], frozenset(), (0, 0), n_samples)], dtype=object)


class Moves(Mutation):
    def __init__(self, seed: int) -> None:
        super().__init__(prob=1.0)
        self.rng = np.random.default_rng([seed, 1])

    def _do(self, problem: Any, x: Any, **_: Any) -> Any:
        space, settings = problem.terms.space, problem.terms.settings
        breeder = Breeder(space, settings)
        for row in x:
            moved = breeder.moved(row[0], settings.moves_per_child, self.rng)
            row[0] = moved if space.follows_rules(moved) else row[0]
        return x


class Crossings(Crossover):
    def __init__(self, seed: int, share: float, names: tuple[str, ...]) -> None:
        super().__init__(n_parents=2, n_offsprings=1, prob=share)
        self.rng = np.random.default_rng([seed, 2])
        self.ways = [CROSSOVERS.load(name) for name in names]

    def _do(self, problem: Any, x: Any, **_: Any) -> Any:
        found = np.empty((1, x.shape[1], 1), dtype=object)
        for index in range(x.shape[1]):
            cross = self.ways[self.rng.integers(len(self.ways))]
            found[0, index, 0] = cross(problem.terms.space, x[0, index, 0], x[1, index, 0], self.rng)
        return found


class SameStructure(ElementwiseDuplicateElimination):
    def is_equal(self, a: Any, b: Any) -> bool:
        return bool(a.X[0] == b.X[0])


def run_pymoo(terms: Terms, report: Report) -> None:
    settings = terms.settings
    problem = StructureProblem(terms, report)
    algorithm = GA(
        pop_size=settings.population,
        n_offsprings=settings.children,
        sampling=Walks(),
        crossover=Crossings(settings.seed, settings.crossed, settings.crossovers),
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

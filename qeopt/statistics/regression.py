"""Ridge regression with signs held where they are known, its strength chosen and its worth measured on structures left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qeopt.spec.errors import PluginError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STRENGTHS: tuple[float, ...] = tuple(10.0 ** (step / 2) for step in range(-6, 7))
"""Ridge penalties that are tried, per design and on standardised terms."""
FOLDS = 5
"""Inner folds, by which the strength is chosen."""


@dataclass(frozen=True, slots=True)
class Line:
    """A linear predictor."""

    intercept: float
    worth: Floats
    """(terms,)"""

    def predict(self, terms: Floats) -> Floats:
        """(designs,) predictions of (designs, terms)."""
        found: Floats = self.intercept + terms @ self.worth
        return found


@dataclass(frozen=True)
class Problem:
    """Designs to learn from."""

    terms: Floats
    """(designs, terms)"""
    accuracy: Floats
    """(designs,)"""
    groups: Integers
    """(designs,) number of the structure of each."""
    seeds: Floats
    """(designs,) trainings of each, its weight."""
    never_helps: NDArray[np.bool_]
    """(terms,) whether more of a term can only lower the accuracy."""

    def take(self, rows: Integers) -> Problem:
        """The same of some designs."""
        return Problem(self.terms[rows], self.accuracy[rows], self.groups[rows], self.seeds[rows], self.never_helps)


def fit(problem: Problem, strength: float) -> Line:
    """Minimise the weighted squared error plus `strength` times the squared worths of standardised terms, signs held.

    Raises:
        PluginError: when SciPy is not installed.
    """
    try:
        from scipy.optimize import lsq_linear  # noqa: PLC0415  # an extra
    except ImportError:
        raise PluginError("fitting needs SciPy; pip install 'qeopt[fit]'") from None
    share = problem.seeds / problem.seeds.sum()
    middle, level = share @ problem.terms, float(share @ problem.accuracy)
    spread = np.sqrt(share @ (problem.terms - middle) ** 2)
    varies = spread > 1e-12 * np.maximum(np.abs(middle), 1e-12)
    scaled = np.where(varies, (problem.terms - middle) / np.where(varies, spread, 1.0), 0.0)
    root = np.sqrt(share)[:, None]
    count = problem.terms.shape[1]
    left = np.concatenate([root * scaled, np.sqrt(strength) * np.eye(count)])
    right = np.concatenate([root[:, 0] * (problem.accuracy - level), np.zeros(count)])
    most = np.where(problem.never_helps, 0.0, np.inf)
    standardised = lsq_linear(left, right, (np.full(count, -np.inf), most), method="bvls").x
    worth: Floats = np.where(varies, standardised / np.where(varies, spread, 1.0), 0.0)
    return Line(level - float((middle * worth).sum()), worth)


def choose_strength(problem: Problem, seed: int = 0) -> float:
    """The strength with the least squared error on structures left out, of `STRENGTHS`; of equals, the greatest."""
    folds = list(_folds(problem.groups, FOLDS, seed))
    errors = {strength: sum(_error(problem, strength, out) for out in folds) for strength in STRENGTHS}
    best = min(errors.values())
    good: list[float] = [strength for strength in STRENGTHS if errors[strength] <= best * (1 + 1e-9)]
    return max(good)


def unseen(problem: Problem, seed: int = 0) -> Floats:
    """(designs,) predictions, each by a predictor that was learnt, its strength included, without any design of that structure."""
    found = np.empty(len(problem.accuracy))
    for group in np.unique(problem.groups):
        out = np.flatnonzero(problem.groups == group)
        rest = problem.take(np.flatnonzero(problem.groups != group))
        found[out] = fit(rest, choose_strength(rest, seed)).predict(problem.terms[out])
    return found


def _error(problem: Problem, strength: float, out: Integers) -> float:
    inside = np.setdiff1d(np.arange(len(problem.accuracy)), out)
    missed = fit(problem.take(inside), strength).predict(problem.terms[out]) - problem.accuracy[out]
    total: np.float64 = np.sum(problem.seeds[out] * missed**2)
    return float(total)


def _folds(groups: Integers, count: int, seed: int) -> Iterator[Integers]:
    """Rows of designs left out together: whole structures, dealt out at random."""
    names: Sequence[int] = np.random.default_rng(seed).permutation(np.unique(groups)).tolist()
    for part in range(min(count, len(names))):
        yield np.flatnonzero(np.isin(groups, names[part::count]))

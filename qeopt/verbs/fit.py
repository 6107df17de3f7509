"""Learn an additive objective from trained designs, and measure on structures that it has not seen what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qeopt.score import terms
from qeopt.score.fitted import Evidence, Fitted, Range, RankCorrelation
from qeopt.spec.errors import Location, SpecError, did_you_mean
from qeopt.statistics.association import Floats, spearman
from qeopt.statistics.bootstrap import LEVEL, RESAMPLES, Estimate, weightings
from qeopt.statistics.features import DEPTH, MACS, TERM
from qeopt.statistics.regression import Problem, choose_strength, fit, unseen
from qeopt.statistics.results import Data, read

TERMS = ("layers", "fan_in", "macs", "parameters", "activation_loss", "weight_loss")
"""Terms of an objective unless others are named: chosen before the study of docs/truth.md, not by it."""
NEVER_HELP = ("activation_loss", "weight_loss", "activation_noise", "weight_noise")
"""Terms that are losses: their worth is held at or below zero, else noise could make an objective that likes few bits."""
LEAST_STRUCTURES = 6
REFITS = 200


@dataclass(frozen=True)
class Fit:
    """A learnt objective, and how it was judged."""

    objective: Fitted
    data: Data
    predictions: Floats
    """(designs,) each by a predictor that has not seen its structure, in percent."""
    strength: float
    """Of the ridge penalty, on standardised terms."""
    worth: Mapping[str, Estimate]
    """By term, its coefficient with a bootstrap interval at this strength."""
    effect: Mapping[str, float]
    """By term, points for one standard deviation of it among the designs."""
    rivals: Mapping[str, Estimate]
    """Rank correlation of other predictors, their direction taken from the data: the score, depth, MACs."""
    within_depth: Estimate | None
    """Rank correlation of the predictions among designs of equal depth."""
    error: float
    """Root mean square error of the predictions, in points."""


def fit_objective(
    features: Path | str,
    results: Path | str,
    *,
    names: Sequence[str] = TERMS,
    resamples: int = RESAMPLES,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Fit:
    """Learn what each term is worth by ridge regression, and its worth by leaving out one structure at a time.

    The strength of the penalty is chosen anew without each structure, so the rank correlation is that of the whole procedure on
    unseen structures. Its rival, MACs alone, is taken as it is, in the direction that suits the data.

    Args:
        features: `features.csv` of `qeopt sample`.
        results: Accuracies; see `qeopt.statistics.results.read`.
        names: Terms of the objective.
        resamples: Of the bootstrap.
        seed: Of folds and bootstrap.
        report: Called with the number of steps done and of all.

    Raises:
        SpecError: when a table cannot be used, a term is unknown or too few structures were trained.
        PluginError: when SciPy is not installed.
    """
    features, results = Path(features), Path(results)
    data = read(features, results)
    _check(data, names, results)
    problem = _problem(data, names)
    weights = weightings(data.groups, resamples, seed)
    predictions = unseen(problem, seed)
    strength = choose_strength(problem, seed)
    line = fit(problem, strength)
    judged = spearman(weights, predictions, data.accuracy)
    macs = _rival(weights, data, MACS)
    refits = []
    for number, weight in enumerate(weights[: REFITS + 1]):
        refits.append(_refit(problem, weight, strength))
        if report is not None:
            report(number, REFITS)
    worths = np.stack(refits)
    spread = problem.terms.std(axis=0)
    evidence = Evidence(
        designs=len(data.designs),
        structures=data.structures,
        predictor=_correlation(judged),
        macs_alone=_correlation(macs),
        gain=_correlation(judged - macs, limit=2.0),
        level=LEVEL,
        note=f"learnt from {features.name} and {results.name}, each structure left out when predicted",
    )
    depths = data.depths()
    inside = spearman(weights, predictions, data.accuracy, depths)
    return Fit(
        objective=Fitted(
            intercept=_rounded(line.intercept),
            coefficients={name: _rounded(worth) for name, worth in zip(names, line.worth.tolist(), strict=True) if worth},
            evidence=evidence,
            limits={name: _range(data.column(TERM + name)) for name in dict.fromkeys((*names, "layers", "macs"))},
        ),
        data=data,
        predictions=predictions,
        strength=strength,
        worth={name: Estimate.of(worths[:, place]) for place, name in enumerate(names)},
        effect={name: float(line.worth[place] * spread[place]) for place, name in enumerate(names)},
        rivals={name: Estimate.of(_rival(weights, data, name)) for name in ("score", DEPTH, MACS) if name in data.names},
        within_depth=Estimate.of(inside) if len(set(depths.tolist())) > 1 else None,
        error=float(np.sqrt(np.mean((predictions - data.accuracy) ** 2))),
    )


def _check(data: Data, names: Sequence[str], results: Path) -> None:
    known = tuple(name.removeprefix(TERM) for name in data.names if name.startswith(TERM))
    for name in names:
        if name not in known:
            said = f"--terms {name}: the table has no such term{did_you_mean(name, known)}; {', '.join(terms.TERMS)} are known"
            raise SpecError.at(None, said)
    for column in (DEPTH, MACS):
        if column not in data.names:
            raise SpecError.at(None, f"the table of features has no column {column}: one written by `qeopt sample` was expected")
    if data.structures < LEAST_STRUCTURES:
        said = f"{data.structures} structures were trained; at least {LEAST_STRUCTURES} were expected, and 40 to learn anything"
        raise SpecError.at(Location(str(results)), said)


def _problem(data: Data, names: Sequence[str]) -> Problem:
    return Problem(
        terms=np.stack([data.column(TERM + name) for name in names], axis=1),
        accuracy=data.accuracy,
        groups=data.groups,
        seeds=np.array([float(len(one.accuracies)) for one in data.designs]),
        never_helps=np.array([name.partition(terms.STAGE)[0] in NEVER_HELP for name in names]),
    )


def _refit(problem: Problem, weight: Floats, strength: float) -> Floats:
    """The worths that a resample of structures gives."""
    drawn = np.flatnonzero(weight > 0)
    part = problem.take(drawn)
    return fit(Problem(part.terms, part.accuracy, part.groups, part.seeds * weight[drawn], part.never_helps), strength).worth


def _rival(weights: Floats, data: Data, name: str) -> Floats:
    """Rank correlations of a feature, in the direction that suits all designs."""
    found = spearman(weights, data.column(name), data.accuracy)
    return found if found[0] >= 0 else -found


def _correlation(values: Floats, limit: float = 1.0) -> RankCorrelation:
    found = Estimate.of(values)
    rho, low, high = (round(min(max(value, -limit), limit), 4) for value in (found.value, found.low, found.high))
    return RankCorrelation(rho=rho, low=low, high=high)


def _range(values: Floats) -> Range:
    return Range(low=_rounded(float(values.min())), high=_rounded(float(values.max())))


def _rounded(value: float) -> float:
    """Nine digits: as many as any design needs, and a file that people can read."""
    return float(f"{value:.9g}")

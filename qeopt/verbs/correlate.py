"""How well what is known of designs before training orders what training gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qeopt.score.calibration import GridPoint, rank_grid
from qeopt.score.sigma_grid import READS, STRUCTURE, WEIGHTS, score_at
from qeopt.spec.errors import SpecError, did_you_mean
from qeopt.statistics.association import MEASURES, Floats, partial, spearman
from qeopt.statistics.bootstrap import RESAMPLES, Estimate, holm, weightings
from qeopt.statistics.features import DEPTH, MACS, TERM
from qeopt.statistics.noise import Noise, noise
from qeopt.statistics.regret import regret, regret_of_chance
from qeopt.statistics.results import Data, read

GIVEN = (DEPTH, MACS)
"""What is held fixed by partial correlations."""


@dataclass(frozen=True)
class Predictor:
    """One feature as a predictor of accuracy."""

    name: str
    overall: Mapping[str, Estimate]
    """By measure, over all designs."""
    within_depth: Mapping[str, Estimate] | None
    """By measure, of what varies among designs of equal depth; None where it does not."""
    partial: Estimate | None
    """Spearman's, depth and MACs held fixed; None where they determine it or do not vary."""
    most: bool
    """Whether more of it went with a higher accuracy."""
    regret: Estimate
    """Points lost by choosing the design with most, or least, of it."""
    corrected: Mapping[str, float]
    """p-values of Spearman's rho "overall", "within_depth" and "partial", corrected for all looks of the table."""


@dataclass(frozen=True)
class Correlations:
    """Every predictor against what was measured."""

    data: Data
    predictors: tuple[Predictor, ...]
    """By the size of Spearman's rho over all designs."""
    looks: int
    """Correlations that were tested for being zero."""
    noise: Noise | None
    """None where no design was trained with several seeds."""
    chance: Estimate
    """Points lost by choosing at random."""
    depths: tuple[int, ...]
    """Depths of the designs."""
    resamples: int


def correlate(
    features: Path | str, results: Path | str, *, predictors: Sequence[str] = (), resamples: int = RESAMPLES, seed: int = 0
) -> Correlations:
    """Correlate features of designs with their accuracies, with bootstrap intervals over structures.

    Args:
        features: `features.csv` of `qeopt sample`.
        results: CSV of accuracies, or a folder of trainings; see `qeopt.statistics.results.read`.
        predictors: Features to look at; by default all that vary, but for the terms of learnt objectives and counts of widths.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        SpecError: when a table cannot be used, or a feature is unknown.
    """
    data = read(Path(features), Path(results))
    names = _chosen(data, predictors)
    weights = weightings(data.groups, resamples, seed)
    found = [_predictor(data, name, weights) for name in names]
    looks = [(place, key, value.p) for place, one in enumerate(found) for key, value in _tests(one).items()]
    corrected = holm([p for *_, p in looks])
    for (place, key, _), value in zip(looks, corrected, strict=True):
        found[place] = replace(found[place], corrected={**found[place].corrected, key: value})
    found.sort(key=lambda one: -abs(one.overall["spearman"].value))
    depths = tuple(sorted(set(data.depths().tolist()))) if DEPTH in data.names else ()
    chance = regret_of_chance(weights, data.accuracy)
    return Correlations(data, tuple(found), len(looks), noise(data, weights), chance, depths, resamples)


def sigma_grid(features: Path, results: Path, sigmas_a: Sequence[float], sigmas_w: Sequence[float]) -> tuple[GridPoint, ...]:
    """Rank sigmas of the QE-Score by how well it then orders the accuracies of designs, best first.

    Raises:
        SpecError: as `correlate`; or the table has no counts of widths.
    """
    data = read(features, results)
    if STRUCTURE not in data.names:
        said = f"{features} has no column {STRUCTURE}: a table written by `qeopt sample` was expected"
        raise SpecError.at(None, said)
    return rank_grid(
        lambda sigma_a, sigma_w: [score_at(one.features, sigma_a, sigma_w) for one in data.designs],
        data.accuracy.tolist(),
        sigmas_a,
        sigmas_w,
    )


def _chosen(data: Data, asked: Sequence[str]) -> tuple[str, ...]:
    for name in asked:
        if name not in data.names:
            raise SpecError.at(None, f"--predictors {name}: the table has no such feature{did_you_mean(name, data.names)}")
    left_out = (TERM, READS, WEIGHTS, STRUCTURE)
    usual = tuple(name for name in data.names if not name.startswith(left_out))
    return tuple(name for name in (tuple(asked) or usual) if _varies(data.column(name)))


def _varies(values: Floats) -> bool:
    return bool(values.max() > values.min())


def _predictor(data: Data, name: str, weights: Floats) -> Predictor:
    values, accuracy = data.column(name), data.accuracy
    depths = data.depths()
    overall = {key: Estimate.of(measure(weights, values, accuracy, None)) for key, measure in MEASURES.items()}
    inside = any(_varies(values[depths == depth]) for depth in set(depths.tolist()))
    within = {key: Estimate.of(measure(weights, values, accuracy, depths)) for key, measure in MEASURES.items()} if inside else None
    given = [data.column(other) for other in GIVEN if other in data.names and other != name and _varies(data.column(other))]
    rest = partial(weights, values, accuracy, given) if given else spearman(weights, values, accuracy)
    most = overall["spearman"].value >= 0
    left = Estimate.of(rest) if given and rest[0] != 0 else None
    return Predictor(name, overall, within, left, most, regret(weights, values, accuracy, most=most), {})


def _tests(one: Predictor) -> dict[str, Estimate]:
    found = {"overall": one.overall["spearman"]}
    if one.within_depth is not None:
        found["within_depth"] = one.within_depth["spearman"]
    if one.partial is not None:
        found["partial"] = one.partial
    return found

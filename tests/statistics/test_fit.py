"""Learnt objectives: the regression against its formula, that nothing unseen is seen, and five commands to a design."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design.model import load_design
from qeopt.score.fitted import Fitted
from qeopt.spec.errors import SpecError
from qeopt.statistics.regression import Problem, choose_strength, fit, unseen
from qeopt.verbs.fit import fit_objective

Floats = NDArray[np.float64]
STUDY = (Path(__file__).parents[1] / "depths.yaml").read_text(encoding="utf-8") + "search: {evaluations: 64}\n"


def problem(seed: int = 0, *, designs: int = 40, noise: float = 0.2) -> Problem:
    """Accuracy is 80 + 2 a - 3 b + noise, two designs a structure; c is unrelated."""
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=(designs, 3)) * [1.0, 2.0, 1e-5] + [5.0, 0.0, 1e-3]
    accuracy = 80 + 2 * terms[:, 0] - 3 * terms[:, 1] + noise * rng.normal(size=designs)
    signs = np.zeros(3, dtype=np.bool_)
    return Problem(terms, accuracy, np.arange(designs) // 2, rng.integers(1, 4, size=designs).astype(np.float64), signs)


def test_a_fit_by_its_formula() -> None:
    """Weighted least squares with a penalty on standardised worths, by the normal equations."""
    given = problem()
    share = given.seeds / given.seeds.sum()
    middle = share @ given.terms
    spread = np.sqrt(share @ (given.terms - middle) ** 2)
    scaled = (given.terms - middle) / spread
    for strength in (1e-9, 0.1, 10.0):
        left = scaled.T @ (share[:, None] * scaled) + strength * np.eye(3)
        expected = np.linalg.solve(left, scaled.T @ (share * (given.accuracy - share @ given.accuracy))) / spread
        found = fit(given, strength)
        assert found.worth == pytest.approx(expected, rel=1e-7)
        assert found.predict(middle[None])[0] == pytest.approx(share @ given.accuracy)
    assert fit(given, 1e-9).worth[:2] == pytest.approx([2, -3], abs=0.1)


def test_losses_never_help() -> None:
    """More of the first term does help, but it is said to be a loss: it is worth nothing, and the rest is fitted as without it."""
    given = problem()
    held = Problem(given.terms, given.accuracy, given.groups, given.seeds, np.array([True, True, False]))
    without = Problem(given.terms[:, 1:], given.accuracy, given.groups, given.seeds, np.zeros(2, dtype=np.bool_))
    found = fit(held, 0.01)
    assert found.worth[0] == pytest.approx(0, abs=1e-12)
    assert found.worth[1:] == pytest.approx(fit(without, 0.01).worth, rel=1e-6)


def test_what_does_not_vary_is_worth_nothing() -> None:
    given = problem()
    terms = given.terms.copy()
    terms[:, 2] = 7.0
    assert fit(Problem(terms, given.accuracy, given.groups, given.seeds, given.never_helps), 0.1).worth[2] == 0


def test_noise_asks_for_a_stronger_penalty() -> None:
    assert choose_strength(problem(noise=0.05)) < choose_strength(problem(1, noise=60.0))


def test_predictions_have_not_seen_their_structure() -> None:
    """Whatever a structure reached, its own predictions stay; those of others move."""
    given = problem(designs=16)
    changed = given.accuracy.copy()
    changed[:2] += 50
    first, second = unseen(given), unseen(Problem(given.terms, changed, given.groups, given.seeds, given.never_helps))
    assert first[:2] == pytest.approx(second[:2], abs=1e-12)
    assert abs(first[2:] - second[2:]).max() > 0.5


def accuracy_of(row: Mapping[str, str]) -> float:
    """A truth that is made up: it likes MACs, dislikes depth and lost bits."""
    worth = {"depth": -0.9, "term.macs": 30, "term.activation_loss": -0.7, "term.weight_loss": -0.5}
    return 85 + sum(each * float(row[name]) for name, each in worth.items())


def results_of(features: Path, path: Path, truth: bool = True) -> None:
    rng = np.random.default_rng(0)
    with features.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = ["design,seed,accuracy"]
    for row in rows:
        for seed in (0, 1):
            value = accuracy_of(row) if truth else 70.0
            lines.append(f"{row['design']},{seed},{value + 0.2 * rng.normal():.4f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    (folder / "small.yaml").write_text(STUDY, encoding="utf-8")
    arguments = ["sample", str(folder / "small.yaml"), "--n", "12", "--bits", "exact,random", "--out", str(folder / "s"), "--quiet"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    results_of(folder / "s" / "features.csv", folder / "results.csv")
    results_of(folder / "s" / "features.csv", folder / "noise.csv", truth=False)
    return folder


def test_a_file_that_nobody_named_is_not_overwritten(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("objective.yaml").write_text("mine", encoding="utf-8")
    said = CliRunner().invoke(app, ["fit", str(drawn / "s" / "features.csv"), str(drawn / "results.csv")])
    assert (said.exit_code, said.stderr) == (2, "objective.yaml: exists already; choose another file\n")
    assert Path("objective.yaml").read_text(encoding="utf-8") == "mine"


def test_five_commands_from_nothing_to_a_design(drawn: Path) -> None:
    """sample, correlate, fit, solve, verify on accuracies made here: by these the learnt optimum beats that of the score."""
    features, results, learnt = drawn / "s" / "features.csv", drawn / "results.csv", drawn / "learnt.yaml"
    run = CliRunner().invoke
    said = run(app, ["correlate", str(features), str(results), "--out", str(drawn / "c"), "--resamples", "200"])
    assert said.exit_code == 0
    assert "24 trained designs of 12 structures" in said.stdout
    found = run(app, ["fit", str(features), str(results), "--out", str(learnt), "--resamples", "200", "--quiet", "--json"])
    assert found.exit_code == 0
    document = json.loads(found.stdout)
    assert document["objective"]["evidence"]["predictor"]["rho"] > 0.8
    assert document["beats_macs"] is (document["objective"]["evidence"]["gain"]["low"] > 0)
    solved = run(app, ["solve", str(drawn / "small.yaml"), "--set", f"objective={learnt}", "--out", str(drawn / "d"), "--quiet"])
    assert solved.exit_code == 0
    evidence = document["objective"]["evidence"]["predictor"]
    correlation = f"{evidence['rho']:.2f} [{evidence['low']:.2f}, {evidence['high']:.2f}]"
    assert f"best by a predictor with rank correlation {correlation} on 24 designs of 12 structures" in solved.stdout
    assert run(app, ["verify", str(drawn / "d" / "design.json")]).exit_code == 0
    assert run(app, ["solve", str(drawn / "small.yaml"), "--out", str(drawn / "raw"), "--quiet"]).exit_code == 0
    by_learnt, by_score = (_truth(drawn / name / "design.json") for name in ("d", "raw"))
    assert by_learnt > by_score + 1


def _truth(path: Path) -> float:
    from qeopt.memory import count  # noqa: PLC0415
    from qeopt.statistics.features import features  # noqa: PLC0415

    design = load_design(path)
    study, network, bits = design.load_study(), design.network(), design.bit_widths()
    row = features(study, network, bits, count(network, study.runtime, bits))
    return accuracy_of({name: str(value) for name, value in row.items()})


def test_noise_teaches_nothing_and_the_file_says_so(drawn: Path) -> None:
    found = fit_objective(drawn / "s" / "features.csv", drawn / "noise.csv", resamples=200).objective
    assert isinstance(found, Fitted)
    assert found.evidence is not None
    assert not found.evidence.beats_macs
    said = CliRunner().invoke(
        app, ["fit", str(drawn / "s" / "features.csv"), str(drawn / "noise.csv"), "--out", str(drawn / "n.yaml"), "--quiet"]
    )
    assert "it does not beat MACs alone" in said.stdout
    assert "# It does not beat MACs alone" in (drawn / "n.yaml").read_text()


def test_the_limits_are_those_of_the_designs(drawn: Path) -> None:
    found = fit_objective(drawn / "s" / "features.csv", drawn / "results.csv", names=("layers", "macs/1"), resamples=100).objective
    assert set(found.limits) == {"layers", "macs/1", "macs"}
    with (drawn / "s" / "features.csv").open(encoding="utf-8") as file:
        values = [float(row["term.macs/1"]) for row in csv.DictReader(file)]
    assert (found.limits["macs/1"].low, found.limits["macs/1"].high) == pytest.approx((min(values), max(values)))


def test_what_is_refused(drawn: Path, tmp_path: Path) -> None:
    features = drawn / "s" / "features.csv"
    with pytest.raises(SpecError, match="--terms mac: the table has no such term; did you mean 'macs'"):
        fit_objective(features, drawn / "results.csv", names=("mac",))
    few = tmp_path / "few.csv"
    few.write_text("\n".join((drawn / "results.csv").read_text().splitlines()[:13]) + "\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"few.csv: 3 structures were trained; at least 6 were expected"):
        fit_objective(features, few)

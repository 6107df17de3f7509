"""`correlate` on tables that are made here: what it finds, what noise allows, what choosing costs, and tables it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from qeopt.spec.errors import SpecError
from qeopt.statistics.bootstrap import weightings
from qeopt.statistics.noise import noise
from qeopt.statistics.regret import regret, regret_of_chance
from qeopt.statistics.results import Data, Measured, plain_name, read
from qeopt.verbs.correlate import correlate

FEATURES = "design,structure,bits_by,score,depth,macs,term.layers\n"
Write = Callable[[Iterable[str], Iterable[str]], tuple[Path, Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def both(features: Iterable[str], results: Iterable[str]) -> tuple[Path, Path]:
        paths = tmp_path / "features.csv", tmp_path / "results.csv"
        paths[0].write_text("".join(features), encoding="utf-8")
        paths[1].write_text("".join(results), encoding="utf-8")
        return paths

    return both


def made(write: Write, *, designs: int = 60, noise_: float = 0.3) -> tuple[Path, Path]:
    """Accuracy follows MACs within a depth and falls with depth; the score follows depth alone."""
    rng = np.random.default_rng(2)
    rows, results = [FEATURES], ["# made here\ndesign,seed,accuracy,epochs\n"]
    for number in range(designs):
        depth, work = int(rng.integers(8, 13)), float(rng.uniform(1, 2))
        rows.append(f"{number:04}-exact,{number:04},exact,{10 * depth + rng.normal():.6f},{depth},{work},{depth - 1}\n")
        for seed in (0, 1):
            accuracy = 90 - 0.8 * depth + 4 * work + noise_ * rng.normal()
            results.append(f"designs/{number:04}-exact.json,{seed},{accuracy:.4f},3\n")
    return write(rows, results)


def test_what_is_found_is_what_was_put_in(write: Write) -> None:
    found = correlate(*made(write), resamples=400)
    by_name = {one.name: one for one in found.predictors}
    assert set(by_name) == {"score", "depth", "macs"}, "terms are left out unless asked for"
    assert by_name["score"].overall["spearman"].high < 0
    assert not by_name["score"].most
    assert by_name["macs"].within_depth is not None
    assert by_name["macs"].within_depth["spearman"].low > 0.8
    assert by_name["score"].within_depth is not None
    kendall = by_name["score"].within_depth["kendall"]
    assert kendall.low < 0 < kendall.high
    assert by_name["depth"].within_depth is None
    partial = by_name["macs"].partial
    assert partial is not None
    assert partial.low > 0.8
    assert found.looks == 8, "three overall, two within depths, three partial"
    assert by_name["macs"].corrected["partial"] == pytest.approx(min(8 * partial.p, 1), rel=1e-9)
    assert found.depths == (8, 9, 10, 11, 12)


def test_asked_predictors(write: Write) -> None:
    paths = made(write, designs=10)
    (one,) = correlate(*paths, predictors=["term.layers"], resamples=100).predictors
    assert one.name == "term.layers"
    with pytest.raises(SpecError, match="--predictors score2: the table has no such feature; did you mean 'score'"):
        correlate(*paths, predictors=["score2"])


def test_the_noise_is_that_between_seeds(write: Write) -> None:
    """A reliability that can be computed: variance of the truth over that of means of two."""
    found = correlate(*made(write, designs=200, noise_=1.0), resamples=300).noise
    assert found is not None
    assert found.deviation == pytest.approx(1.0, abs=0.12)
    truth = 0.8**2 * 2 + 4**2 / 12
    assert found.ceiling.value == pytest.approx((truth / (truth + 0.5)) ** 0.5, abs=0.05)
    assert found.ceiling.low < found.ceiling.value < found.ceiling.high


def test_without_second_seeds_no_noise_is_known() -> None:
    data = Data(tuple(Measured(str(n), str(n), {"score": n}, (float(n),)) for n in range(5)), 0)
    assert noise(data, weightings(data.groups, 100)) is None


def test_regret_by_hand() -> None:
    predictor, accuracy = np.array([1.0, 3, 3, 2]), np.array([80.0, 84, 88, 90])
    ones = np.concatenate([np.ones((1, 4)), np.array([[1.0, 1, 0, 0]] * 9)])
    assert regret(ones, predictor, accuracy, most=True).value == pytest.approx(90 - 86)
    assert regret(ones, predictor, accuracy, most=True).high == pytest.approx(0)
    assert regret(ones, predictor, accuracy, most=False).value == pytest.approx(10)
    assert regret_of_chance(ones, accuracy).value == pytest.approx(90 - 85.5)


def test_shares_are_percent_and_records_are_results(write: Write, tmp_path: Path) -> None:
    features, _ = made(write, designs=4)
    for number in range(4):
        folder = tmp_path / "runs" / f"{number}"
        folder.mkdir(parents=True)
        (folder / "train.json").write_text(json.dumps({"design": f"{number:04}-exact", "accuracy": 0.5 + number / 10}))
    data = read(features, tmp_path / "runs")
    assert data.accuracy.tolist() == pytest.approx([50, 60, 70, 80])
    (tmp_path / "runs" / "0" / "train.json").write_text("{}")
    with pytest.raises(SpecError, match=r"train\.json: is no record of a training"):
        read(features, tmp_path / "runs")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b/0001-exact.json", "0001-exact"),
        ("0001-exact/design.json", "0001-exact"),
        (" 0001-exact ", "0001-exact"),
        ("x.y", "x.y"),
    ],
)
def test_names_of_designs(text: str, name: str) -> None:
    assert plain_name(text) == name


ROWS = [f"{number},{number},exact,{number},8,1,7\n" for number in range(5)]


@pytest.mark.parametrize(
    ("features", "results", "message"),
    [
        ([], ["design,accuracy\n"], "features.csv: the table is empty; the columns design were expected"),
        (
            [FEATURES, *ROWS],
            ["design,acuracy\n", "0,1\n"],
            "results.csv:1: the column accuracy is missing; did you mean 'acuracy'?",
        ),
        ([FEATURES, *ROWS], ["design,accuracy\n"], "results.csv: the table has no rows"),
        (
            [FEATURES, *ROWS],
            ["design,accuracy\n", "0,101\n"],
            "results.csv:2: accuracy is '101'; a number from 0 to 100 was expected",
        ),
        ([FEATURES, *ROWS], ["design,accuracy\n", "7,80\n"], "results.csv:2: there is no design '7' in "),
        ([FEATURES, *ROWS], ["design,accuracy,seed\n", "1,80,0\n1,81,0\n"], "results.csv:3: design '1' has seed '0' twice"),
        (
            [FEATURES, *ROWS],
            ["design,accuracy\n", "1,80\n2,81\n"],
            "results.csv: has results of 2 designs; at least 4 were expected",
        ),
        (
            [FEATURES, *ROWS],
            ["design,accuracy\n", *(f"{number},80\n" for number in range(5))],
            "results.csv: every design has the same accuracy, so there is nothing to order",
        ),
        (
            [FEATURES, "1,1,exact,x,8,1,7\n"],
            ["design,accuracy\n", "1,1\n"],
            "features.csv:2: score is 'x'; a number of at most 1e+100 was expected",
        ),
        (
            [FEATURES, "1,1,exact,1e155,8,1,7\n"],
            ["design,accuracy\n", "1,1\n"],
            "features.csv:2: score is '1e155'; a number of at most 1e+100",
        ),
        ([FEATURES, "1,1,exact,2\n"], ["design,accuracy\n", "1,1\n"], "features.csv:2: has 4 cells; 7 were expected"),
        ([FEATURES, ROWS[0], ROWS[0]], ["design,accuracy\n", "1,1\n"], "features.csv:3: the design '0' is there twice"),
    ],
)
def test_tables_that_are_refused(features: list[str], results: list[str], message: str, write: Write) -> None:
    with pytest.raises(SpecError) as caught:
        read(*write(features, results))
    assert message in str(caught.value)


def test_tables_in_the_wrong_order_are_told(write: Write) -> None:
    features, results = write([FEATURES, *ROWS], ["design,accuracy,seed\n", "0,1,0\n", "0,2,1\n"])
    with pytest.raises(SpecError) as caught:
        read(results, features)
    said = f"is a table of results, and {features} one of features; features were expected first, and results behind them"
    assert str(caught.value) == f"{results}: {said}"

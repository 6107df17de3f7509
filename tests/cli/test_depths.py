"""`sweep --depths`: the best design and a bound at each number of layers, and how the numbers may be written."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from qeopt.spec.amounts import parse_counts
from qeopt.spec.errors import SpecError

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "counts"), [("8:11", (8, 9, 10, 11)), ("8:12:3", (8, 11)), ("14, 8,11,8", (8, 11, 14)), ("7", (7,)), ("3:3", (3,))]
)
def test_counts(text: str, counts: tuple[int, ...]) -> None:
    assert parse_counts(text, "--depths") == counts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8:", "of whole numbers from 1"),
        ("0:3", "of whole numbers from 1"),
        ("9:8", "this one stops before it starts"),
        ("1:999", "more than 256 values"),
        ("1:2:3:4", "FIRST:LAST or FIRST:LAST:STEP"),
        ("1:2,3", "FIRST:LAST or FIRST:LAST:STEP"),
        ("8.5", "of whole numbers from 1"),
    ],
)
def test_counts_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_counts(text, "--depths")


def test_the_best_of_each_depth(run: Run) -> None:
    said = run("sweep", "tiny.yaml", "--depths", "8,11,14", "--quiet", "--out", "d")
    assert said.exit_code == 0
    assert "the score grows with depth whatever the accuracy" in said.stdout
    found = json.loads(run("sweep", "tiny.yaml", "--depths", "8,11,14", "--quiet", "--json", "--out", "e").stdout)
    assert found["axes"] == {"layers": [8, 11, 14]}
    scores = [point["score"] for point in found["points"]]
    assert scores == sorted(scores)
    assert scores[0] < scores[1] < scores[2], "deeper always scores more here"
    assert all(point["bound"] >= point["score"] - 1e-6 for point in found["points"])

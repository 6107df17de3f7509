"""Rank correlations against their definitions, the published calibration, and tables that cannot be used."""

import math
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.score.calibration import SIGMAS_A, SIGMAS_W, calibrate, read_table
from qeopt.score.ranks import kendall, spearman
from qeopt.spec.errors import SpecError
from qeopt.spec.library import builtin_folder

TABLE = builtin_folder() / "calibration" / "mobilenet_v2_table1.csv"
HEADER = "activation_bits,weight_bits,accuracy\n"
SAMPLES = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=25)


def naive_kendall(pairs: list[tuple[int, int]]) -> float:
    """Every pair of pairs, one by one."""
    agree = tied_first = tied_second = 0
    total = math.comb(len(pairs), 2)
    for (a, b), (c, d) in combinations(pairs, 2):
        agree += ((a > c) - (a < c)) * ((b > d) - (b < d))
        tied_first += a == c
        tied_second += b == d
    return agree / math.sqrt((total - tied_first) * (total - tied_second))


def naive_spearman(pairs: list[tuple[int, int]]) -> float:
    """Pearson's correlation of ranks, each the mean of the places its ties take."""

    def ranks(values: list[int]) -> list[float]:
        places = {value: [i for i, other in enumerate(sorted(values), start=1) if other == value] for value in values}
        return [sum(places[value]) / len(places[value]) for value in values]

    first, second = ranks([a for a, _ in pairs]), ranks([b for _, b in pairs])
    mean = (len(pairs) + 1) / 2
    products = sum((a - mean) * (b - mean) for a, b in zip(first, second, strict=True))
    return products / math.sqrt(sum((a - mean) ** 2 for a in first) * sum((b - mean) ** 2 for b in second))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(pairs=SAMPLES)
def test_correlations_are_as_defined(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert kendall(first, second) == spearman(first, second) == 0
        return
    assert kendall(first, second) == pytest.approx(naive_kendall(pairs), abs=1e-12)
    assert spearman(first, second) == pytest.approx(naive_spearman(pairs), abs=1e-12)
    assert kendall(second, first) == pytest.approx(kendall(first, second), abs=1e-12)
    assert kendall(first, [-value for value in second]) == pytest.approx(-kendall(first, second), abs=1e-12)


def test_the_same_order_correlates_fully() -> None:
    assert kendall([1, 2, 5], [10, 11, 12]) == pytest.approx(1)
    assert spearman([1, 2, 5], [12, 11, 10]) == pytest.approx(-1)


def test_the_published_table_gives_the_published_sigmas() -> None:
    points = calibrate(TABLE)
    assert len(points) == len(SIGMAS_A) * len(SIGMAS_W)
    assert (points[0].sigma_a, points[0].sigma_w) == (5, 4)
    assert points[0].kendall > points[1].kendall
    assert points[0].spearman == max(point.spearman for point in points)
    assert (round(points[0].kendall, 3), round(points[0].spearman, 3)) == (0.972, 0.994)


@pytest.mark.parametrize(
    ("sigma_a", "sigma_w", "tau", "rho"),
    [
        (2, 2, 0.920, 0.979),
        (4, 4, 0.933, 0.984),
        (5, 5, 0.933, 0.984),
        (6, 6, 0.919, 0.981),
        (8, 8, 0.919, 0.981),
        (16, 16, 0.881, 0.967),
    ],
)
def test_other_points_of_the_grid(sigma_a: float, sigma_w: float, tau: float, rho: float) -> None:
    (point,) = calibrate(TABLE, [sigma_a], [sigma_w])
    assert (point.sigma_a, point.sigma_w) == (sigma_a, sigma_w)
    assert point.kendall == pytest.approx(tau, abs=1.1e-3)
    assert point.spearman == pytest.approx(rho, abs=1.1e-3)


def test_widths_that_gain_nothing_are_ties() -> None:
    """At sigma 1 no width above 4 bits adds anything that double precision shows, so all of them score the same."""
    (point,) = calibrate(TABLE, [1], [1])
    assert point.kendall < 0.85


def test_columns_may_stand_in_any_order_among_comments(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\ufeff# mine\n\naccuracy, weight_bits ,activation_bits\n70.5,8,4\n  # a remark\n60,2,4\n".encode())
    assert [(row.activation_bits, row.weight_bits, row.accuracy) for row in read_table(path)] == [(4, 8, 70.5), (4, 2, 60.0)]


def test_points_that_order_alike_stand_by_their_sigmas(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(HEADER + "8,2,60\n8,3,70\n")
    points = calibrate(path, [5, 1], [4, 2])
    assert [(point.sigma_a, point.sigma_w) for point in points] == [(1, 2), (1, 4), (5, 2), (5, 4)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the table is empty; the columns activation_bits, weight_bits, accuracy were expected"),
        ("# nothing\n", ": the table is empty; the columns activation_bits, weight_bits, accuracy were expected"),
        ("activation_bits,weight_bits\n", ":1: the column accuracy is missing"),
        (
            "activation_bits,weight_bit,accuracy\n",
            ":1: unknown column 'weight_bit'; did you mean 'weight_bits'?\n:1: the column weight_bits is missing",
        ),
        ("activation_bits,weight_bits,accuracy,accuracy\n", ":1: the column accuracy is there twice"),
        (HEADER + "4,8,70\n4,8\n", ":3: has 2 cells; 3 were expected"),
        (HEADER + "4,8,70\n4,2,60,1\n", ":3: has 4 cells; 3 were expected"),
        (
            HEADER + "four,8,70\n\n4,0,high\n4,8,nan\n4,8.0,70\n",
            ":2: activation_bits is 'four'; a whole number from 1 to 16 was expected\n"
            ":4: weight_bits is '0'; a whole number from 1 to 16 was expected\n"
            ":5: accuracy is 'nan'; a number was expected\n"
            ":6: weight_bits is '8.0'; a whole number from 1 to 16 was expected",
        ),
        (HEADER + "17,8,70\n", ":2: activation_bits is '17'; a whole number from 1 to 16 was expected"),
        (HEADER + "\u0664,8,70\n", ":2: activation_bits is '\u0664'; a whole number from 1 to 16 was expected"),
        (HEADER, ": the table needs at least two rows of different accuracy"),
        (HEADER + "4,8,70\n4,2,70\n", ": the table needs at least two rows of different accuracy"),
        (HEADER + "4,8,70\n4,2,60\n" * 1001, ": the table has 2,002 rows; 2,000 at most were expected"),
    ],
)
def test_tables_that_cannot_be_used(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_table(path)
    assert str(caught.value).replace(str(path), "") == message


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content, complaint in ((b"\xff\xfe\x00", "is not text in UTF-8"), (b"a" * (2**20 + 1), "is larger than 1,048,576 bytes")):
        path.write_bytes(content)
        with pytest.raises(SpecError, match=complaint):
            read_table(path)
    for missing in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SpecError, match="cannot be read"):
            read_table(missing)


def test_a_sigma_must_be_positive() -> None:
    with pytest.raises(ValueError, match="sigma > 0"):
        calibrate(TABLE, [0], [4])

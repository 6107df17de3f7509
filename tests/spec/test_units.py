"""Sizes and counts: exact, and no unit with two readings."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.spec.units import format_bytes, parse_bytes, parse_count, parse_positive_bytes

SIZES = {
    0: 0,
    262144: 262144,
    "262144": 262144,
    "664 B": 664,
    "664B": 664,
    "256 KiB": 262144,
    " 256KiB ": 262144,
    "1 MiB": 1 << 20,
    "1.5 MiB": 3 << 19,
    "0.5 KiB": 512,
    "2 GiB": 2 << 30,
    "1e3 KiB": 1024000,
}


@pytest.mark.parametrize("value", SIZES)
def test_sizes_are_read_exactly(value: int | str) -> None:
    assert parse_bytes(value) == SIZES[value]


REFUSED_SIZES = {
    "256kB": "'256kB' could mean 256,000 or 262,144 bytes; write 256000 B or 256 KiB",
    "256 KB": "'256 KB' could mean 256,000 or 262,144 bytes; write 256000 B or 256 KiB",
    "256K": "'256K' could mean 256,000 or 262,144 bytes; write 256000 B or 256 KiB",
    "1.5 MB": "'1.5 MB' could mean 1,500,000 or 1,572,864 bytes; write 1500000 B or 1.5 MiB",
    "1M": "'1M' could mean 1,000,000 or 1,048,576 bytes; write 1000000 B or 1 MiB",
    "2g": "'2g' could mean 2,000,000,000 or 2,147,483,648 bytes; write 2000000000 B or 2 GiB",
    "3 bits": "'3 bits' has an unknown unit; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
    "256 kib": "'256 kib' has an unknown unit; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
    "lots": "got 'lots'; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
    "0.3 KiB": "got '0.3 KiB'; a whole number was expected",
    "-1 KiB": "got '-1 KiB'; zero or more was expected",
    -1: "got -1; zero or more was expected",
    True: "got true; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
    None: "got null; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
    1e6: "got 1000000.0; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
    "9e18 KiB": "got '9e18 KiB'; at most 9,223,372,036,854,775,807 was expected",
    "1" * 50: f"got '{'1' * 50}'; a size such as 262144, 664 B, 256 KiB or 1 MiB was expected",
}


@pytest.mark.parametrize("value", REFUSED_SIZES)
def test_other_sizes_are_refused_with_a_reason(value: object) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        parse_bytes(value)
    assert str(caught.value) == REFUSED_SIZES[value]


def test_a_budget_of_nothing_is_refused() -> None:
    assert parse_positive_bytes("1 B") == 1
    for value in (0, "0 KiB"):
        with pytest.raises(ValueError, match="more than zero was expected"):
            parse_positive_bytes(value)


COUNTS = {
    1: 1,
    60_000_000: 60_000_000,
    "60 M": 60_000_000,
    "6.976 G": 6_976_000_000,
    "109e6": 109_000_000,
    1e6: 1_000_000,
    "64k": 64_000,
    "1 T": 10**12,
}


@pytest.mark.parametrize("value", COUNTS)
def test_counts_are_read_exactly(value: float | str) -> None:
    assert parse_count(value) == COUNTS[value]


REFUSED_COUNTS = {
    0: "got 0; more than zero was expected",
    "-60 M": "got '-60 M'; more than zero was expected",
    1.5: "got 1.5; a whole number was expected",
    "0.0001 k": "got '0.0001 k'; a whole number was expected",
    "60 m": "'60 m' has an unknown unit; a count such as 60000000, 60 M, 6.976 G or 109e6 was expected"
    " (k, M, G, T are powers of 1000)",
    float("inf"): "got inf; a count such as 60000000, 60 M, 6.976 G or 109e6 was expected",
    "1e99": "got '1e99'; at most 9,223,372,036,854,775,807 was expected",
}


@pytest.mark.parametrize("value", REFUSED_COUNTS)
def test_other_counts_are_refused_with_a_reason(value: object) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        parse_count(value)
    assert str(caught.value) == REFUSED_COUNTS[value]


def test_a_bool_is_no_count() -> None:
    with pytest.raises(ValueError, match="got false; a count such as"):
        parse_count(False)


def test_sizes_are_printed_both_ways() -> None:
    assert [format_bytes(size) for size in (0, 664, 1023, 1024, -2048, 0.5, 262_144, 1 << 20)] == [
        "0 B",
        "664 B",
        "1,023 B",
        "1,024 B (1.0 KiB)",
        "-2,048 B (-2.0 KiB)",
        "0.50 B",
        "262,144 B (256.0 KiB)",
        "1,048,576 B (1,024.0 KiB)",
    ]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 2**53), st.sampled_from([("B", 1), ("KiB", 1024), ("MiB", 1 << 20)]))
def test_a_size_in_any_unit_is_that_many_bytes(number: int, unit: tuple[str, int]) -> None:
    name, factor = unit
    if number * factor < 2**63:
        assert parse_bytes(f"{number} {name}") == number * factor


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.booleans())
def test_any_value_is_read_or_refused(value: object) -> None:
    for parse in (parse_bytes, parse_count):
        try:
            number = parse(value)
        except ValueError as error:
            said = str(error)
        else:
            said = "expected" if 0 <= number < 2**63 else "out of range"
        assert "expected" in said or "could mean" in said

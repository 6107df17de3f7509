"""The spread of a quantised Gaussian against the published table, a quadrature and an exact sum."""

import math
from decimal import Decimal, getcontext
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.score import sigma_hat

SIGMAS = (1, 2, 3, 4, 5, 6, 8, 12, 16)
BITS = (2, 3, 4, 5, 6, 7, 8)
PUBLISHED = {  # bits 2 to 8
    5: (1.7924496624, 3.1121925247, 4.5281902064, 5.0020480504, 5.0083263997, 5.0083264004, 5.0083264004),
    4: (1.7388228634, 2.8903940182, 3.8504712567, 4.0101729734, 4.0104031385, 4.0104031385, 4.0104031385),
}
TRUNCATED = {(1, 2): 1.00, (4, 2): 1.73, (6, 2): 1.82, (6, 4): 5.04, (6, 5): 5.96, (6, 6): 6.00}  # (sigma, bits)


@cache
def _root_pi() -> Decimal:
    getcontext().prec = 60
    a, b, t, p = Decimal(1), 1 / Decimal(2).sqrt(), Decimal("0.25"), Decimal(1)
    for _ in range(8):  # Gauss-Legendre doubles the digits each time
        a, b, t, p = (a + b) / 2, (a * b).sqrt(), t - p * ((a - b) / 2) ** 2, 2 * p
    return ((a + b) ** 2 / (4 * t)).sqrt()


def _upper_tail(z: Decimal) -> Decimal:
    """Q(z) by the alternating series of the error function, in 60 digits: exact enough up to z = 9, zero beyond to 1e-19."""
    if z > 9:
        return Decimal(0)
    x = z / Decimal(2).sqrt()
    term = total = x
    k = 0
    while abs(term) > Decimal("1e-55"):
        k += 1
        term = -term * x * x / k
        total += term / (2 * k + 1)
    return (1 - 2 * total / _root_pi()) / 2


def _reference(bits: int, sigma: int) -> float:
    """Sum of squares of the levels times the probability of each, as the definition reads."""
    getcontext().prec = 60
    last = 2 ** (bits - 1)
    edge = [_upper_tail((Decimal(level) - Decimal("0.5")) / sigma) for level in range(1, last + 1)] + [Decimal(0)]
    variance = 2 * sum((Decimal(level * level) * (edge[level - 1] - edge[level]) for level in range(1, last + 1)), start=Decimal(0))
    return float(variance.sqrt())


@pytest.mark.parametrize("sigma", SIGMAS)
def test_equals_the_definition_in_sixty_digits(sigma: int) -> None:
    for bits in BITS:
        assert sigma_hat(bits, sigma) == pytest.approx(_reference(bits, sigma), abs=1e-12)


@pytest.mark.parametrize("sigma", sorted(PUBLISHED))
def test_equals_the_published_values(sigma: int) -> None:
    assert [sigma_hat(bits, sigma) for bits in BITS] == pytest.approx(PUBLISHED[sigma], abs=5e-11)


@pytest.mark.parametrize(("sigma", "bits"), sorted(TRUNCATED))
def test_the_paper_prints_two_decimals_without_rounding(sigma: int, bits: int) -> None:
    assert math.floor(sigma_hat(bits, sigma) * 100) == round(TRUNCATED[sigma, bits] * 100)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(bits=st.integers(1, 12), sigma=st.floats(0.05, 50))
def test_grows_with_bits_and_stays_within_the_bounds(bits: int, sigma: float) -> None:
    assert 0 < sigma_hat(bits, sigma) <= 2 ** (bits - 1)
    assert sigma_hat(bits, sigma) <= sigma_hat(bits + 1, sigma)


def test_tends_to_the_spread_of_rounding_alone() -> None:
    """Without clipping, rounding a wide Gaussian adds the variance of a uniform error, 1/12."""
    assert sigma_hat(12, 30.0) == pytest.approx(math.sqrt(900 + 1 / 12), abs=1e-9)


@pytest.mark.parametrize(("bits", "sigma"), [(0, 1.0), (-1, 1.0), (2, 0.0), (2, -3.0), (2, math.nan)])
def test_refuses_what_has_no_spread(bits: int, sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma_hat needs"):
        sigma_hat(bits, sigma)

"""Declared formulas: what they may say, what they refuse, and that arrays give what integers give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.hardware.formula import BIT_NAMES, MAX_LENGTH, SHAPE_NAMES, Formula
from qeopt.network import Dim, Op, OpKind, Tensor


def conv(c_in: Dim = 6, c_out: Dim = 10, kernel: Dim = 3, height: Dim = 8) -> Op:
    return Op("op", OpKind.CONV, (Tensor("in", height, 5, c_in),), Tensor("out", height, 5, c_out), kernel, stride=2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (7, 7),
        ("10 * c_out", 100),
        ("c_in + c_out - k_h * k_w", 7),
        ("c_out // 3", 3),
        ("max(c_in, c_out) + min(c_in, c_out)", 16),
        ("ceil_to(c_in, 4)", 8),
        ("ceil_to(c_in, 6)", 6),
        ("macs", 3 * 3 * 6 * 10 * 8 * 5),
        ("weights", 3 * 3 * 6 * 10),
        ("h_in * 1000 + w_in * 100 + h_out * 10 + w_out", 8585),
        ("stride", 2),
        ("in_bits * 100 + w_bits * 10 + out_bits", 248),
        ("2*(c_in+1)", 14),
    ],
)
def test_means_what_it_says(text: str | int, value: int) -> None:
    assert Formula.parse(text).of(conv(), in_bits=2, w_bits=4, out_bits=8) == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("c_ot", "cannot name 'c_ot'; did you mean 'c_out'?"),
        ("channels", "cannot name 'channels'"),
        ("-(-c_out // 4)", "cannot hold"),
        ("c_out / 2", "cannot hold 'c_out / 2'"),
        ("c_out ** 2", "cannot hold"),
        ("c_out % 2", "cannot hold"),
        ("c_out // c_in", "may divide only by a non-zero integer"),
        ("c_out // 0", "may divide only by a non-zero integer"),
        ("ceil_to(c_out, 0)", "non-zero integer multiple"),
        ("ceil_to(c_out, c_in)", "non-zero integer multiple"),
        ("max(c_out)", "cannot hold"),
        ("max(c_out, c_in, 3)", "cannot hold"),
        ("pow(c_out, 2)", "cannot hold"),
        ("c_out if c_in else 1", "cannot hold"),
        ("c_out > 1", "cannot hold"),
        ("1.5 * c_out", "cannot hold"),
        ("True", "cannot hold"),
        ("'a'", "cannot hold"),
        ("__import__('os').system('true')", "cannot hold"),
        ("c_out.__class__", "cannot hold"),
        ("[c_out][0]", "cannot hold"),
        ("(lambda: 1)()", "cannot hold"),
        ("c_out := 3", "cannot read"),
        ("", "cannot read"),
        ("2 *", "cannot read"),
        ("c_out; c_in", "cannot read"),
        ("c_out\0", "cannot read"),
        (str(2**41), "cannot hold"),
        ("1 + " * 200 + "1", f"{MAX_LENGTH} characters"),
    ],
)
def test_refuses_everything_else(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"formula|ceil_to") as caught:
        Formula.parse(text)
    assert complaint in str(caught.value)


def test_nesting_is_bounded_by_length_alone() -> None:
    assert Formula.parse("(" * 150 + "1" + ")" * 150).of(conv()) == 1
    assert Formula.parse("max(1, " * 40 + "c_out" + ")" * 40).of(conv()) == 10


def test_a_formula_of_shapes_may_not_name_bits() -> None:
    with pytest.raises(ValueError, match="cannot name 'w_bits'"):
        Formula.parse("c_out * w_bits", SHAPE_NAMES)
    assert Formula.parse("c_out", SHAPE_NAMES).names == {"c_out"}


LEAVES = st.sampled_from((*SHAPE_NAMES, *BIT_NAMES)) | st.integers(1, 50).map(str)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
        st.builds("({} // {})".format, inner, st.integers(1, 9)),
        st.builds("ceil_to({}, {})".format, inner, st.integers(1, 9)),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("min({}, {})".format, inner, inner),
    ),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(text=EXPRESSIONS)
def test_arrays_give_what_integers_give(text: str) -> None:
    formula = Formula.parse(text)
    c_in, c_out, kernel = [3, 8, 17], [1, 16, 24], [1, 3, 5]
    batch = formula.of(
        conv(np.array(c_in), np.array(c_out), np.array(kernel), np.array([4, 5, 6])), in_bits=2, w_bits=4, out_bits=8
    )
    for row in range(3):
        one = formula.of(conv(c_in[row], c_out[row], kernel[row], 4 + row), in_bits=2, w_bits=4, out_bits=8)
        assert type(one) is int
        assert np.broadcast_to(np.asarray(batch), (3,))[row] == one


@settings(derandomize=True, deadline=None, max_examples=200)
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        formula = Formula.parse(text)
    except ValueError:
        return
    assert formula.text == text
    assert isinstance(formula.of(conv()), int)

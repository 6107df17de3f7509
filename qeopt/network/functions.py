"""Activation functions: their names, the numbers that belong to them, and what they compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Terms = tuple[float | None, ...]

LINEAR = ""
CLIPS = frozenset({"relu", "relu6", "clip"})
"""Functions that keep values between two bounds."""


def _sigmoid(x: Reals) -> Reals:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def _softplus(x: Reals) -> Reals:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x: Reals) -> Reals:
    """By its series near zero and a continued fraction beyond; errors are below 1e-13."""
    small = np.abs(x) < 3
    near = np.where(small, x, 0.0)
    term, total = near.copy(), near.copy()
    for n in range(1, 60):
        term = -term * near**2 / n
        total += term / (2 * n + 1)
    far = np.where(small, 3.0, np.abs(x))
    fraction = np.zeros_like(far)
    for n in range(60, 0, -1):
        fraction = n / 2 / (far + fraction)
    tail = np.exp(-(far**2)) / np.sqrt(np.pi) / (far + fraction)
    return np.asarray(np.where(small, 2 / np.sqrt(np.pi) * total, np.sign(x) * (1 - tail)))


def _clip(x: Reals, low: float | None, high: float | None) -> Reals:
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


_FUNCTIONS: Mapping[str, tuple[Terms, Callable[..., Reals]]] = {
    LINEAR: ((), lambda x: x),
    "relu": ((), lambda x: np.maximum(x, 0)),
    "relu6": ((), lambda x: np.clip(x, 0, 6)),
    "clip": ((None, None), _clip),
    "leaky_relu": ((0.01,), lambda x, slope: np.where(x < 0, slope * x, x)),
    "sigmoid": ((), _sigmoid),
    "hardsigmoid": ((1 / 6, 0.5), lambda x, slope, shift: np.clip(slope * x + shift, 0, 1)),
    "hardswish": ((), lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "silu": ((1.0,), lambda x, slope: x * _sigmoid(slope * x)),
    "tanh": ((), np.tanh),
    "elu": ((1.0,), lambda x, scale: np.where(x < 0, scale * np.expm1(np.minimum(x, 0)), x)),
    "celu": ((1.0,), lambda x, scale: np.where(x < 0, scale * np.expm1(np.minimum(x, 0) / scale), x)),
    "selu": (
        (1.67326319217681884765625, 1.05070102214813232421875),
        lambda x, alpha, gamma: gamma * np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x),
    ),
    "gelu": ((), lambda x: x / 2 * (1 + _erf(x / sqrt(2)))),
    "gelu_tanh": ((), lambda x: x / 2 * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    "mish": ((), lambda x: x * np.tanh(_softplus(x))),
    "softplus": ((), _softplus),
    "softsign": ((), lambda x: x / (1 + np.abs(x))),
    "thresholded_relu": ((1.0,), lambda x, bound: np.where(x > bound, x, 0)),
    "erf": ((), _erf),
    "abs": ((), np.abs),
    "exp": ((), np.exp),
    "log": ((), np.log),
    "sqrt": ((), np.sqrt),
    "reciprocal": ((), lambda x: 1 / x),
    "square": ((), np.square),
    "pow": ((2.0,), np.power),
    "floor": ((), np.floor),
    "ceil": ((), np.ceil),
    "round": ((), np.rint),
    "sign": ((), np.sign),
    "sin": ((), np.sin),
    "cos": ((), np.cos),
}
"""By name: the numbers that it has unless others are stated, and the function of values and these numbers."""
KNOWN = frozenset(_FUNCTIONS)
"""Functions of each value by itself."""


def apply(function: str, values: Reals, terms: Terms = ()) -> Reals:
    """Apply a function to each value; a term left out is the usual one.

    Raises:
        KeyError: there is no such function of each value.
    """
    usual, compute = _FUNCTIONS[function]
    with np.errstate(all="ignore"):
        return np.asarray(compute(values, *(*terms, *usual[len(terms) :])), dtype=np.float64)


def bounds(function: str, terms: Terms = ()) -> tuple[float | None, float | None]:
    """What a function of `CLIPS` keeps values between; None for no bound."""
    if function == "clip":
        return (*terms, None, None)[0], (*terms, None, None)[1]
    return 0.0, 6.0 if function == "relu6" else None


def clip(low: float | None, high: float | None) -> tuple[str, Terms]:
    """Name and numbers of the function that keeps values between two bounds."""
    if low is None and high is None:
        return LINEAR, ()
    if low is not None and high is not None and low > high:  # the upper one counts
        low = high
    plain: dict[tuple[float | None, float | None], str] = {(0.0, None): "relu", (0.0, 6.0): "relu6"}
    name = plain.get((low, high))
    return (name, ()) if name is not None else ("clip", (low, high))


def is_never_negative(function: str, terms: Terms = ()) -> bool:
    """Whether a function makes no negative value."""
    if function in CLIPS:
        low, _ = bounds(function, terms)
        return low is not None and low >= 0
    return function in {"sigmoid", "hardsigmoid", "softplus", "abs", "exp", "sqrt", "square", "softmax"}

"""Integer formulas declared in YAML (`2 * ceil_to(k_h * k_w * c_in, 4)`), parsed to a whitelist; no text is ever run as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from qeopt.network import Dim, Op, OpKind, macs, weight_count
from qeopt.network.graph import LARGEST, TooLargeError, extent
from qeopt.spec.errors import did_you_mean

MAX_LENGTH = 400
MAX_CONSTANT = 2**40
FITS_64_BITS = 1 << 62

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


def _ceil_to(value: Dim, multiple: Dim) -> Dim:
    return -(-value // multiple) * multiple


def _larger(a: Dim, b: Dim) -> Dim:
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else np.maximum(a, b)


def _smaller(a: Dim, b: Dim) -> Dim:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else np.minimum(a, b)


_FUNCTIONS: Mapping[str, Callable[[Dim, Dim], Dim]] = {"max": _larger, "min": _smaller, "ceil_to": _ceil_to}

SHAPE_NAMES: Mapping[str, Callable[[Op], Dim]] = {
    "k_h": lambda op: op.window[0],
    "k_w": lambda op: op.window[1],
    "c_in": lambda op: op.inputs[0].channels,
    "c_out": lambda op: op.output.channels,
    "h_in": lambda op: op.inputs[0].height,
    "w_in": lambda op: op.inputs[0].width,
    "h_out": lambda op: op.output.height,
    "w_out": lambda op: op.output.width,
    "stride": lambda op: op.stride,
    "macs": macs,
    "weights": weight_count,
    "constants": lambda op: op.constants,
    "outputs": lambda op: len(op.outputs),
    "reduces": lambda op: int(op.reduces),
    "mirrored": lambda op: int(op.kind is OpKind.PAD and op.function == "reflect"),
}
"""What a formula may say of an operator's shape."""

BIT_NAMES = ("in_bits", "w_bits", "out_bits")
"""What a formula may say of bits, where the field allows it."""


@dataclass(frozen=True, slots=True)
class Formula:
    """An integer expression over an operator's shape and bits; works on integers and integer arrays alike."""

    text: str
    names: frozenset[str]
    _tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str | int, allow: Iterable[str] = (*SHAPE_NAMES, *BIT_NAMES)) -> Formula:
        """Parse `text`: + - * //, max, min, ceil_to, integers, and the names in `allow`.

        Raises:
            ValueError: saying what is not allowed and the nearest name that is.
        """
        text = str(text)
        if len(text) > MAX_LENGTH:
            raise ValueError(f"a formula may have {MAX_LENGTH} characters at most")
        try:
            tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"cannot read the formula {text!r}; write an integer expression such as '10 * c_out'") from None
        names: set[str] = set()
        _check(tree, set(allow), names)
        return cls(text, frozenset(names), tree)

    def of(self, op: Op, *, in_bits: Dim = 8, w_bits: Dim = 8, out_bits: Dim = 8) -> Dim:
        """Evaluate for `op`, exactly; its dimensions and the bits may be arrays. An amount below zero is zero.

        Raises:
            TooLargeError: an array would hold an amount of 2^53 or more.
        """
        bits = {"in_bits": in_bits, "w_bits": w_bits, "out_bits": out_bits}
        scope: dict[str, Dim] = {name: bits[name] if name in bits else SHAPE_NAMES[name](op) for name in self.names}
        if all(isinstance(value, int) for value in scope.values()):  # Python's integers have any size
            return _larger(_evaluate(self._tree, scope), 0)
        if self._stays_small({name: extent(value) for name, value in scope.items()}):
            return _larger(_evaluate(self._tree, scope), 0)
        return self._of_objects(scope)

    def interval(self, bounds: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
        """The least and the most it can come to where every name is within bounds; exact integers, and never too narrow."""
        return _interval(self._tree, bounds, [])

    def _stays_small(self, bounds: Mapping[str, tuple[int, int]]) -> bool:
        """Whether no step of it leaves what 64 bits hold with room to spare."""
        met: list[int] = []
        _interval(self._tree, bounds, met)
        return max(map(abs, met), default=0) < FITS_64_BITS

    def _of_objects(self, scope: Mapping[str, Dim]) -> Dim:
        """Evaluate where some step is too large for arrays of 64 bits: with integers of any size, which takes longer."""
        whole = {name: value.astype(object) if isinstance(value, np.ndarray) else value for name, value in scope.items()}
        found = _larger(_evaluate(self._tree, whole), 0)
        if not isinstance(found, np.ndarray):
            return found
        if found.size and max(found.ravel().tolist()) >= LARGEST:
            raise TooLargeError(f"the formula {self.text!r} comes to more than can be counted exactly (2^53)")
        return found.astype(np.int64)


def _interval(node: ast.expr, bounds: Mapping[str, tuple[int, int]], met: list[int]) -> tuple[int, int]:
    """The least and the most of an expression; the ends of every step are added to `met`."""
    match node:
        case ast.Constant(value=value):
            found = (int(value), int(value))  # type: ignore[arg-type]  # _check lets only integers through
        case ast.Name(id=name):
            found = bounds[name]
        case ast.BinOp(left=left, op=op, right=right):
            ends = product(_interval(left, bounds, met), _interval(right, bounds, met))
            results = [_OPERATORS[type(op)](a, b) for a, b in ends]
            found = (min(results), max(results))
        case ast.Call(func=ast.Name(id=function), args=[left, right]):
            ends = product(_interval(left, bounds, met), _interval(right, bounds, met))
            results = [int(_FUNCTIONS[function](a, b)) for a, b in ends]
            found = (min(results), max(results))
        case _:
            raise TypeError(f"unchecked node {node!r}")
    met += found
    return found


def _check(node: ast.expr, allowed: set[str], found: set[str]) -> None:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool) and value <= MAX_CONSTANT:
            return
        case ast.Name(id=name):
            if name not in allowed:
                raise ValueError(
                    f"a formula here cannot name {name!r}{did_you_mean(name, allowed)}; known: {', '.join(sorted(allowed))}"
                )
            found.add(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            if isinstance(op, ast.FloorDiv) and not (isinstance(right, ast.Constant) and right.value):
                raise ValueError("a formula may divide only by a non-zero integer")
            _check(left, allowed, found)
            _check(right, allowed, found)
        case ast.Call(func=ast.Name(id=function), args=[left, right], keywords=[]) if function in _FUNCTIONS:
            if function == "ceil_to" and not (isinstance(right, ast.Constant) and right.value):
                raise ValueError("ceil_to(value, multiple) needs a non-zero integer multiple")
            _check(left, allowed, found)
            _check(right, allowed, found)
        case _:
            raise ValueError(
                f"a formula cannot hold {ast.unparse(node)!r}; "
                "allowed are integers, names, + - * //, max(a, b), min(a, b), ceil_to(a, multiple)"
            )


def _evaluate(node: ast.expr, scope: Mapping[str, Dim]) -> Dim:
    match node:
        case ast.Constant(value=value):
            return int(value)  # type: ignore[arg-type]  # _check lets only integers through
        case ast.Name(id=name):
            return scope[name]
        case ast.BinOp(left=left, op=op, right=right):
            result: Dim = _OPERATORS[type(op)](_evaluate(left, scope), _evaluate(right, scope))
            return result
        case ast.Call(func=ast.Name(id=function), args=[left, right]):
            return _FUNCTIONS[function](_evaluate(left, scope), _evaluate(right, scope))
        case _:
            raise TypeError(f"unchecked node {node!r}")

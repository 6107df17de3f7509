"""Where each row and column of a resized tensor comes from, by the formulas of ONNX."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qeopt.export.errors import ExportError
from qeopt.network import Op

Places = NDArray[np.int64]
MOST_SHARES = 256
"""Parts into which the distance between two rows may be divided."""


def nearest(op: Op) -> tuple[Places, Places]:
    """The row that each row, and the column that each column is copied from."""
    return _nearest(op, 0), _nearest(op, 1)


def linear(op: Op) -> tuple[tuple[Places, Places, Places, int], ...]:
    """By rows and columns: the place before, the place behind, the share of the one behind, and how many shares there are.

    Raises:
        ExportError: the shares are no whole parts of the distance.
    """
    return _linear(op, 0), _linear(op, 1)


def _sides(op: Op, axis: int) -> tuple[int, int]:
    source, output = op.inputs[0], op.output
    return (int(source.height), int(output.height)) if axis == 0 else (int(source.width), int(output.width))


def _origins(op: Op, axis: int) -> list[Fraction]:
    """Places in the source, by places in the output."""
    source, output = _sides(op, axis)
    places = (op.function.split() or ["nearest", "asymmetric"])[1]
    told = op.terms[axis] if len(op.terms) >= 2 else None
    scale = Fraction(output, source) if told is None else _stated(float(told))
    half = Fraction(1, 2)
    found = []
    for place in range(output):
        if places == "align_corners":
            origin = Fraction(place * (source - 1), output - 1) if output > 1 else Fraction(0)
        elif places == "asymmetric":
            origin = place / scale
        elif places == "pytorch_half_pixel" and output == 1:
            origin = Fraction(0)
        elif places in {"half_pixel", "pytorch_half_pixel"}:
            origin = (place + half) / scale - half
        elif places == "tf_half_pixel_for_nn":
            origin = (place + half) / scale
        else:
            raise ExportError(f"{op.name!r} is resized by {op.function!r}, which exports with numbers cannot write")
        found.append(origin)
    return found


def _stated(scale: float) -> Fraction:
    """A scale as it was meant: single precision says 0.6 with an error in its last place."""
    exact = Fraction(scale)
    meant = exact.limit_denominator(MOST_SHARES)
    return meant if abs(meant - exact) <= exact / (1 << 23) else exact


def _nearest(op: Op, axis: int) -> Places:
    source, _ = _sides(op, axis)
    rounding = [*op.function.split(), "asymmetric", "round_prefer_floor"][2]
    half = Fraction(1, 2)
    found = []
    for origin in _origins(op, axis):
        floor = origin.numerator // origin.denominator
        rest = origin - floor
        up = {"floor": False, "ceil": rest > 0, "round_prefer_floor": rest > half, "round_prefer_ceil": rest >= half}
        found.append(floor + up[rounding])
    return np.asarray(np.clip(np.array(found), 0, source - 1))


def _linear(op: Op, axis: int) -> tuple[Places, Places, Places, int]:
    source, _ = _sides(op, axis)
    origins = [min(max(origin, Fraction(0)), Fraction(source - 1)) for origin in _origins(op, axis)]
    whole = int(np.lcm.reduce([origin.denominator for origin in origins], dtype=object))
    if whole > MOST_SHARES:
        raise ExportError(f"{op.name!r} is resized between {whole} places of each; {MOST_SHARES} are the most")
    before = np.array([origin.numerator // origin.denominator for origin in origins])
    shares = np.array([int((origin - low) * whole) for origin, low in zip(origins, before.tolist(), strict=True)])
    return before, np.minimum(before + 1, source - 1), shares, whole

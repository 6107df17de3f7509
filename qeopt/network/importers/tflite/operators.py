"""All operators that are known, and why some are not."""

from __future__ import annotations

from collections.abc import Mapping

from qeopt.network.importers.tflite import elementwise, moving, norms, weighted
from qeopt.network.importers.tflite.node import Handler

HANDLERS: Mapping[str, Handler] = {**weighted.HANDLERS, **elementwise.HANDLERS, **moving.HANDLERS, norms.NORM: norms.read_norm}

_RECURRENT = "is a recurrent layer of several gates, which is no operator here; unrolled into dense layers and states it is read"
_PRODUCT = "is a product of two values that both depend on the image, so it has no weights whose width could be chosen"
REASONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM",
            "BIDIRECTIONAL_SEQUENCE_RNN",
        ),
        _RECURRENT,
    ),
    "RSQRT": "is a piece of a normalisation by statistics of the image, which is no operator here",
    "SQUARED_DIFFERENCE": "is a piece of a normalisation by statistics of the image, which is no operator here",
    "SVDF": "is a filter over a state of its own, which is no operator here",
    "BATCH_MATMUL": _PRODUCT,
    "DIV": "is a quotient of two values, which is no operator here",
    "LOCAL_RESPONSE_NORMALIZATION": "divides by sums over neighbouring channels, which is no operator here",
    "L2_NORMALIZATION": "divides by the length of all values, which is no operator here",
    "WHILE": "runs a part of the network again and again, which cannot be planned",
    "IF": "runs one of two parts of the network, which cannot be planned",
}  # fmt: skip
"""Operators of which no hint leads anywhere but `cut`, and why."""
STATES = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"})
"""Operators that work on states; they need no input that depends on the image."""

"""Types of the formulas that a runtime declares."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from qeopt.hardware.formula import BIT_NAMES, SHAPE_NAMES, Formula


def _parse(*allow: str) -> PlainValidator:
    def validate(value: object) -> Formula:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("a formula must be a text or an integer")
        return Formula.parse(value, allow)

    return PlainValidator(validate, json_schema_input_type=str | int)


_AS_TEXT = PlainSerializer(lambda formula: formula.text, return_type=str)
ShapeFormula = Annotated[Formula, _parse(*SHAPE_NAMES), _AS_TEXT]
"""A formula over an operator's shape."""
BitFormula = Annotated[Formula, _parse(*SHAPE_NAMES, *BIT_NAMES), _AS_TEXT]
"""A formula over an operator's shape and bits."""
WeightFormula = Annotated[Formula, _parse(*SHAPE_NAMES, "w_bits"), _AS_TEXT]
"""A formula over an operator's shape and the bits of its weights."""
KernelFormula = Annotated[Formula, _parse(*BIT_NAMES), _AS_TEXT]
"""A formula over bits alone: what all operators that run the same kernel share."""

"""Stretches of a chain at given prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Field

from qeopt.relaxation.cells.tables import Floats

Price: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Prices: TypeAlias = Mapping[str, Price]
"""Lagrange multipliers by name of a total, in nats per unit of it (memory: bytes, or bits where the runtime keeps fractions)."""


def chained(first: Floats, second: Floats) -> Floats:
    """Compose two stretches of a chain: the best over the bits between them (a product in max-plus algebra)."""
    best: Floats = (first[..., :, :, None] + second[..., None, :, :]).max(axis=-2)
    return best

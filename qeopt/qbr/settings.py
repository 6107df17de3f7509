"""The YAML blocks that configure Quantization Bits Refinement."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from qeopt.spec.model import Block

PROVER = "cp_sat"
"""Engine that proves the bits of every reported design, whichever engine found them."""
Width = Annotated[int, Field(ge=1, le=16)]


class BitChoices(Block):
    """Which bits may be chosen."""

    weights: Annotated[tuple[Width, ...], Field(min_length=1)]
    """Bits a weight tensor may have."""
    activations: Annotated[tuple[Width, ...], Field(min_length=1)]
    """Bits an activation tensor may have."""
    tie: Literal["none", "unit"] = "none"
    """`unit` gives the convolutions of a unit the same weight bits and the same input bits, as the paper's authors do."""

    @model_validator(mode="after")
    def _ascending(self) -> BitChoices:
        for name, widths in (("weights", self.weights), ("activations", self.activations)):
            if list(widths) != sorted(set(widths)):
                raise ValueError(f"`{name}` must list its bits ascending and once each")
        return self


class QbrSettings(Block):
    """How bits are found."""

    engine: str = "cp_sat"
    """Engine that assigns the final bits; see `qeopt engines`. Whatever it is, CP-SAT proves them."""
    scout: str = "chain"
    """Engine that assigns bits while structures are searched."""
    deterministic_limit: Annotated[float, Field(gt=0)] = 10.0
    """Where the engine stops, in its own deterministic unit."""

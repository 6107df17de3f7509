"""The YAML blocks that configure Quantization Bits Refinement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from qeopt.spec.model import Block

PROVER = "cp_sat"
"""Engine that proves the bits of every reported design, whichever engine found them."""
Width = Annotated[int, Field(ge=1, le=16)]


class LayerBits(Block):
    """Which bits one layer may have."""

    weights: Annotated[tuple[Width, ...], Field(min_length=1)] | None = None
    """Bits that its weights may have; left out, those of any."""
    activations: Annotated[tuple[Width, ...], Field(min_length=1)] | None = None
    """Bits that what it writes may have; left out, those of any."""


class BitChoices(Block):
    """Which bits may be chosen."""

    weights: Annotated[tuple[Width, ...], Field(min_length=1)]
    """Bits that a weight tensor may have."""
    activations: Annotated[tuple[Width, ...], Field(min_length=1)]
    """Bits that an activation tensor may have."""
    tie: Literal["none", "unit"] = "none"
    """`unit` gives the convolutions of a unit the same weight bits and the same input bits, as the paper's authors do."""
    layers: Mapping[str, Width | LayerBits] = {}
    """Of a network: by name of a layer, or by a pattern (`*.depthwise`), the one width of its weights and of what it writes, or
    those that it may have. Where several patterns fit, all hold; a name holds instead of patterns."""
    ends: Width | None = None
    """Of a network: bits of the weights of the first and the last layers, and of what these read."""
    ties: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = ()
    """Of a network: groups of layers, by names or patterns, that share one width of weights and one of what they write."""

    @model_validator(mode="after")
    def _ascending(self) -> BitChoices:
        for name, widths in (("weights", self.weights), ("activations", self.activations)):
            if list(widths) != sorted(set(widths)):
                raise ValueError(f"`{name}` must list its bits ascending and once each")
        return self

    @property
    def names_layers(self) -> str:
        """The key that speaks of single layers; empty where none does."""
        told = {"layers": self.layers, "ends": self.ends, "ties": self.ties}
        return next((key for key, value in told.items() if value), "")

    @property
    def all_weights(self) -> tuple[int, ...]:
        """Bits that the weights of any layer may have."""
        return self._all("weights")

    @property
    def all_activations(self) -> tuple[int, ...]:
        """Bits that any activation tensor may have."""
        return self._all("activations")

    def _all(self, role: Literal["weights", "activations"]) -> tuple[int, ...]:
        found = {*getattr(self, role), *(() if self.ends is None else (self.ends,))}
        for entry in self.layers.values():
            found.update((entry,) if isinstance(entry, int) else getattr(entry, role) or ())
        return tuple(sorted(found))

    def only(self, bits: int) -> BitChoices:
        """The choice of one width for everything free."""
        return self.model_copy(update={"weights": (bits,), "activations": (bits,), "layers": {}, "ends": None})


class QbrSettings(Block):
    """How bits are found."""

    engine: str = "cp_sat"
    """Engine that assigns the final bits; see `qeopt list engines`. Whatever it is, CP-SAT proves them."""
    scout: str = "chain"
    """Engine that assigns bits while structures are searched."""
    deterministic_limit: Annotated[float, Field(gt=0)] = 10.0
    """Where the engine stops, in its own deterministic unit."""

"""Where the bits of a design go from front to back, beside those that a greedy rule gives the same structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.report.page.content import Part, Shown, Words
from qeopt.report.pictures.depth import depth_pictures

MEANING = (
    "Bits by depth, of the design and of the rule of Sun et al. (NeurIPS 2022; engine `paper`) for the same structure and budgets. "
    "The paper finds weights with many bits and activations with few in front, and the reverse behind."
)


def depth_parts(name: str, profiles: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The paper's picture of QBR for one design; nothing where no bits were a choice."""
    shown = depth_pictures({"study_name": name, "depth": profiles})
    return [Words([MEANING]), *map(Shown, shown)] if shown else []

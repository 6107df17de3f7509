"""The objective under which every design is worth nothing: what is left of a search is whether something fits."""

from __future__ import annotations

from qeopt.score.objective import ObjectiveBlock


class ZeroObjective(ObjectiveBlock):
    """Scores every network with 0 nats at any bits."""
